"""The shape of an utterance in time: how pitch, loudness, brightness and periodicity bend from its beginning to its end.

    minimise  sum_t (x_t - sum_n a_n P_n(t))^2 + CALM * T * sum_(n > 0) a_n^2 ,   t in -1..1 from the first to the last frame

with the Legendre polynomials P_n, as intonation contours are described (Grabe, Kochanski, Coleman 2007). Order 1 is a drift,
2 a bend, 3 a wave, 4 and 5 a double bend and a double wave. The penalty keeps short stretches from wild high orders.
"""

import numpy as np
from numpy.polynomial import legendre

from stf2m.prepare.modalities._utterance import Array, Mask, Utterance

UnitAndWords = tuple[str, str, str]
CALM = 0.03
SPARE = 4
"""frames beyond the number of orders that a fit needs"""

CONTOUR: dict[str, UnitAndWords] = {
    "bend of pitch": ("st", "arched", "sagging"),
    "wave of pitch": ("st", "peaking late", "peaking early"),
    "bend of loudness": ("dB", "arched", "sagging"),
    "wave of loudness": ("dB", "peaking late", "peaking early"),
    "double bend of loudness": ("dB", "two-humped", "one-humped"),
    "double wave of loudness": ("dB", "beating late", "beating early"),
    "drift of brightness": ("octaves", "darkening", "brightening"),
    "bend of brightness": ("octaves", "arched", "sagging"),
    "wave of brightness": ("octaves", "peaking late", "peaking early"),
    "drift of periodicity": ("1", "growing noisy", "growing tonal"),
    "bend of periodicity": ("1", "arched", "sagging"),
}


def contour_numbers(u: Utterance) -> list[float]:
    """The numbers of `CONTOUR`; drifts of pitch and loudness stand among the other descriptors, in units per second."""
    return [
        *orders(u.pitch, u.voiced, 3)[1:], *orders(u.level, u.active, 5)[1:], *orders(u.centroid, u.active, 3), *orders(u.periodicity, u.voiced, 2)
    ]  # fmt: skip


def orders(values: Array, mask: Mask, highest: int) -> list[float]:
    """a_1 .. a_highest of `values` (time,) where `mask` holds; NaN with fewer than highest + `SPARE` frames."""
    frames = np.flatnonzero(mask)
    if len(frames) < highest + SPARE:
        return [float("nan")] * highest
    basis = legendre.legvander(2.0 * (frames - frames[0]) / (frames[-1] - frames[0]) - 1.0, highest)
    calm = np.diag([0.0, *[CALM * len(frames)] * highest])
    return np.linalg.solve(basis.T @ basis + calm, basis.T @ values[frames])[1:].tolist()
