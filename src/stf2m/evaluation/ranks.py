"""Ranks of several methods within every person: Friedman's test and Nemenyi's critical difference (Demsar 2006)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]


class Ranking(NamedTuple):
    """How methods rank within people; 1 is the best."""

    mean: NDArray[np.float64]
    """(method,) average rank"""
    people: int
    statistic: float
    """Friedman's chi-square, corrected for ties"""
    p: float
    """that all methods rank alike"""
    critical: float
    """average ranks further apart than this differ (Nemenyi)"""


def rank(scores: Values, *, level: float = 0.95) -> Ranking:
    """Rank `scores` (person, method), larger is better, over people who have all methods; NaN = not scored.

    With fewer than two people or methods nothing can be told: p = 1 and an infinite critical difference.
    """
    from scipy.stats import rankdata

    scores = np.asarray(scores, np.float64)
    scores = scores[np.isfinite(scores).all(axis=1)]
    people, methods = scores.shape
    ranks = rankdata(-scores, axis=1) if people else np.full((1, methods), np.nan)
    if people < 2 or methods < 2:
        return Ranking(ranks.mean(axis=0), people, 0.0, 1.0, np.inf)
    statistic, p = friedman(ranks)
    return Ranking(ranks.mean(axis=0), people, statistic, p, critical_difference(methods, people, level=level))


def friedman(ranks: Values) -> tuple[float, float]:
    """Chi-square and p of Friedman's test (1937) on ranks (person, method) within people, with the correction for ties."""
    from scipy.stats import chi2

    people, methods = ranks.shape
    counts = [np.unique(row, return_counts=True)[1] for row in ranks]
    ties = sum(float((count**3 - count).sum()) for count in counts)
    correction = 1 - ties / (people * methods * (methods**2 - 1))
    if correction <= 0:  # everybody ties everything
        return 0.0, 1.0
    spread = 12 / (people * methods * (methods + 1)) * float((ranks.sum(axis=0) ** 2).sum()) - 3 * people * (methods + 1)
    return spread / correction, float(chi2.sf(spread / correction, methods - 1))


def critical_difference(methods: int, people: int, *, level: float = 0.95) -> float:
    """Nemenyi's (1963) critical difference of average ranks: q * sqrt(k (k + 1) / (12 N)), q of the studentised range."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(level, methods, np.inf)) * np.sqrt(methods * (methods + 1) / (12 * people))


def nemenyi(ranking: Ranking) -> Values:
    """(method, method) p-values that two average ranks differ; 1 on the diagonal."""
    from scipy.stats import studentized_range

    methods = len(ranking.mean)
    if ranking.people < 2 or methods < 2:
        return np.ones((methods, methods))
    apart = np.abs(ranking.mean[:, None] - ranking.mean[None]) / np.sqrt(methods * (methods + 1) / (12 * ranking.people))
    p = np.asarray(studentized_range.sf(apart, methods, np.inf), np.float64)
    np.fill_diagonal(p, 1.0)
    return p


def cliques(ranking: Ranking) -> list[tuple[int, ...]]:
    """Largest groups of methods, by position, that lie within the critical difference of each other: the bars of the diagram."""
    order = np.argsort(ranking.mean, kind="stable")
    found: list[tuple[int, ...]] = []
    for i in range(len(order)):
        reach = [int(m) for m in order[i:] if ranking.mean[m] - ranking.mean[order[i]] <= ranking.critical]
        if len(reach) > 1 and not any(set(reach) <= set(group) for group in found):
            found.append(tuple(reach))
    return found
