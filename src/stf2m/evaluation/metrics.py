"""Scores of one person's answers, as pure functions of arrays.

Class metrics take `truth` (segment,) class indices >= 0 and `probability` (segment, emotion); rating metrics take two
(segment,) arrays in -1..1. All are computed per person first; nothing here pools people.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.integer]
Values = NDArray[np.floating]


def confusion(truth: Truth, said: Truth, count: int) -> NDArray[np.int64]:
    """(truth, said) counts over `count` classes."""
    return np.bincount(truth.astype(np.int64) * count + said, minlength=count * count).reshape(count, count)


def accuracy(truth: Truth, probability: Values) -> float:
    """Share of segments whose most probable class is the true one, 0..1."""
    return float((probability.argmax(axis=1) == truth).mean())


def balanced_accuracy(truth: Truth, probability: Values) -> float:
    """Mean recall over the classes that are present in `truth`, 0..1 (chance: 1 / number of those classes)."""
    table = confusion(truth, probability.argmax(axis=1), probability.shape[1])
    total = table.sum(axis=1)
    return float((np.diag(table)[total > 0] / total[total > 0]).mean())


def macro_f1(truth: Truth, probability: Values) -> float:
    """Mean F1 over the classes that are true or said somewhere, 0..1."""
    table = confusion(truth, probability.argmax(axis=1), probability.shape[1])
    both = table.sum(axis=0) + table.sum(axis=1)
    return float((2 * np.diag(table)[both > 0] / both[both > 0]).mean())


def kappa(truth: Truth, probability: Values) -> float:
    """Cohen's kappa, 0 = agreement by chance; 0 when truth and answers are one and the same single class."""
    table = confusion(truth, probability.argmax(axis=1), probability.shape[1]) / len(truth)
    expected = float(table.sum(axis=0) @ table.sum(axis=1))
    return float((np.trace(table) - expected) / (1 - expected)) if expected < 1 else 0.0


def ece(truth: Truth, probability: Values, bins: int = 10) -> float:
    """Expected calibration error of the most probable class, equal-width bins of confidence (Guo et al. 2017), 0..1."""
    confidence = probability.max(axis=1).astype(np.float64)
    right = probability.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))


def quadratic_kappa(truth: Truth, probability: Values) -> float:
    """Cohen's kappa with quadratic weights (Cohen 1968), -1..1: 1 - sum d^2 O / sum d^2 E, d how many classes lie between.

    0 when truth and answers are one and the same single class.
    """
    count = probability.shape[1]
    table = confusion(truth, probability.argmax(axis=1), count) / len(truth)
    apart = np.subtract.outer(np.arange(count), np.arange(count)).astype(np.float64) ** 2
    expected = float((apart * np.outer(table.sum(axis=1), table.sum(axis=0))).sum())
    return 1.0 - float((apart * table).sum()) / expected if expected > 0 else 0.0


def class_error(truth: Truth, probability: Values) -> float:
    """Mean absolute distance between the most probable class and the true one, in classes."""
    return float(np.abs(probability.argmax(axis=1) - truth.astype(np.int64)).mean())


def vote_cross_entropy(votes: Values, probability: Values) -> float:
    """Mean -sum_c v_c log p_c against the annotators' vote shares v, in nats; its least value is the votes' own entropy."""
    return float(-(votes * np.log(np.clip(probability.astype(np.float64), 1e-12, 1.0))).sum(axis=1).mean())


def vote_brier(votes: Values, probability: Values) -> float:
    """Mean sum_c (p_c - v_c)^2 against the annotators' vote shares v (after Brier 1950), 0..2."""
    return float(((probability.astype(np.float64) - votes) ** 2).sum(axis=1).mean())


def ccc(truth: Values, said: Values) -> float:
    """Concordance correlation coefficient (Lin 1989), -1..1; 0 when nothing varies."""
    truth, said = np.asarray(truth, np.float64), np.asarray(said, np.float64)
    cover = ((truth - truth.mean()) * (said - said.mean())).mean()
    below = truth.var() + said.var() + (truth.mean() - said.mean()) ** 2
    return float(2 * cover / below) if below > 1e-12 else 0.0


def pearson(truth: Values, said: Values) -> float:
    """Pearson correlation, -1..1; 0 when one side is constant."""
    truth, said = np.asarray(truth, np.float64), np.asarray(said, np.float64)
    below = truth.std() * said.std()
    return float(((truth - truth.mean()) * (said - said.mean())).mean() / below) if below > 1e-12 else 0.0


def mae(truth: Values, said: Values) -> float:
    """Mean absolute error in the unit of the ratings."""
    return float(np.abs(np.asarray(truth, np.float64) - said).mean())


METRICS: dict[str, Callable[..., float]] = {
    "balanced_accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "kappa": kappa,
    "ece": ece,
}
"""Class metrics by name: (truth, probability) -> number."""

RATING_METRICS: dict[str, Callable[..., float]] = {"ccc": ccc, "pearson": pearson, "mae": mae}
"""Rating metrics by name: (truth, said) -> number; measured for valence and for arousal."""

ORDINAL_METRICS: dict[str, Callable[..., float]] = {"quadratic_kappa": quadratic_kappa, "class_error": class_error}
"""Class metrics by name for targets whose classes have an order: (truth, probability) -> number."""

VOTE_METRICS: dict[str, Callable[..., float]] = {"vote_cross_entropy": vote_cross_entropy, "vote_brier": vote_brier}
"""Metrics by name against the vote shares of several annotators: (votes, probability) -> number."""

AXES = ("valence", "arousal")
RATING_SCORES = tuple(f"{name}_{axis}" for name in RATING_METRICS for axis in AXES)
"""what is measured of ratings, by name"""
RATING_MEANS = {f"{name}_mean": tuple(f"{name}_{axis}" for axis in AXES) for name in RATING_METRICS}
"""the mean over both axes -> what it is the mean of"""

PRIMARY = (*METRICS, *ORDINAL_METRICS, *VOTE_METRICS, *RATING_SCORES, *RATING_MEANS)
"""every metric that a table can be about"""
OF_RATINGS = frozenset({*RATING_SCORES, *RATING_MEANS})
SMALLER_IS_BETTER = frozenset({"ece", "class_error", *VOTE_METRICS, *(f"mae_{axis}" for axis in (*AXES, "mean"))})


def measure(truth: Truth, probability: Values, metrics: Mapping[str, Callable[..., float]] = METRICS) -> dict[str, float]:
    """Every class metric (or the given ones) over the rows whose `truth` is labelled (>= 0)."""
    labelled = truth >= 0
    return {name: metric(truth[labelled], probability[labelled]) for name, metric in metrics.items()}


def measure_votes(votes: Values, probability: Values) -> dict[str, float]:
    """Every vote metric over the rows that somebody voted on: `votes` (segment, emotion), rows of 0 where nobody did."""
    voted = votes.sum(axis=1) > 0
    return {name: metric(votes[voted], probability[voted]) for name, metric in VOTE_METRICS.items()} if voted.any() else {}


def measure_ratings(truth: Values, said: Values) -> dict[str, float]:
    """`ccc_valence`, `ccc_arousal`, ... from (segment, 2) ratings, over the rows where both are known; empty when none is."""
    known = np.isfinite(truth).all(axis=1) & np.isfinite(said).all(axis=1)
    if known.sum() < 3:
        return {}
    return {
        f"{name}_{axis}": metric(truth[known, i], said[known, i]) for name, metric in RATING_METRICS.items() for i, axis in enumerate(AXES)
    }
