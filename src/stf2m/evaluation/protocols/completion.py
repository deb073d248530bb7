"""`completion`: k labelled segments in total, spread by chance over an unseen person's session; the rest is filled in."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Context, Protocol
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Split, check_split, gaps, generator, labelled_rows


class Completion(Protocol):
    """Support is drawn without looking at labels, so classes may be missing from it."""

    name: ClassVar[str] = "completion"
    offers: ClassVar[tuple[Context, ...]] = ("stimulus", "clock", "label_times")

    @property
    def tasks(self) -> dict[str, Any]:
        return {"apart": ("guard",), "counting": ("total",), "guard": self.guard, "shots": self.shots}

    @property
    def words(self) -> str:
        return (
            "The person is new to the model. k labelled segments in total (not per class) are drawn at random over the person's session "
            "without looking at labels; the answer is judged on the rest of the same recordings. Segments nearer than "
            f"{self.guard:g} s (between edges) to any labelled segment are dropped. Smaller k are nested in larger ones, and the query is "
            "the one left by the largest k, so that every k answers the same segments. Classes without any label are marked."
        )

    @property
    def picture(self) -> Picture:
        around = (Block("guard", 0.6), Block("support", 0.3), Block("guard", 0.6))
        session = (Block("query", 1.5), *around, Block("query", 2.5), *around, Block("query", 1.0), *around, Block("query", 2.0))
        return Picture((*others(), Lane("the new person", session)), "labelled segments anywhere in the session; left to right: time")

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        labels = segments.targets[target]
        rows = labelled_rows(segments, target, subject)
        for draw in range(self.draws):
            order = generator(seed, self.name, segments.subjects[subject], draw).permutation(rows)
            largest = order[: max(self.shots)]
            query = np.setdiff1d(rows, largest)
            query = query[gaps(segments, query, largest) >= self.guard - 1e-9]
            if not len(query):
                continue
            for shots in sorted(self.shots):
                support = np.sort(order[:shots])
                missing = tuple(int(c) for c in np.setdiff1d(labels[rows], labels[support])) if shots else ()
                split = Split(subject, self.name, shots, draw, support, query, missing)
                check_split(split, segments, guard=self.guard)
                yield split
