"""Split conformal prediction: how far an answer must be widened to hold the truth as often as promised.

A score says how badly a value fits an answer. The threshold is a quantile of the scores of the truth on held-out
segments; a set, or an interval, is every value whose score is at most the threshold (Vovk et al. 2005; Lei et al. 2018).
What is promised depends on what is exchangeable, see `threshold`, `group_thresholds` and `person_threshold`.
"""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
Groups = NDArray[np.integer]


def lac_scores(probability: Values) -> NDArray[np.float64]:
    """1 - p of every emotion: the smallest sets on average (Sadinle, Lei, Wasserman 2019); no random numbers; (segment, emotion)."""
    return 1.0 - np.asarray(probability, np.float64)


def of_truth(scores: Values, truth: Groups) -> NDArray[np.float64]:
    """The scores of the true emotions; (segment,)."""
    return np.asarray(scores, np.float64)[np.arange(len(truth)), truth]


def threshold(scores: Values, level: float) -> float:
    """The ceil((n + 1) level)-th smallest score; infinite when n is too small for the level.

    Promise: a new segment that is exchangeable with the n scored ones has a score at most this with probability
    ceil((n + 1) level) / (n + 1) >= level, exactly so without ties. Segments of a new person are not exchangeable with
    those of other people, so for a new person this is a nominal level and no promise.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    rank = math.ceil((len(ordered) + 1) * level - 1e-9)
    return float(ordered[rank - 1]) if 1 <= rank <= len(ordered) else math.inf


def group_thresholds(scores: Values, groups: Groups, count: int, level: float) -> NDArray[np.float64]:
    """One `threshold` per group 0..count-1 (Mondrian conformal prediction; Vovk et al. 2005): the promise holds in each.

    A group is anything that is known of a segment: of a person (age, device), of the answer (the emotion said), or the
    candidate emotion itself, which is then judged by the scores of segments that truly show it. Empty groups are infinite.
    """
    return np.array([threshold(np.asarray(scores)[groups == g], level) for g in range(count)])


def person_quantiles(scores: Values, people: Groups, level: float) -> NDArray[np.float64]:
    """The `threshold` of each person's own scores, in the order of `np.unique(people)`."""
    return np.array([threshold(np.asarray(scores)[people == p], level) for p in np.unique(people)])


def person_threshold(scores: Values, people: Groups, level: float, share: float) -> tuple[float, float]:
    """(threshold, share kept): a threshold that suits whole people rather than segments.

    Each person's own quantile is taken, and of these the ceil((n + 1) share)-th smallest, but at most the largest. Promise,
    when the new person is exchangeable with the n people: with probability r / (n + 1), the share kept (r is the rank), at
    least `level` of the new person's segments lie below. Few people keep a small share: three of four with n = 3.
    Not promised: anything about one segment, about a class, or about the people whom the share leaves out.
    """
    quantiles = np.sort(person_quantiles(scores, people, level))
    rank = min(math.ceil((len(quantiles) + 1) * share - 1e-9), len(quantiles))
    return float(quantiles[rank - 1]), rank / (len(quantiles) + 1)


def prediction_sets(scores: Values, limit: float | Values) -> NDArray[np.bool_]:
    """Emotions whose score is at most `limit` (one number, or one per emotion), and always the best one; (segment, emotion).

    Keeping the best leaves no set empty and can only raise coverage.
    """
    inside = np.asarray(scores) <= np.asarray(limit)
    inside[np.arange(len(inside)), np.argmin(scores, axis=1)] = True
    return inside


def intervals(said: Values, half: float | Values, *, low: float = -1.0, high: float = 1.0) -> NDArray[np.float64]:
    """[said - half, said + half] within the scale; `half` is one number or one per segment; (segment, 2).

    `half` is a threshold of |said - true|. Cutting at the ends of the scale loses no truth.
    """
    said, half = np.asarray(said, np.float64), np.asarray(half, np.float64)
    return np.stack([np.clip(said - half, low, high), np.clip(said + half, low, high)], axis=1)
