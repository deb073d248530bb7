"""The audit: a small part of a study is run again with each leak switched on, one at a time, beside the honest run.

This is the only door to `evaluation.leaks`; no study, training or bundle passes through it. Leaky questions skip `check_split`
on purpose, and every row that comes from here says `leaky` or `honest` in its column `control`, so that no table of a study
can take it for a result.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidConfig, NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.core.registry import look_up
from stf2m.evaluation.baselines import BASELINES, make_baseline
from stf2m.evaluation.leaks import LEAKS, Case, Leaked
from stf2m.evaluation.metrics import METRICS, measure
from stf2m.evaluation.predictor import Predictor
from stf2m.evaluation.protocols import Protocol
from stf2m.evaluation.rows import Row
from stf2m.evaluation.study import Cell, Study
from stf2m.evaluation.work import code_version, data_key, fold_of

HONEST, LEAKY = "honest", "leaky"
VERSION = 1
"""grows when a leak begins to mean something else"""
Key = tuple[int, int, int]
"""person, k, draw"""
Answers = dict[Key, tuple[NDArray[np.int64], NDArray[np.float64]]]
"""rows and the probabilities said of them"""


class Part(NamedTuple):
    """One piece of work of an audit."""

    leak: str
    method: str
    target: str
    fold: int


class Exposed(NamedTuple):
    """What one leak let through on one fold."""

    into: str
    segments: int
    seconds: float
    """length of the union of their spans"""
    examples: tuple[str, ...]
    """some of them, by person, recording and time"""


class Outcome(NamedTuple):
    """Rows of one part, and what leaked; a leak that does not apply has one row with the reason."""

    rows: list[Row]
    exposed: Exposed | None


def parts_of(study: Study, *, methods: Sequence[str], targets: Sequence[str], leaks: Sequence[str], folds: Sequence[int]) -> list[Part]:
    """Everything an audit does; empty choices mean the study's first target, all leaks, all folds. Raises `UnknownName`."""
    if study.primary not in METRICS:
        raise InvalidConfig(
            "an audit scores classes", where=f"study {study.name}", expected=f"primary = {' or '.join(METRICS)}", got=study.primary
        )
    for name in leaks:
        look_up(LEAKS, name, family="leaks")
    for name in targets:
        look_up(dict.fromkeys(study.targets), name, family="targets")
    for name in methods:
        look_up({**BASELINES, **dict.fromkeys(study.learners)}, name, family="methods")
    for fold in folds:
        if not 0 <= fold < study.folds:
            raise InvalidConfig("no such fold", where=f"study {study.name}", expected=f"1 to {study.folds}", got=fold + 1)
    chosen = [name for name in LEAKS if name in leaks or not leaks]
    every = folds or range(study.folds)
    return [
        Part(leak, method, target, fold)
        for method in methods
        for target in targets or study.targets[:1]
        for fold in every
        for leak in chosen
    ]


def protocol_of(study: Study) -> Protocol:
    """The audited protocol without context, asked with the fewest and the most labels."""
    protocol = audited(study)
    return protocol.model_copy(update={"context": (), "shots": tuple(sorted({min(protocol.shots), max(protocol.shots)}))})


def audited(study: Study) -> Protocol:
    """The first protocol of the study that is honest by itself."""
    for protocol in study.asked:
        if not protocol.is_leaky:
            return protocol
    raise InvalidConfig("no honest protocol to audit", where=f"study {study.name}", hint="add one beside the leaky ones")


def case_of(study: Study, segments: Segments, target: str, fold: int) -> Case:
    """The honest case of one fold: the protocol's first draw for every test person."""
    protocol = protocol_of(study)
    world = protocol.world(segments, target, fold_of(study, segments, Cell(target, fold, (), "")), study.seed)
    asked = [protocol.questions(segments, target, person, study.seed) for person in world.fold.test]
    splits = tuple(s for found in asked for s in found if s.lost is None and s.draw == min(t.draw for t in found))
    if not splits:
        raise NotEnoughLabels("the protocol leaves nothing to score", where=f"study {study.name}, fold {fold + 1}")
    tuning = tuple(split for split in protocol.rehearsals(world, target, study.seed) if split.lost is None)
    return Case(world.segments, segments, target, world.fold, tuning, splits, protocol, study.seed, study.recipe.normalisation)


class Audit:
    """Runs parts; honest answers are kept between the leaks of one method and fold.

    `overlapping` gives the same people cut into windows that overlap by half, None where that is not possible.
    """

    def __init__(self, study: Study, segments: Segments, overlapping: Callable[[], Segments] | None = None):
        self.study, self.segments, self._overlapping = study, segments, overlapping
        self._cut: Segments | None = None
        self._cases: dict[tuple[str, int, bool], Case] = {}
        self._honest: dict[tuple[str, str, int, bool], Answers] = {}

    def hash(self, part: Part) -> str:
        """Of everything that the part's rows depend on."""
        whole = self.study.facts()
        names = ("dataset", "dataset_options", "recipe", "people", "folds", "validation_people", "seed", "primary")
        facts = {name: whole[name] for name in names} | {"audit": VERSION, **part._asdict(), "card": protocol_of(self.study).card.hash}
        facts["settings"] = self.study.learner_settings(part.method) if part.method in self.study.learners else {}
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]

    def case(self, part: Part) -> Case:
        """The honest case under the windows that the leak needs."""
        overlaps = LEAKS[part.leak].overlaps and self._overlapping is not None
        key = (part.target, part.fold, overlaps)
        if key not in self._cases:
            if overlaps and self._cut is None and self._overlapping is not None:
                self._cut = self._overlapping()
            self._cases[key] = case_of(
                self.study, self._cut if overlaps and self._cut is not None else self.segments, part.target, part.fold
            )
        return self._cases[key]

    def spoil(self, part: Part) -> tuple[str, Leaked | None]:
        """(why the leak does not apply, or "", and the spoilt case)."""
        case, leak = self.case(part), LEAKS[part.leak]
        reason = leak.reason(case)
        return reason, None if reason else leak.spoil(case)

    def exposed(self, part: Part) -> Exposed | None:
        """What leaks, without running any method."""
        _, leaked = self.spoil(part)
        return None if leaked is None else describe(leaked)

    def run(self, part: Part) -> Outcome:
        """Both sides of one part, scored on the same segments."""
        reason, leaked = self.spoil(part)
        base = {"cell": self.hash(part), "data": data_key(self.segments), "dataset": self.segments.dataset, "target": part.target}
        base |= {
            "person": "",
            "note": "",
            "fold": part.fold,
            "method": part.method,
            "role": "learner" if part.method in self.study.learners else "baseline",
        }
        base |= {"protocol": protocol_of(self.study).name, "card": protocol_of(self.study).card.hash, "code": code_version()}
        if leaked is None:
            return Outcome([{**base, "control": f"{LEAKY} {part.leak}", "note": reason}], None)
        honest = self._honest_answers(part) if leaked.honest is None else self.answers(part, leaked.honest)
        rows = list(compared(self.case(part), leaked.case, honest, self.answers(part, leaked.case)))
        return Outcome([{**base, **row, "control": f"{row['control']} {part.leak}"} for row in rows], describe(leaked))

    def _honest_answers(self, part: Part) -> Answers:
        case = self.case(part)
        key = (part.method, part.target, part.fold, case.ask is not self.segments)
        if key not in self._honest:
            self._honest[key] = self.answers(part, case)
        return self._honest[key]

    def answers(self, part: Part, case: Case) -> Answers:
        """Fit, choose settings, and put every question of the case."""
        predictor = predictor_of(self.study, part.method)
        predictor.fit(case.fit, case.target, case.fold.train, case.fold.validation, case.seed)
        predictor.tune(case.fit, case.target, case.tuning)
        found: Answers = {}
        for split in case.splits:
            said = predictor.reply(case.ask, split.support, split.query, target=case.target).probability.astype(np.float64)
            rows = np.asarray(split.query, np.int64)
            if case.counts_support:
                own = np.eye(said.shape[1])[case.ask.targets[case.target][split.support]]
                rows, said = np.concatenate([rows, split.support.astype(np.int64)]), np.concatenate([said, own])
            found[split.subject, split.shots, split.draw] = rows, said
        return found


def predictor_of(study: Study, name: str) -> Predictor:
    """A baseline, or a learner with the study's settings."""
    if name in BASELINES:
        return make_baseline(name, study.recipe.normalisation)
    from stf2m.evaluation.learned import Learned, config_of

    settings = study.learner_settings(name)
    config, seeds = config_of(settings, normalisation=study.recipe.normalisation, where=f"study {study.name}, learner {name}")
    return Learned(config, seeds=seeds, sensors=settings.get("sensors", ()))


def compared(case: Case, leaky: Case, honest: Answers, spoilt: Answers) -> Iterator[Row]:
    """Rows of both sides, scored on the segments that both were asked; the support counts on its own side only."""
    labels = case.ask.targets[case.target]
    for split in leaky.splits:
        key = (split.subject, split.shots, split.draw)
        if key not in honest:
            continue
        common = np.intersect1d(honest[key][0], spoilt[key][0])
        for side, (rows, said) in ((HONEST, honest[key]), (LEAKY, spoilt[key])):
            kept = np.ones(len(rows), bool) if leaky.counts_support else np.isin(rows, common)
            if kept.any():
                about = {
                    "person": case.ask.subjects[split.subject],
                    "shots": split.shots,
                    "draw": split.draw,
                    "view": "all",
                    "control": side,
                }
                yield {**about, "support": len(split.support), "query": int(kept.sum()), **measure(labels[rows[kept]], said[kept])}


def describe(leaked: Leaked) -> Exposed:
    """How many segments leaked, for how long, and some of them in words."""
    segments, rows = leaked.case.ask, np.unique(leaked.rows)
    order = rows[np.lexsort((segments.spans[rows, 0], segments.recording[rows]))] if len(rows) else rows
    seconds, reach, last = 0.0, -np.inf, -1
    for i in order:
        begin, end = segments.spans[i]
        if segments.recording[i] != last:
            last, reach = segments.recording[i], -np.inf
        seconds += max(0.0, float(end - max(begin, reach)))
        reach = max(reach, end)
    shown = order[np.unique(np.linspace(0, len(order) - 1, 3).astype(int))] if len(order) else order
    examples = tuple(
        f"{segments.subjects[segments.subject[i]]}, {segments.recordings[segments.recording[i]]}, "
        f"{segments.spans[i, 0]:.1f} to {segments.spans[i, 1]:.1f} s"
        for i in shown
    )
    return Exposed(leaked.into, len(rows), seconds, examples)


def overlapping_cut(study: Study) -> Study | None:
    """The study with windows that overlap by half; None where windows are whole recordings."""
    window = study.recipe.cut.window
    if not isinstance(window, float):
        return None
    cut = study.recipe.cut.model_copy(update={"hop": window / 2})
    return study.model_copy(update={"recipe": study.recipe.model_copy(update={"cut": cut})})
