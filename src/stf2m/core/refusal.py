"""Why a settings record cannot be made of somebody's values, in one sentence of our own."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from stf2m.core.errors import InvalidConfig

Place = tuple[int | str, ...]
UNKNOWN, LACKING, OWN = "extra_forbidden", "missing", "value_error"
"""kinds of errors that have sentences of their own; the last one's is that of our validator"""
EXPECTED: dict[str, str] = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "tuple_type": "a list",
    "too_short": "at least {min_length} in the list",
    "too_long": "at most {max_length} in the list",
    "dict_type": "a table",
    "model_type": "a table",
}
"""pydantic's kind of error -> what was expected, over its context"""


def refusal(problem: ValidationError, kind: type[BaseModel], values: Mapping[str, Any], *, where: str) -> InvalidConfig:
    """The error to raise when `kind` cannot be made of `values`: it names the key, what was expected and what came."""
    found = problem.errors()
    # a misspelt key also leaves its right spelling "missing": the misspelling is what helps
    first = min(found, key=lambda error: error["type"] != UNKNOWN)
    place, came = first["loc"], repr(first["input"])[:80]
    if first["type"] == UNKNOWN:
        known = sorted(_model_at(kind, place[:-1]).model_fields)
        close = get_close_matches(str(place[-1]), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else f"known keys: {', '.join(known)}"
        return InvalidConfig(f"there is no key {_key(place)!r}", where=where, hint=hint)
    if first["type"] == LACKING and isinstance(place[-1], int):
        return InvalidConfig(f"the list {_key(place[:-1])!r} is too short", where=where, got=came)
    if first["type"] == LACKING:
        return InvalidConfig(f"the key {_key(place)!r} is missing", where=where)
    there = _given(place, values)
    if first["type"] == OWN:
        said = str(first.get("ctx", {}).get("error"))
        # what is wrong with the whole names it already
        return InvalidConfig(f"{_key(there)}: {said}", where=where, got=came) if there else InvalidConfig(said, where=where)
    wanted = dict.fromkeys(_expected(error["type"], error.get("ctx", {})) for error in found if _given(error["loc"], values) == there)
    return InvalidConfig(f"the key {_key(there)!r} has a wrong value", where=where, expected=" or ".join(wanted), got=came)


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    return EXPECTED.get(kind, "another kind of value").format(**context)


def _key(place: Sequence[int | str]) -> str:
    return ".".join(map(str, place))


def _given(place: Place, values: Any) -> Place:
    """The steps of `place` that lead into `values`; the others name alternatives of a type."""
    steps = []
    for step in place:
        if step in _steps_into(values):
            values = values[step]
            steps.append(step)
    return tuple(steps)


def _steps_into(values: Any) -> Collection[Any]:
    if isinstance(values, list | tuple):
        return range(len(values))
    return values if isinstance(values, Mapping) else ()


def _model_at(kind: type[BaseModel], place: Place) -> type[BaseModel]:
    """The nested settings record at `place`, so that an unknown key meets its own neighbours."""
    for part in place:
        field = kind.model_fields.get(str(part))
        inner: list[Any] = [field.annotation] if field else []
        while inner and not (isinstance(inner[0], type) and issubclass(inner[0], BaseModel)):
            inner = [*get_args(inner[0]), *inner[1:]]
        kind = inner[0] if inner else kind
    return kind
