"""`cross_dataset`: trained on the people of one data set, asked about the people of another."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.new_person import NewPerson
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Split, check_split, gaps, generator, labelled_rows, per_class, shortfall
from stf2m.evaluation.protocols.world import World


class CrossDataset(NewPerson):
    """The study's `[second]` data set is tested; everything else is as in `new_person`, or the rest beyond a guard."""

    name: ClassVar[str] = "cross_dataset"
    own_training: ClassVar[bool] = True
    needs_second: ClassVar[bool] = True

    reverse: bool = False
    """train on the second data set and test the first"""
    apart: Literal["stimulus", "guard"] = "stimulus"
    """query: the person's other recordings and stimuli, or (people with one recording) all that lies beyond the guard"""

    @property
    def title(self) -> str:
        return f"cross dataset{', reversed' if self.reverse else ''}"

    @property
    def words(self) -> str:
        one, other = ("second", "first") if self.reverse else ("first", "second")
        where = (
            f"{self.support_share:.0%} of the person's stimuli, drawn anew for every draw, and the answer is judged on the others"
            if self.apart == "stimulus"
            else f"the person's segments, and the answer is judged on all that lie at least {self.guard:g} s from every one of them"
        )
        return (
            f"The whole data set is new to the model: it is trained on people of the {one} data set of the study and asked about people of the "
            f"{other}, with the modalities that both have and one vocabulary that the study declares. k labelled segments per class are drawn "
            f"at random from {where}. Settings are chosen on people of the {one} data set in the same way (on those with a single recording by "
            f"a guard of {self.guard:g} s). Statistics and floors of other people come from the {one} data set alone. Query segments are the "
            "same for every k of a draw. A class with fewer than k segments gives all it has and is marked."
        )

    @property
    def tested(self) -> int:
        """Number of the data set that is tested, as in `Segments.origin`."""
        return 0 if self.reverse else 1

    @property
    def picture(self) -> Picture:
        trained, asked = ("second", "first") if self.reverse else ("first", "second")
        train, choose = others("ABCD")
        kinds = ("support", "query") * 2 if self.apart == "stimulus" else ("support", "guard", "query", "query")
        person = tuple(Block(kind, 1.0, "" if kind == "guard" else name) for kind, name in zip(kinds, "WXYZ", strict=True))
        lanes = (train._replace(who=f"{trained} set, training"), choose._replace(who=f"{trained} set, validation"))
        return Picture((*lanes, Lane(f"{asked} set, everybody", person)), "A-D and W-Z: stimuli of the two data sets, which share none")

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        if segments.origin and segments.origin[subject] == self.tested:
            yield from self._asked(segments, target, subject, seed, self.apart)

    def rehearsals(self, world: World, target: str, seed: int) -> list[Split]:
        """Validation people of the data set that trains; by the guard where a person has a single recording."""
        found = []
        for person in world.fold.validation:
            rows = labelled_rows(world.segments, target, person)
            is_single = len(np.unique(world.segments.recording[rows])) < 2
            found += self._asked(world.segments, target, person, seed, "guard" if is_single else self.apart)
        return found

    def world(self, segments: Segments, target: str, fold: Fold, seed: int, turn: int = 0) -> World:
        """People of one data set train and validate, people of the other are tested; raises `InvalidConfig` without a second one."""
        if not segments.origin:
            raise InvalidConfig("cross_dataset needs a second data set", where=segments.dataset, hint="add [second] to the study")
        of = lambda people, origin: tuple(p for p in people if segments.origin[p] == origin)  # noqa: E731
        train = of(sorted(fold.train + fold.test), 1 - self.tested)
        return World(segments, Fold(train, of(fold.validation, 1 - self.tested), of(fold.test, self.tested)), turn)

    def _asked(self, segments: Segments, target: str, subject: int, seed: int, apart: str) -> Iterator[Split]:
        return super().splits(segments, target, subject, seed) if apart == "stimulus" else self._guarded(segments, target, subject, seed)

    def _guarded(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        """k per class from anywhere; the query is what the largest k leaves beyond the guard."""
        labels, rows = segments.targets[target], labelled_rows(segments, target, subject)
        for draw in range(self.draws):
            order = generator(seed, self.name, segments.subjects[subject], draw).permutation(rows)
            largest = per_class(order, labels, max(self.shots))
            query = np.setdiff1d(rows, largest)
            query = query[gaps(segments, query, largest) >= self.guard - 1e-9]
            if not len(query):
                continue
            for shots in sorted(self.shots):
                support = per_class(order, labels, shots)
                missing, short = shortfall(labels, support, np.unique(labels[rows]), shots)
                split = Split(subject, self.name, shots, draw, support, query, missing, short)
                check_split(split, segments, guard=self.guard)
                yield split
