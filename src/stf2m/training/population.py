"""What the training people say about descriptors as a population of people: axes, class means, and how people differ along them.

A segment of person p and class c is a Gaussian on three levels, here in the metric in which the innermost scatter is the identity:

    x = m_c + o_p + e_pc + (drift of the recording) + noise,   o ~ N(0, offset), e ~ N(0, deviation), noise ~ N(0, I)

The three variances are variance components (Searle, Casella, McCulloch 1992), found from pairs of segments of one person:
two classes in two groups share o alone, one class in two groups shares o + e, one class in one group also shares the drift.
`group` is the recording or stimulus: what only holds within one recording says nothing about the next.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 20_000
"""rows used per population, evenly spread"""
EVEN = 0.2
"""how far the variances along the axes are drawn to their mean: a dozen people know each of them poorly"""
NO_SCATTER = 1e-9
"""mean variance within people and classes, of standardised descriptors, below which a modality was not there"""

Values = NDArray[np.float64]


class Rows(NamedTuple):
    """Labelled segments of the training people."""

    values: NDArray[np.floating]
    """(row, descriptor) standardised, without NaN"""
    labels: NDArray[np.integer]
    subjects: NDArray[np.integer]
    groups: NDArray[np.integer]
    """recording or stimulus; equal numbers of different people mean nothing"""

    def without(self, person: int) -> "Rows":
        """The rows of everybody else."""
        others = self.subjects != person
        return Rows(self.values[others], self.labels[others], self.subjects[others], self.groups[others])


class Population(NamedTuple):
    """`metric` float32 (descriptor, descriptor): x' = x metric, block by block of the modalities; the scatter within person and
    class becomes the identity, and the axes are those along which people differ most. `means` float32 (emotion, descriptor):
    class means of a person in general, in that metric. `spread` float32 (3, descriptor): variances of offset, deviation
    and drift along the axes.

    logit_c(x') = x' m_c - |m_c|^2 / 2 is linear discriminant analysis with a shared covariance.
    """

    metric: NDArray[np.float32]
    means: NDArray[np.float32]
    spread: NDArray[np.float32]


def fit_population(rows: Rows, owner: NDArray[np.integer], emotions: int, shrinkage: float) -> Population:
    """`owner` (descriptor,): index of its modality. The scatter is shrunk towards a multiple of the identity by `shrinkage`."""
    values, people = np.asarray(rows.values, np.float64), np.unique(rows.subjects)
    own = np.stack([_balanced_mean(values, rows, person) for person in people.tolist()])
    relative = values - own[np.searchsorted(people, rows.subjects)]
    means = np.zeros((emotions, values.shape[1]))
    for c in np.unique(rows.labels):
        means[c] = relative[rows.labels == c].mean(axis=0)
    residual, means = relative - means[rows.labels], means + own.mean(axis=0)
    width = values.shape[1]
    metric, spread = np.zeros((width, width)), np.zeros((3, width))
    for block in np.unique(owner):
        where = np.flatnonzero(owner == block)
        white = whitening(residual[:, where], shrinkage)
        apart = (values - means[rows.labels])[:, where] @ white
        axes, spread[:, where] = components(apart, rows)
        metric[np.ix_(where, where)] = white @ axes
    return Population(metric.astype(np.float32), (means @ metric).astype(np.float32), spread.astype(np.float32))


def _balanced_mean(values: Values, rows: Rows, person: int) -> Values:
    """(descriptor,) a person's mean in which every class has the same say."""
    mine = rows.subjects == person
    return np.mean([values[mine & (rows.labels == c)].mean(axis=0) for c in np.unique(rows.labels[mine])], axis=0)


def whitening(residual: Values, shrinkage: float) -> Values:
    """The symmetric inverse square root of the shrunk covariance of `residual` (row, descriptor); 0 where nothing scatters, because
    what nobody shows has no metric."""
    scatter = residual.T @ residual / max(1, len(residual))
    level = np.trace(scatter) / len(scatter)
    if level < NO_SCATTER:
        return np.zeros_like(scatter)
    size, axes = np.linalg.eigh((1 - shrinkage) * scatter + shrinkage * level * np.eye(len(scatter)))
    return (axes / np.sqrt(size)) @ axes.T


def components(apart: Values, rows: Rows) -> tuple[Values, Values]:
    """Axes (descriptor, axis), and (3, axis) variances of offset, deviation and drift along them.

    `apart` (row, descriptor): distance to the class means. The axes diagonalise offset + deviation; the drift is the same along
    all of them. A variance below 0, which pairs may give, is 0.
    """
    two, one, near = (np.mean(found, axis=0) if found else np.zeros((apart.shape[1],) * 2) for found in pairs(apart, rows))
    axes = np.linalg.eigh((one + one.T) / 2)[1]
    shared, offset = (np.einsum("ij,ik,kj->j", axes, matrix, axes) for matrix in (one, two))
    drift = np.full(len(axes), max(0.0, float(np.trace(near) - np.trace(one)) / len(axes)))
    variances = [_evened(np.maximum(value, 0.0)) for value in (offset, shared - offset)]
    return axes, np.stack([*variances, drift])


def _evened(variance: Values) -> Values:
    return (1 - EVEN) * variance + EVEN * variance.mean()


def pairs(apart: Values, rows: Rows) -> tuple[list[Values], list[Values], list[Values]]:
    """Per person the mean of x_i x_j^T over pairs of segments: of two classes in two groups, of one class in two groups, and (the
    diagonal only) of one class in one group. People without such a pair are left out."""
    found: tuple[list[Values], list[Values], list[Values]] = ([], [], [])
    for person in np.unique(rows.subjects):
        mine = rows.subjects == person
        own, place = np.unique(rows.groups[mine], return_inverse=True)
        classes, label = np.unique(rows.labels[mine], return_inverse=True)
        total = np.zeros((len(classes), len(own), apart.shape[1]))
        square, count = np.zeros_like(total), np.zeros(total.shape[:2])
        np.add.at(total, (label, place), apart[mine])
        np.add.at(square, (label, place), apart[mine] ** 2)
        np.add.at(count, (label, place), 1.0)
        for kept, matrices in zip(found, _of_person(total, square, count)):
            kept += [np.mean(matrices, axis=0)] if matrices else []
    return found


def _of_person(total: Values, square: Values, count: Values) -> tuple[list[Values], list[Values], list[Values]]:
    """The three kinds of pair means, one matrix per class, from sums over (class, group)."""
    two, one, near = [], [], []
    everything, everywhere = total.sum(axis=0), count.sum(axis=0)
    for c in range(len(total)):
        mine, others, n, m = total[c], everything - total[c], count[c], everywhere - count[c]
        if (number := n.sum() * m.sum() - (n * m).sum()) > 0:
            cross = (np.outer(mine.sum(axis=0), others.sum(axis=0)) - mine.T @ others) / number
            two.append((cross + cross.T) / 2)
        if (number := n.sum() ** 2 - (n**2).sum()) > 0:
            one.append((np.outer(mine.sum(axis=0), mine.sum(axis=0)) - mine.T @ mine) / number)
        if (number := (n**2 - n).sum()) > 0:
            near.append(np.diag((mine**2 - square[c]).sum(axis=0) / number))
    return two, one, near


def jackknife(rows: Rows, owner: NDArray[np.integer], emotions: int, shrinkage: float, people: Sequence[int]) -> dict[int, Population]:
    """The population without each person, so that a training person meets it as a new person would.

    Otherwise every training task would see class means that already contain its own query, and would learn to trust them
    blindly.
    """
    return {person: fit_population(rows.without(person), owner, emotions, shrinkage) for person in people}


def groups_of(
    stimulus: NDArray[np.integer], recording: NDArray[np.integer], subjects: NDArray[np.integer], time: NDArray[np.floating]
) -> NDArray[np.int64]:
    """(row,) the stimulus, or the recording where there is none; a person with a single one is cut into four quarters in time."""
    groups = np.where(stimulus >= 0, stimulus, recording + int(stimulus.max(initial=-1)) + 1).astype(np.int64)
    for person in np.unique(subjects):
        mine = np.flatnonzero(subjects == person)
        if len(np.unique(groups[mine])) == 1:
            groups[mine] = time[mine].argsort(kind="stable").argsort(kind="stable") * 4 // len(mine)
    return groups
