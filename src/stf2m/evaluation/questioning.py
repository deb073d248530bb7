"""Questions put to one method in one cell, and every answer scored: views, controls, lost sensors, selective and calibrated numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes, is_ordinal
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.calibrating import fit_for, measure_calibrated
from stf2m.evaluation.metrics import AXES, ORDINAL_METRICS, measure, measure_ratings, measure_votes
from stf2m.evaluation.predictor import Predictor, Reply
from stf2m.evaluation.protocols import Protocol, Split, conceal
from stf2m.evaluation.rows import Row
from stf2m.evaluation.selective import measure_selective
from stf2m.evaluation.study import Cell, Study
from stf2m.training.calibration import Calibration

EACH_TRAINING = "each_training"
"""the control that asks every training of an average alone"""
ALL = "all"
"""name of the view that offers every modality"""


class Method(NamedTuple):
    """A predictor with its name in tables and its role."""

    name: str
    role: str
    predictor: Predictor


class Question(NamedTuple):
    """One way to ask a method: which sensors it is offered, which control is on, which of its trainings is asked alone."""

    view: str
    control: str
    member: int | None = None


@dataclass(frozen=True)
class Questioning:
    """One method before the test people of one cell, under one protocol."""

    study: Study
    segments: Segments
    cell: Cell
    method: Method
    protocol: Protocol
    calibration: Calibration | None

    def rows(self, people: tuple[int, ...]) -> Iterator[Row]:
        """Everything that these people are asked, scored; who cannot be asked leaves a row that says so."""
        predictor = self.method.predictor
        for person in people:
            base = {"person": self.segments.subjects[person], "protocol": self.protocol.name}
            base |= {"method": self.method.name, "role": self.method.role}
            splits = self.protocol.questions(self.segments, self.cell.target, person, self.study.seed, self.cell.turn)
            if not splits:
                yield {**base, "note": "the protocol leaves nothing to score"}
            for split in splits:
                if split.shots == 0 and getattr(predictor, "needs_support", False) and not self.protocol.person_is_known:
                    continue
                if split.lost is not None and not getattr(predictor, "sees_sensors", True):
                    continue  # the same answer as with all sensors
                answers = Answers(self, split)
                for question in self.questions(split):
                    yield {**base, **self.score(answers, question)}

    def questions(self, split: Split) -> list[Question]:
        """The protocol's own question, and for methods that are looked at in detail every view and control."""
        study, asked = self.study, [Question(split.view, "")]
        if self.method.name in study.detailed and split.lost is None:
            asked += [Question(view, "") for view in study.views]
            shuffling = [control for control in study.controls if control.startswith("shuffled")]
            asked += [Question(ALL, control) for control in shuffling if control != "shuffled_labels" or len(split.support) > 1]
            asked += [Question(ALL, f"training_{i + 1}", i) for i in range(len(self.members))]
        return asked

    @cached_property
    def members(self) -> Sequence[Predictor]:
        """The trainings that an average is made of, where the study asks each of them."""
        return self.method.predictor.members() if EACH_TRAINING in self.study.controls else ()

    def score(self, answers: "Answers", question: Question) -> Row:
        """One scored row."""
        split, target, segments = answers.split, self.cell.target, self.segments
        names, truth = segments.emotions[target], segments.targets[target][split.query]
        rng = np.random.default_rng([self.study.seed, crc32(segments.subjects[split.subject].encode()), split.shots, split.draw])
        told = shuffled(answers.told, rng) if question.control == "shuffled_labels" else None
        reply, seconds = answers.get(question.view, told, question.member)
        order = rng.permutation(len(truth)) if question.control == "shuffled_signals" else np.arange(len(truth))
        row: Row = {
            "shots": split.shots, "draw": split.draw, "view": question.view, "control": question.control,
            "support": len(split.support), "query": len(split.query), "reply_ms": 1000 * seconds,
            "missing": "|".join(names[c] for c in split.missing), "short": "|".join(names[c] for c in split.short),
        }  # fmt: skip
        if has_classes(target):
            row |= measure(truth, reply.probability[order])
        if is_ordinal(target):
            row |= measure(truth, reply.probability[order], ORDINAL_METRICS)
        if target in segments.votes:
            row |= measure_votes(segments.votes[target][split.query], reply.probability[order])
        if reply.rating is not None:
            row |= measure_ratings(segments.rating[split.query], reply.rating[order])
        if question == Question(ALL, ""):
            row |= self.trust(truth, reply, split)
        return row

    def trust(self, truth: NDArray[np.integer], reply: Reply, split: Split) -> Row:
        """How far a method knows when it is wrong."""
        classes = has_classes(self.cell.target)
        row = measure_selective(truth, reply.probability) if classes else {}
        fit = fit_for(self.calibration, split.shots)
        found = measure_calibrated(fit, truth, reply, self.segments.rating[split.query]) if fit is not None else {}
        return row | {name: value for name, value in found.items() if classes or any(axis in name for axis in AXES)}


@dataclass
class Answers:
    """What a method replies to one split, kept with the seconds it took: shuffled signals are the same reply at other segments."""

    questioning: Questioning
    split: Split
    kept: dict[tuple[str, bool, int | None], tuple[Reply, float]] = field(default_factory=dict)

    @property
    def told(self) -> NDArray[np.integer]:
        """Labels of the support; for a target without classes the rows whose ratings are told."""
        target = self.questioning.cell.target
        return self.questioning.segments.targets[target][self.split.support] if has_classes(target) else self.split.support

    def get(self, view: str, told: NDArray[np.integer] | None, member: int | None = None) -> tuple[Reply, float]:
        """The reply when this view is offered and, unless None, other labels are told or one training is asked alone."""
        key = view, told is not None, member
        if key not in self.kept:
            q, split, began = self.questioning, self.split, perf_counter()
            shown, offered = conceal(q.segments, split), q.study.views.get(view)
            options = {"target": q.cell.target, "support_target": told, "modalities": offered}
            predictor = q.method.predictor if member is None else q.members[member]
            reply = predictor.reply(shown, split.support, split.query, **options)
            self.kept[key] = reply, perf_counter() - began
            check_reply(reply, len(split.query), len(q.segments.emotions[q.cell.target]), q.method.name)
        return self.kept[key]


def asked_as_one(study: Study) -> list[str]:
    """One sentence where the study wants each training asked alone and protocols with context do not: what is known beside signals joins
    the average."""
    averages = any(study.learner_settings(name).get("seeds", 1) > 1 for name in study.detailed if name in study.learners)
    headings = [protocol.heading for protocol in study.asked if protocol.context]
    if not headings or not averages or EACH_TRAINING not in study.controls:
        return []
    return [f"{EACH_TRAINING} asks nothing under {'; '.join(headings)}: there context joins the average of the trainings, not each of them"]


def shuffled(labels: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """The same labels (or rows whose ratings are told) on other segments; as few as possible keep their own."""
    tries = [rng.permutation(labels) for _ in range(20)]
    return min(tries, key=lambda tried: int((tried == labels).sum()))


def check_reply(reply: Reply, rows: int, classes: int, name: str) -> None:
    """A predictor that answers in another shape, or with numbers that are no probabilities, is wrong and says so."""
    p = reply.probability
    if p.shape != (rows, classes) or not np.isfinite(p).all() or np.abs(p.sum(axis=1) - 1).max(initial=0) > 1e-3:
        raise InvalidConfig(f"{name} did not answer with probabilities", expected=f"({rows}, {classes}), rows summing to 1", got=p.shape)
