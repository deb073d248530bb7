"""What the training people say about descriptors as a Gaussian population: a metric and class means, in closed form."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 20_000
"""rows used per population, evenly spread"""


class Population(NamedTuple):
    """`metric` float32 (descriptor, descriptor) whitens the scatter within person and class, block by block of the
    modalities; `means` float32 (emotion, descriptor) are the class means relative to a person's own mean, whitened.

    logit_c(x) = x' m_c - |m_c|^2 / 2 with x' = x metric is linear discriminant analysis with a shared covariance.
    """

    metric: NDArray[np.float32]
    means: NDArray[np.float32]


def fit_population(
    values: NDArray[np.floating],
    labels: NDArray[np.integer],
    subjects: NDArray[np.integer],
    owner: NDArray[np.integer],
    emotions: int,
    shrinkage: float,
) -> Population:
    """values (row, descriptor) standardised, without NaN; owner (descriptor,) index of its modality.

    The covariance is shrunk towards a multiple of the identity by `shrinkage`, so that few people suffice.
    """
    relative = np.array(values, dtype=np.float64)
    for person in np.unique(subjects):
        mine = subjects == person
        relative[mine] -= np.mean([relative[mine & (labels == c)].mean(axis=0) for c in np.unique(labels[mine])], axis=0)
    means = np.zeros((emotions, values.shape[1]))
    for c in np.unique(labels):
        means[c] = relative[labels == c].mean(axis=0)
    residual = relative - means[labels]
    metric = np.zeros((values.shape[1], values.shape[1]))
    for block in np.unique(owner):
        where = np.flatnonzero(owner == block)
        metric[np.ix_(where, where)] = whitening(residual[:, where], shrinkage)
    return Population(metric.astype(np.float32), (means @ metric).astype(np.float32))


def whitening(residual: NDArray[np.float64], shrinkage: float) -> NDArray[np.float64]:
    """The symmetric inverse square root of the shrunk covariance of `residual` (row, descriptor)."""
    scatter = residual.T @ residual / max(1, len(residual))
    level = max(np.trace(scatter) / len(scatter), 1e-9)
    size, axes = np.linalg.eigh((1 - shrinkage) * scatter + shrinkage * level * np.eye(len(scatter)))
    return (axes / np.sqrt(size)) @ axes.T


def jackknife(
    values: NDArray[np.floating],
    labels: NDArray[np.integer],
    subjects: NDArray[np.integer],
    owner: NDArray[np.integer],
    emotions: int,
    shrinkage: float,
    people: Sequence[int],
) -> dict[int, Population]:
    """The population without each person, so that a training person meets it as a new person would.

    Otherwise every training task would see class means that already contain its own query, and would learn to trust them
    blindly.
    """
    found = {}
    for person in people:
        others = subjects != person
        found[person] = fit_population(values[others], labels[others], subjects[others], owner, emotions, shrinkage)
    return found
