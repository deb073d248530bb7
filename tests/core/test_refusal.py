"""Whatever is wrong with a settings file is said in our words, never in those of the library that finds it."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

import stf2m
from stf2m.core.config import Settings, build
from stf2m.core.errors import InvalidConfig, Stf2mError
from stf2m.core.refusal import EXPECTED, LACKING, OWN, UNKNOWN
from stf2m.data.mapping import Clock, RatingMap, StreamMap
from stf2m.evaluation.study import Study
from stf2m.prepare.recipe import Recipe
from stf2m.training.config import TrainConfig

WHOLE = {"int_type", "int_parsing", "int_parsing_size", "int_from_float", "finite_number"}
ERRORS_OF: dict[str, set[str]] = {
    "str": {"string_type"}, "bool": {"bool_type", "bool_parsing"}, "int": WHOLE, "float": {"float_type", "float_parsing", "finite_number"},
    "literal": {"literal_error"}, "tuple": {"tuple_type", "too_short", "too_long", LACKING}, "dict": {"dict_type"},
    "model": {"model_type"}, "model-fields": {UNKNOWN}, "model-field": {LACKING}, "function-after": {OWN}, "function-before": {OWN},
    "gt": {"greater_than"}, "ge": {"greater_than_equal"}, "lt": {"less_than"}, "le": {"less_than_equal"}, "min_length": {"too_short"},
    "any": set(), "nullable": set(), "union": set(), "default": set(), "no-info": set(), "with-info": set(), "definitions": set(), "definition-ref": set(),
}  # fmt: skip
"""part of a schema of pydantic -> the errors that values of a TOML file can cause there"""
LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length", "multiple_of", "pattern")
WRONG: tuple[Any, ...] = (
    "x",
    "",
    "1" * 5000,
    3,
    -(10**30),
    1.5,
    float("inf"),
    float("nan"),
    True,
    [],
    [1],
    ["x", "y", "z"],
    {"x": 1},
    date(2024, 5, 6),
)
PHRASES = ("Input should", "Field required", "Extra inputs", "Value error", "valid ", "Tuple should", "pydantic", "another kind of value")
INTERNAL = ("Inputs", "Calibration", "Fit")
"""records that the program writes for itself"""


def settings() -> list[type[Settings]]:
    """Every settings record of the package that people write."""
    for module in pkgutil.walk_packages(stf2m.__path__, "stf2m."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [Settings]
    while waiting:
        kinds = [kind for kind in waiting.pop().__subclasses__() if kind.__module__.startswith("stf2m.")]
        found += kinds
        waiting += kinds
    return [kind for kind in found if kind.__name__ not in INTERNAL]


def parts(schema: Any) -> Iterator[str]:
    """Kinds and limits of everything in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema["type"]
            yield from (limit for limit in LIMITS if limit in schema)
        for name, inner in schema.items():
            yield from parts(inner) if name not in ("metadata", "serialization", "cls", "config", "default") else ()
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from parts(inner)


@pytest.mark.parametrize("kind", settings(), ids=lambda kind: kind.__name__)
def test_every_error_that_a_setting_can_cause_has_words(kind):
    possible = set().union(*(ERRORS_OF[part] for part in parts(kind.__pydantic_core_schema__)))
    assert possible <= {*EXPECTED, UNKNOWN, LACKING, OWN}


@pytest.mark.parametrize("kind", settings(), ids=lambda kind: kind.__name__)
def test_wrong_values_of_every_key_are_refused_in_our_words(kind):
    refused = 0
    for key in kind.model_fields:
        for value in WRONG:
            try:
                kind.model_validate({key: value})
            except ValidationError as problem:
                kinds = {error["type"] for error in problem.errors() if error["loc"][:1] == (key,)}
                assert kinds <= {*EXPECTED, UNKNOWN, LACKING, OWN}, (key, value)
            except Stf2mError:
                continue
            try:
                build(kind, {key: value}, where="here")
            except InvalidConfig as told:
                refused += 1
                assert str(told).startswith("here: ") and not any(phrase in str(told).replace(repr(value), "") for phrase in PHRASES), told
            except Stf2mError:
                continue
    assert refused or not kind.model_fields


SIGNALS = {"signals": {"modalities": ["eda"]}}


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (Clock, {"column": 3}, "the key 'column' has a wrong value; expected text, got 3"),
        (Clock, {"column": "t", "per": [1]}, "the key 'per' has a wrong value; expected a number or text, got [1]"),
        (
            StreamMap,
            {"unit": "uS", "time": {"column": "t", "per": [1]}},
            "the key 'time.per' has a wrong value; expected a number or text, got [1]",
        ),
        (RatingMap, {"file": "a", "key": "b", "time": 3}, "the key 'time' has a wrong value; expected a table, got 3"),
        (TrainConfig, {"steps": 1.5}, "the key 'steps' has a wrong value; expected a whole number, got 1.5"),
        (
            Study,
            {"name": "s", "dataset": "d", "recipe": SIGNALS, "folds": 1},
            "the key 'folds' has a wrong value; expected at least 2, got 1",
        ),
        (Recipe, {"signals": {"modalities": "eda"}}, "the key 'signals.modalities' has a wrong value; expected a list, got 'eda'"),
        (
            RatingMap,
            {"file": "a", "key": "b", "time": {"column": "t"}, "valence": "v", "arousal": "a", "scale": [1]},
            "the list 'scale' is too short; got [1]",
        ),
        (
            Study,
            {"name": "s", "dataset": "d", "recipe": SIGNALS, "protocols": [{}], "controls": ["shuffled"]},
            "the key 'controls.0' has a wrong value; expected 'shuffled_labels', 'shuffled_signals' or 'each_training', got 'shuffled'",
        ),
    ],
)
def test_a_wrong_value_says_what_was_expected(kind, values, words):
    with pytest.raises(InvalidConfig) as told:
        build(kind, values, where="here")
    assert str(told.value) == f"here: {words}"
