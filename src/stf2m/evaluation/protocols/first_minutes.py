"""`first_minutes`: labels from the beginning of an unseen person's session, scored on everything later (causal)."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Context, Protocol
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Rows, Split, check_split, generator, labelled_rows, per_class, shortfall


class FirstMinutes(Protocol):
    """The cut is the end of the first block of the rarer class, or a fixed number of minutes."""

    name: ClassVar[str] = "first_minutes"
    offers: ClassVar[tuple[Context, ...]] = ("stimulus", "clock", "label_times")

    cut: Literal["first_block"] | float = "first_block"
    """minutes since the session began, or "first_block" """

    @property
    def tasks(self) -> dict[str, Any]:
        return {"apart": ("time",), "counting": ("per_class",), "guard": self.guard, "shots": self.shots}

    @property
    def title(self) -> str:
        return "first minutes, to the end of the first block" if self.cut == "first_block" else f"first {self.cut:g} minutes"

    @property
    def words(self) -> str:
        where = (
            "the end of the person's first labelled block of the class that is rarer in the data set (this cut looks at a label)"
            if self.cut == "first_block"
            else f"{self.cut:g} min after the session began"
        )
        return (
            "The person is new to the model. k labelled segments per class are drawn at random between the start of the session and "
            f"{where}; the answer is judged on everything that begins at least {self.guard:g} s later. Nothing from after the cut is "
            "used for this person. A class with fewer than k segments before the cut gives all it has; absent classes are marked."
        )

    @property
    def picture(self) -> Picture:
        session = (Block("support", 2.0, "up to the cut"), Block("guard", 0.3), Block("query", 5.0, "everything later"))
        return Picture((*others(), Lane("the new person", session)), "left to right: time since the session began")

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        if self.cut == "first_block" and not has_classes(target):
            raise InvalidConfig(
                f"{target!r} has no classes, so no first block of the rarer one",
                where="first_minutes",
                hint="set cut to a number of minutes",
            )
        if not segments.has_session_clock:
            raise InvalidConfig(
                "nobody knows when in the session a recording began", where=f"first_minutes on {segments.dataset}",
                hint="give the recordings their order (index.began or index.lasts of a mapping), or use new_person",
            )  # fmt: skip
        labels = segments.targets[target]
        rows = labelled_rows(segments, target, subject)
        start = segments.session_time
        end = start + np.diff(segments.spans, axis=1)[:, 0]
        cut = first_block_end(labels, rows, end) if self.cut == "first_block" else 60.0 * float(self.cut)
        pool, query = rows[end[rows] <= cut + 1e-6], rows[start[rows] >= cut + self.guard - 1e-9]
        if not len(query) or not len(pool):
            return
        for draw in range(self.draws):
            order = generator(seed, self.name, segments.subjects[subject], draw).permutation(pool)
            for shots in sorted(self.shots):
                if not shots and draw:
                    continue  # the same question as in the first draw
                support = per_class(order, labels, shots)
                missing, short = shortfall(labels, support, np.unique(labels[rows]), shots)
                split = Split(subject, self.name, shots, draw, support, query, missing, short)
                check_split(split, segments, guard=self.guard)
                yield split


def first_block_end(labels: NDArray[np.integer], rows: Rows, end: NDArray[np.float64]) -> float:
    """Session time (s) at which the person's first run of the data set's rarer class ends; infinite without such a run.

    `rows` are the person's labelled rows in session order; `labels` and `end` (s) belong to all segments.
    """
    if not len(rows):
        return np.inf
    counts = np.bincount(labels[labels >= 0])
    rarer = int(np.flatnonzero(counts)[counts[counts > 0].argmin()])
    inside = labels[rows] == rarer
    if not inside.any():
        return np.inf
    first = int(inside.argmax())
    after = np.flatnonzero(~inside[first:])
    last = first + int(after[0]) - 1 if len(after) else len(rows) - 1
    return float(end[rows[last]])
