"""Intervals between heart beats as events: the latest interval and its age, from the moment each is known."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.events import EventState, push_events, start_events
from stf2m.prepare.modalities._windows import mean, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

SHORTEST, LONGEST = 0.28, 2.0
"""s; intervals outside are not heart beats"""
FRESH, STALE = 2.0, 10.0
"""s; an interval is trusted fully up to FRESH and not at all after STALE"""
INTERVAL, AGE = 0, 1


class IbiState(NamedTuple):
    """The intervals that a grid sample may still meet."""

    events: EventState


def start(source: Source) -> IbiState:
    """Expects one channel in s; the time of an event is when its interval ended."""
    return IbiState(start_events(source.rate, 1))


def push(state: IbiState, chunk: Chunk) -> tuple[IbiState, Track]:
    """-> interval s and its age s; both NaN before the first interval and after STALE s without one."""
    with np.errstate(invalid="ignore"):
        beats = (chunk.samples[0] >= SHORTEST) & (chunk.samples[0] <= LONGEST)
    events, value, age = push_events(state.events, chunk.samples[:1, beats], chunk.available[beats], chunk.until)
    values = np.concatenate([value, age[None]])
    values[:, ~(age <= STALE)] = np.nan
    quality = np.clip((STALE - np.nan_to_num(age, nan=STALE)) / (STALE - FRESH), 0.0, 1.0)
    return IbiState(events), Track(values.astype(np.float32), quality.astype(np.float32))


def successive(interval: NDArray[np.floating], new: NDArray[np.bool_], longest: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Differences between successive beats of step-held `interval` (segment, time); `new` marks where a beat came.

    -> (difference (segment, time), whether there is one): only where the beat before lies at most `longest` samples back.
    """
    index = np.arange(interval.shape[1])
    last = np.maximum.accumulate(np.where(new, index, -1), axis=1)
    before = np.concatenate([np.full((len(last), 1), -1), last[:, :-1]], axis=1)
    held = np.take_along_axis(interval, np.maximum(before, 0), axis=1)
    pair = new & (before >= 0) & (index - before <= longest) & np.isfinite(interval) & np.isfinite(held)
    return np.where(pair, interval - held, 0.0).astype(np.float64), pair


def describe(windows: Windows) -> NDArray[np.float32]:
    """Interval, its place against the recording so far, and beat-to-beat variability; see `DESCRIPTORS`."""
    interval, age = windows.values[:, INTERVAL], windows.values[:, AGE]
    with np.errstate(invalid="ignore"):
        new = age < 1.0 / windows.rate - 1e-6
    beats = np.where(new, interval, np.nan)
    step, pair = successive(interval, new, int(LONGEST * windows.rate))
    pairs = pair.sum(axis=1)
    rmssd = np.where(pairs > 1, 1e3 * np.sqrt((step * step).sum(axis=1) / np.maximum(pairs, 1)), np.nan)
    level = mean(window(windows, INTERVAL))
    covered = np.nansum(beats, axis=1) * windows.rate / interval.shape[1]
    return stack(
        level, level - windows.usual[:, INTERVAL], 60.0 / level, rmssd, 1e3 * spread(beats),
        np.where(np.isfinite(level), np.minimum(covered, 1.0), np.nan),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("beat interval", "ibi", "s", "short", "long"),
    DescriptorInfo("beat interval relative to usual", "ibi", "s", "shorter", "longer"),
    DescriptorInfo("beat rate", "ibi", "bpm"),
    DescriptorInfo("beat-to-beat variability", "ibi", "ms"),
    DescriptorInfo("beat interval variation", "ibi", "ms", "steady", "varying"),
    DescriptorInfo("share of beats found", "ibi", "1", readable=False),
)

IBI = Modality("ibi", "s", 4.0, 20.0, ("interval", "age"), DESCRIPTORS, start, push, describe)
