"""Multinomial logistic regression with row weights: few lines, warm starts, no surprises.

    minimise  sum_i w_i * -log softmax(W x_i + b)[y_i]  +  strength / 2 * |W|^2      (b is not penalised)

solved by L-BFGS (scipy) on V = L^T W, where L L^T is close to the curvature, so that correlated features do not slow it down. The
problem is convex, so warm start and L change the time and not the answer.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
TOLERANCE = 1e-6
"""of the gradient along V, relative to the total weight: probabilities are right to about 3e-4"""
LONGEST = 300


def softmax(scores: Values) -> Values:
    """Rows of `scores` (row, class) as probabilities."""
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def scale_of(x: Values, weight: Values, *, classes: int, strength: float) -> Values:
    """L (feature + 1, feature + 1), lower triangular: L L^T is the curvature of one class's weights while all scores are 0."""
    full = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    share = (classes - 1) / classes**2
    ridge = np.full(full.shape[1], strength + 1e-9)
    ridge[-1] = 1e-9 * max(1.0, float(weight.sum()))
    curvature = share * (full * weight[:, None]).T @ full + np.diag(ridge)
    return np.asarray(np.linalg.cholesky(curvature), np.float64)


def fit_logistic(
    x: Values, y: NDArray[np.integer], weight: Values, *, classes: int, strength: float, start: Values | None = None,
    scale: Values | None = None,
) -> Values:  # fmt: skip
    """Weights (feature + 1, class), the last row being the intercept; `x` (row, feature) finite, `weight` (row,) >= 0.

    `scale`: what `scale_of` gave for rows that are mostly the same; computed here where it is missing.
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    width = x.shape[1]
    lower = scale_of(x, weight, classes=classes, strength=strength) if scale is None else scale
    inverse = solve_triangular(lower, np.eye(width + 1), lower=True)
    hot = np.eye(classes)[y] * weight[:, None]
    total = max(float(weight.sum()), 1e-12)

    def loss(flat: Values) -> tuple[float, Values]:
        w = inverse.T @ flat.reshape(width + 1, classes)
        scores = x @ w[:-1] + w[-1]
        top = scores.max(axis=1, keepdims=True)
        spread = np.exp(scores - top)
        below = spread.sum(axis=1, keepdims=True)
        value = float(weight @ (np.log(below) + top)[:, 0] - (hot * scores).sum()) + 0.5 * strength * float((w[:-1] ** 2).sum())
        error = spread / below * weight[:, None] - hot
        slope = np.concatenate([x.T @ error + strength * w[:-1], error.sum(axis=0)[None]])
        return value / total, (inverse @ slope).ravel() / total

    begin = np.zeros((width + 1) * classes) if start is None else (lower.T @ start).ravel()
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": LONGEST, "gtol": TOLERANCE, "ftol": 1e-9, "maxcor": 12})
    return np.asarray(inverse.T @ found.x.reshape(width + 1, classes), np.float64)


def apply_logistic(weights: Values, x: Values) -> Values:
    """(row, class) probabilities."""
    return softmax(x @ weights[:-1] + weights[-1])


def balanced_weights(y: NDArray[np.integer], classes: int) -> Values:
    """One weight per row so that every present class weighs the same and the mean weight is 1."""
    counts = np.bincount(y, minlength=classes)
    return len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))[y]
