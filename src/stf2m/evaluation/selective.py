"""Abstention: how right the answers are when only the surest are given, as pure functions of one person's answers."""

import math

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.integer]
Values = NDArray[np.floating]

SHARES = (80, 60, 40, 20)
"""per cent of segments answered, beside 100 (the accuracy); the abstention curve of a report goes through these"""
SELECTIVE = ("aurc", *(f"accuracy_at_{share}" for share in SHARES))


def risk_curve(truth: Truth, probability: Values) -> NDArray[np.float64]:
    """Error rate among the n surest answers, n = 1..segments; sure is the largest probability.

    Equally sure answers are taken in random order: each counts with their mean error, which is the expectation.
    """
    wrong = (probability.argmax(axis=1) != truth).astype(np.float64)
    _, place = np.unique(-probability.max(axis=1).astype(np.float64), return_inverse=True)
    tied = np.bincount(place, weights=wrong) / np.bincount(place)
    return np.cumsum(tied[np.sort(place)]) / np.arange(1, len(truth) + 1)


def aurc(truth: Truth, probability: Values) -> float:
    """Area under the risk-coverage curve, the mean of `risk_curve` (Geifman, Uziel, El-Yaniv 2019); 0 best, the error rate if sureness says nothing."""
    return float(risk_curve(truth, probability).mean())


def measure_selective(truth: Truth, probability: Values) -> dict[str, float]:
    """`aurc` and the accuracy of the surest 80, 60, 40 and 20 % of the labelled (>= 0) segments."""
    curve = risk_curve(truth[truth >= 0], probability[truth >= 0])
    at = {f"accuracy_at_{share}": float(1 - curve[math.ceil(len(curve) * share / 100) - 1]) for share in SHARES}
    return {"aurc": float(curve.mean()), **at}
