"""The mean of several predictors' probabilities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Plain, Predictor, Probability, Rows
from stf2m.evaluation.protocols.split import Split


class Average(Plain):
    """Fits, tunes and asks every part, and averages the answers."""

    def __init__(self, parts: Sequence[Predictor]):
        self.parts = tuple(parts)

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Fit every part."""
        for part in self.parts:
            part.fit(segments, target, train_people, validation_people, seed)

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Tune every part by itself."""
        for part in self.parts:
            part.tune(segments, target, splits)

    def predict(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Probability:
        """See `Predictor.predict`."""
        options = {"target": target, "support_target": support_target, "modalities": modalities}
        said = np.stack([part.predict(segments, support, query, **options) for part in self.parts])
        return said.astype(np.float64).mean(axis=0).astype(np.float32)
