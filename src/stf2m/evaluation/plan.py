"""Where in its plan a session is, read from signals: in the first or the second half of the n-th stretch of one label.

A plan is what sessions have in common (rest, task, rest, another task). Its places are told apart better than its classes:
two tasks, or the rests before and after them, look unlike each other. The reader is logistic regression on the training
people's descriptors, beside the same with the mean of the person's own past taken off, balanced over places. Under the normalisation
`train_stats`, where nothing of the new person is a statistic, the own past is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.baselines.descriptors import CLIP
from stf2m.evaluation.baselines.logistic import apply_logistic, balanced_weights, fit_logistic
from stf2m.evaluation.context import CONTEXT_MODALITIES
from stf2m.evaluation.predictor import Rows
from stf2m.prepare.normalise import Normaliser, fit_normaliser, standardise_descriptors

Values = NDArray[np.float64]
MOST_STRETCHES = 12
"""with more there is no plan that people share; then the classes themselves are read"""
STRENGTH = 300.0
"""of the penalty"""
PRIOR = 10.0
"""segments that the usual person counts as, in the mean of the own past"""


class Places(NamedTuple):
    """A place per segment."""

    of: NDArray[np.int64]
    """(segment,), -1 = unlabelled, or later than the plan"""
    number: int


def places_of(segments: Segments, target: str, time: Values, people: Sequence[int]) -> Places:
    """Halves of stretches of one label, in the order of `time` (segment,) s; as many stretches as `people` have in the median."""
    labels = segments.targets[target].astype(np.int64)
    index, stretches = np.full(len(segments), -1), {}
    for person in np.unique(segments.subject):
        rows = np.flatnonzero((segments.subject == person) & (labels >= 0))
        rows = rows[np.argsort(time[rows], kind="stable")]
        number = np.append(0, np.cumsum(np.diff(labels[rows]) != 0))[: len(rows)]
        begin, length = np.searchsorted(number, number), np.bincount(number)[number]
        index[rows] = 2 * number + (2 * (np.arange(len(rows)) - begin) >= length)
        stretches[int(person)] = int(number.max(initial=-1)) + 1
    longest = int(np.median([stretches[p] for p in people])) if len(people) else 0
    if not 0 < longest <= MOST_STRETCHES:
        return Places(labels, len(segments.emotions[target]))
    return Places(np.where(index < 2 * longest, index, -1), 2 * longest)


@dataclass(frozen=True, eq=False)
class PlanReader:
    """Reads places from descriptors."""

    normaliser: Normaliser
    weights: Values
    """(2 descriptors + 1, place); (descriptors + 1, place) under `train_stats`"""

    def read(self, segments: Segments, track: Rows, modalities: Sequence[str] | None = None) -> Values:
        """(row, place) probabilities for all rows of a person in the order of time; each knows its own past and no more."""
        return apply_logistic(self.weights, read_along(self.normaliser, segments, track, modalities))


def fit_reader(segments: Segments, places: Places, tracks: Sequence[Rows], normalisation: str = "causal") -> PlanReader:
    """Learn from the rows of some people, a track per person by time; rows without a place only make the past."""
    everything = np.concatenate(list(tracks))
    normaliser = fit_normaliser(segments, np.sort(everything[places.of[everything] >= 0]), normalisation)
    x = np.concatenate([read_along(normaliser, segments, track, None) for track in tracks])
    known = places.of[everything] >= 0
    x, y = x[known], places.of[everything][known]
    weight = balanced_weights(y, places.number)
    return PlanReader(normaliser, fit_logistic(x, y, weight, classes=places.number, strength=STRENGTH))


def read_along(normaliser: Normaliser, segments: Segments, track: Rows, modalities: Sequence[str] | None) -> Values:
    """(row, input) what is known at every row of a person, in the order of time."""
    x = described(normaliser, segments, track, modalities)
    return x if normaliser.mode == "train_stats" else beside_own_past(x)


def described(normaliser: Normaliser, segments: Segments, rows: Rows, modalities: Sequence[str] | None) -> Values:
    """(row, descriptor) standardised numbers of the sensors offered; 0, the mean, where nothing was measured or may be seen."""
    names = [name for name in modalities or segments.modalities if name not in CONTEXT_MODALITIES]
    owner = np.array([segments.modalities.index(info.modality) for info in segments.descriptor_infos])
    seen = segments.present[rows][:, owner] & np.isin(np.array(segments.modalities)[owner], names)
    values = standardise_descriptors(normaliser, segments, rows)
    return np.where(seen, np.nan_to_num(np.clip(values, -CLIP, CLIP)), 0.0).astype(np.float64)


def beside_own_past(x: Values) -> Values:
    """(row, 2 descriptors): numbers of one person by time, and the same without their mean up to and with each row."""
    count = np.arange(1, len(x) + 1)[:, None]
    return np.concatenate([x, x - np.cumsum(x, axis=0) / (count + PRIOR)], axis=1)
