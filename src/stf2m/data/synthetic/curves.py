"""The curves beneath everything, on one grid of 16 Hz: noise of a given memory, feelings, ratings, channel answers."""

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Rating
from stf2m.data.synthetic.person import Person
from stf2m.data.synthetic.world import Channel, World

GRID = 16
"""Hz of every hidden curve"""
DRIFT_TAU = 90.0

Curve = NDArray[np.float64]


def follow(curve: Curve, tau: float, delay: float = 0.0) -> Curve:
    """Low-pass the last axis with y' = (x - y) / tau after `delay` s; begins settled at the first value."""
    from scipy.signal import lfilter

    if delay:
        shift = round(delay * GRID)
        curve = np.concatenate([np.repeat(curve[..., :1], shift, axis=-1), curve], axis=-1)[..., : curve.shape[-1]]
    keep = np.exp(-1.0 / (tau * GRID))
    settled = keep * curve[..., :1]
    return np.asarray(lfilter([1.0 - keep], [1.0, -keep], curve, axis=-1, zi=settled)[0])


def wander(rng: np.random.Generator, shape: tuple[int, ...], tau: float, *, poles: int = 1) -> Curve:
    """Stationary Gaussian noise of unit variance along the last axis, white noise through `poles` low-passes of `tau` s."""
    settle = int(6 * tau * GRID) * poles
    noise = rng.standard_normal((*shape[:-1], shape[-1] + settle))
    pulse = np.zeros(settle)
    pulse[1] = 1.0
    for _ in range(poles):
        noise, pulse = follow(noise, tau), follow(pulse, tau)
    return noise[..., settle:] / np.sqrt(np.square(pulse).sum())


def feelings(world: World, person: Person, clip: np.random.Generator, own: np.random.Generator, count: int) -> Curve:
    """(2, time) felt valence and arousal: the clip's curve, the same for everybody, mixed with the person's own."""
    shared = wander(clip, (2, count), world.feeling_tau, poles=2)
    private = wander(own, (2, count), world.feeling_tau, poles=2)
    return np.sqrt(person.stimulus_share) * shared + np.sqrt(1 - person.stimulus_share) * private


def answer(channel: Channel, gain: tuple[float, float], felt: Curve, rng: np.random.Generator) -> Curve:
    """(time,) deviation of a channel from the person's rest level: delayed answer, noise and drift."""
    driven = follow(gain[0] * felt[0] + gain[1] * felt[1], channel.tau, channel.delay)
    noise = channel.noise * wander(rng, driven.shape, channel.noise_tau)
    return driven + noise + channel.drift * wander(rng, driven.shape, DRIFT_TAU)


def at(curve: Curve, times: Curve) -> Curve:
    """Read a (time,) grid curve at other times (s), linearly."""
    return np.interp(times, np.arange(len(curve)) / GRID, curve)


def clock(rate: float, seconds: float, start: float = 0.0) -> Curve:
    """Sample times (s) of a device of `rate` Hz from `start` up to `seconds`."""
    return start + np.arange(int((seconds - start) * rate)) / rate


def spells(rng: np.random.Generator, per_minute: float, shortest: float, longest: float, seconds: float) -> Curve:
    """(spell, 2) onset and offset (s) of randomly placed spells."""
    count = rng.poisson(per_minute * seconds / 60)
    onset = np.sort(rng.uniform(0, seconds, count))
    return np.stack([onset, onset + rng.uniform(shortest, longest, count)], axis=1)


def inside(times: Curve, found: Curve) -> NDArray[np.bool_]:
    """(time,) whether each time lies in one of the spells."""
    return np.any((times[:, None] >= found[:, 0]) & (times[:, None] < found[:, 1]), axis=1)


def rate(world: World, person: Person, felt: Curve, rng: np.random.Generator, seconds: float, source: str = "self") -> Rating:
    """A joystick in `person`'s hand, about 8 Hz: tanh(steepness * (felt(t - lag) + hand - threshold)), with unrated spells."""
    times = np.cumsum(rng.uniform(0.11, 0.14, int(seconds / 0.125) + 8))
    times = times[times < seconds]
    hand = world.rater_noise * wander(rng, felt.shape, 3.0)
    level = np.stack([at(row, times - person.lag) for row in felt + hand])
    values = np.tanh(person.steepness * (level - np.asarray(person.threshold)[:, None]))
    values[:, inside(times, spells(rng, world.unrated_per_minute, 3.0, 8.0, seconds))] = np.nan
    return Rating(source, values.astype(np.float32), times, source_scale=(-1.0, 1.0))
