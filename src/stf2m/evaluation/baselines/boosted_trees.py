"""Gradient-boosted trees on descriptors (Friedman 2001; histograms as in Ke et al. 2017), personalised by the support.

Two ways, both chosen on validation people: the person's baseline is removed from the descriptors (`centre`), and the
trees are grown anew on everybody's rows plus the person's few, which count `weight` times (None: they are not).
A refit grows at most 120 trees on at most 3000 rows; `python benchmarks/refit_cost.py` says what that takes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.baselines.choose import Settings
from stf2m.evaluation.baselines.descriptors import DescriptorBaseline, Values
from stf2m.evaluation.baselines.logistic import balanced_weights
from stf2m.evaluation.predictor import Rows
from stf2m.evaluation.protocols.split import Split

MOST_ROWS, MOST_TREES = 3000, 120
MOST_ROUNDS, FEWEST_ROUNDS = 40, 15
BINS = 64
REACH = 6.0
"""rounds times step size"""


class BoostedTrees(DescriptorBaseline):
    """Missing numbers stay missing: at every split a tree learns to which side they go."""

    keeps_missing = True
    options = {"weight": (None, 10.0, 100.0), "centre": (None, 2.0, 8.0)}  # noqa: RUF012
    start = {"weight": 10.0, "centre": 2.0}  # noqa: RUF012
    cautious = {"weight": (None, 3.0, 10.0), "centre": (None, 2.0, 8.0)}  # noqa: RUF012
    idle_without_support = ("centre", "weight")

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """As for all; the rows that trees are grown on are drawn once."""
        super().fit(segments, target, train_people, validation_people, seed)
        self.seed, count = seed, len(self.rows)
        self.grown = np.sort(np.random.default_rng(seed).choice(count, min(count, MOST_ROWS), replace=False))

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """On one draw of every person and number of shots, because every look is a refit."""
        super().tune(segments, target, [split for split in splits if split.draw == 0])

    def answer(self, columns: tuple[int, ...], own: Values, labels: Rows, asked: Values, settings: Settings) -> Values:
        weight, is_centred = settings["weight"], settings["centre"] is not None
        if not len(own) or weight is None:
            key = (columns, is_centred)
            if key not in self.memory:
                self.memory[key] = self._grow(columns, is_centred, own[:0], labels[:0], 0.0)
            return self.memory[key].ask(asked)
        return self._grow(columns, is_centred, own, labels, weight).ask(asked)

    def _grow(self, columns: tuple[int, ...], is_centred: bool, own: Values, labels: Rows, weight: float) -> "Forest":
        """A forest of its own for everybody's rows and these."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        y = self.y[self.grown]
        rounds = int(np.clip(MOST_TREES // (self.classes if self.classes > 2 else 1), FEWEST_ROUNDS, MOST_ROUNDS))
        size = {"max_iter": rounds, "learning_rate": REACH / rounds, "max_leaf_nodes": 8, "min_samples_leaf": 20, "max_bins": BINS}
        how: dict[str, Any] = {**size, "l2_regularization": 1.0, "early_stopping": False, "random_state": self.seed}
        model = HistGradientBoostingClassifier(**how)
        edges = self._edges(is_centred)[:, list(columns)]
        x = coded(np.concatenate([self.training(columns, is_centred)[self.grown], own]), edges)
        x, y = x[:, telling := moves(x)], np.concatenate([y, labels])
        count = np.concatenate([balanced_weights(y[: len(self.grown)], self.classes), np.full(len(own), weight)])
        return Forest(model.fit(x, y, sample_weight=count) if telling.any() else None, telling, edges, self.classes)

    def _edges(self, is_centred: bool) -> Values:
        """(edge, descriptor): quantiles of everybody's rows, found once."""
        if ("edges", is_centred) not in self.memory:
            x = self.x_centred if is_centred else self.x
            self.memory["edges", is_centred] = np.quantile(x, np.linspace(0, 1, BINS + 1)[1:-1], axis=0)
        return self.memory["edges", is_centred]


class Forest(NamedTuple):
    """Trees, and which columns they were grown on: a number that is always missing or always the same cannot be binned."""

    model: Any
    """None where no column is left"""
    telling: NDArray[np.bool_]
    edges: Values
    classes: int

    def ask(self, x: Values) -> Values:
        """(query, class) probabilities; a class that nobody has is next to impossible."""
        said = np.full((len(x), self.classes), 1e-6)
        if self.model is not None:
            said[:, self.model.classes_] += self.model.predict_proba(coded(x, self.edges)[:, self.telling])
        return said / said.sum(axis=1, keepdims=True)


def coded(x: Values, edges: Values) -> Values:
    """Number of edges below each value, NaN where it is missing: whole numbers need no search for bins, which otherwise costs
    many times the trees when rows have weights."""
    codes = np.stack([np.searchsorted(edges[:, j], x[:, j]) for j in range(x.shape[1])], axis=1)
    return np.where(np.isnan(x), np.nan, codes)


def moves(x: Values) -> NDArray[np.bool_]:
    """Which columns have two different measured values."""
    low, high = (np.where(np.isnan(x), fill, x) for fill in (np.inf, -np.inf))
    return high.max(axis=0) > low.min(axis=0)
