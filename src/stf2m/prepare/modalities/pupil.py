"""Pupil: diameter without blinks, and how it moves about its own slow level.

Nothing is known of the light, so nothing is subtracted for it: the level follows the light as well as the feeling. The
first seconds of a recording adapt to it and are graded half; a cut may leave them out altogether (`skip_start`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import FilterState, highpass, push_filter, start_filter
from stf2m.prepare.modalities._grid import GridState, push_grid, start_grid
from stf2m.prepare.modalities._windows import change, highest, mean, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

SMALLEST, LARGEST = 1.0, 9.5
"""mm; diameters outside are no pupils"""
FASTEST = 15.0
"""mm/s; a lid passes faster than any pupil moves"""
SETTLE = 0.1
"""s after a blink that still show the lid"""
ADAPTING = 2.0
"""s after the first sample in which the pupil adapts to the light"""
SLOW = 0.05
"""Hz below which the diameter counts as its level"""
STALE = 0.5
"""s that a diameter without a regular clock holds"""
SIZE, SWING = 0, 1


class PupilState(NamedTuple):
    """Per eye the last raw sample and the last blink; the grid; the filter of the swing; when it all began."""

    last: NDArray[np.float64]
    """(eye,) mm"""
    moment: float
    """s"""
    blink: NDArray[np.float64]
    """(eye,) s of the last bad sample"""
    grid: GridState
    swing: FilterState
    rate: float
    next: int
    began: float


def start(source: Source) -> PupilState:
    """Expects one eye or both, mm; both are averaged."""
    eyes = len(source.channels)
    never = np.full(eyes, -np.inf)
    swing = start_filter(highpass(SLOW, rate=source.rate, order=1), 1)
    return PupilState(np.full(eyes, np.nan), -np.inf, never, start_grid(source, eyes), swing, source.rate, 0, np.inf)


def push(state: PupilState, chunk: Chunk) -> tuple[PupilState, Track]:
    """-> diameter mm and its swing about the slow level, mm; both NaN in blinks."""
    clean, blink = without_blinks(state, chunk.samples.astype(np.float64), chunk.available)
    grid, eyes = push_grid(state.grid, clean, chunk.available, chunk.until, STALE)
    known = np.isfinite(eyes)
    size = np.where(known, eyes, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    size = np.where(known.any(axis=0), size, np.nan)[None]
    swing, moved = push_filter(state.swing, size)
    ticks = (state.next + np.arange(size.shape[1])) / state.rate
    seen = np.flatnonzero(known.any(axis=0))
    began = min(state.began, float(ticks[seen[0]]) if len(seen) else np.inf)
    quality = np.where(known.any(axis=0), np.where(ticks < began + ADAPTING - 1e-6, 0.5, 1.0), 0.0)
    after = PupilState(
        chunk.samples[:, -1].astype(np.float64) if chunk.samples.shape[1] else state.last,
        float(chunk.available[-1]) if len(chunk.available) else state.moment,
        blink, grid, swing, state.rate, state.next + size.shape[1], began,
    )  # fmt: skip
    return after, Track(np.concatenate([size, moved]).astype(np.float32), quality.astype(np.float32))


def without_blinks(
    state: PupilState, samples: NDArray[np.float64], moments: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Raw diameters (eye, time) -> the same with blinks as NaN, and per eye when the last bad sample was.

    Bad is what is missing, no pupil, or reached faster than `FASTEST`; what follows within `SETTLE` s goes with it.
    """
    if not samples.shape[1]:
        return samples, state.blink
    step = np.diff(np.concatenate([state.last[:, None], samples], axis=1), axis=1)
    pause = np.diff(np.concatenate([[state.moment], moments]))
    with np.errstate(invalid="ignore"):
        bad = ~((samples >= SMALLEST) & (samples <= LARGEST)) | (np.abs(step) > FASTEST * np.maximum(pause, 1e-3))
    when = np.maximum.accumulate(np.where(bad, moments, state.blink[:, None]), axis=1)
    when = np.maximum(when, state.blink[:, None])
    return np.where(moments - when < SETTLE, np.nan, samples), when[:, -1]


def describe(windows: Windows) -> NDArray[np.float32]:
    """Size, its place against the recording so far, change, trend and variation; see `DESCRIPTORS`."""
    size, swing = window(windows, SIZE), window(windows, SWING)
    everything, level = windows.values[:, SIZE], mean(size)
    steps = np.abs(np.diff(size, axis=1)) * windows.rate
    known = np.isfinite(size).mean(axis=1)
    return stack(
        level, level - windows.usual[:, SIZE], change(windows, SIZE), slope(size, windows.rate), slope(everything, windows.rate),
        spread(size), highest(size) - level, mean(swing), mean(steps), np.where(known > 0, 1.0 - known, np.nan),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("pupil size", "pupil", "mm", "small", "large"),
    DescriptorInfo("pupil size relative to usual", "pupil", "mm", "smaller", "larger"),
    DescriptorInfo("pupil change", "pupil", "mm", "narrowing", "widening"),
    DescriptorInfo("pupil trend", "pupil", "mm/s", "narrowing", "widening"),
    DescriptorInfo("pupil trend with its past", "pupil", "mm/s", "narrowing", "widening"),
    DescriptorInfo("pupil variation", "pupil", "mm", "steady", "varying"),
    DescriptorInfo("pupil peak over its mean", "pupil", "mm", "small", "large"),
    DescriptorInfo("pupil swing", "pupil", "mm", "below its level", "above its level"),
    DescriptorInfo("pupil restlessness", "pupil", "mm/s", "calm", "restless"),
    DescriptorInfo("eyes closed", "pupil", "share of time", "rarely", "often"),
)

PUPIL = Modality("pupil", "mm", 15.0, 6.0, ("size", "swing"), DESCRIPTORS, start, push, describe)
