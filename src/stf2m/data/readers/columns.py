"""A person's own table -> recording: one `time` column in seconds, the others named by modality and unit.

    time, eda_uS, acc_x_g, acc_y_g, acc_z_g, bvp_au@64Hz, left:eda_uS, valence_1..9, arousal_1..9, emotion

A name is `[stream:]modality[_channel]_unit[@rateHz]`. A rate is guessed from the time column and only checked when it is
declared. An empty cell means that this stream has no sample at that time; `nan` is a lost sample. A column
`gaze_available_s` says when each sample of `gaze` became known. A stream with a single value is static.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import MissingRun, NothingToRead, RateContradiction, UnknownColumn, UnreadableFile
from stf2m.core.records import MODALITY_NAMES, Annotation, Rating, Recording, Stream
from stf2m.core.units import CONVERT
from stf2m.data.labels import make_rating, runs
from stf2m.data.mapping import did_you_mean
from stf2m.data.readers._rate import Guess, fill_gaps, guess_rate
from stf2m.data.streams import LONGEST_GAP, make_stream

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = re.compile(r"(valence|arousal)(?:_(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?))?")
TEXT_COLUMNS = ("emotion",)
LEAST_RATE = {"bvp": 4.0, "ecg": 20.0, "emg": 20.0, "eeg": 20.0, "acc": 1.0, "eda": 0.2, "pupil": 1.0}
"""Hz below which a stream of this modality says that the time column is not in seconds"""
EVENTS = ("gaze", "ibi", "text")
"""modalities whose rows are events unless a rate is declared (beats come almost evenly, but are no clock)"""
UNIX = 1e8
"""s; a first time above this is a clock time"""


class Column(NamedTuple):
    """What a column name says."""

    name: str
    stream: str
    modality: str
    channel: str
    unit: str
    rate: float | None


def recording_of(
    table: "pa.Table",
    *,
    id: str,
    where: object,
    subject: str = "me",
    longest_gap: float | None = LONGEST_GAP,
    repair: bool = False,
    notes: tuple[str, ...] = (),
) -> Recording:
    """A recording from a table named as the module says.

    Raises `UnknownColumn`, `NothingToRead`, `UnreadableFile` and everything that `make_stream` and `make_rating` raise.
    """
    times, words, started = _clock(table, where)
    said = [*notes, *words]
    groups: dict[str, list[Column]] = {}
    for name in table.column_names:
        if name != "time" and name not in TEXT_COLUMNS and not LABEL.fullmatch(name):
            column = parse_column(name, where)
            groups.setdefault(column.stream, []).append(column)
    if not groups:
        raise NothingToRead("no column holds a signal", where=where, hint="name columns like eda_uS, hr_bpm, acc_x_g")
    streams = {}
    for name, columns in groups.items():
        streams[name] = _stream(table, columns, times, where, longest_gap, repair, said)
    ratings = _ratings(table, times, where, repair, said)
    return Recording(
        id=id, dataset="own", subject=subject, session="1", streams=streams, ratings=ratings,
        annotations=_annotations(table, times), provenance=tuple(said), started=started,
    )  # fmt: skip


def parse_column(name: str, where: object = "") -> Column:
    """Take a column name apart; raises `UnknownColumn` that names the neighbours."""
    stream, _, rest = name.rpartition(":")
    body, _, rate = rest.partition("@")
    modality, _, tail = body.partition("_")
    channel, _, unit = tail.rpartition("_")
    if modality not in MODALITY_NAMES:
        names = [*MODALITY_NAMES, "valence", "arousal", "emotion", "time"]
        hint = did_you_mean(modality, names, f"modalities: {' '.join(MODALITY_NAMES)}")
        raise UnknownColumn(f"unknown column {name!r}", where=where, expected="modality_unit, such as eda_uS", hint=hint)
    if unit not in CONVERT:
        hint = did_you_mean(unit, CONVERT, f"units: {' '.join(CONVERT)}")
        raise UnknownColumn(f"column {name!r} ends in no known unit", where=where, got=repr(unit), hint=hint)
    return Column(name, stream or modality, modality, channel or modality, unit, _declared(rate, name, where))


def _declared(text: str, name: str, where: object) -> float | None:
    """The rate after an @, Hz."""
    if not text:
        return None
    try:
        rate = float(text.removesuffix("Hz"))
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < 1e6:
        raise UnknownColumn(f"column {name!r} declares no rate after @", where=where, hint="write it like bvp_au@64Hz")
    return rate


def _numbers(table: "pa.Table", name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values (time,), and where a cell is not empty."""
    column = table.column(name)
    try:
        return column.to_numpy().astype(np.float64), np.asarray(column.is_valid().to_numpy(), dtype=bool)
    except (ValueError, TypeError):
        raise UnreadableFile(f"column {name!r} does not hold numbers", got=str(column.type)) from None


def _clock(table: "pa.Table", where: object) -> tuple[NDArray[np.float64], tuple[str, ...], datetime | None]:
    """Times of the rows, s since the recording began, what was done to them, and the wall clock at 0."""
    if "time" not in table.column_names:
        hint = did_you_mean("time", table.column_names, "add a column time, in seconds")
        raise UnknownColumn("no column 'time'", where=where, hint=hint)
    times, _ = _numbers(table, "time")
    if not len(times):
        raise NothingToRead("the table has no rows", where=where)
    lost = np.flatnonzero(~np.isfinite(times))
    if len(lost):
        raise UnreadableFile(
            "the time of a row is missing", where=where, got=f"row {lost[0] + 1}", hint="every row needs a time in seconds"
        )
    first = float(times[0])
    if UNIX < first < 1e11:
        return times - first, (f"time 0 is unix {first:.3f} s",), datetime.fromtimestamp(first, UTC)
    if first < 0:
        return times - first, (f"times were shifted by {-first:.3f} s so that they begin at 0",), None
    return times, (), None


def _stream(
    table: "pa.Table",
    columns: list[Column],
    times: NDArray[np.float64],
    where: object,
    longest_gap: float | None,
    repair: bool,
    said: list[str],
) -> Stream:
    """One stream from its columns; appends to `said` what was done."""
    known = [c for c in columns if c.channel == "available"]
    columns = [c for c in columns if c.channel != "available"]
    if not columns:
        raise UnknownColumn(f"column {known[0].name!r} belongs to no signal", where=where, hint="add the signal or leave it out")
    first, place = columns[0], f"{where}: {columns[0].stream}"
    if any((c.modality, c.unit) != (first.modality, first.unit) for c in columns):
        raise UnknownColumn("columns of one stream differ in modality or unit", where=place, got=" ".join(c.name for c in columns))
    cells = [_numbers(table, c.name) for c in columns]
    here = np.any([valid for _, valid in cells], axis=0)
    if not here.any():
        raise MissingRun("every sample is missing", where=place, hint="leave the column out, or check how missing values are written")
    samples, at = np.stack([values[here] for values, _ in cells]), times[here]
    available = _numbers(table, known[0].name)[0][here] if known else None
    if available is not None and not (np.isfinite(available) & (available >= at - 1e-6)).all():
        raise UnreadableFile(f"{known[0].name!r} lies before the sample's own time or is missing", where=place)
    if repair:
        keep = at > np.maximum.accumulate(np.concatenate([[-np.inf], at[:-1]]))
        if not keep.all():
            said.append(f"{first.stream}: {int((~keep).sum())} samples whose time repeats or runs backwards were dropped")
            samples, at = samples[:, keep], at[keep]
            available = available[keep] if available is not None else None
    static = len(at) == 1
    declared = next((c.rate for c in columns if c.rate is not None), None)
    events = declared is None and (first.modality in EVENTS or available is not None)
    guess = Guess(0.0, False) if events else guess_rate(at)
    if not static and 0 < guess.rate < LEAST_RATE.get(first.modality, 0.0):
        raise RateContradiction(
            f"{guess.rate:.3g} Hz is too slow for {first.modality}",
            where=place,
            hint="is the time column in milliseconds? It must be in seconds",
        )
    if guess.note:
        said.append(f"{first.stream}: {guess.note}")
    if guess.steady and longest_gap is not None and available is None:
        widest = float(np.diff(at).max(initial=0.0))
        if widest - 1 / guess.rate > longest_gap:
            start = float(at[int(np.argmax(np.diff(at)))])
            raise MissingRun(
                f"samples are missing for {widest - 1 / guess.rate:.1f} s from {start:.1f} s on", where=place,
                expected=f"at most {longest_gap:g} s", hint="cut the recording there, or allow it with longest_gap",
            )  # fmt: skip
    if guess.steady and available is None:
        samples, at, filled = fill_gaps(samples, at, guess.rate)
        if filled:
            said.append(f"{first.stream}: {filled} samples that have no row were read as missing")
    made = make_stream(
        first.modality, samples, at, unit=first.unit, rate=declared or guess.rate, channels=tuple(c.channel for c in columns),
        where=where, name=first.stream, available=available, static=static, declared=declared is not None, longest_gap=longest_gap,
    )  # fmt: skip
    said.extend(made.notes)
    return made.stream


def _scale(match: re.Match[str]) -> tuple[float, float]:
    return (float(match[2]), float(match[3])) if match[2] else (-1.0, 1.0)


def _ratings(table: "pa.Table", times: NDArray[np.float64], where: object, repair: bool, said: list[str]) -> tuple[Rating, ...]:
    """The continuous rating in the columns `valence` and `arousal`, if there is one."""
    found: Mapping[str, re.Match[str]] = {m[1]: m for name in table.column_names if (m := LABEL.fullmatch(name))}
    if not found:
        return ()
    scales = {_scale(match) for match in found.values()}
    if len(scales) > 1 or not all(low < high for low, high in scales):
        raise UnknownColumn("valence and arousal need one scale", where=where, hint="name them like valence_1..9 and arousal_1..9")
    cells = {axis: _numbers(table, match[0])[0] for axis, match in found.items()}
    none = np.full(len(times), np.nan)
    both = np.stack([cells.get("valence", none), cells.get("arousal", none)])
    here = np.isfinite(both).any(axis=0)
    if repair:
        here &= times > np.maximum.accumulate(np.concatenate([[-np.inf], times[:-1]]))
    if not here.any():
        said.append("rating: every value is missing")
        return ()
    return (make_rating("self", both[0, here], both[1, here], times[here], scale=scales.pop(), where=where),)


def _annotations(table: "pa.Table", times: NDArray[np.float64]) -> tuple[Annotation, ...]:
    """Runs of equal names in the column `emotion`; each row holds until the next."""
    if "emotion" not in table.column_names:
        return ()
    names = [(str(name).strip() or None) if name is not None else None for name in table.column("emotion").to_pylist()]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    until = np.append(times[1:], times[-1] + max(step, 1e-3))
    forward = until > times
    return runs([n for n, ok in zip(names, forward) if ok], times[forward], until[forward], source="self")
