"""Butterworth filters as second-order sections (section, 6): b0 b1 b2 1 a1 a2 of H(z) = sum b_k z^-k / sum a_k z^-k.

Poles of the analogue prototype, s_k = exp(i pi (2 k + n - 1) / 2 n), k = 1..n, are moved to the band and brought to z by the
bilinear transform with prewarped edges (Oppenheim, Schafer, Discrete-Time Signal Processing, ch. 7). The tests compare
with scipy.signal.butter, which is not used because importing it costs more than preparing an hour of recordings.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def lowpass(cutoff: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """Low-pass with -3 dB at `cutoff` Hz (held below 0.45 * rate)."""
    return _design(order, 0.0, min(cutoff, 0.45 * rate), rate)


def highpass(cutoff: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """High-pass with -3 dB at `cutoff` Hz (held below 0.45 * rate)."""
    return _design(order, min(cutoff, 0.45 * rate), np.inf, rate)


def bandpass(low: float, high: float, *, rate: float, order: int = 2) -> NDArray[np.float64]:
    """Band-pass with -3 dB at `low` < `high` Hz (high held below 0.45 * rate), of 2 * `order` poles."""
    return _design(order, low, min(high, 0.45 * rate), rate)


@lru_cache(maxsize=64)
def _design(order: int, low: float, high: float, rate: float) -> NDArray[np.float64]:
    """Sections with gain 1 at the passband's reference: 0 Hz, half the rate, or the geometric middle of the warped band."""
    prototype = np.exp(1j * np.pi * (2 * np.arange(1, order + 1) + order - 1) / (2 * order))
    warp = lambda hz: float(np.tan(np.pi * hz / rate))  # noqa: E731
    if low == 0.0:
        poles, zeros, reference = warp(high) * prototype, (-1.0,), 0.0
    elif np.isinf(high):
        poles, zeros, reference = warp(low) / prototype, (1.0,), np.pi
    else:
        half = (warp(high) - warp(low)) * prototype / 2
        middle = warp(low) * warp(high)
        apart = np.sqrt(half * half - middle)
        poles, zeros, reference = np.concatenate([half + apart, half - apart]), (1.0, -1.0), 2 * float(np.arctan(np.sqrt(middle)))
    sections = _sections((1 + poles) / (1 - poles), zeros)
    delay = np.exp(-1j * reference * np.arange(3))
    gain = np.prod(np.abs(sections[:, 3:] @ delay) / np.abs(sections[:, :3] @ delay))
    sections[0, :3] *= gain
    sections.setflags(write=False)
    return sections


def _sections(poles: NDArray[Any], zeros: tuple[float, ...]) -> NDArray[np.float64]:
    """Conjugate poles in pairs, real poles together, the slowest last; every pole gets its share of the zeros."""
    paired = [(-2 * p.real, abs(p) ** 2) for p in poles if p.imag > 1e-12]
    real = sorted(p.real for p in poles if abs(p.imag) <= 1e-12)
    paired += [(-(a + b), a * b) for a, b in zip(real[::2], real[1::2])]
    paired.sort(key=lambda pair: pair[1])
    b = (1.0, -(zeros[0] + zeros[-1]), zeros[0] * zeros[-1])
    rows = [(*b, 1.0, *pair) for pair in paired]
    if len(real) % 2:
        rows.insert(0, (1.0, -zeros[0], 0.0, 1.0, -real[-1], 0.0))
    return np.array(rows)
