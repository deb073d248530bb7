"""Skin temperature: slow, so its trend over half a minute says more than its level."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import FilterState, lowpass, push_filter, start_filter
from stf2m.prepare.modalities._windows import change, mean, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows
from stf2m.prepare.quality import GradeState, Limits, push_grade, start_grade
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

LIMITS = Limits(low=25.0, high=42.0, flat=120.0, jump=8.0, outside=0.2)
"""a wrist below 25 degC is a band that nobody wears, or one just put on"""


class TempState(NamedTuple):
    """Grid, grade and filter."""

    resampler: ResamplerState
    grade: GradeState
    clean: FilterState


def start(source: Source) -> TempState:
    """Expects one channel in degC."""
    return TempState(
        start_resampler(source.sample_rate or source.rate, source.rate, 1),
        start_grade(LIMITS, source.rate, 1),
        start_filter(lowpass(0.2, rate=source.rate), 1),
    )


def push(state: TempState, chunk: Chunk) -> tuple[TempState, Track]:
    """-> temperature degC after a causal low-pass at 0.2 Hz."""
    resampler, raw = push_resampler(state.resampler, chunk.samples[:1], chunk.available, chunk.until)
    grade, quality = push_grade(state.grade, raw)
    clean, smooth = push_filter(state.clean, raw)
    return TempState(resampler, grade, clean), Track(smooth.astype(np.float32), quality)


def describe(windows: Windows) -> NDArray[np.float32]:
    """Level, its place against the recording so far, change and trend; see `DESCRIPTORS`."""
    level = mean(window(windows, 0))
    everything = windows.values[:, 0]
    trend = 60.0 * slope(everything, windows.rate)
    return stack(level, level - windows.usual[:, 0], change(windows, 0), trend, spread(everything))


DESCRIPTORS = (
    DescriptorInfo("skin temperature", "temp", "degC", "cool", "warm"),
    DescriptorInfo("skin temperature relative to usual", "temp", "degC"),
    DescriptorInfo("skin temperature change", "temp", "degC", "cooling", "warming"),
    DescriptorInfo("skin temperature trend", "temp", "degC/min", "cooling", "warming"),
    DescriptorInfo("skin temperature variation", "temp", "degC", "steady", "varying"),
)

TEMP = Modality("temp", "degC", 4.0, 30.0, ("temperature",), DESCRIPTORS, start, push, describe)
