"""`missing_modality`: as `new_person`, with one sensor dropped, alone, or lost in bursts - in the support, the query or both."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stf2m.core.errors import UnknownName
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.base import Context
from stf2m.evaluation.protocols.new_person import NewPerson
from stf2m.evaluation.protocols.picture import Block, Lane, Picture, others
from stf2m.evaluation.protocols.split import Rows, Split, generator
from stf2m.evaluation.protocols.world import World

SIDES = {"support": " in the support", "query": " in the query", "both": ""}


class MissingModality(NewPerson):
    """Every question of `new_person` is asked with all sensors first, then once per modality with it taken away."""

    name: ClassVar[str] = "missing_modality"
    offers: ClassVar[tuple[Context, ...]] = ()

    how: Literal["dropped", "alone", "degraded"] = "dropped"
    """the modality is taken away, or all others are, or `share` of it is lost in bursts"""
    side: Literal["support", "query", "both"] = "both"
    """where it is missing"""
    modalities: tuple[str, ...] = ()
    """which, in turn; empty = each one"""
    share: float = Field(default=0.5, gt=0, lt=1)
    """of the time of every recording, for "degraded" """
    burst: float = Field(default=10.0, gt=0)
    """s that a loss lasts, for "degraded" """

    @property
    def title(self) -> str:
        return f"missing modality, {self.how}{SIDES[self.side]}"

    @property
    def words(self) -> str:
        which = " and then ".join(self.modalities) if self.modalities else "each modality in turn"
        what = {
            "dropped": f"with {which} taken away",
            "alone": f"with {which} alone, all others taken away",
            "degraded": f"with {which} lost for {self.share:.0%} of the time of every recording, in bursts of {self.burst:g} s at random "
            "places; a segment is lost when its middle is",
        }[self.how]
        where = {"support": "in the support alone", "query": "in the query alone", "both": "in support and query"}[self.side]
        return (
            f"{super().words} Every question is asked with all sensors, and again {what}, {where}. What is taken away reads as never "
            "recorded. Training has all sensors, and settings are chosen with all of them. Floors that read no presence answer alike and are "
            "asked once."
        )

    @property
    def picture(self) -> Picture:
        whole = tuple(Block(kind, 1.0, name) for kind, name in zip(("support", "query") * 3, "ABCDEF", strict=True))
        broken = tuple(part for block in whole for part in (self._pieces(block) if self.side in (block.kind, "both") else (block,)))
        this, rest = (whole, broken) if self.how == "alone" else (broken, whole)
        return Picture((*others(), Lane("person: this sensor", this), Lane("person: the others", rest)), "A-F: stimuli (or recordings)")

    def _pieces(self, block: Block) -> tuple[Block, ...]:
        """The block with the sensor taken away, or with a burst in it."""
        lost = Block("lost", block.width * (self.share if self.how == "degraded" else 1.0), block.text)
        return (lost, Block(block.kind, block.width * (1 - self.share))) if self.how == "degraded" else (lost,)

    def splits(self, segments: Segments, target: str, subject: int, seed: int) -> Iterator[Split]:
        names = self.modalities or segments.modalities
        for name in names:
            if name not in segments.modalities:
                raise UnknownName(f"no modality {name!r} in {segments.dataset}", hint=f"known: {', '.join(segments.modalities)}")
        for split in super().splits(segments, target, subject, seed):
            yield split
            for name in names:
                lost = self._lost(segments, split, name, seed)
                yield replace(split, view=f"with {self._label(name)}{SIDES[self.side]}", lost=lost)

    def rehearsals(self, world: World, target: str, seed: int) -> list[Split]:
        """Settings are chosen with all sensors: nobody knows beforehand which one will fail."""
        return [split for split in super().rehearsals(world, target, seed) if split.lost is None]

    def _label(self, name: str) -> str:
        return {"dropped": f"{name} dropped", "alone": f"{name} alone", "degraded": f"{self.share:.0%} of {name} lost"}[self.how]

    def _lost(self, segments: Segments, split: Split, name: str, seed: int) -> NDArray[np.bool_]:
        """(segment, modality), True = taken away; with `side = "both"` from everything that there is of the person."""
        here = segments.subject == split.subject
        if self.side != "both":
            here &= np.isin(np.arange(len(segments)), split.support if self.side == "support" else split.query)
        if self.how == "degraded":
            rng = generator(seed, f"{self.name} {name}", segments.subjects[split.subject], split.draw)
            here &= self._in_bursts(segments, split.subject, rng)
        column = np.array([(m == name) != (self.how == "alone") for m in segments.modalities])
        return here[:, None] & column

    def _in_bursts(self, segments: Segments, subject: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """(segment,) whether its middle lies in a burst; a recording is cut into slots as long as a burst, and some slots are lost."""
        lost, middle = np.zeros(len(segments), dtype=bool), segments.spans.mean(axis=1)
        mine = segments.subject == subject
        for recording in np.unique(segments.recording[mine]):
            rows: Rows = np.flatnonzero(mine & (segments.recording == recording))
            phase = rng.uniform(0, self.burst)
            slot = ((middle[rows] - segments.spans[rows, 0].min() + phase) // self.burst).astype(np.int64)
            order = rng.permutation(int(slot.max()) + 1)
            lost[rows] = np.isin(slot, order[: round(self.share * len(order))])
        return lost
