"""Any predictor under context: its answer times the lift of what is expected of the person at that moment (`expected.py`).

    logit_c = s log p_c + log(m_c / pi_c) ,  rating = (1 - f) r + f m

p and r are what the predictor inside says, m is what is expected, pi are usual shares. s and f are chosen on validation
people for every support size; s starts low and is at most 1: the method must convince. Where people run through one plan
earlier or later, m is what the others say when they are moved in time until they fit (`moved.py`), if that tells training
people better; there the signals speak as well (`plan.py`), so s starts from 0. So others' labels and the person's own come to every method alike.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.evaluation.baselines.choose import Settings, choose, nearest, quality
from stf2m.evaluation.context import VIEWS
from stf2m.evaluation.crowd import hearers
from stf2m.evaluation.expected import fit_expected
from stf2m.evaluation.floors.base import answers
from stf2m.evaluation.kriging import Values
from stf2m.evaluation.moved import Moved, Way, best_way, fit_moved
from stf2m.evaluation.plan import PlanReader, fit_reader
from stf2m.evaluation.predictor import Plain, Predictor, Probability, Reply, Rows, labels_of, ratings_of
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.split import Split

OPTIONS: dict[str, Sequence[float]] = {"inside": (0.25, 0.5, 1.0, 0.0)}
FELT: dict[str, Sequence[float]] = {"felt": (0.5, 0.25, 0.75, 0.0, 1.0)}
START: Settings = {name: values[0] for name, values in {**OPTIONS, **FELT}.items()}


class Asked(NamedTuple):
    """A question with what the predictor inside says and what is expected."""

    rows: Rows
    said: Reply
    found: Values
    """(query, class + 2)"""
    lift: Values
    """(query, class)"""


class Plan(NamedTuple):
    """The others' sessions, how they are moved, and who reads from signals where in the plan a session is."""

    moved: Moved
    way: Way
    reader: PlanReader | None

    def answer(self, segments: Segments, support: Rows, told: Values, query: Rows, modalities: Sequence[str] | None) -> Values:
        """(query, class + 2); of labelled segments the labels speak, not the signals."""
        track, read = self.moved.track(segments, int(segments.subject[query[0]])), None
        if self.reader:
            read = self.reader.read(segments, track, modalities)
            read[np.isin(track, support)] = 1 / self.moved.places.number
        return self.moved.answer(segments, support, told, query, self.way, read)


class Informed(Plain):
    """The predictor `inside`, told what a protocol's `context` knows. A view that hides sensors hides nothing of the context."""

    def __init__(self, inside: Predictor, context: Sequence[str]):
        self.inside, self.context = inside, tuple(context)
        self.chosen: dict[int, Settings] = {}

    def __getattr__(self, name: str) -> Any:
        """What some predictors can do beside answering is still theirs, and absent where it was."""
        if name in ("rules", "words", "codes"):
            return getattr(self.inside, name)
        raise AttributeError(name)

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Fit the predictor inside, what is expected of everybody, and what the others said by time where they may be moved."""
        self.inside.fit(segments, target, train_people, validation_people, seed)
        self.expected = fit_expected(segments, target, self.context, train_people, validation_people)
        self.plan = self._plan(segments, target, train_people, validation_people)
        self.chosen = {}

    def _plan(self, segments: Segments, target: str, train: Sequence[int], validation: Sequence[int]) -> "Plan | None":
        """How to move the others in time; None where that is not known or tells training people no better."""
        view = next((VIEWS[kind] for kind in self.context if kind in VIEWS and VIEWS[kind].moves), None)
        if view is None:
            return None
        hears = hearers(Fold(tuple(train), tuple(validation), ()), len(segments.subjects))
        moved = fit_moved(segments, target, view.moments(segments), hears, train, with_times="label_times" in self.context)
        still = lambda support, told, query: self.expected.answer(segments, support, told, query)  # noqa: E731
        way = best_way(moved, segments, train, view.moves, still)
        if way is None:
            return None
        tracks = [moved.track(segments, person) for person in train]
        return Plan(moved, way, fit_reader(segments, moved.places, tracks, normalisation_of(self.inside)) if has_classes(target) else None)

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Tune the predictor inside, then the trust in both for every support size."""
        self.inside.tune(segments, target, splits)
        self.chosen = {}
        for shots in sorted({split.shots for split in splits}):
            mine = [split for split in splits if split.shots == shots]
            asked = [self.ask(segments, split.support, split.query, target) for split in mine]
            found = trusted(segments, target, asked, self.start)
            self.chosen[round(float(np.mean([len(split.support) for split in mine])))] = found

    @property
    def start(self) -> Settings:
        """Where the search for trust begins."""
        return START | {"inside": 0.0} if self.plan else START

    def ask(
        self, segments: Segments, support: Rows, query: Rows, target: str, given: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Asked:  # fmt: skip
        """The two sides of an answer; `given` is the `support_target` of `Predictor.reply`."""
        said = self.inside.reply(segments, support, query, target=target, support_target=given, modalities=modalities)
        told = answers(segments, target, labels_of(segments, target, support, given), ratings_of(segments, target, support, given))
        found = self.expected.answer(segments, support, told, query)
        if self.plan and len(query):
            there = self.plan.answer(segments, support, told, query, modalities)
            found = np.where(np.isfinite(there), there, found)
        return Asked(query, said, found, self.expected.lift(found, query))

    def reply(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Reply:
        """See `Predictor.reply`; with the trust chosen for the nearest support size, none and some being far apart."""
        asked = self.ask(segments, support, query, target, support_target, modalities)
        return joined(asked, nearest(self.chosen, len(support)) or self.start)

    def predict(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Probability:
        """See `Predictor.predict`."""
        return self.reply(segments, support, query, target=target, support_target=support_target, modalities=modalities).probability


def normalisation_of(predictor: Any) -> str:
    """The recipe's normalisation, as baselines and learners have been told it."""
    own = getattr(getattr(predictor, "parts", (predictor,))[0], "normalisation", None)
    return own or getattr(getattr(predictor, "config", None), "normalisation", "causal")


def joined(asked: Asked, trust: Settings) -> Reply:
    """The answer of both sides."""
    said, found = asked.said, asked.found[:, -2:]
    logits = trust["inside"] * np.log(np.maximum(said.probability.astype(np.float64), 1e-12)) + asked.lift
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    rating = None if said.rating is None else ((1 - trust["felt"]) * said.rating + trust["felt"] * found).astype(np.float32)
    return said._replace(probability=(p / p.sum(axis=1, keepdims=True)).astype(np.float32), rating=rating)


def trusted(segments: Segments, target: str, asked: Sequence[Asked], start: Settings) -> Settings:
    """The trust, searched from `start`, under which these answers are best; where nobody rates, ratings stay with the predictor inside."""
    rated = [one for one in asked if one.said.rating is not None and np.isfinite(segments.rating[one.rows]).any()]

    def classes(trust: Settings) -> float:
        return float(np.mean([quality(segments.targets[target][one.rows], joined(one, trust).probability) for one in asked]))

    def felt(trust: Settings) -> float:
        errors = [segments.rating[one.rows] - np.asarray(joined(one, trust).rating) for one in rated]
        return -float(np.sqrt(np.nanmean(np.concatenate(errors) ** 2)))

    found = choose(classes, OPTIONS, start)
    return choose(felt, FELT, found) if rated else found | {"felt": 0.0}
