"""Pitch of audio frames: candidates from the autocorrelation, then the best path through them, as far as it is known.

A frame alone is often read an octave off. So each frame offers its best periods, and a path that likes small steps
chooses among them (Boersma 1993). The path is followed forwards only: the answer of a frame never waits for later ones.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.modalities._mel import hann

LOWEST, HIGHEST = 65.0, 520.0
"""Hz, the range of voices; a window of 40 ms holds 2.6 periods of the lowest"""
CANDIDATES = 5
WEAKEST = 0.25
"""periodicity below which a peak is no candidate"""
OCTAVE_GAIN = 0.05
"""what a candidate one octave higher gains, so that a period is not read as two"""
JUMP_COST = 0.3
"""per octave between neighbouring frames"""
SWITCH_COST = 0.14
"""for starting or ending voice"""
UNVOICED = 0.45
"""what a frame without voice is worth: about the periodicity at which voice is heard"""


class Path(NamedTuple):
    """The best paths so far: `worth` (candidate + 1,), the last entry being "unvoiced"; `before` (candidate,) log2 Hz."""

    worth: NDArray[np.float64]
    before: NDArray[np.float64]


@lru_cache(maxsize=8)
def window_autocorrelation(length: int, size: int) -> NDArray[np.float64]:
    """Autocorrelation (lag,) of the analysis window, 1 at lag 0."""
    out = np.fft.irfft(np.abs(np.fft.rfft(hann(length), size)) ** 2, size)[: size // 2 + 1]
    return out / out[0]


def autocorrelation(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """One-sided power spectrum (frame, frequency) -> autocorrelation (frame, lag), 1 at lag 0."""
    two_sided = spectrum.copy()
    two_sided[:, 1:-1] *= 0.5
    two_sided[:, 0] = 0.0
    out = np.fft.irfft(two_sided, axis=1)[:, : spectrum.shape[1]]
    return out / np.maximum(out[:, :1], 1e-20)


def candidates(spectrum: NDArray[np.float64], length: int, sample_rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power spectra of Hann windows of `length` samples -> (log2 Hz, periodicity 0..1), both (frame, candidate).

    The autocorrelation of the windowed frame is divided by that of the window, so that a periodic frame peaks at 1
    (Boersma 1993); a parabola through each peak refines lag and height. A missing candidate has periodicity 0.
    """
    size = 2 * (spectrum.shape[1] - 1)
    first, last = int(sample_rate / HIGHEST), int(np.ceil(sample_rate / LOWEST))
    inside = slice(first - 1, last + 2)
    corrected = autocorrelation(spectrum)[:, inside] / window_autocorrelation(length, size)[inside]
    left, here, right = corrected[:, :-2], corrected[:, 1:-1], corrected[:, 2:]
    gain = OCTAVE_GAIN * np.log2(last / np.arange(first, last + 1))
    peaks = np.where((here >= left) & (here > right) & (here > WEAKEST), here + gain, -1.0)
    best = np.argsort(-peaks, axis=1, kind="stable")[:, :CANDIDATES]
    a, b, c = (np.take_along_axis(x, best, axis=1) for x in (left, here, right))
    bend = np.minimum(a - 2 * b + c, -1e-12)
    shift = np.clip(0.5 * (a - c) / bend, -0.5, 0.5)
    found = np.take_along_axis(peaks, best, axis=1) > 0
    strength = np.clip(b - 0.25 * (a - c) * shift, 0.0, 1.0)
    return np.where(found, np.log2(sample_rate / (first + best + shift)), 0.0), np.where(found, strength, 0.0)


def start_path() -> Path:
    """Nothing heard yet: unvoiced."""
    return Path(np.append(np.full(CANDIDATES, -9.0), 0.0), np.zeros(CANDIDATES))


def follow(path: Path, pitch: NDArray[np.float64], strength: NDArray[np.float64]) -> tuple[Path, NDArray[np.float64], NDArray[np.float64]]:
    """Candidates (frame, candidate) in time order -> the path and per frame (log2 Hz, NaN when unvoiced; periodicity 0..1).

    The periodicity is that of the best voiced candidate, also where the path prefers "unvoiced".
    """
    own = np.where(strength > 0, strength + OCTAVE_GAIN * (pitch - np.log2(LOWEST)), -9.0)
    worth, before = path
    out = np.full(len(pitch), np.nan)
    periodicity = np.zeros(len(pitch))
    for n, here in enumerate(pitch):
        voiced, unvoiced = worth[:-1], worth[-1]
        steps = voiced[None, :] - JUMP_COST * np.abs(here[:, None] - before[None, :])
        now = np.maximum(steps.max(axis=1), unvoiced - SWITCH_COST) + own[n]
        silent = max(voiced.max() - SWITCH_COST, unvoiced) + UNVOICED
        best = int(now.argmax())
        if now[best] > silent:
            out[n] = here[best]
        periodicity[n] = strength[n, best]
        top = max(now[best], silent)
        worth, before = np.append(now - top, silent - top), here
    return Path(worth, before), out, periodicity
