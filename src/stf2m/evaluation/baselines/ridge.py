"""Ridge regression on descriptors (Hoerl, Kennard 1970): onto classes, and onto valence and arousal.

    minimise  sum_i w_i |y_i - B^T x_i - b|^2 + strength |B|^2      (b is not penalised)

over everybody's rows and the person's few, which count `weight` times. For classes y is one-hot minus 1 / classes and
probabilities are softmax(scale * scores); for ratings y is in -1..1. The sums over everybody are kept, so a refit is
one linear system of the size of the descriptors.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.baselines.choose import Settings, choose
from stf2m.evaluation.baselines.descriptors import DescriptorBaseline, Values
from stf2m.evaluation.baselines.logistic import balanced_weights, softmax
from stf2m.evaluation.metrics import ccc
from stf2m.evaluation.predictor import Reply, Rows, labels_of, ratings_of
from stf2m.evaluation.protocols.split import Split

FEWEST_RATED = 3
"""rows that a correlation needs"""
CENTRES = (None, 2.0, 8.0)
STRENGTHS, WEIGHTS = (10.0, 100.0, 1000.0), (1.0, 3.0, 10.0, 30.0, 100.0)


class Ridge(DescriptorBaseline):
    """Settings of the ratings are chosen apart, by the mean concordance of valence and arousal on validation people."""

    options = {"strength": STRENGTHS, "weight": WEIGHTS, "scale": (2.0, 4.0, 8.0), "centre": CENTRES}  # noqa: RUF012
    start = {"strength": 100.0, "weight": 30.0, "scale": 4.0, "centre": 2.0}  # noqa: RUF012
    rates = True
    cautious = {"weight": (1.0, 3.0, 10.0), "centre": CENTRES}  # noqa: RUF012
    idle_without_support = ("centre", "weight")

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """As for all; also the ratings of the same rows, where there are any."""
        super().fit(segments, target, train_people, validation_people, seed)
        self.rating = segments.rating[self.rows].astype(np.float64)
        self.rated = known(segments, self.rows)
        self.chosen_rating: dict[int, Settings] = {}

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Classes by the common rule, then ratings by concordance."""
        super().tune(segments, target, splits)
        self.chosen_rating = {}
        for shots in sorted({split.shots for split in splits}) if self.has_ratings else ():
            asked = [s for s in splits if s.shots == shots and known(segments, s.query).sum() >= FEWEST_RATED]
            idle = () if shots else self.idle_without_support
            options = {name: values for name, values in self.options.items() if name not in ("scale", *idle)}

            def score(settings: Settings, asked: list[Split] = asked) -> float:
                return float(np.mean([self._concordance(segments, target, split, settings) for split in asked]))

            if asked:
                size = round(float(np.mean([len(split.support) for split in asked])))
                self.chosen_rating[size] = choose(score, options, self.settings_for({}, shots))

    @property
    def has_ratings(self) -> bool:
        """Whether the training people rated anything."""
        return int(self.rated.sum()) >= FEWEST_RATED

    def _concordance(self, segments: Segments, target: str, split: Split, settings: Settings) -> float:
        rows = split.query[known(segments, split.query)]
        labels, told = labels_of(segments, target, split.support), ratings_of(segments, target, split.support)
        said = self._rate(segments, split.support, labels, told, rows, settings, None)
        return float(np.mean([ccc(segments.rating[rows, axis], said[:, axis]) for axis in (0, 1)]))

    def reply(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Reply:
        """Probabilities, and ratings where the training people rated; see `Predictor.reply`."""
        said = self.predict(segments, support, query, target=target, support_target=support_target, modalities=modalities)
        if not self.has_ratings:
            return Reply(said)
        settings = self.settings_for(self.chosen_rating, len(support))
        labels, told = labels_of(segments, target, support, support_target), ratings_of(segments, target, support, support_target)
        return Reply(said, self._rate(segments, support, labels, told, query, settings, modalities).astype(np.float32))

    def answer(self, columns: tuple[int, ...], own: Values, labels: Rows, asked: Values, settings: Settings) -> Values:
        one_hot = np.eye(self.classes) - 1 / self.classes
        everybody = self._sums(columns, settings["centre"] is not None, "class")
        return softmax(settings["scale"] * with_one(asked) @ solve(everybody, own, one_hot[labels], settings))

    def _rate(
        self,
        segments: Segments,
        support: Rows,
        labels: Rows,
        told: NDArray[np.floating],
        query: Rows,
        settings: Settings,
        modalities: Sequence[str] | None,
    ) -> Values:
        """(query, 2) in -1..1 from the ratings `told` of the support; what people say on average where no sensor is left."""
        columns, own, asked = self.shown(segments, support, labels, query, settings, modalities)
        if not columns:
            return np.tile(self.rating[self.rated].mean(axis=0), (len(query), 1))
        usable = np.isfinite(told).all(axis=1)
        everybody = self._sums(columns, settings["centre"] is not None, "rating")
        return np.clip(with_one(asked) @ solve(everybody, own[usable], told[usable].astype(np.float64), settings), -1, 1)

    def _sums(self, columns: tuple[int, ...], is_centred: bool, kind: str) -> tuple[Values, Values]:
        """(X^T W X, X^T W Y) of the training rows, an intercept column last in X."""
        key = (columns, is_centred, kind)
        if key not in self.memory:
            x = with_one(self.training(columns, is_centred))
            if kind == "class":
                weight, y = balanced_weights(self.y, self.classes)[:, None], (np.eye(self.classes) - 1 / self.classes)[self.y]
            else:
                weight, y = self.rated[:, None].astype(np.float64), np.nan_to_num(self.rating)
            self.memory[key] = x.T @ (weight * x), x.T @ (weight * y)
        return self.memory[key]


def known(segments: Segments, rows: Rows) -> NDArray[np.bool_]:
    """Which rows have both ratings."""
    return np.asarray(np.isfinite(segments.rating[rows]).all(axis=1), bool)


def with_one(x: Values) -> Values:
    """An intercept column, last."""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def solve(everybody: tuple[Values, Values], own: Values, told: Values, settings: Settings) -> Values:
    """(descriptor + 1, output) map of everybody's sums and a person's own rows."""
    (gram, moment), x = everybody, with_one(own)
    penalty = np.diag(np.append(np.full(len(gram) - 1, settings["strength"]), 1e-9))
    return np.linalg.solve(gram + settings["weight"] * x.T @ x + penalty, moment + settings["weight"] * x.T @ told)
