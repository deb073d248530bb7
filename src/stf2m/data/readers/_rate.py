"""The sample rate that a time column implies, and the rows it lacks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import RateContradiction
from stf2m.data.streams import usual_step

STEADY = 0.9
"""share of steps within `JITTER` of the usual one that makes a clock steady"""
JITTER = 0.25
MOST_FILLED = 10_000_000
"""samples; beyond it gaps stay gaps in the times"""
GAP = 1.75
"""steps from which on a sample is missing in between"""
LEAST_RATE = {
    "bvp": 4.0, "ecg": 20.0, "emg": 20.0, "eeg": 20.0, "acc": 1.0, "resp": 1.0, "eda": 0.2, "pupil": 1.0, "head": 0.2, "face": 0.2,
    "hr": 0.005, "temp": 0.005,
}  # fmt: skip
"""Hz below which a stream of this modality says that the time column is not in seconds"""
EVENTS = ("gaze", "ibi", "text")
"""modalities whose rows are events unless a rate is declared (beats come almost evenly, but are no clock)"""


class Guess(NamedTuple):
    """Hz (0 = events), whether steps are even, and a word for the reader."""

    rate: float
    steady: bool
    note: str = ""


def guess_rate(times: NDArray[np.float64]) -> Guess:
    """Rate of `times` (time,) s; uneven ones keep their own times.

    A rate within 0.5 % of a whole number of Hz (or of seconds) is taken as that number.
    """
    if len(times) < 3 or (step := usual_step(times)) == 0.0:
        return Guess(0.0, False)
    even = np.abs(np.diff(times) / step - 1.0) <= JITTER
    steady = bool(even.mean() >= STEADY)
    rate = 1.0 / step
    for whole in (round(rate), 1.0 / max(1, round(step))):
        if whole and abs(rate - whole) <= 0.005 * whole:
            rate = float(whole)
            break
    note = "" if steady else f"uneven steps around {step:.4g} s; every sample keeps its own time"
    return Guess(rate, steady, note)


def implied_rate(modality: str, times: NDArray[np.float64], where: str, *, events: bool = True) -> Guess:
    """`guess_rate`, but 0 for a modality of `EVENTS` where `events` may be; raises `RateContradiction` for a rate so low that the
    times cannot be seconds."""
    if events and modality in EVENTS:
        return Guess(0.0, False)
    guess = guess_rate(times)
    if 0 < guess.rate < LEAST_RATE.get(modality, 0.0):
        hint = "is the time column in milliseconds? It must be in seconds (a mapping says per = 1000)"
        raise RateContradiction(f"{guess.rate:.3g} Hz is too slow for {modality}", where=where, hint=hint)
    return guess


def fill_gaps(samples: NDArray, times: NDArray[np.float64], rate: float) -> tuple[NDArray, NDArray[np.float64], int]:
    """Put NaN samples where rows are missing; returns samples, times and how many were put."""
    steps = np.diff(times) * rate
    lacking = np.where(steps >= GAP, np.rint(steps) - 1, 0).astype(np.int64)
    total = int(lacking.sum())
    if not total or total > MOST_FILLED:
        return samples, times, 0
    places = np.flatnonzero(lacking)
    at = np.concatenate([np.linspace(times[i], times[i + 1], lacking[i] + 2)[1:-1] for i in places])
    joined = np.concatenate([times, at])
    order = np.argsort(joined, kind="stable")
    wide = np.concatenate([samples, np.full((len(samples), total), np.nan, samples.dtype)], axis=1)
    return wide[:, order], joined[order], total
