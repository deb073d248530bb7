"""Temperature scaling: one number per number of labels that makes probabilities mean what they say (Guo et al. 2017)."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
COLDEST, HOTTEST = 0.05, 20.0
"""a temperature is sought between these; answers that are all right, or no better than chance, end at a bound"""
LEAST = 1e-12
"""probabilities are held above this before their logarithm is taken"""


def logits_of(probability: Values) -> NDArray[np.float64]:
    """log p, which are the logits up to a constant per row that no softmax sees; (segment, emotion)."""
    return np.log(np.clip(np.asarray(probability, np.float64), LEAST, 1.0))


def cool(probability: Values, temperature: float) -> NDArray[np.float64]:
    """softmax(log p / T): flatter for T > 1, sharper for T < 1; the order of the emotions stays; (segment, emotion)."""
    logits = logits_of(probability) / temperature
    spread = np.exp(logits - logits.max(axis=1, keepdims=True))
    return spread / spread.sum(axis=1, keepdims=True)


def nll(truth: NDArray[np.integer], probability: Values, weight: Values | None = None) -> float:
    """Weighted mean of -log p of the true emotion, in nats; `truth` (segment,) class indices."""
    said = logits_of(probability)[np.arange(len(truth)), truth]
    return float(-np.average(said, weights=weight))


def fit_temperature(truth: NDArray[np.integer], probability: Values, weight: Values | None = None) -> float:
    """The temperature of least weighted NLL, found by bisection.

    With b = 1/T the NLL is convex in b and its slope is mean(E_p[z] - z_true), p = softmax(b z): one root, or none
    between the bounds.
    """
    z = logits_of(probability)
    own = z[np.arange(len(truth)), truth]

    def slope(log_t: float) -> float:
        return float(np.average((cool(probability, np.exp(log_t)) * z).sum(axis=1) - own, weights=weight))

    low, high = np.log(COLDEST), np.log(HOTTEST)
    for end in (low, high):
        # the slope in b falls as T grows: still negative when coldest, or still positive when hottest, the end is best
        if (slope(end) <= 0) if end == low else (slope(end) >= 0):
            return float(np.exp(end))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return float(np.exp((low + high) / 2))
