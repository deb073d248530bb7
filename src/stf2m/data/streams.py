"""One gate through which every reader makes a stream: unit, rate, order, gaps and plausibility are checked here once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import MissingRun, RateContradiction, TimesNotIncreasing, WrongUnit
from stf2m.core.records import Stream
from stf2m.core.units import CONVERT, PLAUSIBLE, conversion

LONGEST_GAP = 30.0
"""s of missing samples that are still bridged (as NaN, graded as poor); a longer run is refused as `MissingRun`"""
RATE_TOLERANCE = 0.05
"""relative difference between a declared rate and the time column that still counts as agreement"""
LATTICE = 0.2
"""usual steps by which a longer step may miss a whole number of them and still lack samples in between"""
MODALITY_PLAUSIBLE = {"ibi": (0.2, 3.0)}
"""bounds that follow from the modality where the unit alone says too little"""
MOST_G = 4.0
"""g; the median size of an acceleration vector above which the unit cannot be g"""


class Made(NamedTuple):
    """A checked stream and what was done to it, in words for `Recording.provenance`."""

    stream: Stream
    notes: tuple[str, ...]


def make_stream(
    modality: str,
    samples: NDArray,
    times: NDArray[np.float64],
    *,
    unit: str,
    rate: float = 0.0,
    channels: tuple[str, ...] = (),
    where: object = "",
    name: str = "",
    available: NDArray[np.float64] | None = None,
    quality: NDArray[np.float32] | None = None,
    static: bool = False,
    declared: bool = True,
    estimated: bool = False,
    longest_gap: float | None = LONGEST_GAP,
    repair: bool = False,
) -> Made:
    """Convert `samples` (channel, time) from `unit` to the default unit and check them.

    `rate` Hz (0 = events); `declared` says that the file claims the rate, so that the time column may contradict it, `estimated` that
    the time column is where the rate is from.
    `longest_gap` s (None = any). With `repair`, samples whose time repeats or runs backwards are dropped and counted.
    Raises `WrongUnit`, `MissingRun`, `RateContradiction` or `TimesNotIncreasing`, each naming `where` and the stream.
    """
    name = name or modality
    place = f"{where}: {name}" if where else name
    notes: list[str] = []
    data = _finite_or_nan(samples, name, notes)
    if notes and np.isnan(data).all():
        raise WrongUnit(
            "no value is a usable number", where=place, expected=f"numbers up to {np.finfo(np.float32).max:.1g}", got=_first_large(samples)
        )
    if repair:
        keep = _forward(times)
        if not keep.all():
            data, times = data[:, keep], times[keep]
            available = None if available is None else available[keep]
            quality = None if quality is None else quality[:, keep]
            notes.append(f"{name}: {int((~keep).sum())} samples whose time repeats or runs backwards were dropped")
    default, factor, offset = conversion(unit)
    if (factor, offset) != (1.0, 0.0):
        data = (data * np.float32(factor) + np.float32(offset)).astype(np.float32)
        notes.append(f"{name}: converted from {unit} to {default}")
    check_unit(modality, data, unit, place)
    if rate and declared and not estimated and len(times) > 1:
        check_rate(times, rate, place)
    if rate and longest_gap is not None:
        check_gaps(data, times, rate, longest_gap, place)
    names = channels or tuple(modality if len(data) == 1 else f"{modality}{i}" for i in range(len(data)))
    try:
        stream = Stream(modality, data, times, float(rate), names, (default,) * len(data), available, quality, static, estimated)
    except TimesNotIncreasing as problem:
        raise TimesNotIncreasing(problem.what, where=place, expected=problem.expected, got=problem.got, hint=problem.hint) from None
    return Made(stream, tuple(notes))


def regular(count: int, rate: float, start: float = 0.0) -> NDArray[np.float64]:
    """Times (time,) s of `count` samples at `rate` Hz from `start` s on."""
    return start + np.arange(count, dtype=np.float64) / rate


def usual_step(times: NDArray[np.float64]) -> float:
    """Mean step without gaps, s; finer than the median where time stamps are rounded. 0 when times stand still.

    A step of two or three usual ones lacks samples in between and counts as that many, unless it comes from rounding.
    """
    steps = np.diff(times)
    middle = float(np.median(steps)) if len(steps) else 0.0
    if middle <= 0:
        return 0.0
    near = steps[(steps > 0) & (steps <= 3 * middle)]
    count = np.rint(near / middle)
    lacking = (count > 1) & (np.abs(near / middle - count) <= LATTICE)
    if not lacking.any() or _from_rounding(lacking, middle):
        return float(near.mean())
    return float(near.sum() / np.where(lacking, count, 1.0).sum())


def _from_rounding(long: NDArray[np.bool_], middle: float) -> bool:
    """Whether `long` steps come from stamps rounded to a decimal that is the middle step: 700 Hz in ms steps by 1, 2, 1, 1, 2 ms.

    Rounding spreads the long steps evenly over the others; samples get lost at random.
    """
    digits = np.log10(middle)
    apart = np.diff(np.flatnonzero(long))
    return bool(abs(digits - round(digits)) < 1e-4 and len(apart) >= 3 and np.ptp(np.quantile(apart, (0.05, 0.95))) <= 2)


def _finite_or_nan(samples: NDArray, name: str, notes: list[str]) -> NDArray[np.float32]:
    """float32 copy with infinities as NaN (missing), noted."""
    with np.errstate(over="ignore"):
        data = np.ascontiguousarray(samples, dtype=np.float32)
    infinite = np.isinf(data)
    if infinite.any():
        data = np.where(infinite, np.float32(np.nan), data)
        notes.append(f"{name}: {int(infinite.sum())} infinite or too large values were read as missing")
    return data


def _first_large(samples: NDArray) -> str:
    """The first sample that float32 does not hold, as it was written."""
    with np.errstate(over="ignore"):
        return f"{np.asarray(samples)[np.isinf(np.asarray(samples, dtype=np.float32))][0]:g}"


def _forward(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True where a time exceeds every earlier one."""
    before = np.maximum.accumulate(np.concatenate([[-np.inf], times[:-1]]))
    return times > before


def check_unit(modality: str, data: NDArray[np.float32], unit: str, where: str) -> None:
    """Raise `WrongUnit` when a channel's median (default unit) is implausible; the hint names a unit that would fit."""
    default = conversion(unit)[0]
    bounds = MODALITY_PLAUSIBLE.get(modality) or PLAUSIBLE.get(default)
    if bounds is None or not data.size:
        return
    thin = data[:, :: max(1, data.shape[1] // 20_000)]
    for row in thin:
        finite = row[np.isfinite(row)]
        if len(finite) and not bounds[0] <= (middle := float(np.median(finite))) <= bounds[1]:
            raise WrongUnit(
                f"the values cannot be in {unit}",
                where=where,
                expected=f"a median from {bounds[0]:g} to {bounds[1]:g} {default}",
                got=f"{middle:.4g} {default}",
                hint=other_unit(middle, unit, bounds),
            )
    if modality == "acc" and len(data) == 3:
        size = np.linalg.norm(thin[:, np.isfinite(thin).all(axis=0)], axis=0)
        if len(size) and (middle := float(np.median(size))) > MOST_G:
            raise WrongUnit(
                f"the values cannot be in {unit}",
                where=where,
                expected=f"a median size up to {MOST_G:g} g",
                got=f"{middle:.4g} g",
                hint=other_unit(middle, unit, (0.5, 2.0)),
            )


def other_unit(value: float, unit: str, bounds: tuple[float, float]) -> str:
    """A hint that names the units in which the same number would be plausible; `value` in the default unit, `bounds` too."""
    default, factor, offset = conversion(unit)
    raw = (value - offset) / factor
    fit = [u for u, (to, f, o) in CONVERT.items() if to == default and u != unit and bounds[0] <= raw * f + o <= bounds[1]]
    return f"are they in {' or '.join(fit)}?" if fit else "check the unit and the column"


def check_rate(times: NDArray[np.float64], rate: float, where: str) -> None:
    """Raise `RateContradiction` when the usual step of `times` is not 1 / rate within 5 %."""
    step = usual_step(times)
    if step == 0.0:
        return  # Stream says what is wrong with such times
    if abs(1.0 / step - rate) > RATE_TOLERANCE * rate:
        raise RateContradiction(
            "the declared sample rate contradicts the time column",
            where=where,
            expected=f"{rate:g} Hz",
            got=f"{1.0 / step:.4g} Hz",
            hint="correct the rate or the unit of the time column (seconds)",
        )


def check_gaps(data: NDArray[np.floating], times: NDArray[np.float64], rate: float, longest: float, where: str) -> None:
    """Raise `MissingRun` when samples are missing (NaN in every channel, or no row at all) for more than `longest` s."""
    if not len(times):
        return
    lost = np.isnan(data).all(axis=0)
    if lost.all():
        raise MissingRun("every sample is missing", where=where, hint="leave the column out, or check how missing values are written")
    if not lost.any() and (len(times) < 2 or float(np.diff(times).max()) <= longest):
        return
    known = np.concatenate([[times[0] - 1 / rate], times[~lost], [times[-1] + 1 / rate]])
    gaps = np.diff(known) - 1 / rate
    worst = int(np.argmax(gaps))
    if gaps[worst] > longest:
        raise MissingRun(
            f"samples are missing for {gaps[worst]:.1f} s from {known[worst] + 1 / rate:.1f} s on",
            where=where,
            expected=f"at most {longest:g} s",
            hint="split the file there; a mapping may allow it with longest_gap, Python with read(path, longest_gap=None)",
        )
