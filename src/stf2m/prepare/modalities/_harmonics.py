"""How the voice is made, read off the harmonics: the lowest one against the next ones and against the peaks of the mouth.

Strong first harmonics are heard as breathy or soft, weak ones as pressed (Hanson 1997; H1-H2 and H1-A3 in the set eGeMAPS,
Eyben et al. 2016). Harmonics are read off the log-mel bands, which are about 45 Hz apart below 500 Hz: under a pitch of
about 120 Hz neighbours run into each other, which makes differences smaller, and the peaks stand in fixed ranges instead
of at tracked formants.
"""

import numpy as np

from stf2m.prepare.modalities._mel import band_centres, band_widths
from stf2m.prepare.modalities._utterance import Array, Utterance, average, variation

UnitAndWords = tuple[str, str, str]
FIRST_FORMANT, THIRD_FORMANT = (300.0, 1000.0), (2000.0, 3500.0)
"""Hz in which the strongest band is looked for"""

HARMONICS: dict[str, UnitAndWords] = {
    "first over second harmonic": ("dB", "pressed", "breathy"),
    "first over second harmonic variation": ("dB", "steady", "varying"),
    "first over third harmonic": ("dB", "pressed", "breathy"),
    "first harmonic over the peak at 300-1000 Hz": ("dB", "open", "closed"),
    "first harmonic over the peak at 2-3.5 kHz": ("dB", "pressed", "soft"),
    "variation over the peak at 2-3.5 kHz": ("dB", "steady", "varying"),
}


def harmonic_numbers(u: Utterance) -> list[float]:
    """The numbers of `HARMONICS` over voiced frames, NaN with fewer than five."""
    if u.voiced.sum() < 5:
        return [float("nan")] * len(HARMONICS)
    density = u.mel[u.voiced] - 10.0 * np.log10(band_widths())
    hertz = 100.0 * 2.0 ** (u.pitch[u.voiced] / 12.0)
    first, second, third = (at(density, n * hertz) for n in (1, 2, 3))
    low, high = (first - peak(density, *between) for between in (FIRST_FORMANT, THIRD_FORMANT))
    return [
        average(first - second), variation(first - second), average(first - third), average(low), average(high), variation(high)
    ]  # fmt: skip


def at(density: Array, hertz: Array) -> Array:
    """(frame,) dB per Hz at one frequency per frame, between band centres on a straight line."""
    place = np.interp(hertz, band_centres(), np.arange(density.shape[1]))
    below = np.minimum(place.astype(np.int64), density.shape[1] - 2)
    frame = np.arange(len(density))
    return density[frame, below] + (place - below) * (density[frame, below + 1] - density[frame, below])


def peak(density: Array, low: float, high: float) -> Array:
    """(frame,) dB per Hz of the strongest band in low..high Hz."""
    return density[:, (band_centres() >= low) & (band_centres() < high)].max(axis=1)
