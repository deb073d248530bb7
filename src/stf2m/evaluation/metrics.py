"""Scores of one person's answers, as pure functions of arrays.

Class metrics take `truth` (segment,) class indices >= 0 and `probability` (segment, emotion); rating metrics take two
(segment,) arrays in -1..1. All are computed per person first; nothing here pools people.
"""

from collections.abc import Callable

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

SMALLER_IS_BETTER = frozenset({"ece", "mae"})


def measure(truth: Truth, probability: Values) -> dict[str, float]:
    """Every class metric over the rows whose `truth` is labelled (>= 0)."""
    labelled = truth >= 0
    return {name: metric(truth[labelled], probability[labelled]) for name, metric in METRICS.items()}


def measure_ratings(truth: Values, said: Values) -> dict[str, float]:
    """`ccc_valence`, `ccc_arousal`, ... from (segment, 2) ratings, over the rows where both are known; empty when none is."""
    known = np.isfinite(truth).all(axis=1) & np.isfinite(said).all(axis=1)
    if known.sum() < 3:
        return {}
    return {
        f"{name}_{axis}": metric(truth[known, i], said[known, i])
        for name, metric in RATING_METRICS.items()
        for i, axis in enumerate(("valence", "arousal"))
    }
