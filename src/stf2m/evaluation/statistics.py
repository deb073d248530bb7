"""From numbers per person to a mean with an interval, and from two conditions to a verdict.

People are the unit: draws are averaged within a person first, and the bootstrap resamples people. A verdict needs two witnesses: the
interval of a difference is the union of the bootstrap's and of Student's, because the bootstrap's tails are too short for a dozen people
(of 12 comparisons of 18 people between which nothing differs, each at .05 / 12, it calls 1.6 % different instead of .4 %).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
RESAMPLES = 10_000


class Interval(NamedTuple):
    """A mean over people and its bootstrap interval."""

    mean: float
    low: float
    high: float
    people: int


class Difference(NamedTuple):
    """Paired difference a - b over people: interval at the corrected level, effect sizes, Wilcoxon p (uncorrected). Of fewer than two
    people nothing can be said: their interval is NaN."""

    mean: float
    low: float
    high: float
    people: int
    effect: float
    """mean / standard deviation of the differences (Cohen's d_z)"""
    p: float
    rank_biserial: float = 0.0
    """share of the rank sum in favour of a minus the share in favour of b, -1..1 (matched pairs)"""

    @property
    def is_above(self) -> bool:
        """The whole corrected interval lies above zero."""
        return self.low > 0


def _resampled(values: Values, seed: int) -> Values:
    """(RESAMPLES,) means of people drawn with replacement; the same draws for the same number of people."""
    return values[_drawn(len(values), seed)].mean(axis=1)


@lru_cache(maxsize=8)
def _drawn(people: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(people, size=(RESAMPLES, people))


def interval(values: Values, *, level: float = 0.95, seed: int = 0) -> Interval:
    """Mean over people with a percentile bootstrap interval; `values` (person,), NaN = person not scored."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    low, high = np.quantile(_resampled(known, seed), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(known.mean()), float(low), float(high), len(known))


def paired(a: Values, b: Values, *, comparisons: int = 1, level: float = 0.95, seed: int = 0) -> Difference:
    """Difference a - b over the people who have both, with an interval corrected for `comparisons` (Bonferroni): from the lower of the
    bootstrap's and Student's lower ends to the higher of their upper ends."""
    from scipy.stats import wilcoxon

    gap = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    gap = gap[np.isfinite(gap)]
    wide = 1 - (1 - level) / comparisons
    mean, low, high, people = interval(gap, level=wide, seed=seed)
    low, high = (np.nan, np.nan) if people < 2 else _with_students(gap, low, high, wide)
    if people < 2 or np.ptp(gap) == 0:
        same = people == 0 or bool(np.all(gap == 0))
        effect, p = (0.0, 1.0) if same else (np.inf * np.sign(mean), 2.0 ** (1 - max(people, 1)))
        return Difference(mean, low, high, people, effect, p, rank_biserial(gap))
    p = float(np.asarray(wilcoxon(gap))[1])
    return Difference(mean, low, high, people, float(gap.mean() / gap.std(ddof=1)), p, rank_biserial(gap))


def _with_students(gap: Values, low: float, high: float, level: float) -> tuple[float, float]:
    """The interval low .. high widened to Student's, m -+ t s / sqrt n (Student 1908); to 0 where people are so few that even equal
    signs of all are chance."""
    from scipy.stats import t

    people = len(gap)
    reach = float(t.ppf((1 + level) / 2, people - 1)) * gap.std(ddof=1) / np.sqrt(people)
    low, high = min(low, float(gap.mean() - reach)), max(high, float(gap.mean() + reach))
    return (min(low, 0.0), max(high, 0.0)) if 2.0 ** (1 - people) > 1 - level else (low, high)


def least_p(people: int, comparisons: int) -> float:
    """The smallest corrected p that so many people can give, when all differ in one direction: comparisons * 2^(1 - people).

    Above 1 - level no corrected interval of `paired` leaves 0 either.
    """
    return min(1.0, comparisons * 2.0 ** (1 - people))


def people_needed(comparisons: int, *, level: float = 0.95) -> int:
    """The fewest people of whom `least_p` is at most 1 - level."""
    return 1 + int(np.ceil(np.log2(max(comparisons, 1) / (1 - level)) - 1e-9))


def rank_biserial(gap: Values) -> float:
    """Matched-pairs rank-biserial correlation of the differences `gap` (person,): (W+ - W-) / (W+ + W-), -1..1.

    W+ and W- are the rank sums of Wilcoxon's test, zeros dropped (Kerby 2014); 0 when nothing differs.
    """
    from scipy.stats import rankdata

    gap = np.asarray(gap, np.float64)
    gap = gap[np.isfinite(gap) & (gap != 0)]
    if not len(gap):
        return 0.0
    ranks = rankdata(np.abs(gap))
    return float((ranks * np.sign(gap)).sum() / ranks.sum())


def holm(p: Values) -> Values:
    """Holm's step-down correction of p-values (1979): (comparison,) -> adjusted, in the order given."""
    p = np.asarray(p, np.float64)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    out = np.empty_like(p)
    out[order] = np.minimum(adjusted, 1.0)
    return out
