"""What a person is expected to say at a moment, without any signal: what others said there, corrected by own labels elsewhere.

    m(q) = mu(q) + kriging(y_S - mu(S))        evaluation/kriging.py

mu(i) is the mean over the others' voices at the moment of segment i (`crowd.py`), y are one-hot classes or a rating. The
classes share one covariance, so that m sums to 1 over classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.context import VIEWS
from stf2m.evaluation.crowd import Moments, hearers, others_of, said
from stf2m.evaluation.kriging import Parts, Values, correct, fit_parts
from stf2m.evaluation.predictor import Rows, training_rows
from stf2m.evaluation.protocols.folds import Fold


@dataclass(frozen=True, eq=False)
class Expected:
    """Columns are the classes of the target, then valence and arousal."""

    mean: Values
    """(segment, class + 2) what the others say at the segment's moment, as its person hears them"""
    parts: tuple[Parts, Parts, Parts]
    """of the classes, of valence, of arousal"""
    usual: Values
    """(segment, class) others' mean over everything: what is expected where nothing is known"""
    voices: int
    """people whom a new person hears"""

    def answer(self, segments: Segments, support: Rows, told: Values, query: Rows) -> Values:
        """(query, class + 2) expected shares and ratings; `told` (support, class + 2) is what the person said, NaN = nothing."""
        found, left, count = self.mean[query].copy(), told - self.mean[support], self.usual.shape[1]
        for parts, columns in zip(self.parts, (slice(0, count), slice(count, count + 1), slice(count + 1, None))):
            known = np.isfinite(left[:, columns]).all(axis=1)
            found[:, columns] += correct(parts, segments, support[known], left[known, columns], query)
        return found

    def lift(self, found: Values, query: Rows) -> Values:
        """(query, class) log of expected over usual shares; none is surer than if half a voice more had said otherwise."""
        usual, least = self.usual[query], 0.5 / (self.voices + 1)
        return np.log(np.clip(found[:, : usual.shape[1]], least, 1.0)) - np.log(np.clip(usual, least, 1.0))


def fit_expected(segments: Segments, target: str, context: Sequence[str], train: Sequence[int], validation: Sequence[int]) -> Expected:
    """What everybody is expected to say as far as `context` lets it be known; test people's labels enter nowhere."""
    hears = hearers(Fold(tuple(train), tuple(validation), ()), len(segments.subjects))
    rows, count = training_rows(segments, target, train), len(segments.emotions[target])
    mean, usual = told_best(segments, target, context, hears, rows)
    left = said(segments, target) - mean
    columns = (slice(0, count), slice(count, count + 1), slice(count + 1, None))
    found = [fit_parts(segments, rows, left[:, each], with_times="label_times" in context) for each in columns]
    return Expected(mean, (found[0], found[1], found[2]), usual[:, :count], len({*train, *validation}))


def told_best(segments: Segments, target: str, context: Sequence[str], hears: NDArray[np.bool_], rows: Rows) -> tuple[Values, Values]:
    """(others' mean at the moment, and over everything), both (segment, class + 2).

    Among the mean over everything and, per kernel width, those at the moments that `context` knows, the first is the one
    under which the others tell best what the training people say.
    """
    voice, whole = said(segments, target), Moments(np.zeros(len(segments), np.int64), np.zeros(len(segments)))
    usual = next(others_of(segments, target, whole, hears, (1.0,)))[0]
    usual = np.where(np.isfinite(usual), usual, 0.0)
    means = [usual]
    for view in (VIEWS[kind] for kind in context if kind in VIEWS):
        means += [mean for mean, *_ in others_of(segments, target, view.moments(segments), hears, view.widths)]
    means = [np.where(np.isfinite(mean), mean, usual) for mean in means]
    asked = slice(0, -2) if voice.shape[1] > 3 else slice(-2, None)  # a target without classes asks for ratings
    return min(means, key=lambda mean: float(np.nanmean((voice - mean)[rows, asked] ** 2))), usual
