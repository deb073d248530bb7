"""From hidden channels to the waveforms of a wrist band and an eye tracker, at their native rates."""

import numpy as np

from stf2m.core.records import Stream
from stf2m.data.synthetic.curves import GRID, Curve, at, clock, inside, spells, wander

BREATH = 0.25
"""Hz of breathing"""
KERNEL_PEAK = 0.4389
"""largest value of exp(-t / 2.5) - exp(-t / 0.7)"""
ROOM = 24.0
"""degC of the room, towards which a band that was taken off cools"""


def stream(modality: str, samples: Curve, times: Curve, sample_rate: float, channels: tuple[str, ...], unit: str) -> Stream:
    """A regular stream whose channels share one unit."""
    return Stream(modality, np.atleast_2d(samples).astype(np.float32), times, sample_rate, channels, (unit,) * len(channels))


def heart(beat: Curve, log_amplitude: Curve, motion: Curve, off: float, seconds: float, rng: np.random.Generator) -> dict[str, Stream]:
    """bvp (64 Hz, au) as a train of pulses, and hr (1 Hz, bpm) as a band reports it: a mean over the last 5 s, from 5 s on.

    `beat` (time,) bpm and `log_amplitude` (time,) on the grid; `motion` (burst, 2) s; `off` s at which the band came off.
    """
    grid = np.arange(len(beat)) / GRID
    breathing = np.sin(2 * np.pi * (BREATH * grid + rng.random()))
    beat = np.clip(beat + 1.5 * breathing, 40, 180)
    times = clock(64, seconds)
    phase = (np.cumsum(at(beat, times)) / (60 * 64) + rng.random()) % 1.0
    pulse = np.exp(-0.5 * ((phase - 0.22) / 0.09) ** 2) + 0.35 * np.exp(-0.5 * ((phase - 0.52) / 0.11) ** 2) - 0.322
    amplitude = np.exp(at(log_amplitude, times))
    bvp = amplitude * (pulse + 0.08 * at(breathing, times) + 0.02 * rng.standard_normal(len(times)))
    damaged = inside(times, motion)
    bvp += damaged * 3 * amplitude.mean() * at(wander(rng, beat.shape, 0.15), times)
    bvp = np.where(times < off, bvp, 0.5 * rng.standard_normal(len(times)))
    seen = clock(1, seconds, 5.0)
    mean = np.diff(at(np.concatenate([[0.0], np.cumsum(beat)[:-1]]) / GRID, np.stack([seen - 5, seen])), axis=0)[0] / 5
    slips = np.where(inside(seen, motion + np.array([0.0, 5.0])), 4.0, 0.7) * rng.standard_normal(len(seen))
    return {
        "bvp": stream("bvp", bvp, times, 64, ("bvp",), "au"),
        "hr": stream("hr", (mean + slips).round(2), seen, 1, ("hr",), "bpm"),
    }


def skin(tonic: Curve, log_rate: Curve, motion: Curve, off: float, seconds: float, rng: np.random.Generator) -> Stream:
    """eda (4 Hz, uS): a tonic level (log uS on the grid) and responses at `log_rate` (log 1/min) of rise 0.7 s, decay 2.5 s."""
    from scipy.signal import lfilter

    level = np.exp(tonic)
    counts = rng.poisson(np.exp(np.minimum(log_rate, 3.5)) / 60 / GRID)
    impulse = counts * rng.lognormal(-2.0, 0.35, len(counts)) * level.mean()
    decay, rise = (np.asarray(lfilter([1.0], [1.0, -np.exp(-1 / (tau * GRID))], impulse)) for tau in (2.5, 0.7))
    phasic = (decay - rise) / KERNEL_PEAK
    times = clock(4, seconds)
    eda = at(level + phasic, times) * (1 + 0.002 * rng.standard_normal(len(times)))
    eda *= np.where(inside(times, motion), rng.uniform(0.5, 1.3, len(times)), 1.0)
    eda = np.where(times < off, eda, 0.01 + 0.004 * rng.random(len(times)))
    return stream("eda", eda.clip(0.001), times, 4, ("eda",), "uS")


def warmth(level: Curve, off: float, seconds: float, rng: np.random.Generator) -> Stream:
    """temp (4 Hz, degC) in the steps of 0.01 degC of a real band; cools towards the room once the band is off."""
    times = clock(4, seconds)
    temp = at(level, times) + 0.01 * rng.standard_normal(len(times))
    away = np.maximum(times - off, 0)
    temp = ROOM + (temp - ROOM) * np.exp(-away / 25)
    return stream("temp", temp.round(2), times, 4, ("temp",), "degC")


def movement(log_size: Curve, motion: Curve, seconds: float, rng: np.random.Generator) -> Stream:
    """acc (32 Hz, g, 3 channels): gravity on a slowly turning wrist, restlessness of `log_size` (log g), bursts, 1/64 g steps."""
    times = clock(32, seconds)
    tilt, roll = (at(row, times) for row in 0.15 * wander(rng, (2, len(log_size)), 20.0) + rng.uniform(-1, 1, (2, 1)))
    gravity = np.stack([np.sin(tilt), np.cos(tilt) * np.sin(roll), np.cos(tilt) * np.cos(roll)])
    size = np.exp(at(log_size, times)) + inside(times, motion) * 0.5
    shake = rng.standard_normal((3, len(times) + 2))
    shake = (shake[:, 2:] + shake[:, 1:-1] + shake[:, :-2]) / np.sqrt(3)
    acc = gravity + size * shake + 0.004 * rng.standard_normal((3, len(times)))
    return stream("acc", (acc.clip(-2, 2) * 64).round() / 64, times, 32, ("x", "y", "z"), "g")


def pupil(size: Curve, light: Curve, blinks_per_minute: float, seconds: float, rng: np.random.Generator) -> Stream:
    """pupil (30 Hz, mm): size (mm on the grid), less with light (0..1 on the grid), unrest, and blinks as missing samples."""
    times = clock(30, seconds)
    unrest = 0.05 * at(wander(rng, size.shape, 0.4), times)
    diameter = (at(size - 0.15 * light, times) + unrest + 0.01 * rng.standard_normal(len(times))).clip(1.2, 9.0)
    diameter[inside(times, spells(rng, blinks_per_minute, 0.1, 0.3, seconds))] = np.nan
    return stream("pupil", diameter, times, 30, ("pupil",), "mm")
