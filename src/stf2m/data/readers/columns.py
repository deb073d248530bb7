"""A person's own table -> recording: one `time` column in seconds, the others named by modality and unit.

    time, eda_uS, acc_x_g, acc_y_g, acc_z_g, bvp_au@64Hz, left:eda_uS, valence_1..9, arousal_1..9, emotion

A name is `[stream:]modality[_channel]_unit[@rateHz]`. A rate is guessed from the time column and only checked when it is
declared. An empty cell means that this stream has no sample at that time; `nan` is a lost sample. A column
`gaze_available_s` says when each sample of `gaze` became known. A stream with a single value is static.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InputError, MissingRun, NothingToRead, UnknownColumn, UnreadableFile
from stf2m.core.records import Recording
from stf2m.data.readers._cells import forward, numbers
from stf2m.data.readers._labels import emotions_of, rating_of
from stf2m.data.readers._rate import Guess, fill_gaps, implied_rate
from stf2m.data.readers.names import Column, is_label, parse_column
from stf2m.data.streams import LONGEST_GAP, Made, check_gaps, make_stream

if TYPE_CHECKING:
    import pyarrow as pa

UNIX = (1e8, 1e11)
"""s; a first time between these is a clock time"""


class Samples(NamedTuple):
    """One stream's rows: `samples` (channel, time), `times` and `available` (time,) s."""

    samples: NDArray[np.float64]
    times: NDArray[np.float64]
    available: NDArray[np.float64] | None

    def at(self, keep: NDArray[np.bool_]) -> "Samples":
        """The rows where `keep`."""
        return Samples(self.samples[:, keep], self.times[keep], None if self.available is None else self.available[keep])


def recording_of(
    table: "pa.Table",
    *,
    id: str,
    where: object,
    subject: str = "me",
    longest_gap: float | None = LONGEST_GAP,
    repair: bool = False,
    notes: tuple[str, ...] = (),
    refused: list[InputError] | None = None,
) -> Recording:
    """A recording from a table named as the module says (`names.readable_columns` has checked the names).

    With `refused` a stream or rating that cannot be used stops nothing: what is wrong with it is put there, and it is read as far as
    gaps of any length and dropped samples allow, else left out. Raises `UnknownColumn`, `NothingToRead`, `UnreadableFile` and
    everything that `make_stream` and `make_rating` raise.
    """
    times, begin, words, started = _clock(table, where)
    said = [*notes, *words]
    groups: dict[str, list[Column]] = {}
    for name in table.column_names:
        if name != "time" and not is_label(name):
            column = parse_column(name, where)
            groups.setdefault(column.stream, []).append(column)
    if not groups:
        raise NothingToRead("no column holds a signal", where=where, hint="name columns like eda_uS, hr_bpm, acc_x_g")
    made, rating = {}, None
    for name, columns in groups.items():
        for gap, mend in ((longest_gap, repair), (None, True)):
            try:
                made[name] = _stream(table, columns, times, begin, where, gap, mend)
                break
            except InputError as problem:
                _refuse(problem, refused)
    try:
        rating = rating_of(table, times, where, repair)
    except InputError as problem:
        _refuse(problem, refused)
    if not made and refused:
        raise refused[0]
    return Recording(
        id=id, dataset="own", subject=subject, session="1", streams={name: one.stream for name, one in made.items()},
        ratings=(rating,) if rating else (), annotations=emotions_of(table, times),
        provenance=(*said, *(note for one in made.values() for note in one.notes)), started=started,
    )  # fmt: skip


def _refuse(problem: InputError, refused: list[InputError] | None) -> None:
    """Keep the problem, once, for who asked for all of them, else raise it."""
    if refused is None:
        raise problem
    if problem.sentence not in [known.sentence for known in refused]:
        refused.append(problem)


def _clock(table: "pa.Table", where: object) -> tuple[NDArray[np.float64], float, tuple[str, ...], datetime | None]:
    """Times of the rows, s since the recording began; when that was on the file's clock; what was done; the wall clock at 0."""
    times, _ = numbers(table, "time", where)
    if not len(times):
        raise NothingToRead("the table has no rows", where=where)
    lost = np.flatnonzero(~np.isfinite(times))
    if len(lost):
        raise UnreadableFile(
            "the time of a row is missing", where=where, got=f"row {lost[0] + 1}", hint="every row needs a time in seconds"
        )
    first = float(times[0])
    if UNIX[0] < first < UNIX[1]:
        return times - first, first, (f"time 0 is unix {first:.3f} s",), datetime.fromtimestamp(first, UTC)
    if first < 0:
        return times - first, first, (f"times were shifted by {-first:.3f} s so that they begin at 0",), None
    return times, 0.0, (), None


def _stream(
    table: "pa.Table", columns: list[Column], times: NDArray[np.float64], begin: float, where: object, longest_gap: float | None,
    repair: bool,
) -> Made:  # fmt: skip
    """One stream from its columns; its notes say what was guessed, dropped and filled."""
    signal = [c for c in columns if c.channel != "available"]
    rows = _rows(table, columns, signal, times, begin, where)
    first, place, notes = signal[0], f"{where}: {signal[0].stream}", []
    if repair and not (keep := forward(rows.times)).all():
        rows = rows.at(keep)
        notes.append(f"{first.stream}: {int((~keep).sum())} samples whose time repeats or runs backwards were dropped")
    declared = next((c.rate for c in signal if c.rate is not None), None)
    known = declared is None and rows.available is not None
    guess = Guess(0.0, False) if known else implied_rate(first.modality, rows.times, place, events=declared is None)
    if guess.note:
        notes.append(f"{first.stream}: {guess.note}")
    samples, at = rows.samples, rows.times
    if guess.steady and rows.available is None:
        if longest_gap is not None:
            check_gaps(samples, at, guess.rate, longest_gap, place)
        samples, at, filled = fill_gaps(samples, at, guess.rate)
        if filled:
            notes.append(f"{first.stream}: {filled} samples that have no row were read as missing")
    made = make_stream(
        first.modality, samples, at, unit=first.unit, rate=declared or guess.rate, channels=tuple(c.channel for c in signal), where=where,
        name=first.stream, available=rows.available, static=len(at) == 1, estimated=declared is None and guess.rate > 0,
        longest_gap=longest_gap,
    )  # fmt: skip
    return made._replace(notes=(*notes, *made.notes))


def _rows(
    table: "pa.Table", columns: list[Column], signal: list[Column], times: NDArray[np.float64], begin: float, where: object
) -> Samples:
    """The rows in which a stream has a sample in any channel; `begin` is the file's time of the recording's time 0."""
    known = [c for c in columns if c.channel == "available"]
    if not signal:
        raise UnknownColumn(f"column {known[0].name!r} belongs to no signal", where=where, hint="add the signal or leave it out")
    place = f"{where}: {signal[0].stream}"
    if len({(c.modality, c.unit) for c in signal}) > 1:
        raise UnknownColumn("columns of one stream differ in modality or unit", where=place, got=" ".join(c.name for c in signal))
    cells = [numbers(table, c.name, where) for c in signal]
    here = np.any([filled for _, filled in cells], axis=0)
    if not here.any():
        raise MissingRun("every sample is missing", where=place, hint="leave the column out, or check how missing values are written")
    available = numbers(table, known[0].name, where)[0][here] - begin if known else None
    if available is not None and not (np.isfinite(available) & (available >= times[here] - 1e-6)).all():
        raise UnreadableFile(f"{known[0].name!r} lies before the sample's own time or is missing", where=place)
    return Samples(np.stack([values[here] for values, _ in cells]), times[here], available)
