"""A study: one small TOML file that names data, protocols, methods and a seed, and the cells it is made of."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stf2m.core.config import Settings, build, later, load_toml
from stf2m.core.emotions import TARGETS, has_classes, is_ordinal
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.registry import look_up
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.floors import FLOORS, USUAL
from stf2m.evaluation.grid import with_pairs
from stf2m.evaluation.metrics import METRICS, OF_RATINGS, ORDINAL_METRICS, PRIMARY
from stf2m.evaluation.protocols import Protocol, make_protocol
from stf2m.prepare.recipe import Recipe

Control = Literal["shuffled_labels", "shuffled_signals", "each_training"]
FLOOR_CELL = "floors"


class Second(Settings):
    """A second data set, prepared and cut by the same recipe and joined to the first, and how both come to one vocabulary."""

    dataset: str
    """as in the study"""
    dataset_options: dict[str, Any] = Field(default_factory=dict)
    """as in the study"""
    target: str = ""
    """which of its targets carries the labels; empty = the study's target"""
    labels: dict[str, str] = Field(default_factory=dict)
    """its class -> class of the study's target; classes not named lose their label; empty = classes keep their names"""
    first_target: str = ""
    """the same for the study's first data set"""
    first_labels: dict[str, str] = Field(default_factory=dict)
    """the same for the study's first data set"""


class Published(Settings):
    """A score from the literature, which stands beside this study's, and is not computed again."""

    source: str
    """authors, year, place"""
    asked: str
    """what was asked of which signals, as far as the source says"""
    target: str
    metric: str = "accuracy"
    """a class metric"""
    score: float
    protocol: str = ""
    """the protocol of this study that is most like theirs; "" = every one"""
    shots: int = 0
    """k of this study that stands beside it"""


class Study(Settings):
    """Settings of a study; every key of the TOML file is one of these."""

    name: str
    """names the results file; left out it is the study file's name"""
    title: str = ""
    dataset: str
    """name of a built-in data set, path of a mapping (.toml) or of a store"""
    dataset_options: dict[str, Any] = Field(default_factory=dict)
    """for generated people only: people, recordings, seconds, seed, world, annotators"""
    second: Second | None = later(None)
    """a second data set, for `cross_dataset`"""
    recipe: Recipe
    targets: tuple[str, ...] = Field(default=("emotion",), min_length=1)
    """all of them also in `recipe.cut.targets`"""
    people: tuple[str, ...] = ()
    """only these; empty = everybody"""
    folds: int = Field(default=6, ge=2)
    validation_people: int = Field(default=3, ge=0)
    seed: int = 0
    primary: str = "balanced_accuracy"
    """the score that tables are about: a class metric, or a rating metric such as ccc_valence, mae_arousal, ccc_mean"""
    main: str = "recurrent"
    """the method that the verdicts are about"""
    protocols: tuple[dict[str, Any], ...] = Field(min_length=1)
    training: dict[str, Any] = Field(default_factory=dict)
    """training settings common to all learners"""
    grid: tuple[tuple[str, str], ...] = later(())
    """pairs of a network and a learner, each becoming the method "network + learner" """
    learners: dict[str, dict[str, Any]] = Field(default_factory=dict, validate_default=True)
    """name -> training settings of its own; `seeds = 3` averages three trainings, `sensors = ["eda"]` builds it for these alone;
    `learner` and `network` choose another learner or network under this name, and a pair of the grid may have settings under its name too"""
    baselines: tuple[str, ...] = ("refit", "prototypes", "refit_and_prototypes")
    floors: tuple[str, ...] = USUAL
    """`moved_sessions` is asked for by name: it searches, and says something only where sessions follow a plan"""
    views: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """name -> the only modalities offered, beside "all" """
    controls: tuple[Control, ...] = ("shuffled_labels", "shuffled_signals")
    """`each_training` also asks every training of an average alone, where no context is on: how far seeds lie apart"""
    detailed: tuple[str, ...] = ("recurrent", "refit")
    """methods that are also asked under `views` and `controls`"""
    marks: tuple[str, ...] = ()
    """what must be printed beside every number ("whole-take face")"""
    published: tuple[Published, ...] = later(())
    """scores of others to stand beside the tables"""
    max_cpu_hours: float = later(12.0, gt=0)
    """the study does not run on when all its cells, done or not, would take longer, unless it is told to"""

    @field_validator("learners")
    @classmethod
    def _with_the_grid(cls, learners: dict[str, dict[str, Any]], info: ValidationInfo) -> dict[str, dict[str, Any]]:
        return with_pairs(learners, info.data.get("grid", ()))

    @model_validator(mode="after")
    def _names_exist(self) -> "Study":
        for name in (*self.baselines, *self.floors):
            known = BASELINES if name in self.baselines else FLOORS
            if name not in known:
                raise ValueError(f"no such baseline or floor: {name}; known: {', '.join((*BASELINES, *FLOORS))}")
        if self.primary not in PRIMARY:
            raise ValueError(f"primary must be one of {', '.join(PRIMARY)}")
        for target in self.targets:
            if not has_classes(target) and self.primary not in OF_RATINGS:
                raise ValueError(f"target {target!r} has no classes: primary must be one of {', '.join(sorted(OF_RATINGS))}")
            if self.primary in ORDINAL_METRICS and not is_ordinal(target):
                raise ValueError(f"the classes of {target!r} have no order, so {self.primary} is not defined")
        taken = set(self.learners) & {*self.baselines, *self.floors, FLOOR_CELL}
        if taken:
            raise ValueError(f"a learner cannot be named like a baseline or floor: {', '.join(sorted(taken))}")
        for one in self.published:
            if one.target not in self.targets or one.metric not in METRICS:
                raise ValueError(f"published: target must be one of {', '.join(self.targets)} and metric one of {', '.join(METRICS)}")
        if self.second and len(self.targets) > 1:
            raise ValueError("a study of two data sets has one target, the one both are brought to")
        return self

    @cached_property
    def asked(self) -> tuple[Protocol, ...]:
        """The protocols as records; raises `InvalidConfig` or `UnknownName`."""
        return tuple(make_protocol(values, where=f"study {self.name}") for values in self.protocols)

    def learner_settings(self, name: str) -> dict[str, Any]:
        """Common training settings under the learner's own, tables merged one level deep."""
        merged: dict[str, Any] = {"learner": name, **self.training}
        for key, value in self.learners[name].items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = {**merged[key], **value} if both else value
        return merged


class Cell(NamedTuple):
    """One piece of work that is done as a whole: one target, one fold, methods that share a fit."""

    target: str
    fold: int
    methods: tuple[str, ...]
    settings: str
    """hash of every setting that can change its rows"""
    card: str = ""
    """of the one protocol that has this training to itself; "" = all protocols that share the usual training"""
    turn: int = 0
    """which of the protocol's trainings in this fold"""

    @property
    def label(self) -> str:
        """For progress lines."""
        own = f", {self.card.rpartition('-')[0]} {self.turn + 1}" if self.card else ""
        return f"{self.target}, fold {self.fold + 1}, {' and '.join(self.methods)}{own}"


def load_study(path: Path) -> Study:
    """Read and check a study file; raises `InvalidConfig` or `UnknownName` in one sentence."""
    values = load_toml(Path(path))
    if "card" in values and "protocols" not in values:
        hint = f'write a study file with dataset = "{path}", or look at it with stf2m info'
        raise InvalidConfig("this is the mapping of a data set, not a study", where=path, hint=hint)
    values.setdefault("name", Path(path).stem)
    study = build(Study, values, where=str(path))
    if not study.asked:
        raise InvalidConfig("a study needs a protocol", where=path)
    for protocol in study.asked:
        if protocol.needs_second and study.second is None:
            raise InvalidConfig(f"{protocol.name} needs a second data set", where=path, hint="add [second] with its dataset")
    if "context_alone" in study.baselines and not all(protocol.context for protocol in study.asked):
        raise InvalidConfig(
            "context_alone answers from a protocol's context, and here one has none", where=path,
            hint="leave it out of baselines, or give every protocol its context",
        )  # fmt: skip
    for target in study.recipe.cut.targets:
        look_up(dict.fromkeys(("emotion", *TARGETS)), target, family="targets")
    cut = cut_targets(study)
    if missing := [target for target in study.targets if target not in cut]:
        raise InvalidConfig(
            "targets and recipe.cut.targets must agree", where=path, expected=f"{missing[0]} in both", got=f"only {', '.join(cut)} in the second",
            hint="targets stands at the top of the study file, the other under [recipe.cut]: name every target in both",
        )  # fmt: skip
    return study


def known_target(study: Study, name: str | None) -> str:
    """The target of this name, by default the study's first; raises `UnknownName` before anybody is prepared in vain."""
    name = name or study.targets[0]
    return look_up({target: target for target in cut_targets(study)}, name, family="targets")


def cut_targets(study: Study) -> tuple[str, ...]:
    """The targets that the study's segments carry; of two data sets those that both are brought to."""
    return study.targets if study.second else study.recipe.cut.targets


def cells_of(study: Study) -> list[Cell]:
    """All cells, cheap ones first; learners that share a training stand in one cell, and so do protocols."""
    floors = [(FLOOR_CELL,)] if study.floors else []
    groups = [*floors, *((name,) for name in study.baselines), *_learner_groups(study)]
    return [
        Cell(target, fold, methods, _hash(study, target, fold, methods, card, turn), card, turn)
        for methods in groups
        for target in study.targets
        for fold in range(study.folds)
        for card, turn in _trainings(study)
    ]


def _trainings(study: Study) -> list[tuple[str, int]]:
    """(card, turn) of every training of a fold; "" stands for all protocols that share the usual one."""
    usual = [("", 0)] if any(not p.trains_apart for p in study.asked) else []
    return usual + [(p.card.hash, turn) for p in study.asked if p.trains_apart for turn in range(p.turns)]


def protocols_of(study: Study, cell: Cell) -> list[Protocol]:
    """The protocols whose questions this cell answers."""
    return [p for p in study.asked if (p.card.hash == cell.card if cell.card else not p.trains_apart)]


def _learner_groups(study: Study) -> list[tuple[str, ...]]:
    if not study.learners:
        return []
    from stf2m.evaluation.learned import training_of

    shared: dict[str, list[str]] = {}
    for name in study.learners:
        how = {"normalisation": study.recipe.normalisation, "where": f"study {study.name}, learner {name}"}
        shared.setdefault(training_of(study.learner_settings(name), **how), []).append(name)
    return [tuple(names) for names in shared.values()]


def _hash(study: Study, target: str, fold: int, methods: tuple[str, ...], card: str, turn: int) -> str:
    """Changes when anything changes that these methods' rows depend on, and not when another learner is tuned."""
    whole = study.facts()
    decisive = ("dataset", "dataset_options", "recipe", "people", "folds", "validation_people", "seed", "primary")
    decisive = (*decisive, "second") if study.second else decisive
    facts: dict[str, Any] = {name: whole[name] for name in decisive}
    facts |= {"target": target, "fold": fold, "methods": methods}
    facts["protocols"] = [card] if card else [p.card.hash for p in study.asked if not p.trains_apart]
    if card:
        facts["turn"] = turn
    if methods == (FLOOR_CELL,):
        facts["floors"] = study.floors
    facts["learners"] = _meanings(study, [name for name in methods if name in study.learners])
    if study.main in methods:
        facts["keeps timelines"] = study.main
    if set(methods) & set(study.detailed):
        facts["detailed"] = [sorted(set(methods) & set(study.detailed)), study.views, study.controls]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _meanings(study: Study, learners: list[str]) -> list[dict[str, Any]]:
    """What these learners' settings mean, with every default filled in."""
    if not learners:
        return []
    from stf2m.evaluation.learned import meant_by

    where = {name: f"study {study.name}, learner {name}" for name in learners}
    return [meant_by(study.learner_settings(n), normalisation=study.recipe.normalisation, where=where[n]) for n in learners]


def floor_kinds(study: Study) -> list[str]:
    """Floors that are asked for, in the registry's order; raises `UnknownName`."""
    for name in study.floors:
        look_up(FLOORS, name, family="floors")
    return [name for name in FLOORS if name in study.floors]


def protocol_named(study: Study, card_hash: str) -> Protocol:
    """The protocol whose card carries this hash; raises `UnknownName`."""
    for protocol in study.asked:
        if protocol.card.hash == card_hash:
            return protocol
    raise UnknownName(f"no protocol {card_hash!r} in study {study.name}", hint="the rows belong to another version of the study")
