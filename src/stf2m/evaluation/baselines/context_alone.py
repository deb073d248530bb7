"""No signal and no answer of its own: what a protocol's context says by itself, beside the methods that know it too."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Plain, Probability, Rows


class ContextAlone(Plain):
    """Every class alike, so that under context (`informed.py`) only what is expected of the person at that moment remains.

    Where sessions follow a plan that includes what signals say of the place in it, as it does for every method there.
    """

    normalisation = "causal"

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
        """(query, class), all the same; see `Predictor.predict`."""
        classes = len(segments.emotions[target])
        return np.full((len(query), classes), 1 / classes, dtype=np.float32)
