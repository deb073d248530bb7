"""Views: one modality of one emotion, and where to find their segments."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments


class View(NamedTuple):
    """One modality of one emotion."""

    modality: str
    emotion: str


def index_views(segments: Segments, target: str, rows: NDArray[np.integer] | None = None) -> dict[View, NDArray[np.int64]]:
    """view -> rows whose label is that emotion and which carry that modality; views without rows are left out."""
    chosen = np.arange(len(segments)) if rows is None else np.asarray(rows)
    labels, found = segments.targets[target][chosen], {}
    for c, emotion in enumerate(segments.emotions[target]):
        for m, modality in enumerate(segments.modalities):
            here = chosen[(labels == c) & segments.present[chosen, m]]
            if len(here):
                found[View(modality, emotion)] = here.astype(np.int64)
    return found
