"""From rows to tensors: one segment is read and encoded once, however many tasks use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.records import Segments
from stf2m.core.tensors import Batch
from stf2m.prepare.normalise import Normaliser, standardise_descriptors, standardise_signals
from stf2m.tasks.task import Task

CACHE_BYTES = 2_000_000_000
"""standardised windows are kept in memory up to this size, else gathered from the memory map each time"""

FAR = 1e6
"""s between recordings whose places in the session are not known"""


class Loader:
    """Reads rows of prepared segments as standardised tensors."""

    def __init__(self, segments: Segments, normaliser: Normaliser, target: str, *, signals: bool = True, votes: bool = True):
        self.segments, self.normaliser, self.target = segments, normaliser, target
        self.votes = segments.votes.get(target) if votes else None
        self.infos = [info for info in segments.infos if signals]
        self._known = np.array([normaliser.knows(modality) for modality in segments.modalities])
        self._when = times_of(segments)
        self._kept: dict[str, Tensor] = {}
        self._place = np.full(len(segments), -1)

    def keep(self, rows: NDArray[np.integer]) -> None:
        """Hold these rows' signals in memory when they fit `CACHE_BYTES`."""
        each = sum((len(i.channels) + 1) * i.samples * 4 for i in self.infos)
        if each * len(rows) <= CACHE_BYTES:
            self._kept = {i.modality: self._signals(rows, i.modality) for i in self.infos}
            self._place[:] = -1
            self._place[rows] = np.arange(len(rows))

    def batch(self, rows: NDArray[np.integer], offered: NDArray[np.bool_] | None = None) -> Batch:
        """Rows -> Batch; `offered` (row, modality) hides modalities that were recorded."""
        s = self.segments
        present = s.present[rows] & self._known if offered is None else s.present[rows] & self._known & offered
        descriptors = standardise_descriptors(self.normaliser, s, rows)
        target, rating = s.targets[self.target][rows].astype(np.int64), s.rating[rows]
        rated = np.isfinite(rating[:, 0]) & np.isfinite(rating[:, 1])
        owner = np.array([s.modalities.index(d.modality) for d in s.descriptor_infos], dtype=int)
        shown = np.nan_to_num(descriptors) * present[:, owner]
        return Batch(
            signals={i.modality: self._read(rows, i.modality) for i in self.infos},
            descriptors=_float(shown),
            present=_float(present),
            target=torch.from_numpy(np.maximum(target, 0)),
            known=_float(target >= 0),
            rating=_float(np.where(rated[:, None], rating, 0.0)),
            rated=_float(rated),
            when=_float(self._when[rows]),
            weight=torch.ones(len(rows)),
            votes=torch.zeros(len(rows), 0) if self.votes is None else _float(self.votes[rows]),
        )

    def _read(self, rows: NDArray[np.integer], modality: str) -> Tensor:
        place = self._place[rows]
        if modality in self._kept and (place >= 0).all():
            return self._kept[modality][torch.from_numpy(place)]
        return self._signals(rows, modality)

    def _signals(self, rows: NDArray[np.integer], modality: str) -> Tensor:
        values = standardise_signals(self.normaliser, self.segments, rows, modality)
        valid = np.isfinite(values).any(axis=1, keepdims=True)
        return torch.from_numpy(np.concatenate([np.nan_to_num(values), valid], axis=1, dtype=np.float32))


def _float(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def load_batch(segments: Segments, normaliser: Normaliser, target: str, rows: NDArray[np.integer] | None = None) -> Batch:
    """All segments, or the given rows, as one batch."""
    return Loader(segments, normaliser, target).batch(np.arange(len(segments)) if rows is None else rows)


def times_of(segments: Segments) -> NDArray[np.float32]:
    """(segment, 3): recording, s in it, s in the session; recordings whose places are not known are `FAR` apart."""
    session = segments.session_time if segments.has_session_clock else FAR * segments.recording
    return np.stack([segments.recording, segments.spans[:, 0], session], axis=1).astype(np.float32)


class Side(NamedTuple):
    """One half of a stack of tasks: where each row stands in the shared batch, and what its label is there."""

    place: Tensor
    """int64 (task, segment) into the shared batch"""
    weight: Tensor
    """(task, segment), 0 = padding"""
    target: Tensor
    """int64 (task, segment)"""
    known: Tensor
    """(task, segment)"""


@dataclass(frozen=True, eq=False)
class Stack:
    """Several tasks over one batch of distinct (segment, offered modalities) pairs."""

    rows: NDArray[np.int64]
    offered: NDArray[np.bool_]
    support: Side
    query: Side


def stack_tasks(tasks: Sequence[Task], segments: Segments, target: str, *, support_size: int, query_size: int) -> Stack:
    """Pad tasks to common sizes and find the distinct (row, offered) pairs, so that each is encoded once."""
    sides = [_pad([t.support for t in tasks], [t.offered_support for t in tasks], support_size)]
    sides.append(_pad([t.query for t in tasks], [t.offered_query for t in tasks], query_size))
    pairs = np.concatenate([np.column_stack([rows.ravel(), codes.ravel()]) for rows, codes, _ in sides])
    distinct, place = np.unique(pairs, axis=0, return_inverse=True)
    count = len(tasks)
    places = np.split(place.ravel(), [count * support_size])
    labels = segments.targets[target].astype(np.int64)
    halves = []
    for (rows, _, weight), where, size in zip(sides, places, (support_size, query_size)):
        y = np.stack([_relabel(labels[r], t.focus) for r, t in zip(rows, tasks)]) if count else np.zeros((0, size), np.int64)
        halves.append(
            Side(torch.from_numpy(where.reshape(count, size)), _float(weight), torch.from_numpy(np.maximum(y, 0)), _float(y >= 0))
        )
    bits = np.arange(len(segments.modalities))
    return Stack(distinct[:, 0], (distinct[:, 1, None] >> bits & 1).astype(bool), *halves)


def _pad(rows: list[NDArray], offered: list[NDArray], size: int) -> tuple[NDArray, NDArray, NDArray]:
    """(task, size) rows, bit codes of the offered modalities, and weights; padding repeats the task's own first row."""
    out, codes, weight = (np.zeros((len(rows), size), dtype) for dtype in (np.int64, np.int64, np.float32))
    for i, (r, o) in enumerate(zip(rows, offered)):
        n = min(len(r), size)
        out[i, :n], weight[i, :n] = r[:n], 1.0
        codes[i, :n] = (o[:n] << np.arange(o.shape[1])).sum(axis=1)
        if 0 < n < size:
            out[i, n:], codes[i, n:] = out[i, 0], codes[i, 0]
    return out, codes, weight


def _relabel(labels: NDArray[np.int64], focus: int | None) -> NDArray[np.int64]:
    return labels if focus is None else np.where(labels < 0, -1, labels == focus).astype(np.int64)


def gather(batch: Any, side: Side) -> Any:
    """A Batch or Features of distinct segments -> the same with a leading task axis, labels and weights from the side."""

    def pick(value: Any) -> Any:
        return {k: v[side.place] for k, v in value.items()} if isinstance(value, dict) else value[side.place]

    stacked = type(batch)(*(pick(value) for value in batch))
    return stacked._replace(weight=side.weight, target=side.target, known=side.known)
