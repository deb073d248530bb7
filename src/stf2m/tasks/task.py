"""The description of one meta-task: which segments, which views, nothing of their values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import Leak
from stf2m.tasks.views import View


@dataclass(frozen=True, eq=False)
class Task:
    """One person's support and query.

    `support`, `query` rows of Segments, disjoint, support in class-interleaved random order; `offered_support`,
    `offered_query` bool (row, modality): which modalities the task shows of each row.
    `focus` is the emotion's class index under `one_vs_rest` (labels become 1 for it, 0 for the rest), else None.
    """

    subject: int
    policy: str
    views: tuple[View, ...]
    support: NDArray[np.int64]
    query: NDArray[np.int64]
    offered_support: NDArray[np.bool_]
    offered_query: NDArray[np.bool_]
    seed: int
    focus: int | None = None

    def __post_init__(self) -> None:
        shared = np.intersect1d(self.support, self.query)
        if len(shared):
            raise Leak(f"{len(shared)} segments are support and query at once", where=f"task of person {self.subject}")
