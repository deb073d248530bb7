"""Short-time power spectra of audio, the log-mel bands made of them, and their balance."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BANDS = 40
LOWEST, HIGHEST = 60.0, 7600.0
"""Hz, edges of the first and the last band"""
FLOOR = 1e-11
"""mean square of amplitude below which everything is silence: -110 dB re full scale"""


def to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hz -> mel (O'Shaughnessy 1987): 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + hz / 700.0)


def from_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """mel -> Hz, the inverse of `to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def band_edges(bands: int) -> NDArray[np.float64]:
    """bands + 2 frequencies in Hz, equally spaced in mel: each band rises from one to the next and falls to the one after."""
    low, high = to_mel(np.array([LOWEST, HIGHEST]))
    return from_mel(np.linspace(low, high, bands + 2))


@lru_cache(maxsize=8)
def band_centres(bands: int = BANDS) -> NDArray[np.float64]:
    """Centre frequency in Hz of every mel band."""
    return band_edges(bands)[1:-1]


@lru_cache(maxsize=8)
def band_widths(bands: int = BANDS) -> NDArray[np.float64]:
    """Hz of flat spectrum that give a band its power: half of the distance between its edges."""
    edges = band_edges(bands)
    return (edges[2:] - edges[:-2]) / 2.0


@lru_cache(maxsize=8)
def mel_bank(sample_rate: float, size: int, bands: int = BANDS) -> NDArray[np.float64]:
    """Triangular filters (frequency, band) over the size // 2 + 1 bins of a real FFT; peaks 1, equally spaced in mel."""
    hz = np.arange(size // 2 + 1) * sample_rate / size
    edges = band_edges(bands)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (hz[:, None] - left) / (centre - left)
    falling = (right - hz[:, None]) / (right - centre)
    return np.clip(np.minimum(rising, falling), 0.0, None)


@lru_cache(maxsize=8)
def hann(length: int) -> NDArray[np.float64]:
    """Periodic Hann window with mean square 1, so that power is that of the unwindowed signal."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)
    return window / np.sqrt(np.mean(window**2))


def fft_size(length: int) -> int:
    """Smallest power of two that also holds the lags of the longest pitch period (0.6 of a window)."""
    return 1 << int(np.ceil(np.log2(1.5 * length)))


def power(frames: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """One-sided power spectrum (frame, frequency) of Hann-windowed frames (frame, sample), in amplitude squared per bin.

    Bins sum to the mean square of the frame, whatever the sample rate and the padding.
    """
    length = frames.shape[1]
    spectrum = np.fft.rfft(frames * hann(length), size, axis=1)
    out = (spectrum.real**2 + spectrum.imag**2) / (length * size)
    out[:, 1:-1] *= 2.0
    return out


def log_mel(spectrum: NDArray[np.float64], sample_rate: float) -> NDArray[np.float64]:
    """Power spectrum (frame, frequency) -> dB per band (frame, band), floored at -110 dB."""
    size = 2 * (spectrum.shape[1] - 1)
    return 10.0 * np.log10(spectrum @ mel_bank(sample_rate, size) + FLOOR)


def centroid(spectrum: NDArray[np.float64], sample_rate: float) -> NDArray[np.float64]:
    """Centre of gravity of the power spectrum above 60 Hz, Hz (frame,)."""
    size = 2 * (spectrum.shape[1] - 1)
    hz = np.arange(spectrum.shape[1]) * sample_rate / size
    inside = np.where((hz >= LOWEST) & (hz <= HIGHEST), 1.0, 0.0)
    weighted = spectrum * inside
    return (weighted @ hz + FLOOR * 1000.0) / (weighted.sum(axis=1) + FLOOR)
