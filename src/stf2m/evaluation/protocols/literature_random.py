"""`literature_random`: what many papers do - segments of the same recordings fall at random on both sides; *leaky*, for comparison only."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Context, Protocol
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Rows, Split, check_split, generator, labelled_rows, per_class, shortfall
from stf2m.evaluation.protocols.world import World, hide


class LiteratureRandom(Protocol):
    """The neighbours of every scored segment are in training, and so is the person."""

    name: ClassVar[str] = "literature_random"
    own_training: ClassVar[bool] = True
    is_leaky: ClassVar[bool] = True
    person_is_known: ClassVar[bool] = True
    offers: ClassVar[tuple[Context, ...]] = ()

    query_share: float = Field(default=0.2, gt=0, lt=1)
    """of each person's labelled segments, drawn at random and scored"""

    @property
    def title(self) -> str:
        return "literature random, leaky"

    @property
    def turns(self) -> int:
        return self.draws

    @property
    def words(self) -> str:
        return (
            f"LEAKY, only to stand beside published figures. In each draw {self.query_share:.0%} of the person's labelled segments are taken "
            "at random and scored; all others, their neighbours of the same recordings among them, are in training, so that neither the "
            "person nor the recording nor the stimulus is new. k labelled segments per class of the others are given again as support "
            "(k = 0 is what papers report). Every draw has a training of its own. Settings are chosen on people who are not in training. "
            "Floors know the person's labels in training too; each score stands beside the score minus the strongest floor."
        )

    @property
    def picture(self) -> Picture:
        order = "tqtttqtttttqttqtttqt"
        person = tuple(Block("train" if letter == "t" else "query") for letter in order)
        return Picture(
            (*others(), Lane("the person, known", person)), "LEAKY: every scored segment has neighbours in training; left to right: time"
        )

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        labels = segments.targets[target]
        rows = labelled_rows(segments, target, subject)
        for draw in range(self.draws):
            pool, query = self._sides(segments, rows, subject, seed, draw)
            if not len(query):
                return
            for shots in sorted(self.shots):
                support = per_class(pool, labels, shots)
                missing, short = shortfall(labels, support, np.unique(labels[rows]), shots)
                split = Split(subject, self.name, shots, draw, support, np.sort(query), missing, short)
                check_split(split, segments, guard=-np.inf)  # neighbours and even overlapping windows, as papers have them
                yield split

    def world(self, segments: Segments, target: str, fold: Fold, seed: int, turn: int = 0) -> World:
        """Test people train too; of their rows only the turn's query is hidden."""
        sides = [self._sides(segments, labelled_rows(segments, target, p), p, seed, turn) for p in fold.test]
        hidden = np.concatenate([query for _, query in sides]) if sides else np.zeros(0, np.int64)
        return World(hide(segments, hidden), fold._replace(train=tuple(sorted(fold.train + fold.test))), turn)

    def _sides(self, segments: Segments, rows: Rows, subject: int, seed: int, draw: int) -> tuple[Rows, Rows]:
        """(rows that stay, rows that are scored), in random order; nothing is scored of a person with one labelled segment."""
        order = generator(seed, self.name, segments.subjects[subject], draw).permutation(rows)
        count = max(1, round(self.query_share * len(rows))) if len(rows) > 1 else 0
        return order[count:], order[:count]
