"""The canonical grid n / rate, and how far a stream's own clock strays from its declared rate."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TICK_TOLERANCE = 6e-4
"""s; time stamps rounded to milliseconds still fall on their grid tick"""


def snap(times: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Move times (s) that lie within rounding distance of a tick n / rate onto it; order is kept.

    Clock readings (`until`) and sample times pass the same function, so that what is known before the clock stays so.
    """
    ticks = np.rint(np.asarray(times, dtype=np.float64) * rate) / rate
    near = np.abs(times - ticks) <= min(TICK_TOLERANCE, 0.1 / rate)
    return np.where(near, ticks, times)


def grid_count(until: float, rate: float) -> int:
    """How many grid samples n = 0, 1, ... have n / rate < `until` s."""
    ticks = np.rint(until * rate)
    if abs(until - ticks / rate) <= min(TICK_TOLERANCE, 0.1 / rate):
        return max(int(ticks), 0)
    return max(int(np.floor(until * rate)) + 1, 0)


def grid_counts(until: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
    """`grid_count` of many clock readings at once."""
    moved = snap(until, rate) * rate
    return np.maximum(np.ceil(moved - 1e-9 * np.maximum(np.abs(moved), 1.0)), 0.0).astype(np.int64)


class ClockReport(NamedTuple):
    """What the time stamps of one stream say about its clock."""

    measured_rate: float
    """Hz, from the median step; NaN with fewer than two samples"""
    drift: float
    """s by which the last time stamp strays from the declared rate, gaps left out"""
    gaps: NDArray[np.float64]
    """(gap, 2) s: begin and end of every step longer than 1.5 periods"""
    jitter: float
    """s, standard deviation of the steps outside gaps"""


def examine(times: NDArray[np.float64], sample_rate: float) -> ClockReport:
    """Offset, drift and gaps of a regular stream; `times` (time,) s increasing, `sample_rate` Hz > 0."""
    if len(times) < 2:
        return ClockReport(float("nan"), 0.0, np.zeros((0, 2)), 0.0)
    steps = np.diff(times)
    long = steps > 1.5 / sample_rate
    kept = steps[~long]
    gaps = np.column_stack([times[:-1][long], times[1:][long]])
    if not len(kept):
        return ClockReport(1.0 / float(np.median(steps)), 0.0, gaps, 0.0)
    return ClockReport(1.0 / float(np.median(kept)), float((kept - 1.0 / sample_rate).sum()), gaps, float(kept.std()))
