"""The spectrum of a window in numbers for networks: five statistics of every log-mel band over the speaking frames."""

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.modalities._mel import BANDS, FLOOR
from stf2m.prepare.modalities._utterance import Utterance

STATISTICS = ("mean", "variation", "quiet", "loud", "movement")

DESCRIPTORS = tuple(
    DescriptorInfo(f"mel {band + 1:02d} {statistic}", "voice", "dB", readable=False) for statistic in STATISTICS for band in range(BANDS)
)


def timbre(u: Utterance) -> NDArray[np.float64]:
    """The numbers of `DESCRIPTORS`, dB. Only the mean holds the loudness of the take; the others are relative to it.

    mean: long-term average spectrum re full scale; variation: standard deviation over time; quiet and loud: 10th and 90th
    percentile less the long-term average; movement: mean absolute step between frames. Each statistic
    is smoothed over neighbouring bands (1-2-1), because single low bands follow single harmonics of the pitch.
    """
    mel = u.mel[u.active]
    average = 10.0 * np.log10((10.0 ** (mel / 10.0)).mean(axis=0) + FLOOR)
    quiet, loud = np.percentile(mel, [10, 90], axis=0)
    step = np.abs(np.diff(u.mel, axis=0))[u.active[1:] & u.active[:-1]]
    movement = step.mean(axis=0) if len(step) else np.full(BANDS, np.nan)
    table = np.pad(np.stack([average, mel.std(axis=0), quiet - average, loud - average, movement]), ((0, 0), (1, 1)), mode="edge")
    return (0.25 * table[:, :-2] + 0.5 * table[:, 1:-1] + 0.25 * table[:, 2:]).ravel()
