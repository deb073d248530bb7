"""One window of prepared voice as plain arrays: which frames speak, which are voiced, and small statistics over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.modalities._mel import BANDS

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BELOW_PEAK = 35.0
"""dB under the loudest frames at which speech ends"""
VOICED_BELOW_PEAK = 30.0
"""dB under the loudest frames at which a voiced frame no longer counts: its pitch is that of an echo or of a hum"""
ABOVE_FLOOR = 3.0
"""dB over the quietest frames at which speech begins"""
SILENCE = -85.0
"""dB re full scale under which nothing is speech"""
FEWEST = 8
"""frames of speech that a description needs"""


class Utterance(NamedTuple):
    """From the first to the last speaking frame. `active` and `voiced` (time,) mark frames that speak and have a pitch."""

    rate: float
    mel: Array
    """(time, band) dB"""
    pitch: Array
    """(time,) semitones above 100 Hz, NaN when unvoiced"""
    periodicity: Array
    level: Array
    """(time,) dB"""
    centroid: Array
    """(time,) octaves above 100 Hz"""
    active: Mask
    voiced: Mask
    before: Array
    """(time,) dB over the quietest frames of the window, ahead of the first speaking frame"""
    after: Array
    """the same behind the last one"""


def utterance(values: NDArray[np.float32], rate: float) -> Utterance | None:
    """Prepared voice (channel, time) -> its speaking part; None where fewer than `FEWEST` frames speak.

    The threshold follows the loudest and the quietest frames of the window, so that a quiet take counts like a loud one.
    """
    x = values[:, np.isfinite(values[BANDS + 2])].astype(np.float64)
    if x.shape[1] < FEWEST:
        return None
    level = x[BANDS + 2]
    quiet, loud = np.percentile(level, [5, 95])
    active = level > max(loud - BELOW_PEAK, quiet + ABOVE_FLOOR, SILENCE)
    if active.sum() < FEWEST:
        return None
    speaking = np.flatnonzero(active)
    before, after = level[: speaking[0]] - quiet, level[speaking[-1] + 1 :] - quiet
    x, active = x[:, speaking[0] : speaking[-1] + 1], active[speaking[0] : speaking[-1] + 1]
    level = x[BANDS + 2]
    voiced = active & np.isfinite(x[BANDS]) & (level > np.percentile(level, 95) - VOICED_BELOW_PEAK)
    for begin, end in zip(*runs(voiced)):
        if end - begin < 3:
            voiced[begin:end] = False
    octave = np.log2(100.0)
    pitch, centroid = 12.0 * (x[BANDS] - octave), x[BANDS + 3] - octave
    return Utterance(rate, x[:BANDS].T, pitch, x[BANDS + 1], level, centroid, active, voiced, before, after)


def runs(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and past-the-end index of every stretch of True."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def trend(values: Array, seconds: Array) -> float:
    """Least-squares slope in units per second; NaN with fewer than five values."""
    if len(values) < 5:
        return float("nan")
    time = seconds - seconds.mean()
    return float((time * (values - values.mean())).sum() / (time * time).sum())


def average(values: Array) -> float:
    """Mean, NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")


def variation(values: Array) -> float:
    """Standard deviation, NaN of fewer than two."""
    return float(values.std()) if values.size > 1 else float("nan")


def third(values: Array, which: int) -> float:
    """Mean of the first (0), middle (1) or last (2) third less the mean of all."""
    return average(np.array_split(values, 3)[which]) - average(values)


def smooth(values: Array, frames: int) -> Array:
    """Centred moving average over an odd number of frames, the ends held."""
    padded = np.pad(values, frames // 2, mode="edge")
    return np.convolve(padded, np.full(frames, 1.0 / frames), "valid")
