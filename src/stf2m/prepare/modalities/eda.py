"""Skin conductance: a slow tonic level and the phasic answers on top of it.

Cleaned by a causal low-pass at 1 Hz; tonic is a causal low-pass at 0.05 Hz of that, phasic the rest, so their sum is the
level. Answers come 1-5 s after their cause, hence the long context.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import FilterState, lowpass, push_filter, start_filter
from stf2m.prepare.modalities._windows import change, mean, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows
from stf2m.prepare.quality import GradeState, Limits, push_grade, start_grade
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

LIMITS = Limits(low=0.05, high=60.0, flat=5.0, jump=10.0, outside=0.3)
"""below 0.05 uS an electrode hardly touches the skin"""
RISE = 0.02
"""uS a rise must reach to count as a response"""
TONIC, PHASIC = 0, 1


class EdaState(NamedTuple):
    """Grid, grade and the two filters."""

    resampler: ResamplerState
    grade: GradeState
    clean: FilterState
    tonic: FilterState


def start(source: Source) -> EdaState:
    """Expects one channel in uS."""
    rate = source.rate
    return EdaState(
        start_resampler(source.sample_rate or rate, rate, 1),
        start_grade(LIMITS, rate, 1),
        start_filter(lowpass(1.0, rate=rate), 1),
        start_filter(lowpass(0.05, rate=rate), 1),
    )


def push(state: EdaState, chunk: Chunk) -> tuple[EdaState, Track]:
    """-> tonic and phasic uS."""
    resampler, raw = push_resampler(state.resampler, chunk.samples[:1], chunk.available, chunk.until)
    grade, quality = push_grade(state.grade, raw)
    clean, level = push_filter(state.clean, raw)
    slow, tonic = push_filter(state.tonic, level)
    values = np.concatenate([tonic, level - tonic]).astype(np.float32)
    return EdaState(resampler, grade, clean, slow), Track(values, quality)


def rises(level: NDArray[np.floating], least: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Uninterrupted rises of at least `least` uS in (segment, time); -> their number and their summed size (segment,)."""
    step = np.nan_to_num(np.diff(level, axis=1)).astype(np.float64)
    up = step > 0
    climbed = np.cumsum(np.where(up, step, 0.0), axis=1)
    foot = np.maximum.accumulate(np.where(up, 0.0, climbed), axis=1)
    top = up & ~np.concatenate([up[:, 1:], np.zeros((len(up), 1), dtype=bool)], axis=1)
    size = np.where(top, climbed - foot, 0.0)
    counted = size >= least
    return counted.sum(axis=1).astype(np.float64), np.where(counted, size, 0.0).sum(axis=1)


def describe(windows: Windows) -> NDArray[np.float32]:
    """Level, its place against the recording so far, trend and responses; see `DESCRIPTORS`."""
    both = windows._replace(values=windows.values.sum(axis=1, keepdims=True))
    everything = both.values[:, 0]
    level = mean(window(both, 0))
    usual = windows.usual.sum(axis=1)
    ratio = np.log2(np.maximum(level, 0.01) / np.maximum(usual, 0.01))
    known = np.isfinite(everything).sum(axis=1)
    minutes = np.where(known > 1, known / windows.rate / 60.0, np.nan)
    count, size = rises(everything, RISE)
    peak = np.maximum(window(windows, PHASIC), 0.0)
    return stack(
        level, level - usual, ratio, change(both, 0), 60.0 * slope(everything, windows.rate),
        count / minutes, size / minutes, mean(peak), spread(everything),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("skin conductance", "eda", "uS"),
    DescriptorInfo("skin conductance relative to usual", "eda", "uS"),
    DescriptorInfo("skin conductance ratio to usual", "eda", "doublings"),
    DescriptorInfo("skin conductance change", "eda", "uS", "falling", "rising"),
    DescriptorInfo("skin conductance trend", "eda", "uS/min", "falling", "rising fast"),
    DescriptorInfo("skin conductance responses", "eda", "1/min", "few", "many"),
    DescriptorInfo("skin conductance response size", "eda", "uS/min", "small", "large"),
    DescriptorInfo("phasic skin conductance", "eda", "uS", "quiet", "active"),
    DescriptorInfo("skin conductance variation", "eda", "uS", "steady", "varying"),
)

EDA = Modality("eda", "uS", 4.0, 10.0, ("tonic", "phasic"), DESCRIPTORS, start, push, describe)
