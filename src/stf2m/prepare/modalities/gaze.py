"""Gaze: fixations as events, each known when it ends; its place is held until the next one, with age and duration."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.events import EventState, push_events, start_events
from stf2m.prepare.modalities._angles import apart, turn
from stf2m.prepare.modalities._grid import pick, rows_of
from stf2m.prepare.modalities._windows import mean, spread, stack
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

LONGEST = 20.0
"""s; a longer fixation is a tracker that stands still"""
FRESH, STALE = 3.0, 12.0
"""s; a fixation is trusted fully up to FRESH and not at all after STALE"""
PITCH, YAW, DURATION, AGE = 0, 1, 2, 3


class GazeState(NamedTuple):
    """Where pitch and yaw lie in the source, and the fixations that a grid sample may still meet."""

    rows: tuple[int, ...]
    events: EventState


def start(source: Source) -> GazeState:
    """Expects pitch and yaw in degrees; an event stands at its beginning and is known at its end."""
    return GazeState(rows_of(source.channels, ("pitch", "yaw")), start_events(source.rate, 3))


def push(state: GazeState, chunk: Chunk) -> tuple[GazeState, Track]:
    """-> pitch and yaw deg, duration s and age s of the latest known fixation; NaN before the first and after STALE."""
    place = pick(chunk.samples, state.rows)
    duration = chunk.available - chunk.times
    usable = np.isfinite(place).all(axis=0) & (duration <= LONGEST)
    events = np.concatenate([place, duration[None]])[:, usable]
    events_state, value, age = push_events(state.events, events, chunk.available[usable], chunk.until)
    values = np.concatenate([value, age[None]])
    with np.errstate(invalid="ignore"):
        values[:, ~(age <= STALE)] = np.nan
    quality = np.clip((STALE - np.nan_to_num(age, nan=STALE)) / (STALE - FRESH), 0.0, 1.0)
    return GazeState(state.rows, events_state), Track(values.astype(np.float32), quality.astype(np.float32))


def describe(windows: Windows) -> NDArray[np.float32]:
    """How often, how long and where the eyes rested, over window and context; see `DESCRIPTORS`.

    A sum of durations may reach back before the window's context; its share of the time is held at 1.
    """
    pitch, yaw, duration, age = (windows.values[:, channel] for channel in (PITCH, YAW, DURATION, AGE))
    with np.errstate(invalid="ignore"):
        new = age < 1.0 / windows.rate - 1e-6
    sensed = np.isfinite(age).sum(axis=1)
    seconds = np.where(sensed > 0, sensed, np.nan) / windows.rate
    held = np.where(new, duration, np.nan)
    across = np.where(new, turn(yaw, yaw), np.nan)
    up = np.where(new, pitch, np.nan)
    jump = _jumps(pitch, yaw, new)
    return stack(
        new.sum(axis=1) / seconds, np.minimum(np.nansum(held, axis=1) / seconds, 1.0), _or(mean(held), mean(duration)),
        _or(spread(held), 0.0 * seconds), _or(np.hypot(spread(up), spread(across)), 0.0 * seconds), _or(jump, 0.0 * seconds),
        mean(pitch), mean(age),
    )  # fmt: skip


def _or(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(np.isfinite(first), first, second)


def _jumps(pitch: NDArray[np.floating], yaw: NDArray[np.floating], new: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Mean angle in degrees between successive fixations of every segment."""
    index = np.arange(new.shape[1])
    last = np.maximum.accumulate(np.where(new, index, -1), axis=1)
    before = np.concatenate([np.full((len(last), 1), -1), last[:, :-1]], axis=1)
    from_pitch, from_yaw = (np.take_along_axis(x, np.maximum(before, 0), axis=1) for x in (pitch, yaw))
    return mean(np.where(new & (before >= 0), apart(from_pitch, from_yaw, pitch, yaw), np.nan))


DESCRIPTORS = (
    DescriptorInfo("fixation rate", "gaze", "1/s", "few", "many"),
    DescriptorInfo("fixation share", "gaze", "share of time", "small", "large"),
    DescriptorInfo("fixation duration", "gaze", "s", "short", "long"),
    DescriptorInfo("fixation duration variation", "gaze", "s", "even", "varying"),
    DescriptorInfo("gaze dispersion", "gaze", "deg", "concentrated", "scattered"),
    DescriptorInfo("gaze shift", "gaze", "deg", "small", "large"),
    DescriptorInfo("gaze height", "gaze", "deg", "down", "up"),
    DescriptorInfo("age of the last fixation", "gaze", "s", "fresh", "old"),
)

GAZE = Modality("gaze", "deg", 10.0, 8.0, ("pitch", "yaw", "duration", "age"), DESCRIPTORS, start, push, describe)
