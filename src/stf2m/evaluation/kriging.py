"""Kriging: how far a person's own labels correct what is expected of the person at another moment.

Residuals e of a person (what was said minus what was expected) are a Gaussian process over the person's segments, learnt
from how training people differ from what is expected of them (simple kriging, Krige 1951; of indicators, Journel 1983):

    e(q)    = K(q, S) (K(S, S) + n I)^-1 e_S
    K(i, j) = a + b [same recording] + c [same recording] exp(-|t_i - t_j| / l) + d exp(-|u_i - u_j| / h)

t s in the recording, u s in the session. a is how a person differs everywhere, b in one recording; c and d fade with time
and are 0 where times may not be known. a, b, c, d >= 0 are least squares over pairs of residuals, l and h the best of a few.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Rows

Values = NDArray[np.float64]
WIDTHS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""s, tried for l"""
FAR_WIDTHS = (60.0, 300.0, 1200.0)
"""s, tried for h"""
MOST_ROWS = 200
"""segments of a training person whose pairs are looked at, spread evenly"""
LEAST_NOISE = 0.05
"""share of the residuals' variance"""


class Gaps(NamedTuple):
    """How far pairs of segments of one person lie apart; arrays of one shape."""

    same: Values
    """1 in one recording, else 0"""
    apart: Values
    """s in the recording; infinite where times may not be known"""
    session: Values
    """s in the session; infinite where times may not be known, or are not"""


class Parts(NamedTuple):
    """The covariance of one quantity."""

    person: float
    recording: float
    near: float
    far: float
    width: float
    """s, l"""
    far_width: float
    """s, h"""
    noise: float

    def covariance(self, gaps: Gaps) -> Values:
        """K of pairs."""
        return np.tensordot(np.array(self[:4]), shapes(gaps, self.width, self.far_width), axes=1)


class Pairs(NamedTuple):
    """Pairs of segments of a person, of all people in one row."""

    gaps: Gaps
    product: Values
    """(pair,) of the residuals, summed over columns"""
    weight: Values
    """(pair,) every person weighs as much as any other"""


def gaps_of(segments: Segments, a: Rows, b: Rows, *, with_times: bool = True) -> Gaps:
    """Of every segment in `a` to every one in `b`."""
    never = np.full((len(a), len(b)), np.inf)
    same = (segments.recording[a][:, None] == segments.recording[b]).astype(np.float64)
    apart, session = (np.abs(time[a][:, None] - time[b]).astype(np.float64) for time in (segments.spans[:, 0], segments.session_time))
    return Gaps(same, apart if with_times else never, session if with_times and segments.has_session_clock else never)


def shapes(gaps: Gaps, width: float, far_width: float) -> Values:
    """(part, ...) what a, b, c and d are multiplied by."""
    return np.stack([
        np.ones_like(gaps.same), gaps.same, gaps.same * np.exp(-gaps.apart / width), np.exp(-gaps.session / far_width)
    ])  # fmt: skip


def correct(parts: Parts, segments: Segments, support: Rows, left: Values, query: Rows) -> Values:
    """(query, ...) residuals expected of the query from those of the support, `left` (support, ...); 0 without a support."""
    if not len(support):
        return np.zeros((len(query), *left.shape[1:]))
    gram = parts.covariance(gaps_of(segments, support, support)) + parts.noise * np.eye(len(support))
    return parts.covariance(gaps_of(segments, query, support)) @ np.linalg.solve(gram, left)


def fit_parts(segments: Segments, rows: Rows, left: Values, *, with_times: bool) -> Parts:
    """Covariance of the residuals `left` (segment, column), summed over columns; 0 where there is nothing to learn it from."""
    rows = rows[np.isfinite(left[rows]).all(axis=1)]
    variance = float((left[rows] ** 2).sum(axis=1).mean()) if len(rows) else 0.0
    best, error = Parts(0.0, 0.0, 0.0, 0.0, WIDTHS[0], FAR_WIDTHS[0], 0.0), np.inf
    pairs = pairs_of(segments, rows, left, with_times)
    if pairs is not None:
        for width, far in [(width, far) for width in WIDTHS for far in FAR_WIDTHS]:
            found, wrong = least_squares(shapes(pairs.gaps, width, far), pairs.product, pairs.weight)
            if wrong < error * (1 - 1e-9):
                best, error = Parts(found[0], found[1], found[2], found[3], width, far, 0.0), wrong
    return best._replace(noise=max(variance - sum(best[:4]), LEAST_NOISE * variance, 1e-6))


def pairs_of(segments: Segments, rows: Rows, left: Values, with_times: bool) -> Pairs | None:
    """Every two of at most `MOST_ROWS` of each person's `rows`; None where nobody has two."""
    gaps, products, weights = [], [], []
    for person in np.unique(segments.subject[rows]):
        mine = rows[segments.subject[rows] == person]
        mine = mine[np.unique(np.linspace(0, len(mine) - 1, MOST_ROWS).astype(int))]
        at = np.triu_indices(len(mine), 1)
        if len(mine) > 1:
            gaps.append([part[at] for part in gaps_of(segments, mine, mine, with_times=with_times)])
            products.append((left[mine] @ left[mine].T)[at])
            weights.append(np.full(len(at[0]), 1 / len(at[0])))
    if not gaps:
        return None
    return Pairs(Gaps(*map(np.concatenate, zip(*gaps))), np.concatenate(products), np.concatenate(weights))


def least_squares(terms: Values, wanted: Values, weight: Values) -> tuple[Values, float]:
    """(factors >= 0 of `terms` (term, pair), weighted squared error)."""
    from scipy.optimize import nnls

    weighted = terms * weight
    square, product = weighted @ terms.T, weighted @ wanted
    root = np.linalg.cholesky(square + 1e-9 * np.trace(square) * np.eye(len(terms)))
    found, _ = nnls(root.T, np.linalg.solve(root, product))
    return found, float(weight @ wanted**2 - 2 * found @ product + found @ square @ found)
