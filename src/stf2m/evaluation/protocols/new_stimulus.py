"""`new_person_new_stimulus`: neither the person nor what they saw or heard has been met in training."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stf2m.core.errors import NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Context, Protocol
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.picture import Lane, Picture, stimuli
from stf2m.evaluation.protocols.split import Split, check_split, generator, labelled_rows, per_class, shortfall
from stf2m.evaluation.protocols.world import World, hide


class NewPersonNewStimulus(Protocol):
    """Stimuli are dealt into groups; each turn hides one group from training and scores it, another one serves to choose settings."""

    name: ClassVar[str] = "new_person_new_stimulus"
    own_training: ClassVar[bool] = True
    offers: ClassVar[tuple[Context, ...]] = ("clock",)

    groups: int = Field(default=4, ge=3)
    """stimuli are dealt into so many groups; each of them is scored once, with a training of its own"""

    @property
    def turns(self) -> int:
        return self.groups

    @property
    def tasks(self) -> dict[str, Any]:
        return {"apart": ("stimulus",), "counting": ("per_class",), "shots": self.shots}

    @property
    def words(self) -> str:
        return (
            f"The person is new to the model, and so is the stimulus. The stimuli are dealt at random into {self.groups} groups, the same for "
            "everybody; group after group is scored, by a training in which no data of it was seen, so that everybody is scored on every "
            "group. Settings are chosen on validation people and on the next group, which the training people's data does not contain "
            "either. k labelled segments per class are drawn at random from the person's stimuli of the remaining groups, which training "
            "did see. A stimulus met twice stays on one side; segments without a known stimulus are not used at all. Query segments are "
            "the same for every k of a draw. A class with fewer than k segments gives all it has and is marked."
        )

    @property
    def picture(self) -> Picture:
        away, seen = stimuli("held back", "GH"), "ABCD"
        return Picture(
            (
                Lane("training people", (*stimuli("train", seen), *stimuli("held back", "EF"), *away)),
                Lane("validation people", (*stimuli("support", seen), *stimuli("choose", "EF"), *away)),
                Lane("the new person", (*stimuli("support", seen), *stimuli("held back", "EF"), *stimuli("query", "GH"))),
            ),
            "A-H: stimuli; each group is scored once, by a training that has not seen it",
        )

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        for repeat in range(self.draws):
            for turn in range(self.groups):
                yield from self._drawn(segments, target, subject, seed, repeat, turn, turn)

    def rehearsals(self, world: World, target: str, seed: int) -> list[Split]:
        """The validation people's own turn: their query is the group that the training people do not know."""
        after = (world.turn + 1) % self.groups
        people = [(p, repeat) for p in world.fold.validation for repeat in range(self.draws)]
        return [s for p, repeat in people for s in self._drawn(world.segments, target, p, seed, repeat, world.turn, after)]

    def world(self, segments: Segments, target: str, fold: Fold, seed: int, turn: int = 0) -> World:
        """Hide the turn's group from everybody in training, the next group from the training people; raises `NotEnoughLabels`."""
        group = self.group_of(segments, seed)
        if len(segments.stimuli) < self.groups:
            raise NotEnoughLabels(
                f"too few stimuli for {self.groups} groups", where=segments.dataset, expected=f"at least {self.groups}",
                got=len(segments.stimuli), hint="set groups in [[protocols]]; 3 is the least",
            )  # fmt: skip
        trains, validates = np.isin(segments.subject, fold.train), np.isin(segments.subject, fold.validation)
        forbidden = (trains | validates) & ((group < 0) | (group == turn)) | trains & (group == (turn + 1) % self.groups)
        if not (trains & ~forbidden & (segments.targets[target] >= 0)).any():
            raise NotEnoughLabels(
                "nothing is left to train on when two groups of stimuli are held back", where=segments.dataset, hint="use more groups"
            )
        return World(hide(segments, np.flatnonzero(forbidden)), fold, turn)

    def group_of(self, segments: Segments, seed: int) -> NDArray[np.int64]:
        """(segment,) group of the segment's stimulus, -1 where it is not known; depends on the names of the stimuli and the seed."""
        order = np.random.default_rng([seed, len(segments.stimuli)]).permutation(np.argsort(segments.stimuli))
        group = np.append(np.zeros(len(order), np.int64), -1)  # index -1: no stimulus
        group[order] = np.arange(len(order)) % self.groups
        return group[segments.stimulus]

    def _drawn(self, segments: Segments, target: str, subject: int, seed: int, repeat: int, turn: int, asked: int) -> Iterator[Split]:
        """Splits of one person whose query is group `asked` while training knows neither `turn` nor the group after it."""
        labels, group = segments.targets[target], self.group_of(segments, seed)
        rows = labelled_rows(segments, target, subject)
        query = rows[group[rows] == asked]
        if not len(query):
            return
        draw = repeat * self.groups + turn
        known = (group[rows] >= 0) & (group[rows] != turn) & (group[rows] != (turn + 1) % self.groups)
        pool = generator(seed, self.name, segments.subjects[subject], draw).permutation(rows[known])
        for shots in sorted(self.shots):
            if (shots and not len(pool)) or (not shots and repeat):
                continue  # nothing to label, or the same question as in the first draw
            support = per_class(pool, labels, shots)
            missing, short = shortfall(labels, support, np.unique(labels[rows]), shots)
            split = Split(subject, self.name, shots, draw, support, query, missing, short)
            check_split(split, segments, new_recordings=True)
            yield split
