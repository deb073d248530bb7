"""Head: where it points (pitch, yaw) and how fast it turns.

Yaw is unrolled before anything else: passing 180 degrees goes on to 181, so that neither a filter nor a difference sees
a jump of 360.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import hold
from stf2m.prepare.modalities._angles import apart
from stf2m.prepare.modalities._grid import GridState, pick, push_grid, rows_of, start_grid
from stf2m.prepare.modalities._windows import highest, mean, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

STEEPEST = 95.0
"""deg of pitch beyond which a value is no head"""
STILL = 3.0
"""deg/s below which the head rests"""
STALE = 1.0
"""s that a direction without a regular clock holds"""
PITCH, YAW, SPEED = 0, 1, 2


class HeadState(NamedTuple):
    """Where pitch and yaw lie in the source, the last yaw and the turns made, the grid and its last direction."""

    rows: tuple[int, ...]
    yaw: NDArray[np.float64]
    """(1,) deg as it came, NaN before the first"""
    turns: float
    rate: float
    grid: GridState
    direction: NDArray[np.float64]
    """(2, 1) deg"""


def start(source: Source) -> HeadState:
    """Expects pitch and yaw in degrees, regular or as events; further channels are left out."""
    rows = rows_of(source.channels, ("pitch", "yaw"))
    return HeadState(rows, np.full(1, np.nan), 0.0, source.rate, start_grid(source, 2), np.full((2, 1), np.nan))


def push(state: HeadState, chunk: Chunk) -> tuple[HeadState, Track]:
    """-> pitch deg, unrolled yaw deg, angular speed deg/s."""
    raw = pick(chunk.samples, state.rows)
    with np.errstate(invalid="ignore"):
        raw[:, ~(np.abs(raw[0]) <= STEEPEST)] = np.nan
    raw[1], yaw, turns = unroll(raw[1], state.yaw, state.turns)
    grid, place = push_grid(state.grid, raw, chunk.available, chunk.until, STALE)
    joined = np.concatenate([state.direction, place], axis=1)
    pitch, heading = joined
    speed = apart(pitch[:-1], heading[:-1], pitch[1:], heading[1:]) * state.rate
    values = np.concatenate([place, speed[None]]).astype(np.float32)
    after = HeadState(state.rows, yaw, turns, state.rate, grid, joined[:, -1:])
    quality = np.where(np.isfinite(place).all(axis=0), np.float32(1.0), np.float32(0.0))
    return after, Track(values, quality)


def unroll(yaw: NDArray[np.float64], before: NDArray[np.float64], turns: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Yaw (time,) deg -> without jumps of 360, the last finite yaw (1,), and the full turns made so far."""
    if not len(yaw):
        return yaw, before, turns
    held = hold(yaw[None], before)[0]
    step = np.diff(np.concatenate([before, held]))
    made = turns - np.cumsum(np.rint(np.nan_to_num(step) / 360.0))
    return yaw + 360.0 * made, held[-1:].copy(), float(made[-1])


def describe(windows: Windows) -> NDArray[np.float32]:
    """Speed, stillness, ranges and the direction up or down; see `DESCRIPTORS`."""
    pitch, yaw, speed = (window(windows, channel) for channel in (PITCH, YAW, SPEED))
    past = windows.values[:, SPEED]
    with np.errstate(invalid="ignore"):
        still = np.where(np.isfinite(speed), speed < STILL, np.nan)
    pace = mean(speed)
    return stack(
        pace, pace - windows.usual[:, SPEED], highest(speed), spread(past), mean(still),
        highest(pitch) + highest(-pitch), highest(yaw) + highest(-yaw), mean(pitch), mean(pitch) - windows.usual[:, PITCH],
        slope(yaw, windows.rate), mean(past),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("head speed", "head", "deg/s", "slow", "fast"),
    DescriptorInfo("head speed relative to usual", "head", "deg/s", "slower", "faster"),
    DescriptorInfo("fastest head movement", "head", "deg/s", "slow", "fast"),
    DescriptorInfo("head speed variation", "head", "deg/s", "even", "varying"),
    DescriptorInfo("head still", "head", "share of time", "rarely", "often"),
    DescriptorInfo("head range up and down", "head", "deg", "narrow", "wide"),
    DescriptorInfo("head range left and right", "head", "deg", "narrow", "wide"),
    DescriptorInfo("head height", "head", "deg", "down", "up"),
    DescriptorInfo("head height relative to usual", "head", "deg", "lower", "higher"),
    DescriptorInfo("head turn", "head", "deg/s", "to one side", "to the other side"),
    DescriptorInfo("head speed with its past", "head", "deg/s", "slow", "fast"),
)

HEAD = Modality("head", "deg", 5.0, 4.0, ("pitch", "yaw", "speed"), DESCRIPTORS, start, push, describe)
