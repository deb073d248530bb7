"""Draw one person: the known answers that a learner is asked to find."""

from dataclasses import dataclass

import numpy as np

from stf2m.data.synthetic.world import CHANNELS, World

FRAGILE = ("eda", "pupil", "temp", "acc")
"""Modalities that may be missing; bvp and hr are always there."""


@dataclass(frozen=True)
class Person:
    """What is true of one person. Gains are signed, in the channel's unit per standard deviation of the feeling."""

    subject: str
    offset: dict[str, float]
    """channel -> level at rest"""
    gain: dict[str, tuple[float, float]]
    """channel -> answer to (valence, arousal)"""
    threshold: tuple[float, float]
    """felt (valence, arousal) that this person rates as 0"""
    steepness: float
    lag: float
    """s"""
    stimulus_share: float
    knee: float
    missing: frozenset[str]
    """modalities that no recording of this person has"""


def draw_person(world: World, subject: str, rng: np.random.Generator) -> Person:
    """A person of `world`; the same generator state gives the same person."""
    offset, gain = {}, {}
    for name in CHANNELS:
        channel = getattr(world, name)
        offset[name] = float(channel.offset + channel.offset_spread * np.clip(rng.standard_normal(), -1.8, 1.8))
        size = np.exp(channel.spread * rng.standard_normal(2))
        sign = np.where(rng.random(2) < (channel.reversed_valence, channel.reversed_arousal), -1.0, 1.0)
        valence, arousal = size * sign * (channel.valence, channel.arousal)
        gain[name] = (float(valence), float(arousal))
    threshold = world.threshold_spread * rng.standard_normal(2).clip(-2, 2)
    share = world.stimulus_share + world.stimulus_share_spread * rng.standard_normal()
    return Person(
        subject=subject,
        offset=offset,
        gain=gain,
        threshold=(float(threshold[0]), float(threshold[1])),
        steepness=float(world.steepness * np.exp(world.steepness_spread * rng.standard_normal())),
        lag=float(np.clip(world.lag + world.lag_spread * rng.standard_normal(), 0.5, 3.0)),
        stimulus_share=float(np.clip(share, 0.05, 0.6)),
        knee=float(world.knee + world.knee_spread * rng.standard_normal()),
        missing=frozenset(m for m in FRAGILE if rng.random() < world.missing_person),
    )
