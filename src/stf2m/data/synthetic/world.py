"""Every parameter of the generated world, in two settings: `PEOPLE`, who differ, and `NULL`, who do not.

A channel c of person p answers the felt arousal a and valence v (unit variance) as

    c_p(t) = offset_pc + follow_tau(gain_pca * a + gain_pcv * v)(t) + noise(t) + drift(t)

with gain_pca = arousal_c * exp(spread * N(0, 1)) * (-1 with probability reversed_arousal, else 1); valence alike. Signs that
differ between people are known facts (accelerating and decelerating hearts, warming and cooling hands, people who fidget and
people who freeze), and here they are what a few labels reveal and the unlabelled signal of one segment does not.
"""

from stf2m.core.config import Settings


class Channel(Settings):
    """How one bodily quantity answers feelings. Gains and noises are in `unit` per standard deviation of the feeling."""

    unit: str
    offset: float
    """population mean at rest"""
    offset_spread: float
    """standard deviation of the person's own rest level, cut at 1.8 of them"""
    arousal: float
    valence: float
    reversed_arousal: float = 0.0
    """share of people who answer arousal with the opposite sign"""
    reversed_valence: float = 0.0
    spread: float = 0.25
    """standard deviation of the logarithm of the person's gain"""
    delay: float = 0.0
    """s before the answer begins"""
    tau: float
    """s, time constant of the answer"""
    noise: float
    """standard deviation of what else moves the channel within seconds"""
    noise_tau: float = 3.0
    drift: float = 0.0
    """standard deviation of the slow drift within a recording (time constant 90 s)"""


class World(Settings):
    """The whole world. Times in s, rates per minute, feelings in standard deviations."""

    name: str
    heart: Channel
    pulse: Channel
    sweat: Channel
    tonic: Channel
    warmth: Channel
    movement: Channel
    pupil: Channel

    stimulus_share: float = 0.25
    """share of the variance of a feeling that the clip causes, mean over people"""
    stimulus_share_spread: float = 0.08
    feeling_tau: float = 5.0
    """two cascaded low-passes of this time constant shape clip and person curves alike"""
    knee: float = -0.3
    """felt arousal at which sweat responses begin to increase"""
    knee_spread: float = 0.4

    threshold_spread: float = 0.35
    """standard deviation of the felt level that a person calls neutral (rating 0)"""
    steepness: float = 0.9
    """slope of the rating at the threshold"""
    steepness_spread: float = 0.2
    lag: float = 1.5
    """s by which the rating trails the feeling"""
    lag_spread: float = 0.3
    rater_noise: float = 0.12
    """standard deviation of the hand that rates, in units of feeling, time constant 3 s"""
    unrated_per_minute: float = 0.3
    """spells of 3 to 8 s without a rating"""

    bursts_per_minute: float = 0.7
    """motion artefacts of 1 to 3 s that damage bvp, hr and eda"""
    blinks_per_minute: float = 10.0
    off_wrist: float = 0.06
    """probability that the last 8 to 16 % of a recording were measured with the band taken off"""
    missing_person: float = 0.1
    """probability, for each of eda, pupil, temp and acc, that a person has none of it at all"""
    missing_recording: float = 0.04
    """probability, for each of the same, that one recording of a person lacks it"""


PEOPLE = World(
    name="people",
    heart=Channel(
        unit="bpm", offset=72, offset_spread=9, arousal=7, valence=3, reversed_arousal=0.4, reversed_valence=0.3,
        delay=0.3, tau=1.0, noise=1.4, drift=0.8,
    ),
    pulse=Channel(
        unit="log au", offset=4.1, offset_spread=0.4, arousal=-0.4, valence=0.3, reversed_arousal=0.4, reversed_valence=0.3,
        delay=0.3, tau=1.0, noise=0.08, drift=0.05,
    ),
    sweat=Channel(
        unit="log 1/min", offset=1.2, offset_spread=0.3, arousal=0.9, valence=0.0, spread=0.5,
        delay=1.2, tau=0.5, noise=0.2,
    ),
    tonic=Channel(
        unit="log uS", offset=0.8, offset_spread=0.7, arousal=0.1, valence=0.0, spread=0.5,
        delay=1.0, tau=4.0, noise=0.03, drift=0.05,
    ),
    warmth=Channel(
        unit="degC", offset=33.0, offset_spread=1.2, arousal=-0.2, valence=0.3, reversed_arousal=0.35, reversed_valence=0.3,
        delay=1.0, tau=4.0, noise=0.04, noise_tau=6.0, drift=0.05,
    ),
    movement=Channel(
        unit="log g", offset=-3.2, offset_spread=0.3, arousal=0.75, valence=0.0, reversed_arousal=0.4,
        tau=0.5, noise=0.25, drift=0.08,
    ),
    pupil=Channel(
        unit="mm", offset=3.6, offset_spread=0.5, arousal=0.2, valence=0.16, reversed_arousal=0.35, reversed_valence=0.3,
        delay=0.2, tau=0.5, noise=0.08, noise_tau=2.0, drift=0.04,
    ),
)  # fmt: skip
"""People who differ in rest level, gain, sign, threshold, lag and share of the stimulus."""

CHANNELS = ("heart", "pulse", "sweat", "tonic", "warmth", "movement", "pupil")

ALIKE = {"offset_spread": 0.0, "spread": 0.0, "reversed_arousal": 0.0, "reversed_valence": 0.0}

NULL = PEOPLE.model_copy(
    update={
        "name": "null",
        "stimulus_share_spread": 0.0,
        "knee_spread": 0.0,
        "threshold_spread": 0.0,
        "steepness_spread": 0.0,
        "lag_spread": 0.0,
        "rater_noise": 0.35,
        **{name: getattr(PEOPLE, name).model_copy(update=ALIKE) for name in CHANNELS},
    }
)
"""People who are all one person: the same rest levels, gains, thresholds and lag. What one person's labels say is what
everybody's labels say, so an honest personalisation gains nothing on their other recordings."""

WORLDS = {world.name: world for world in (PEOPLE, NULL)}
