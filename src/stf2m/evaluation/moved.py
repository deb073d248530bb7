"""Others' sessions, moved in time until they fit: people who follow one plan run through it earlier or later than each other.

    m(q)       = sum_z w_q(z) y_j(t_q - s) ,   z = (other person j, move s)
    log w_q(z) = - s^2 / (2 sigma^2) - miss sum_{i in S} |y_i - y_j(t_i - s)|^2 / 2 + BETA sum_{r <= q} log p(l_j(t_r - s) | x_r)

A mixture of shifted templates: y_j(t) is what person j said nearest to time t, l_j(t) the place in the plan there (`plan.py`).
The first term says how far people run apart at all. The second listens to the person's own labels, where their times may be
known. The third listens to the person's signals up to the moment of the answer, never later; BETA is small, because
neighbours err alike.
sigma and miss are those under which training people's labels are told best by the other training people.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.evaluation.crowd import Moments, said
from stf2m.evaluation.plan import Places, places_of
from stf2m.evaluation.predictor import Rows

Values = NDArray[np.float64]
BETA = 0.2
"""weight of what was read from signals"""
MISSES = (3.0, 1.0, 0.0)
"""tried for miss, log-odds that a label lost: 3 = another class is said one time in twenty at the same moment of the plan"""
REACH, PER_SIGMA = 2.5, 8
"""moves reach so many sigma to either side, in steps of sigma / 8"""
TRIED_LABELS, TRIED_ROWS = 10, 60
"""of a training person, to find sigma and miss"""


class Way(NamedTuple):
    """How the others are moved."""

    sigma: float
    """s, standard deviation of moves"""
    miss: float
    """how much a label of the person that is missed counts against an other"""


@dataclass(frozen=True, eq=False)
class Moved:
    """The others of everybody, each with what they said in the order of its moments."""

    target: str
    moments: Moments
    hears: NDArray[np.bool_]
    """(person, person)"""
    rows: tuple[Rows, ...]
    """of every person, labelled, by time"""
    said: Values
    """(segment, class + 2) one-hot label, valence, arousal"""
    places: Places
    with_times: bool
    """the times of the person's own labels may be known"""

    def answer(
        self, segments: Segments, support: Rows, told: Values, query: Rows, way: Way, read: NDArray[np.floating] | None = None
    ) -> Values:
        """(query, class + 2) expected shares and ratings, NaN where nobody says anything.

        `told` (support, class + 2) is what the person said, NaN = nothing; `read` (row, place) what was read of every row of
        `track`, None = nothing was.
        """
        moves = np.arange(-REACH, REACH + 1e-9, 1 / PER_SIGMA) * way.sigma
        others = [int(j) for j in np.flatnonzero(self.hears[segments.subject[query[0]]]) if len(self.rows[j])]
        missed = np.stack([self._missed(j, support, told, moves) for j in others])
        weight = np.repeat((-way.miss * missed - 0.5 * (moves / way.sigma) ** 2)[:, None], len(query), axis=1)
        if read is not None:
            track = self.track(segments, int(segments.subject[query[0]]))
            heard = np.cumsum([self._by_signals(j, track, read, moves) for j in others], axis=1)
            weight += BETA * heard[:, np.searchsorted(self.moments.time[track], self.moments.time[query], side="right") - 1]
        weight = np.exp(weight - weight.max(axis=(0, 2), keepdims=True))
        total, count = np.zeros((2, len(query), self.said.shape[1]))
        for j, share in zip(others, weight):
            there = self.said[self._nearest(j, query, moves)]
            known = np.isfinite(there)
            total += np.einsum("qs,qsc->qc", share, np.where(known, there, 0.0))
            count += np.einsum("qs,qsc->qc", share, known)
        return np.where(count > 0, total / np.maximum(count, 1e-300), np.nan)

    def track(self, segments: Segments, person: int) -> Rows:
        """Every segment of a person by time."""
        mine = np.flatnonzero(segments.subject == person)
        return mine[np.argsort(self.moments.time[mine], kind="stable")]

    def _missed(self, j: int, support: Rows, told: Values, moves: Values) -> Values:
        """(move,) labels of the person that other person j, moved, says otherwise."""
        if not self.with_times or not len(support):
            return np.zeros(len(moves))
        apart = told[:, None, self.asked] - self.said[self._nearest(j, support, moves)][..., self.asked]
        return np.nansum(apart**2, axis=(0, 2)) / 2

    @property
    def asked(self) -> slice:
        """Columns that the target asks for."""
        return slice(None, -2) if has_classes(self.target) else slice(-2, None)

    def _by_signals(self, j: int, track: Rows, read: NDArray[np.floating], moves: Values) -> Values:
        """(row of the track, move) log p of where j, moved, is there; of what is later than the plan nothing is known."""
        whole = np.append(read, np.full((len(read), 1), 1 / self.places.number), axis=1).astype(np.float64)
        return np.take_along_axis(np.log(np.maximum(whole, 1e-3)), self.places.of[self._nearest(j, track, moves)], axis=1)

    def _nearest(self, j: int, rows: Rows, moves: Values) -> Rows:
        """(row, move) the row of j that is nearest in time to each of `rows`, moved back."""
        mine, asked = self.rows[j], self.moments.time[rows][:, None] - moves
        middles = (self.moments.time[mine][1:] + self.moments.time[mine][:-1]) / 2
        return mine[np.searchsorted(middles, asked)]


def fit_moved(
    segments: Segments, target: str, moments: Moments, hears: NDArray[np.bool_], train: Sequence[int], *, with_times: bool
) -> Moved:  # fmt: skip
    """Everybody's labels in the order of `moments`, which all people share; `hears` says whose labels reach whom, and the
    plan is as long as that of the `train` people."""
    labelled, order = segments.targets[target] >= 0, np.argsort(moments.time, kind="stable")
    rows = tuple(order[labelled[order] & (segments.subject[order] == p)] for p in range(len(segments.subjects)))
    return Moved(target, moments, hears, rows, said(segments, target), places_of(segments, target, moments.time, train), with_times)


def best_way(
    moved: Moved, segments: Segments, people: Sequence[int], sigmas: Sequence[float], still: Callable[[Rows, Values, Rows], Values]
) -> Way | None:
    """The way under which `people` are told best by the others they hear, without own labels and with a few; None = unmoved.

    `still(support, told, query)` is what is expected of them when nobody is moved, (query, class + 2).
    """
    trials = list(_trials(moved, people))
    if not trials:
        return None
    fits: dict[Way | None, float] = {None: _mean(_fit(moved, still(*trial), trial[2]) for trial in trials)}
    for way in (Way(sigma, miss) for sigma in sigmas for miss in (MISSES if moved.with_times else MISSES[:1])):
        fits[way] = _mean(_fit(moved, moved.answer(segments, *trial, way), trial[2]) for trial in trials)
    return max(fits, key=lambda way: fits[way])


def _trials(moved: Moved, people: Sequence[int]) -> Iterator[tuple[Rows, Values, Rows]]:
    """Questions to people who can be asked and hear anybody: support, what it says, query."""
    rng = np.random.default_rng(0)
    speak = np.array([len(rows) > 0 for rows in moved.rows])
    for person in (p for p in people if len(moved.rows[p]) > TRIED_LABELS and (moved.hears[p] & speak).any()):
        order = rng.permutation(moved.rows[person])
        for support in (order[:0], order[:TRIED_LABELS]):
            yield support, moved.said[support], order[TRIED_LABELS : TRIED_LABELS + TRIED_ROWS]


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _fit(moved: Moved, found: Values, query: Rows) -> float:
    """Mean log-likelihood of the labels; without classes minus the mean squared error of the ratings."""
    found, truth = found[:, moved.asked], moved.said[query][:, moved.asked]
    if has_classes(moved.target):
        return float(np.log(np.maximum((np.nan_to_num(found) * truth).sum(axis=1), 1e-2)).mean())
    return -float(np.nanmean((np.nan_to_num(found) - truth) ** 2))
