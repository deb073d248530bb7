"""Causal filters that carry their state: pushing chunks gives bit for bit what pushing the whole gives.

    state = start_filter(lowpass(1.0, rate=4.0), channels=1)
    state, clean = push_filter(state, chunk)

Zero-phase filtering is used nowhere: at chunk edges it differs by several standard deviations from the whole.

A section (transposed direct form II: y = b0 x + z1, z1 = b1 x - a1 y + z2, z2 = b2 x - a2 y) runs over blocks of BLOCK
samples counted from a channel's first sample. All blocks answer side by side as if they began at rest; the memory each
really began with then adds h1[k] z1 + h2[k] z2, the section's free response. Every sample is made by the same additions
in the same order however the chunks lie, and no Python loop runs over samples.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.butterworth import bandpass, highpass, lowpass

__all__ = ["FilterState", "bandpass", "highpass", "hold", "lowpass", "push_filter", "start_filter"]

BLOCK = 256
Array = NDArray[np.float64]


class FilterState(NamedTuple):
    """Second-order sections and their memory; a channel starts at its first finite sample."""

    sos: Array
    """(section, 6)"""
    begun: Array
    """(section, channel, 2) memory with which the current block began"""
    rested: Array
    """(section, channel, 2) memory that the block would have now, had it begun at rest"""
    place: NDArray[np.int64]
    """(channel,) samples of the current block so far"""
    held: Array
    """(channel,) last finite input, NaN before the first"""


def start_filter(sos: Array, channels: int) -> FilterState:
    """A filter that has seen nothing; its first finite sample is taken as what was there for ever."""
    memory = np.zeros((len(sos), channels, 2))
    return FilterState(sos, memory, memory, np.zeros(channels, dtype=np.int64), np.full(channels, np.nan))


def push_filter(state: FilterState, samples: NDArray[np.floating]) -> tuple[FilterState, Array]:
    """Filter (channel, time) samples; -> the new state and float64 (channel, time).

    A missing sample (NaN) holds the last finite input inside the filter and is NaN in the answer.
    """
    x = np.asarray(samples, dtype=np.float64)
    out = np.full(x.shape, np.nan)
    if not x.shape[1]:
        return state, out
    finite = np.isfinite(x)
    filled = np.asarray(hold(x, state.held), dtype=np.float64)
    fresh = ~np.isfinite(state.held)
    first = np.where(~fresh, 0, np.where(finite.any(axis=1), finite.argmax(axis=1), -1))
    begun, rested, place = state.begun.copy(), state.rested.copy(), state.place.copy()
    for begin, at in sorted({(int(f), int(p)) for f, p in zip(first, state.place) if f >= 0}):
        rows = np.flatnonzero((first == begin) & (state.place == at))
        part = filled[rows, begin:]
        begun[:, rows] = np.where(fresh[rows, None], _settled(state.sos, part[:, 0]), begun[:, rows])
        for section, b in enumerate(state.sos):
            part, begun[section, rows], rested[section, rows] = _run(b, part, at, begun[section, rows], rested[section, rows])
        out[rows, begin:] = part
        place[rows] = (at + part.shape[1]) % BLOCK
    out[~finite] = np.nan
    return FilterState(state.sos, begun, rested, place, filled[:, -1].copy()), out


def _settled(sos: Array, level: Array) -> Array:
    """Memory (section, channel, 2) of a filter that has seen `level` (channel,) for ever."""
    memory = []
    for b0, b1, b2, _, a1, a2 in sos:
        after = level * ((b0 + b1 + b2) / (1.0 + a1 + a2))
        second = b2 * level - a2 * after
        memory.append(np.stack([b1 * level - a1 * after + second, second], axis=1))
        level = after
    return np.stack(memory)


def _run(b: Array, x: Array, at: int, begun: Array, rested: Array) -> tuple[Array, Array, Array]:
    """One section over x (channel, time) whose first sample has place `at` in its block; -> y and both memories."""
    b0, b1, b2, _, a1, a2 = (float(value) for value in b)
    channels, count = x.shape
    blocks, end = -(-(at + count) // BLOCK), (at + count - 1) % BLOCK + 1
    padded = np.zeros((channels, blocks * BLOCK))
    padded[:, at : at + count] = x
    u = np.ascontiguousarray(padded.reshape(channels, blocks, BLOCK).transpose(2, 0, 1))
    z1, z2 = np.zeros((channels, blocks)), np.zeros((channels, blocks))
    z1[:, 0], z2[:, 0] = rested[:, 0], rested[:, 1]
    for k in range(at if blocks == 1 else 0, end if blocks == 1 else BLOCK):
        part = slice(int(k < at), blocks - int(k >= end))
        now = u[k, :, part]
        y = b0 * now + z1[:, part]
        z1[:, part] = b1 * now - a1 * y + z2[:, part]
        z2[:, part] = b2 * now - a2 * y
        u[k, :, part] = y
    h1, h2, over = _free(a1, a2)
    starts = _chain(over, begun, z1[:, :-1], z2[:, :-1])
    u += h1[:, None, None] * starts[0] + h2[:, None, None] * starts[1]
    y = np.ascontiguousarray(u.transpose(1, 2, 0)).reshape(channels, -1)[:, at : at + count]
    last, memory = starts[:, :, -1].T, np.stack([z1[:, -1], z2[:, -1]], axis=1)
    if end < BLOCK:
        return y, last, memory
    after = _chain(over, last, memory[:, :1], memory[:, 1:])[:, :, -1].T
    return y, after, np.zeros_like(memory)


def _chain(over: tuple[float, ...], begun: Array, z1: Array, z2: Array) -> Array:
    """Memory (2, channel, block + 1) with which each block began, from what each would have ended with at rest."""
    p, q, r, s = over
    rows = []
    for (first, second), ends1, ends2 in zip(begun.tolist(), z1.tolist(), z2.tolist()):
        row = [(first, second)]
        for one, two in zip(ends1, ends2):
            first, second = p * first + q * second + one, r * first + s * second + two
            row.append((first, second))
        rows.append(row)
    return np.array(rows).transpose(2, 0, 1)


@lru_cache(maxsize=64)
def _free(a1: float, a2: float) -> tuple[Array, Array, tuple[float, ...]]:
    """Free responses (BLOCK,) to memory (1, 0) and (0, 1), and the memory each leaves: z1, z2 = p z1 + q z2, r z1 + s z2."""
    responses, left = [], []
    for z1, z2 in ((1.0, 0.0), (0.0, 1.0)):
        response = []
        for _ in range(BLOCK):
            response.append(z1 if abs(z1) > 1e-290 else 0.0)
            z1, z2 = -a1 * z1 + z2, -a2 * z1
        responses.append(np.array(response))
        left.append((z1, z2))
    return responses[0], responses[1], (left[0][0], left[1][0], left[0][1], left[1][1])


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
