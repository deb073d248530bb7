"""Descriptors with a memory: the level of the recent past, and how it stands against a longer one; no label is read.

Feeling and body change over minutes, a segment lasts seconds. For half-lives h_1 < h_2 < ... (s), each person's segments in the
order of the session, and v_i the descriptor of segment i with begin t_i,

    level_h(i) = sum_j a_j v_j / sum_j a_j      over j that began no later than i, a_j = 2^(-(t_i - t_j) / h), known v_j only

which is the exponentially weighted mean (Roberts 1959). Every descriptor is joined by level_h1, and by level_h1 - level_h2,
level_h2 - level_h3, ..., that say whether it rises or falls at each time scale.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo, Segments

FAINT = 1e-3
"""a level counts as known when the weights of what it is made of add up to this much: about ten half-lives after a last value"""


def with_memory(segments: Segments, half_lives: tuple[float, ...]) -> Segments:
    """The same segments with one level and len(`half_lives`) - 1 changes (names with their half-lives) per descriptor.

    Where a modality is absent its memory is NaN too. Recordings whose place in the session is unknown begin without memory.
    """
    infos = segments.descriptor_infos
    remembered = tuple(of(info) for of in _kinds(half_lives) for info in infos)
    blank = np.full((len(segments), len(remembered)), np.nan, np.float32)
    wider = np.concatenate([segments.descriptors, blank], axis=1)
    return recall(replace(segments, descriptors=wider, descriptor_infos=infos + remembered, memory=half_lives))


def recall(segments: Segments, person: int | None = None) -> Segments:
    """The same segments, what is remembered computed anew, for all or for one `person`: for whoever has hidden what was measured.

    No memory: as they are.
    """
    if not segments.memory:
        return segments
    place = {info: column for column, info in enumerate(segments.descriptor_infos)}
    kinds = _kinds(segments.memory)
    plain = [column for info, column in place.items() if kinds[0](info) in place]
    owner = [segments.modalities.index(segments.descriptor_infos[column].modality) for column in plain]
    mine = np.flatnonzero(np.ones(len(segments), bool) if person is None else segments.subject == person)
    levels = np.full((len(segments.memory), len(segments), len(plain)), np.nan)
    sittings = segments.subject if segments.has_session_clock else segments.recording
    clock = segments.session_time if segments.has_session_clock else segments.spans[:, 0]
    for sitting in np.unique(sittings[mine]):
        rows = mine[sittings[mine] == sitting]
        rows = rows[np.argsort(clock[rows], kind="stable")]
        levels[:, rows] = recent_levels(segments.descriptors[rows][:, plain], clock[rows], segments.memory)
    levels[:, ~segments.present[:, owner]] = np.nan
    found = segments.descriptors.copy()
    for of, values in zip(kinds, [levels[0], *(levels[:-1] - levels[1:])]):
        columns = np.array([place[of(segments.descriptor_infos[column])] for column in plain], dtype=int)
        found[mine[:, None], columns] = values[mine]
    return replace(segments, descriptors=found)


def _kinds(half_lives: tuple[float, ...]) -> list[Callable[[DescriptorInfo], DescriptorInfo]]:
    """What becomes of a descriptor's name and words: its level, then its changes."""
    changes = [partial(_change, fast=fast, slow=slow) for fast, slow in pairwise(half_lives)]
    return [partial(_level, half_life=half_lives[0]), *changes]


def recent_levels(values: NDArray[np.float32], clock: NDArray[np.float64], half_lives: tuple[float, ...]) -> NDArray[np.float64]:
    """(half-life, segment, descriptor) of one sitting; `values` (segment, descriptor) with NaN, `clock` (segment,) s, not decreasing.

    Segments that begin together see themselves and what came before, not each other.
    """
    known = np.isfinite(values)
    both = np.stack([np.where(known, values, 0.0), known], axis=1).astype(np.float64)  # (segment, value | weight, descriptor)
    out = np.full((len(half_lives), *values.shape), np.nan)
    total = np.zeros((len(half_lives), 2, values.shape[1]))
    begins = np.flatnonzero(np.diff(clock, prepend=-np.inf) > 0)
    for first, end in zip(begins, [*begins[1:], len(clock)]):
        gap = clock[first] - clock[max(first - 1, 0)]
        total *= (0.5 ** (gap / np.asarray(half_lives)))[:, None, None]
        seen = total[:, None] + both[first:end]
        out[:, first:end] = np.where(seen[:, :, 1] > FAINT, seen[:, :, 0] / np.maximum(seen[:, :, 1], FAINT), np.nan)
        total += both[first:end].sum(axis=0)
    return out


def _level(info: DescriptorInfo, half_life: float) -> DescriptorInfo:
    return replace(info, name=f"{info.name} (last {half_life:g} s)")


def _change(info: DescriptorInfo, fast: float, slow: float) -> DescriptorInfo:
    return replace(info, name=f"change of {info.name} ({fast:g} s over {slow:g} s)", low="falling", high="rising")
