"""Unit names that streams may carry, and the factor that brings each to its modality's default.

A unit is a plain string. `CONVERT[unit]` is (default unit, factor, offset): default = value * factor + offset.
`PLAUSIBLE` bounds each default unit; a stream whose median lies outside it is refused as `WrongUnit`.
"""

from difflib import get_close_matches

from stf2m.core.errors import UnknownName

CONVERT: dict[str, tuple[str, float, float]] = {
    "uS": ("uS", 1.0, 0.0),
    "nS": ("uS", 1e-3, 0.0),
    "degC": ("degC", 1.0, 0.0),
    "degF": ("degC", 5 / 9, -160 / 9),
    "g": ("g", 1.0, 0.0),
    "g/64": ("g", 1 / 64, 0.0),
    "m/s2": ("g", 1 / 9.80665, 0.0),
    "bpm": ("bpm", 1.0, 0.0),
    "s": ("s", 1.0, 0.0),
    "ms": ("s", 1e-3, 0.0),
    "mm": ("mm", 1.0, 0.0),
    "deg": ("deg", 1.0, 0.0),
    "rad": ("deg", 57.29577951308232, 0.0),
    "V": ("V", 1.0, 0.0),
    "mV": ("V", 1e-3, 0.0),
    "uV": ("V", 1e-6, 0.0),
    "au": ("au", 1.0, 0.0),
    "level": ("level", 1.0, 0.0),
    "rating": ("rating", 1.0, 0.0),
    "1/min": ("1/min", 1.0, 0.0),
}
"""`au` is an arbitrary unit (Empatica BVP, action-unit intensity); `level` is audio amplitude, full scale -1..1."""

PLAUSIBLE: dict[str, tuple[float, float]] = {
    "uS": (0.0, 100.0),
    "degC": (5.0, 45.0),
    "g": (-16.0, 16.0),
    "bpm": (25.0, 240.0),
    "mm": (0.5, 12.0),
    "deg": (-720.0, 720.0),
    "level": (-1.5, 1.5),
    "rating": (-1.0, 1.0),
}


SPELLINGS = {"\u00b5": "u", "\u03bc": "u", "\u00b0": "deg", "\u2103": "degC", "\u2109": "degF", "s\u00b2": "s2", "s^2": "s2"}
"""other signs for the same: micro sign and Greek mu, degree signs, squares"""


def plain_unit(unit: str) -> str:
    """The unit as `CONVERT` spells it, where only signs differ: \u00b5S is uS, \u00b0C is degC, m/s\u00b2 is m/s2."""
    for sign, text in SPELLINGS.items():
        unit = unit.replace(sign, text)
    return unit


def conversion(unit: str) -> tuple[str, float, float]:
    """(default unit, factor, offset) of `unit` in any spelling; raises `UnknownName` for a unit that is not in the table."""
    if (known := plain_unit(unit)) not in CONVERT:
        close = get_close_matches(known, CONVERT, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else f"known units: {', '.join(sorted(CONVERT))}"
        raise UnknownName(f"unknown unit {unit!r}", hint=hint)
    return CONVERT[known]
