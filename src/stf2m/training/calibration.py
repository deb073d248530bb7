"""What validation people teach about how far answers can be trusted: a temperature and conformal thresholds, as plain numbers."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stf2m.core.config import Settings
from stf2m.core.counts import counted
from stf2m.training.conformal import group_thresholds, intervals, lac_scores, of_truth, person_threshold, prediction_sets, threshold
from stf2m.training.temperature import cool, fit_temperature

LEVEL = 0.9
"""share of segments whose truth a set or interval should hold"""
SHARE = 0.9
"""share of people for whom this should be so, where the unit is the person and people are enough"""
FEWEST = 20
"""scored segments below which nothing is fitted"""

Kind = Literal["segments", "people", "class"]
KINDS: tuple[Kind, ...] = ("segments", "people", "class")
"""what thresholds are made over: all segments; whole people; per emotion (sets) or per emotion said (intervals)"""
Axis = Literal["valence", "arousal"]
AXES: tuple[Axis, ...] = ("valence", "arousal")
Limits = tuple[float | None, ...]
"""one threshold, or one per emotion; None = infinite: too few segments to rule anything out"""


class Heard(NamedTuple):
    """Answers about segments whose truth is known."""

    person: NDArray[np.integer]
    """(segment,)"""
    truth: NDArray[np.integer]
    """(segment,) class indices"""
    probability: NDArray[np.floating]
    """(segment, emotion)"""
    rating: NDArray[np.floating] | None
    """(segment, 2) valence, arousal as said; None from a method that says none"""
    rated: NDArray[np.floating]
    """(segment, 2) as the people rated, NaN where they did not"""


class Fit(Settings):
    """Everything fitted for answers after one number of labels."""

    shots: int
    """k as the protocol counts it"""
    labels: float
    """labelled segments in total, the median over people and draws"""
    people: int
    segments: int
    temperature: float
    share: float
    """of people, that the kind `people` promises its level for; the least of sets and intervals"""
    sets: dict[Kind, Limits]
    valence: dict[Kind, Limits] = Field(default_factory=dict)
    arousal: dict[Kind, Limits] = Field(default_factory=dict)

    def probability(self, probability: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities; the most probable emotion stays the same."""
        return cool(probability, self.temperature)

    def sets_of(self, probability: NDArray[np.floating], kind: Kind) -> NDArray[np.bool_]:
        """(segment, emotion): what cannot be ruled out. `probability` is the uncalibrated one."""
        return prediction_sets(lac_scores(probability), _numbers(self.sets[kind]))

    def is_undecided(self, probability: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(segment,): more than half of the emotions cannot be ruled out, of two both: the answer is better withheld. Never with one.

        Of all segments of a person whom the promise covers, at most 1 - level are answered with a set that lacks the truth.
        """
        emotions = probability.shape[1]
        return 2 * self.sets_of(probability, "people").sum(axis=1) > max(emotions, 2 * (emotions == 1))

    def interval(self, axis: Axis, said: NDArray[np.floating], probability: NDArray[np.floating], kind: Kind) -> NDArray[np.float64] | None:
        """(segment, 2) interval around the valence or arousal said; None where no rating was seen while fitting."""
        limits = getattr(self, axis)
        if kind not in limits:
            return None
        half = _numbers(limits[kind])
        return intervals(said, half[np.argmax(probability, axis=1)] if len(half) > 1 else half[0])


class Calibration(Settings):
    """The fits of all numbers of labels, fewest first."""

    level: float
    fits: tuple[Fit, ...]
    """never empty in a bundle"""

    @property
    def sentence(self) -> str:
        """What holds, for people."""
        labels = ", ".join(f"{fit.labels:g}" for fit in self.fits)
        people, share = max(fit.people for fit in self.fits), min(fit.share for fit in self.fits)
        return (
            f"calibrated on {counted(people, 'held-out person', 'held-out people')} with {labels} labels each; sets and intervals are made to hold the truth of at least "
            f"{self.level:.0%} of the segments for {share:.0%} of people like them"
        )

    def after(self, labels: int) -> Fit:
        """The fit with the most labels that are not more than `labels`; with fewer than all, the first."""
        return max((fit for fit in self.fits if fit.labels <= labels), key=lambda fit: fit.labels, default=self.fits[0])


def fit_calibration(heard: Heard, *, shots: int, labels: float, level: float = LEVEL, share: float = SHARE) -> Fit | None:
    """Fit to the answers on validation people; None when they are fewer than `FEWEST` or nobody was asked.

    The temperature gives every person the same weight. Sets and intervals use the probabilities as they were said, so that
    no threshold hangs on the temperature fitted to the same people.
    """
    if len(heard.truth) < FEWEST:
        return None
    _, who, each = np.unique(heard.person, return_inverse=True, return_counts=True)
    score = of_truth(lac_scores(heard.probability), heard.truth)
    sets, kept = _limits(score, who, heard.truth, heard.probability.shape[1], level, share)
    ratings: dict[Axis, dict[Kind, Limits]] = {}
    for i, axis in enumerate(AXES if heard.rating is not None else ()):
        error = np.abs(np.asarray(heard.rating)[:, i] - heard.rated[:, i])
        known = np.isfinite(error)
        if known.sum() >= FEWEST:
            said = heard.probability[known].argmax(axis=1)
            ratings[axis], rated = _limits(error[known], who[known], said, heard.probability.shape[1], level, share)
            kept = min(kept, rated)
    return Fit(
        shots=shots, labels=labels, people=len(each), segments=len(who), share=kept,
        temperature=fit_temperature(heard.truth, heard.probability, 1.0 / each[who]), sets=sets, **ratings,
    )  # fmt: skip


def _limits(
    scores: NDArray[np.floating], people: NDArray[np.integer], groups: NDArray[np.integer], count: int, level: float, share: float
) -> tuple[dict[Kind, Limits], float]:
    """Thresholds of every kind, and the share of people kept."""
    whole, kept = person_threshold(scores, people, level, share)
    found = {"segments": [threshold(scores, level)], "people": [whole], "class": group_thresholds(scores, groups, count, level)}
    return {kind: tuple(float(v) if np.isfinite(v) else None for v in found[kind]) for kind in KINDS}, kept


def _numbers(limits: Sequence[float | None]) -> NDArray[np.float64]:
    """Limits as numbers, None as infinity."""
    return np.array([np.inf if value is None else value for value in limits])
