"""Acceleration of the wrist: how much it moves (gravity removed) and how the arm lies (gravity itself).

Gravity is a causal low-pass at 0.3 Hz; movement is the length of what is left.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidRecord
from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import FilterState, lowpass, push_filter, start_filter
from stf2m.prepare.modalities._windows import context, highest, mean, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows
from stf2m.prepare.quality import GradeState, Limits, push_grade, start_grade
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

LIMITS = Limits(low=-1.97, high=1.97, flat=30.0, outside=0.5)
"""a wrist band clips at 2 g"""
STILL = 0.03
"""g below which the arm counts as resting"""
MOTION, GRAVITY = 0, slice(1, 4)


class AccState(NamedTuple):
    """Grid, grade and the gravity filter."""

    resampler: ResamplerState
    grade: GradeState
    gravity: FilterState


def start(source: Source) -> AccState:
    """Expects the channels x, y, z in g."""
    if len(source.channels) != 3:
        raise InvalidRecord("acceleration needs three axes", where="stream acc", expected="x y z", got=" ".join(source.channels))
    return AccState(
        start_resampler(source.sample_rate or source.rate, source.rate, 3),
        start_grade(LIMITS, source.rate, 3),
        start_filter(lowpass(0.3, rate=source.rate), 3),
    )


def push(state: AccState, chunk: Chunk) -> tuple[AccState, Track]:
    """-> movement g, then gravity along x, y, z in g."""
    resampler, raw = push_resampler(state.resampler, chunk.samples, chunk.available, chunk.until)
    grade, quality = push_grade(state.grade, raw)
    filtered, gravity = push_filter(state.gravity, raw)
    body = raw - gravity
    motion = np.sqrt(body[0] * body[0] + body[1] * body[1] + body[2] * body[2])
    values = np.concatenate([motion[None], gravity]).astype(np.float32)
    return AccState(resampler, grade, filtered), Track(values, quality)


def turned(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Angle in degrees between directions (segment, 3)."""
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(axis=1) / np.where(length > 0, length, np.nan)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def describe(windows: Windows) -> NDArray[np.float32]:
    """Movement in decibel (0 = 1 g), its change, how long the arm rests, posture and its change; see `DESCRIPTORS`."""
    motion, past = window(windows, MOTION), context(windows, MOTION)
    energy, before = _decibel(motion), _decibel(past)
    direction = mean(windows.values[:, GRAVITY, -windows.samples :])
    earlier = mean(windows.values[:, GRAVITY, : -windows.samples])
    usual = windows.usual[:, GRAVITY]
    length = np.maximum(np.linalg.norm(direction, axis=1), 1e-6)
    resting = np.where(np.isfinite(motion), motion < STILL, np.nan)
    return stack(
        energy, mean(motion) - windows.usual[:, MOTION], energy - before, highest(motion), mean(resting),
        np.degrees(np.arcsin(np.clip(direction[:, 0] / length, -1.0, 1.0))),
        np.degrees(np.arcsin(np.clip(direction[:, 1] / length, -1.0, 1.0))),
        turned(direction, earlier), turned(direction, usual),
    )  # fmt: skip


def _decibel(motion: NDArray[np.floating]) -> NDArray[np.float64]:
    return 10.0 * np.log10(mean(motion * motion) + 1e-6)


DESCRIPTORS = (
    DescriptorInfo("movement", "acc", "dB", "little", "much"),
    DescriptorInfo("movement relative to usual", "acc", "g", "little", "much"),
    DescriptorInfo("movement change", "acc", "dB", "calming", "growing"),
    DescriptorInfo("strongest movement", "acc", "g", "weak", "strong"),
    DescriptorInfo("resting share", "acc", "1", "restless", "at rest"),
    DescriptorInfo("arm tilt along", "acc", "deg", "down", "up"),
    DescriptorInfo("arm tilt across", "acc", "deg", "down", "up"),
    DescriptorInfo("arm turn", "acc", "deg", "small", "large"),
    DescriptorInfo("arm posture away from usual", "acc", "deg", "small", "large"),
)

ACC = Modality("acc", "g", 32.0, 4.0, ("movement", "gravity x", "gravity y", "gravity z"), DESCRIPTORS, start, push, describe)
