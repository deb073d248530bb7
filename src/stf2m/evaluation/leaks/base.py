"""What a leak spoils (a case: one fold as a method meets it), and what it says about what it spoilt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo, Segments
from stf2m.evaluation.protocols import Fold, Protocol, Split

Rows = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Case:
    """Everything that decides the scores of one method on one fold."""

    fit: Segments
    """what training and the choice of settings read"""
    ask: Segments
    """what answers are made from; rows have the same numbers as in `fit`"""
    target: str
    fold: Fold
    tuning: tuple[Split, ...]
    """questions on which settings are chosen"""
    splits: tuple[Split, ...]
    """questions that are scored"""
    protocol: Protocol
    seed: int = 0
    normalisation: str = "causal"
    counts_support: bool = False
    """labelled segments are scored too, as answered with their own label"""

    @property
    def query(self) -> Rows:
        """Every row that is scored."""
        return np.unique(np.concatenate([split.query for split in self.splits])) if self.splits else np.zeros(0, np.int64)


class Leaked(NamedTuple):
    """A case with the leak switched on."""

    case: Case
    rows: Rows
    """segments of which something was known that must not be"""
    into: str
    """where it went, in words"""
    honest: Case | None = None
    """what to stand it beside; None = the case as it was"""


@dataclass(frozen=True)
class Leak:
    """One way to cheat."""

    name: str
    number: int
    """in the list of leaks"""
    words: str
    """what is done, in one sentence"""
    spoil: Callable[[Case], Leaked]
    reason: Callable[[Case], str] = lambda _: ""
    """why it does not apply to this case, or "" """
    overlaps: bool = False
    """both sides are cut anew with windows that overlap by half"""


def with_descriptors(segments: Segments, columns: Mapping[str, NDArray[np.floating]]) -> Segments:
    """The same segments with further descriptors (segment,), shown wherever the most frequent sensor is; NaN = not known."""
    owner = segments.modalities[int(segments.present.sum(axis=0).argmax())]
    infos = tuple(DescriptorInfo(name, owner, "au", readable=False) for name in columns)
    values = np.stack([np.asarray(column, np.float32) for column in columns.values()], axis=1)
    return replace(
        segments, descriptors=np.concatenate([segments.descriptors, values], axis=1), descriptor_infos=(*segments.descriptor_infos, *infos)
    )


def given(case: Case, columns: Mapping[str, NDArray[np.floating]]) -> Case:
    """The case in which every segment, of training people too, carries further descriptors."""
    return replace(case, fit=with_descriptors(case.fit, columns), ask=with_descriptors(case.ask, columns))


def has_several_segments(segments: Segments) -> bool:
    """Some recording was cut into more than one segment."""
    return bool((np.bincount(segments.recording) > 1).any())


def single_segments(case: Case) -> str:
    """The reason of leaks that need more than one segment per recording."""
    return "" if has_several_segments(case.ask) else "every recording is a single segment"


def same_recordings(segments: Segments, rows: Rows) -> Rows:
    """All rows of the recordings that hold `rows`."""
    return np.flatnonzero(np.isin(segments.recording, np.unique(segments.recording[rows])))
