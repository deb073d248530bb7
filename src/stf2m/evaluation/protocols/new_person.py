"""`new_person`: k labels per class from some recordings of an unseen person, scored on the person's other recordings."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from stf2m.core.errors import UnknownName
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Protocol
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Rows, Split, check_split, generator, labelled_rows, per_class, shortfall


class NewPerson(Protocol):
    """Support and query share no recording and no stimulus of the person."""

    name: ClassVar[str] = "new_person"

    support_stimuli: tuple[str, ...] = ()
    """stimuli whose recordings may be labelled; empty = draw them by `support_share`"""
    query_stimuli: tuple[str, ...] = ()
    """stimuli that are scored; empty = all that are not in `support_stimuli`"""
    support_share: float = Field(default=0.5, gt=0, lt=1)
    """share of the person's stimuli (or recordings) that may be labelled, drawn anew for every draw"""

    @model_validator(mode="after")
    def _sides_differ(self) -> "NewPerson":
        both = set(self.support_stimuli) & set(self.query_stimuli)
        if both:
            raise ValueError(f"a stimulus cannot be on both sides: {', '.join(sorted(both))}")
        if self.query_stimuli and not self.support_stimuli:
            raise ValueError("query_stimuli needs support_stimuli")
        return self

    @property
    def tasks(self) -> dict[str, Any]:
        return {"apart": ("stimulus",), "counting": ("per_class",), "shots": self.shots}

    @property
    def words(self) -> str:
        rule = (
            f"Labels come from the stimuli {', '.join(self.support_stimuli)}; scored are {', '.join(self.query_stimuli) or 'all others'}."
            if self.support_stimuli
            else f"For each draw, {self.support_share:.0%} of the person's stimuli may be labelled and the others are scored."
        )
        return (
            "The person is new to the model. k labelled segments per class are drawn at random from some recordings of this person "
            f"and the answer is judged on other recordings. {rule} A stimulus met twice stays on one side. Query segments are the same "
            "for every k of a draw. A class with fewer than k segments gives all it has and is marked."
        )

    @property
    def picture(self) -> Picture:
        person = tuple(Block(kind, 1.0, name) for kind, name in zip(("support", "query") * 3, "ABCDEF", strict=True))
        return Picture(
            (*others(), Lane("the new person", person)), "A-F: stimuli (or recordings); k per class are drawn from the support's"
        )

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        labels = segments.targets[target]
        rows = labelled_rows(segments, target, subject)
        for draw in range(self.draws):
            rng = generator(seed, self.name, segments.subjects[subject], draw)
            pool, query = self._sides(segments, rows, rng)
            if not len(query):
                return
            pool = rng.permutation(pool)
            for shots in sorted(self.shots):
                if shots and not len(pool):
                    continue
                if not shots and draw and self.support_stimuli:
                    continue  # the same question as in the first draw
                support = per_class(pool, labels, shots)
                missing, short = shortfall(labels, support, np.unique(labels[rows]), shots)
                split = Split(subject, self.name, shots, draw, support, query, missing, short)
                check_split(split, segments, new_recordings=True)
                yield split

    def _sides(self, segments: Segments, rows: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """(rows that may be labelled, rows that are scored)."""
        if self.support_stimuli:
            given = _stimuli(segments, self.support_stimuli)
            asked = _stimuli(segments, self.query_stimuli) if self.query_stimuli else np.setdiff1d(segments.stimulus, given)
            return rows[np.isin(segments.stimulus[rows], given)], rows[np.isin(segments.stimulus[rows], asked)]
        # a recording without a stimulus is a group of its own
        group = np.where(segments.stimulus >= 0, segments.stimulus, len(segments.stimuli) + segments.recording)[rows]
        names = rng.permutation(np.unique(group))
        if len(names) < 2:
            return rows[:0], rows[:0]
        count = int(np.clip(round(self.support_share * len(names)), 1, len(names) - 1))
        chosen = np.isin(group, names[:count])
        return rows[chosen], rows[~chosen]


def _stimuli(segments: Segments, names: tuple[str, ...]) -> Rows:
    for name in names:
        if name not in segments.stimuli:
            raise UnknownName(f"no stimulus {name!r} in {segments.dataset}", hint=f"known: {', '.join(segments.stimuli[:12])}")
    return np.array([segments.stimuli.index(name) for name in names], np.int64)
