"""Causal filters that carry their state: pushing chunks gives bit for bit what pushing the whole gives.

    state = start_filter(lowpass(1.0, rate=4.0), channels=1)
    state, clean = push_filter(state, chunk)

Zero-phase filtering is used nowhere: at chunk edges it differs by several standard deviations from the whole.
"""

from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray


class FilterState(NamedTuple):
    """Second-order sections and their memory; a channel starts at its first finite sample."""

    sos: NDArray[np.float64]
    """(section, 6)"""
    memory: NDArray[np.float64]
    """(section, channel, 2)"""
    held: NDArray[np.float64]
    """(channel,) last finite input, NaN before the first"""


@lru_cache(maxsize=64)
def _design(order: int, edges: tuple[float, ...], kind: str, rate: float) -> NDArray[np.float64]:
    from scipy.signal import butter

    return cast(NDArray[np.float64], butter(order, np.array(edges).squeeze(), kind, fs=rate, output="sos"))


def lowpass(cutoff: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """Butterworth low-pass, `cutoff` Hz (held below 0.45 * rate), as second-order sections (section, 6)."""
    return _design(order, (min(cutoff, 0.45 * rate),), "lowpass", rate)


def highpass(cutoff: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """Butterworth high-pass, `cutoff` Hz, as second-order sections (section, 6)."""
    return _design(order, (min(cutoff, 0.45 * rate),), "highpass", rate)


def bandpass(low: float, high: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """Butterworth band-pass, `low` < `high` Hz (high held below 0.45 * rate), as second-order sections (section, 6)."""
    return _design(order, (low, min(high, 0.45 * rate)), "bandpass", rate)


def start_filter(sos: NDArray[np.float64], channels: int) -> FilterState:
    """A filter that has seen nothing; its first finite sample is taken as what was there for ever."""
    return FilterState(sos, np.zeros((len(sos), channels, 2)), np.full(channels, np.nan))


def push_filter(state: FilterState, samples: NDArray[np.floating]) -> tuple[FilterState, NDArray[np.float64]]:
    """Filter (channel, time) samples; -> the new state and float64 (channel, time).

    A missing sample (NaN) holds the last finite input inside the filter and is NaN in the answer.
    """
    x = np.asarray(samples, dtype=np.float64)
    out = np.full(x.shape, np.nan)
    if not x.shape[1]:
        return state, out
    finite = np.isfinite(x)
    filled = np.asarray(hold(x, state.held), dtype=np.float64)
    first = np.where(np.isfinite(state.held), 0, np.where(finite.any(axis=1), finite.argmax(axis=1), -1))
    memory = state.memory.copy()
    for begin in np.unique(first[first >= 0]):
        rows = np.flatnonzero(first == begin)
        _run(state.sos, memory, filled, out, rows, int(begin), ~np.isfinite(state.held[rows]))
    out[~finite] = np.nan
    return FilterState(state.sos, memory, filled[:, -1].copy()), out


def _run(sos, memory, filled, out, rows, begin, fresh) -> None:
    """Filter `rows` from column `begin` on; `fresh` rows start settled at their first sample."""
    from scipy.signal import sosfilt, sosfilt_zi

    zi = memory[:, rows].copy()
    if fresh.any():
        settled = sosfilt_zi(sos)[:, None, :] * filled[rows, begin][None, :, None]
        zi[:, fresh] = settled[:, fresh]
    answer, after = sosfilt(sos, np.ascontiguousarray(filled[rows, begin:]), axis=-1, zi=zi)
    out[rows, begin:] = answer
    memory[:, rows] = after


def hold(samples: NDArray[np.floating], before: NDArray[np.floating]) -> NDArray[np.floating]:
    """Replace NaN by the last finite value of its row; `before` (channel,) is what came ahead of the first column.

    samples (channel, time) -> the same shape; a row stays NaN up to its first finite value.
    """
    finite = np.isfinite(samples)
    if finite.all():
        return samples
    if not samples.shape[1]:
        return samples
    index = np.maximum.accumulate(np.where(finite, np.arange(samples.shape[1]), -1), axis=1)
    taken = np.take_along_axis(samples, np.maximum(index, 0), axis=1)
    return np.where(index >= 0, taken, before[:, None])
