"""How something is said, in named numbers: pitch, loudness, timing, voice quality and the balance of the spectrum."""

from itertools import pairwise

import numpy as np

from stf2m.prepare.modalities._mel import band_centres
from stf2m.prepare.modalities._utterance import Array, Mask, Utterance, average, runs, smooth, third, trend, variation

EDGES = (60.0, 300.0, 600.0, 1000.0, 2000.0, 4000.0, 7600.0)
"""Hz between the six coarse bands of the spectral balance"""
TREMOR = 4.0
"""semitones between frames beyond which a step is a change of register, not a movement of the voice"""

UnitAndWords = tuple[str, str, str]
NAN = float("nan")

PITCH: dict[str, UnitAndWords] = {
    "pitch": ("st above 100 Hz", "low", "high"),
    "pitch variation": ("st", "monotonous", "varying"),
    "lowest pitch": ("st above 100 Hz", "low", "high"),
    "highest pitch": ("st above 100 Hz", "low", "high"),
    "pitch range": ("st", "narrow", "wide"),
    "middle pitch range": ("st", "narrow", "wide"),
    "pitch trend": ("st/s", "falling", "rising"),
    "closing pitch trend": ("st/s", "falling", "rising"),
    "opening pitch": ("st re mean", "below average", "above average"),
    "closing pitch": ("st re mean", "below average", "above average"),
    "pitch movement": ("st/s", "slow", "fast"),
    "pitch tremor": ("st", "smooth", "trembling"),
    "share of rising pitch": ("1", "small", "large"),
    "loudness tremor": ("dB", "smooth", "trembling"),
    "voice clarity": ("dB", "breathy", "clear"),
    "voice clarity variation": ("dB", "steady", "varying"),
    "closing voice clarity": ("dB re mean", "below average", "above average"),
    "lowest voice clarity": ("dB", "breathy", "clear"),
    "highest voice clarity": ("dB", "breathy", "clear"),
}


def pitch_numbers(u: Utterance) -> list[float]:
    """The numbers of `PITCH`, NaN with fewer than five voiced frames.

    Tremor is the mean absolute second difference between neighbouring frames (the frame-wise kin of jitter and shimmer);
    voice clarity is the harmonics-to-noise ratio 10 log10(h / (1 - h)) of periodicity h (Boersma 1993).
    """
    v = u.voiced
    if v.sum() < 5:
        return [NAN] * len(PITCH)
    pitch, seconds = u.pitch[v], np.flatnonzero(v) / u.rate
    low, quarter, middle, three, high = np.percentile(pitch, [10, 25, 50, 75, 90])
    last = seconds > seconds[-1] - 0.4
    steps, bends = _steps(u.pitch, v), _bends(u.pitch, v)
    steps, bends = steps[np.abs(steps) < TREMOR], bends[np.abs(bends) < TREMOR]
    periodicity = np.clip(u.periodicity[v], 0.5, 0.999)
    clarity = 10.0 * np.log10(periodicity / (1.0 - periodicity))
    return [
        middle, variation(pitch), low, high, high - low, three - quarter,
        trend(pitch, seconds), trend(pitch[last], seconds[last]), third(pitch, 0), third(pitch, 2),
        u.rate * average(np.abs(steps)), average(np.abs(bends)), average((steps > 0.1).astype(np.float64)),
        average(np.abs(_bends(u.level, v))), average(clarity), variation(clarity), third(clarity, 2),
        *np.percentile(clarity, [10, 90]),
    ]  # fmt: skip


def _steps(values: Array, mask: Mask) -> Array:
    return np.diff(values)[mask[1:] & mask[:-1]]


def _bends(values: Array, mask: Mask) -> Array:
    return np.diff(values, 2)[mask[2:] & mask[1:-1] & mask[:-2]]


LOUDNESS: dict[str, UnitAndWords] = {
    "loudness": ("dB", "quiet", "loud"),
    "loudest part": ("dB", "quiet", "loud"),
    "loudness range": ("dB", "narrow", "wide"),
    "loudness variation": ("dB", "even", "varying"),
    "loudness trend": ("dB/s", "fading", "growing"),
    "opening loudness": ("dB re mean", "below average", "above average"),
    "closing loudness": ("dB re mean", "below average", "above average"),
    "onset sharpness": ("dB in 40 ms", "soft", "sharp"),
    "ending sharpness": ("dB in 40 ms", "abrupt", "soft"),
}


def loudness_numbers(u: Utterance) -> list[float]:
    """The numbers of `LOUDNESS`, over speaking frames; sharpness is the steepest five per cent of the smoothed level."""
    level = u.level[u.active]
    low, high = np.percentile(level, [10, 90])
    even = smooth(u.level, 5)
    leap = even[2:] - even[:-2]
    fall, rise = np.percentile(leap, [5, 95])
    return [
        average(level), float(np.percentile(u.level, 95)), high - low, variation(level),
        trend(level, np.flatnonzero(u.active) / u.rate), third(level, 0), third(level, 2), rise, fall,
    ]  # fmt: skip


TIMING: dict[str, UnitAndWords] = {
    "speech tempo": ("syllables/s", "slow", "fast"),
    "pause share": ("1", "small", "large"),
    "longest pause": ("s", "short", "long"),
    "speaking time": ("s", "short", "long"),
    "time to the first peak": ("s", "short", "long"),
    "voiced share": ("1", "small", "large"),
    "voiced stretches": ("1/s", "few", "many"),
    "mean voiced stretch": ("s", "short", "long"),
    "longest voiced stretch": ("s", "short", "long"),
    "periodicity": ("1", "noisy", "tonal"),
    "slow loudness swing": ("1", "small", "large"),
    "syllable loudness swing": ("1", "small", "large"),
}


def timing_numbers(u: Utterance) -> list[float]:
    """The numbers of `TIMING`. Swings are shares of the level's modulation spectrum below 2.5 Hz and in 2.5-7 Hz."""
    seconds = len(u.level) / u.rate
    pauses, voices = _lengths(~u.active) / u.rate, _lengths(u.voiced) / u.rate
    peak = np.flatnonzero(u.level > np.percentile(u.level, 95) - 6.0)
    size = 512 * -(-len(u.level) // 512)
    spectrum = np.abs(np.fft.rfft((u.level - u.level.mean()) * np.hanning(len(u.level)), size))
    hertz = np.arange(len(spectrum)) * u.rate / size
    slow, syllable, every = (spectrum[(hertz > a) & (hertz <= b)].sum() for a, b in ((0.5, 2.5), (2.5, 7.0), (0.5, 20.0)))
    return [
        _syllables(u) / seconds, 1.0 - average(u.active.astype(np.float64)), float(pauses.max(initial=0.0)), seconds,
        float(peak[0]) / u.rate, u.voiced.sum() / u.active.sum(), len(voices) / seconds, average(voices) if len(voices) else 0.0,
        float(voices.max(initial=0.0)), average(u.periodicity[u.active]), slow / max(every, 1e-9), syllable / max(every, 1e-9),
    ]  # fmt: skip


def _lengths(mask: Mask) -> Array:
    begin, end = runs(mask)
    return (end - begin).astype(np.float64)


def _syllables(u: Utterance) -> int:
    """Peaks of the smoothed level within 20 dB of the loudest that stand 2 dB above both valleys around them."""
    even = smooth(u.level, 5)
    near = np.percentile(u.level, 95) - 20.0
    tops = np.flatnonzero((even[1:-1] > even[:-2]) & (even[1:-1] >= even[2:]) & (even[1:-1] > near)) + 1
    reach = round(0.24 * u.rate)
    return int(sum(even[i] - max(even[max(i - reach, 0) : i + 1].min(), even[i : i + reach + 1].min()) > 2.0 for i in tops))


BALANCE: dict[str, UnitAndWords] = {
    "brightness": ("octaves above 100 Hz", "dull", "bright"),
    "brightness variation": ("octaves", "even", "varying"),
    "spectral tilt": ("dB/octave", "soft", "pressed"),
    "spectral tilt variation": ("dB/octave", "even", "varying"),
    "spectral tilt of all sounds": ("dB/octave", "soft", "pressed"),
    "300-600 Hz over 60-300 Hz": ("dB", "weak", "strong"),
    "600-1000 Hz over 300-600 Hz": ("dB", "weak", "strong"),
    "1-2 kHz over 600-1000 Hz": ("dB", "weak", "strong"),
    "2-4 kHz over 1-2 kHz": ("dB", "weak", "strong"),
    "4-7.6 kHz over 2-4 kHz": ("dB", "weak", "strong"),
    "sharpness of consonants": ("dB", "weak", "strong"),
    "spectral change": ("dB", "slow", "fast"),
    "spectral change variation": ("dB", "even", "varying"),
}


def balance_numbers(u: Utterance) -> list[float]:
    """The numbers of `BALANCE`; tilt is the slope of the log-mel bands over log frequency."""
    shape = u.mel - u.mel.mean(axis=1, keepdims=True)
    octave = np.log2(band_centres()) - np.log2(band_centres()).mean()
    tilt = (shape * octave).sum(axis=1) / (octave * octave).sum()
    change = np.sqrt((np.diff(shape, axis=0) ** 2).mean(axis=1))[u.active[1:] & u.active[:-1]]
    power = 10.0 ** (u.mel / 10.0)
    hertz = band_centres()
    coarse = np.stack([power[:, (hertz >= a) & (hertz < b)].mean(axis=1) for a, b in pairwise(EDGES)], axis=1)
    coarse = 10.0 * np.log10(coarse + 1e-11)
    steps = np.diff(coarse, axis=1)[u.voiced]
    unvoiced = u.active & ~u.voiced
    return [
        average(u.centroid[u.active]), variation(u.centroid[u.active]), average(tilt[u.voiced]), variation(tilt[u.voiced]),
        average(tilt[u.active]), *(average(steps[:, band]) for band in range(5)),
        average((coarse[:, 5] - coarse[:, :2].max(axis=1))[unvoiced]), average(change), variation(change),
    ]  # fmt: skip


CONSONANTS: dict[str, UnitAndWords] = {
    "consonants over vowels": ("dB", "weak", "strong"),
    "brightness of consonants": ("octaves above 100 Hz", "dull", "bright"),
    "brightness variation of consonants": ("octaves", "even", "varying"),
    "periodicity of consonants": ("1", "noisy", "tonal"),
    "brightness of vowels": ("octaves above 100 Hz", "dull", "bright"),
    "sound before speech": ("dB over the quietest", "still", "breathing"),
    "loudest sound before speech": ("dB over the quietest", "still", "gasping"),
    "sound after speech": ("dB over the quietest", "still", "breathing"),
    "loudest sound after speech": ("dB over the quietest", "still", "sighing"),
}
FEWEST_AROUND = 6
"""frames before or after speech that can be described"""


def consonant_numbers(u: Utterance) -> list[float]:
    """The numbers of `CONSONANTS`: what has no pitch (consonants, whispering), and what is heard around the words (breath)."""
    unvoiced = u.active & ~u.voiced
    around = [(x.mean(), x.max()) if len(x) >= FEWEST_AROUND else (NAN, NAN) for x in (u.before, u.after)]
    return [
        average(u.level[unvoiced]) - average(u.level[u.voiced]), average(u.centroid[unvoiced]), variation(u.centroid[unvoiced]),
        average(u.periodicity[unvoiced]), average(u.centroid[u.voiced]), *around[0], *around[1],
    ]  # fmt: skip
