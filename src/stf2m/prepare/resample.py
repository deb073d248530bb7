"""One causal resampler: samples at any rate and time -> the canonical grid n / rate, chunk by chunk.

Sample n sees only what was known at n / rate. Equal rates pass through (the latest sample holds), a faster source is
low-passed first (fourth-order Butterworth at 0.4 * rate against aliasing), a slower one is interpolated linearly one
source period late, because the next sample must have arrived. A silence of more than 1.5 source periods is NaN.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.clocks import grid_count, snap
from stf2m.prepare.filters import FilterState, lowpass, push_filter, start_filter

EQUAL = 0.02
"""rates closer than this share count as equal"""


class ResamplerState(NamedTuple):
    """The samples still to be met, the next grid sample, and the anti-aliasing filter if there is one."""

    source_rate: float
    rate: float
    next: int
    times: NDArray[np.float64]
    """(time,) s when the kept samples were known"""
    values: NDArray[np.float64]
    """(channel, time)"""
    filter: FilterState | None


def start_resampler(source_rate: float, rate: float, channels: int) -> ResamplerState:
    """From `source_rate` Hz (> 0, nominal) to the grid n / `rate`, beginning at n = 0."""
    down = source_rate > rate * (1 + EQUAL)
    sieve = start_filter(lowpass(0.4 * rate, rate=source_rate, order=4), channels) if down else None
    return ResamplerState(source_rate, rate, 0, np.zeros(0), np.zeros((channels, 0)), sieve)


def push_resampler(
    state: ResamplerState,
    samples: NDArray[np.floating],
    available: NDArray[np.float64],
    until: float,
) -> tuple[ResamplerState, NDArray[np.float64]]:
    """Push samples (channel, time) known at `available` (time,) s; -> state and the grid samples before `until` s.

    The answer is float64 (channel, grid), NaN before the first sample, in gaps and where the source is NaN.
    """
    values = np.asarray(samples, dtype=np.float64)
    sieve = state.filter
    if sieve is not None:
        sieve, values = push_filter(sieve, values)
    times = np.concatenate([state.times, np.maximum.accumulate(snap(available, state.rate))]) if len(available) else state.times
    values = np.concatenate([state.values, values], axis=1) if len(available) else state.values
    end = max(grid_count(until, state.rate), state.next)
    ticks = np.arange(state.next, end) / state.rate
    slow = state.source_rate < state.rate * (1 - EQUAL)
    grid = (_interpolate if slow else _latest)(times, values, ticks, 1.0 / state.source_rate)
    # Nothing older than what the last tick interpolated from can be met again.
    kept = max(int(np.searchsorted(times, ticks[-1] - 1.0 / state.source_rate, side="right")) - 1, 0) if len(ticks) else 0
    return ResamplerState(state.source_rate, state.rate, end, times[kept:], values[:, kept:], sieve), grid


def _latest(times, values, ticks, period):
    """The newest sample at each tick, NaN when it is older than 1.5 periods."""
    index = np.searchsorted(times, ticks, side="right") - 1
    return _pick(values, index, _age(times, ticks, index) <= 1.5 * period)


def _interpolate(times, values, ticks, period):
    """Linear between the two samples around tick - period; the earlier one alone while the later has not arrived."""
    left = np.searchsorted(times, ticks - period, side="right") - 1
    known = np.searchsorted(times, ticks, side="right") - 1
    right = np.minimum(left + 1, known)
    fresh = (_age(times, ticks, left) <= 2.5 * period) & (left >= 0)
    a, b = _pick(values, left, fresh), _pick(values, right, fresh)
    if not len(times):
        return a
    begin, finish = times[np.maximum(left, 0)], times[np.maximum(right, 0)]
    step = finish - begin
    share = np.where(step > 0, (ticks - period - begin) / np.where(step > 0, step, 1.0), 0.0)
    return np.where(step <= 1.5 * period, a + share * (b - a), np.nan)


def _age(times, ticks, index):
    return ticks - times[np.maximum(index, 0)] if len(times) else np.full(len(ticks), np.inf)


def _pick(values, index, usable):
    if not values.shape[1]:
        return np.full((len(values), len(index)), np.nan)
    return np.where(usable & (index >= 0), values[:, np.maximum(index, 0)], np.nan)
