"""Which segment of a person should be labelled next: strategies as pure functions of answers and codes.

`representative`, ours, asks for the segment whose label is expected to tell most about the segments that are still unsure:

    need(x) sum_u h_u K(u, x)^2 / (K(x, x) + s^2)

h_u is the normalised entropy of the present answer for u, K a Gaussian kernel in the network's code space after what has been
asked is taken out (the posterior covariance of a Gaussian process), so the fraction is how much a noisy label at x shrinks
the variance at u (Yu, Bi, Tresp 2006: transductive experimental design): large in the middle of many unlike ones, small
beside what was asked. need(x) = sum_c p_c(x) / (1 + n_c) prefers emotions of which few labels n_c are there.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.errors import InvalidConfig

Values = NDArray[np.floating]
NOISE = 0.1
"""s^2: variance of one label against that of the kernel"""


class Pool(NamedTuple):
    """What a strategy may look at; rows are the segments of one person that may be asked or have been."""

    code: Values
    """(row, feature)"""
    probability: Values
    """(row, emotion) present answers; of asked rows they are not read"""
    asked: tuple[int, ...]
    """rows that have been asked"""
    counts: Values
    """(emotion,) labels of the person so far; expected ones count as fractions"""

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """(row,): may still be asked."""
        found = np.ones(len(self.code), bool)
        found[list(self.asked)] = False
        return found


Strategy = Callable[[Pool, np.random.Generator], int]
"""the row to ask next; ties fall to the earliest"""


def random(pool: Pool, rng: np.random.Generator) -> int:
    """Any open row."""
    return int(rng.choice(np.flatnonzero(pool.is_open)))


def uncertainty(pool: Pool, rng: np.random.Generator) -> int:
    """The open row whose answer has the largest entropy (Lewis, Gale 1994)."""
    return int(np.where(pool.is_open, entropy(pool.probability), -np.inf).argmax())


def representative(pool: Pool, rng: np.random.Generator) -> int:
    """The open row with the largest product of need and expected gain; see the head of this file."""
    return int(np.where(pool.is_open, need(pool) * gain(pool), -np.inf).argmax())


STRATEGIES: dict[str, Strategy] = {"random": random, "uncertainty": uncertainty, "representative": representative}


def check_classes(target: str) -> None:
    """Raise `InvalidConfig` for a target whose answers have no entropy to go by."""
    if not has_classes(target):
        raise InvalidConfig("asking needs classes", got=f"target {target!r}", hint="name a target such as arousal2, quadrant or emotion")


def entropy(probability: Values) -> NDArray[np.float64]:
    """Normalised entropy of each row, 0 sure .. 1 no idea."""
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1.0)
    return -(p * np.log(p)).sum(axis=1) / np.log(max(p.shape[1], 2))


def need(pool: Pool) -> NDArray[np.float64]:
    """(row,): expected 1 / (1 + labels so far) of the row's emotion."""
    return np.asarray(pool.probability, np.float64) @ (1.0 / (1.0 + np.asarray(pool.counts, np.float64)))


def gain(pool: Pool) -> NDArray[np.float64]:
    """(row,): how much a label there shrinks the variance of the open rows, each weighted by its entropy."""
    covariance = posterior(kernel(pool.code), pool.asked)
    unsure = entropy(pool.probability) * pool.is_open
    return (unsure @ covariance**2) / (np.diag(covariance) + NOISE)


def kernel(code: Values) -> NDArray[np.float64]:
    """exp(-d^2 / (2 median d^2)) of the standardised codes; (row, row)."""
    x = np.asarray(code, np.float64)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
    square = (x**2).sum(axis=1)
    apart = np.maximum(square[:, None] + square[None] - 2 * x @ x.T, 0.0)
    usual = np.median(apart[np.triu_indices(len(x), 1)]) if len(x) > 1 else 1.0
    return np.exp(-apart / (2 * max(float(usual), 1e-9)))


def posterior(covariance: Values, asked: tuple[int, ...]) -> NDArray[np.float64]:
    """K - K_A (K_AA + s^2 I)^-1 K_A^T: what is left unknown after labels at the rows A."""
    rows = list(asked)
    if not rows:
        return np.asarray(covariance, np.float64)
    across = covariance[:, rows]
    return covariance - across @ np.linalg.solve(covariance[np.ix_(rows, rows)] + NOISE * np.eye(len(rows)), across.T)
