"""The spectrum of a window in numbers for networks: its average, the shape of voiced sounds, their movement, and consonants."""

from functools import lru_cache

import numpy as np

from stf2m.prepare.modalities._mel import BANDS, FLOOR
from stf2m.prepare.modalities._utterance import Array, Utterance

UnitAndWords = tuple[str, str, str]
SHAPES, MOVING, HIGH_SHAPES = 8, 12, 9
PAIRS, TRIPLES = BANDS // 2, (BANDS - 1) // 3
FEWEST_FRAMES = 4
"""that a mean of unvoiced or high-pitched frames needs"""

TIMBRE: dict[str, UnitAndWords] = {
    **{f"average spectrum {band:02d}": ("dB", "low", "high") for band in range(1, PAIRS + 1)},
    **{f"spectrum of consonants {band:02d}": ("dB re mean", "low", "high") for band in range(1, TRIPLES + 1)},
    **{f"cepstral shape {order}": ("dB", "low", "high") for order in range(1, SHAPES + 1)},
    **{f"cepstral movement {order}": ("dB", "even", "varying") for order in range(1, MOVING + 1)},
    **{f"cepstral shape {order} at high pitch": ("dB re mean", "low", "high") for order in range(HIGH_SHAPES)},
}


def timbre_numbers(u: Utterance) -> list[float]:
    """The numbers of `TIMBRE`.

    Average: long-term average spectrum of speaking frames re full scale, in pairs of mel bands, because single low bands follow
    single harmonics of the pitch. Consonants: unvoiced speaking frames, in threes of bands, less their mean. Shapes are
    `cepstra` of voiced frames, at high pitch those of the highest third less all voiced ones; movement is the standard
    deviation of each order over speaking frames.
    """
    power = 10.0 ** (u.mel / 10.0)
    average = power[u.active].mean(axis=0).reshape(PAIRS, 2).mean(axis=1)
    consonants = 10.0 * np.log10(power[u.active & ~u.voiced, 1:].reshape(-1, TRIPLES, 3).mean(axis=2) + FLOOR)
    consonants = _mean(consonants, TRIPLES)
    found = u.mel @ cepstra()
    voiced, pitch = found[u.voiced], u.pitch[u.voiced]
    usual = _mean(voiced, found.shape[1])
    high = _mean(voiced[pitch >= np.percentile(pitch, 200.0 / 3.0)] if len(pitch) else voiced, found.shape[1]) - usual
    numbers = (
        10.0 * np.log10(average + FLOOR), consonants - consonants.mean(), usual[1 : SHAPES + 1],
        found[u.active].std(axis=0)[1 : MOVING + 1], high[:HIGH_SHAPES],
    )  # fmt: skip
    return np.concatenate(numbers).tolist()


@lru_cache(maxsize=1)
def cepstra() -> Array:
    """(band, order 0..12): cosine transform (type II) of log-mel bands, orthonormal but for order 0, which is larger by sqrt 2."""
    band = (np.arange(BANDS) + 0.5) / BANDS
    return np.sqrt(2.0 / BANDS) * np.cos(np.pi * np.outer(band, np.arange(MOVING + 1)))


def _mean(rows: Array, width: int) -> Array:
    """Mean over frames (frame, number), NaN with fewer than `FEWEST_FRAMES`."""
    return rows.mean(axis=0) if len(rows) >= FEWEST_FRAMES else np.full(width, np.nan)
