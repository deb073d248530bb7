"""Events (fixations, beat intervals, take means) -> a step-held value and its age, from the moment they are known."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.clocks import grid_count, snap


class EventState(NamedTuple):
    """The events that may still be met by a grid sample, and the next grid sample."""

    rate: float
    next: int
    known: NDArray[np.float64]
    """(event,) s"""
    values: NDArray[np.float64]
    """(channel, event)"""


def start_events(rate: float, channels: int) -> EventState:
    """No event yet; the grid n / `rate` begins at n = 0."""
    return EventState(rate, 0, np.zeros(0), np.zeros((channels, 0)))


def push_events(
    state: EventState,
    values: NDArray[np.floating],
    available: NDArray[np.float64],
    until: float,
) -> tuple[EventState, NDArray[np.float64], NDArray[np.float64]]:
    """Push events (channel, event) known at `available` (event,) s; -> state, value and age on the grid before `until` s.

    value float64 (channel, grid) holds the latest known event, age float64 (grid,) is the seconds since it was known;
    both NaN before the first. Events known at the same moment: the later in the list wins.
    """
    order = np.argsort(available, kind="stable")
    known = np.concatenate([state.known, snap(np.asarray(available, dtype=np.float64)[order], state.rate)])
    joined = np.concatenate([state.values, np.asarray(values, dtype=np.float64)[:, order]], axis=1)
    end = max(grid_count(until, state.rate), state.next)
    ticks = np.arange(state.next, end) / state.rate
    index = np.searchsorted(known, ticks, side="right") - 1
    value = np.full((len(joined), len(ticks)), np.nan)
    age = np.full(len(ticks), np.nan)
    met = index >= 0
    value[:, met] = joined[:, index[met]]
    age[met] = ticks[met] - known[index[met]]
    kept = max(int(index[-1]), 0) if len(ticks) else 0
    return EventState(state.rate, end, known[kept:], joined[:, kept:]), value, age
