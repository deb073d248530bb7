"""Prototypes on descriptors: class means of the person, pulled towards everybody's, in a whitened space.

    distance(x, c) = |L^T (x - p_c)|^2 ,  L L^T = inverse of the shrunk within-class covariance of the training people
    p_c = (n_c * own mean + pull * everybody's mean) / (n_c + pull)

This is linear discriminant analysis (Fisher 1936; shrinkage as in Ledoit and Wolf 2004, its amount chosen on validation
people) whose means follow the support.
"""

import numpy as np

from stf2m.evaluation.baselines.choose import Settings
from stf2m.evaluation.baselines.descriptors import DescriptorBaseline, Values, class_means
from stf2m.evaluation.baselines.logistic import softmax
from stf2m.evaluation.predictor import Rows


class Prototypes(DescriptorBaseline):
    """`shrink` of the covariance towards its diagonal, `pull` towards everybody's means, `scale` of the distances, `centre`."""

    options = {  # noqa: RUF012
        "shrink": (0.05, 0.1, 0.2, 0.4, 0.7, 1.0),
        "pull": (0.3, 1.0, 2.0, 4.0, 8.0, 16.0),
        "centre": (None, 2.0, 8.0),
        "scale": (0.1, 0.2, 0.4, 0.7, 1.0),
    }
    start = {"shrink": 0.4, "pull": 4.0, "centre": 2.0, "scale": 0.4}  # noqa: RUF012
    idle_without_support = ("centre", "pull")
    cautious = {"pull": (64.0, 256.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.3), "centre": (None, 2.0, 8.0, 32.0)}  # noqa: RUF012

    def answer(self, columns: tuple[int, ...], own: Values, labels: Rows, asked: Values, settings: Settings) -> Values:
        whiten, means = self._space(columns, settings["shrink"], settings["centre"] is not None)
        centres = means.copy()
        for c in np.unique(labels):
            mine = own[labels == c] @ whiten
            centres[c] = (mine.sum(axis=0) + settings["pull"] * means[c]) / (len(mine) + settings["pull"])
        query = asked @ whiten
        distance = (query**2).sum(axis=1)[:, None] - 2 * query @ centres.T + (centres**2).sum(axis=1)[None]
        return softmax(-0.5 * settings["scale"] * distance)

    def _space(self, columns: tuple[int, ...], shrink: float, is_centred: bool) -> tuple[Values, Values]:
        """(whitening matrix (descriptor, direction), everybody's class means in that space)."""
        key = (columns, shrink, is_centred)
        if key not in self.memory:
            x = self.training(columns, is_centred)
            means = class_means(x, self.y, self.classes)
            spread = np.cov((x - means[self.y]).T, bias=True).reshape(len(columns), len(columns))
            diagonal = np.diag(np.diag(spread) + 1e-3)
            inverse = np.linalg.inv((1 - shrink) * spread + shrink * diagonal)
            whiten = np.linalg.cholesky((inverse + inverse.T) / 2)
            self.memory[key] = whiten, means @ whiten
        return self.memory[key]
