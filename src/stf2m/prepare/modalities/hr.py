"""Heart rate as a device computed it, about once a second."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.events import EventState, push_events, start_events
from stf2m.prepare.modalities._windows import change, mean, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows
from stf2m.prepare.quality import GradeState, Limits, push_grade, start_grade
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

LIMITS = Limits(low=35.0, high=210.0, flat=30.0, jump=25.0, settle=3.0)
STALE = 5.0
"""s after which a heart rate without a regular clock no longer holds"""


class HrState(NamedTuple):
    """Grid (for regular sources) or events, and grade."""

    grid: ResamplerState | EventState
    grade: GradeState


def start(source: Source) -> HrState:
    """Expects one channel in bpm, regular or as events."""
    regular = source.sample_rate > 0
    grid = start_resampler(source.sample_rate, source.rate, 1) if regular else start_events(source.rate, 1)
    return HrState(grid, start_grade(LIMITS, source.rate, 1))


def push(state: HrState, chunk: Chunk) -> tuple[HrState, Track]:
    """-> heart rate bpm, as it came."""
    if isinstance(state.grid, EventState):
        grid, raw, age = push_events(state.grid, chunk.samples[:1], chunk.available, chunk.until)
        raw = np.where(age <= STALE, raw, np.nan)
    else:
        grid, raw = push_resampler(state.grid, chunk.samples[:1], chunk.available, chunk.until)
    grade, quality = push_grade(state.grade, raw)
    return HrState(grid, grade), Track(raw.astype(np.float32), quality)


def describe(windows: Windows) -> NDArray[np.float32]:
    """Level, its place against the recording so far, change, trend and variation; see `DESCRIPTORS`."""
    level = mean(window(windows, 0))
    everything = windows.values[:, 0]
    usual = windows.usual[:, 0]
    return stack(
        level, level - usual, change(windows, 0), 60.0 * slope(everything, windows.rate), spread(everything),
        100.0 * (level - usual) / np.maximum(usual, 30.0),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("heart rate", "hr", "bpm"),
    DescriptorInfo("heart rate relative to usual", "hr", "bpm"),
    DescriptorInfo("heart rate change", "hr", "bpm", "slowing", "quickening"),
    DescriptorInfo("heart rate trend", "hr", "bpm/min", "slowing", "quickening"),
    DescriptorInfo("heart rate variation", "hr", "bpm", "steady", "varying"),
    DescriptorInfo("heart rate share above usual", "hr", "%"),
)

HR = Modality("hr", "bpm", 1.0, 10.0, ("rate",), DESCRIPTORS, start, push, describe)
