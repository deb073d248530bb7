"""Any data set that lies in tables: a TOML mapping says where each number is, this reads it."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidConfig, NothingToRead, TruncatedFile, UnknownName, UnreadableFile
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.data.datasets.base import DatasetCard
from stf2m.data.keyed import KeyedTable
from stf2m.data.labels import make_rating
from stf2m.data.mapping import LabelMap, RatingMap, StreamMap, TablesMapping, one_each
from stf2m.data.parts import audio_stream, bare, clock_times, label_runs, seconds, timing_notes, whole_label
from stf2m.data.readers._rate import implied_rate
from stf2m.data.streams import Made, make_stream, regular
from stf2m.data.templates import Row, column, fill, number, plain, positive

EARLIEST, LATEST = 1e8, 1e11
"""s; a time between these is a date (unix)"""
KEPT_FILES = 8
"""files of single recordings that are held open, for the streams and ratings that share one"""


class TablesDataset:
    """People and recordings of tables under `root`, as `mapping` describes them. Satisfies `Dataset`.

    Every file is opened at its first use, its keys are read once, and its columns recording by recording.
    """

    def __init__(self, mapping: TablesMapping, root: Path):
        if not root.is_dir():
            raise NothingToRead("no such folder", where=root, hint="name the data root with --data or STF2M_DATA")
        self.mapping, self.root = mapping, root
        self._tables: dict[tuple[str, str], KeyedTable] = {}
        self._held: set[int] = set()
        """parts of the mapping that somebody is known to have, by identity"""
        self._own: OrderedDict[tuple[str, str], KeyedTable] = OrderedDict()

    @property
    def card(self) -> DatasetCard:
        return self.mapping.card

    @property
    def source(self) -> str:
        """Digest of the mapping and of the names, sizes and times of all files that it names: what is prepared is prepared anew when
        it changes. Two copies of a folder are two sources unless times were copied too."""
        mapping = self.mapping
        parts = [mapping.index, *mapping.side.values(), *mapping.streams.values(), *mapping.ratings, *mapping.labels]
        names = {name for part in parts for name in (part.file, getattr(part, "audio", None)) if name}
        found = sorted(path for name in names for path in self.root.glob(re.sub(r"\{[^}]*\}", "*", name)))
        facts = [f"{path.relative_to(self.root)} {(s := path.stat()).st_size} {s.st_mtime_ns}" for path in found]
        return sha256("\n".join([mapping.model_dump_json(), *facts]).encode()).hexdigest()[:16]

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted(self._people))

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's recordings in session order; raises `UnknownName` for a person who is not there."""
        if subject not in self._people:
            raise UnknownName(f"no person {subject!r} in {self.card.name}", hint=f"people: {', '.join(self.subjects())}")
        rows = self._people[subject]
        offsets = self._offsets(rows)
        for place, (row, offset) in enumerate(zip(rows, offsets)):
            yield self._recording(row, subject, place if self.mapping.index.order else 0, offset)

    @cached_property
    def _people(self) -> dict[str, list[dict[str, Any]]]:
        """subject -> rows of the index with joined columns, in session order."""
        index, found = self.mapping.index, {}
        table = self._table(index.file, index.key, index.records)
        for key in table.spans:
            if key in index.drop:
                continue
            row = {**self.mapping.constants, **table.row(key), "_key": key}
            for side, template in self.mapping.join.items():
                row |= self._side(side, fill(template, row, table.path))
            found.setdefault(fill(index.subject, row, table.path), []).append(row)
        for rows in found.values():
            try:
                rows.sort(key=lambda row: (plain(column(row, index.order, table.path)) if index.order else 0, row["_key"]))
            except TypeError:
                raise UnreadableFile(f"column {index.order!r} holds text and numbers: it has no order", where=table.path) from None
        return found

    def _offsets(self, rows: list[dict[str, Any]]) -> list[float]:
        """Seconds from the person's first recording to each one, as far as the index knows."""
        index = self.mapping.index
        if index.began:
            began = [seconds(index.began, row, self.root) for row in rows]
            return [b - min(began) for b in began]
        if index.lasts:
            return [float(x) for x in np.cumsum([0.0, *(number(index.lasts, row, self.root) for row in rows)])[:-1]]
        return [0.0] * len(rows)

    def _table(self, file: str, key: str, records: str | None = None) -> KeyedTable:
        if (file, key) not in self._tables:
            self._tables[file, key] = KeyedTable(self.root / file, key, records)
        return self._tables[file, key]

    def _rows(self, part: StreamMap | RatingMap | LabelMap, row: Row, where: str) -> tuple[KeyedTable, str] | None:
        """The table and the key of this recording's rows; None where there are none."""
        assert part.file
        if not one_each(part.file):
            table, key = self._table(part.file, part.key or ""), row["_key"]
            if key not in table:
                self._somebody_has(part, f"rows of {key}, the key of a recording", f"rows of {next(iter(table.spans))}")
                return None
            return table, key
        name, key = fill(part.file, row, where), row["_key"] if part.key else ""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InvalidConfig("a file lies outside the data root", where=where, got=name, hint="name it relative to the root")
        if not (self.root / name).is_file():
            self._somebody_has(part, f"files such as {name}", "none for any recording")
            return None
        table = self._own.setdefault((name, part.key or ""), KeyedTable(self.root / name, part.key or ""))
        self._own.move_to_end((name, part.key or ""))
        if len(self._own) > KEPT_FILES:
            self._own.popitem(last=False)
        return (table, key) if key in table else None

    def _somebody_has(self, part: StreamMap | RatingMap | LabelMap, expected: str, got: str) -> None:
        """Raise `NothingToRead` where a part of the mapping fits no recording at all: that is a slip, not a sensor that was missing."""
        if id(part) not in self._held and not any(self._has(part, row) for rows in self._people.values() for row in rows):
            hint = "correct the file or the key in the mapping, or take that part out"
            raise NothingToRead(
                "nobody has this part of the mapping", where=self.root / str(part.file), expected=expected, got=got, hint=hint
            )
        self._held.add(id(part))

    def _has(self, part: StreamMap | RatingMap | LabelMap, row: Row) -> bool:
        """Whether a recording has rows of its own in a shared table, or a file of its own."""
        assert part.file
        if not one_each(part.file):
            return row["_key"] in self._table(part.file, part.key or "")
        merged = self._stream_row(part, row, "files") if isinstance(part, StreamMap) else row
        return (self.root / fill(part.file, merged, "files")).is_file()

    def _side(self, name: str, key: str) -> dict[str, Any]:
        """The row of a side table, or nothing where it has none for this key."""
        if name not in self.mapping.side:
            raise UnknownName(f"no side table {name!r} in the mapping", hint=f"side tables: {', '.join(self.mapping.side)}")
        part = self.mapping.side[name]
        table = self._table(part.file, part.key, part.records)
        return table.row(key) if key in table else {}

    def _recording(self, row: dict[str, Any], subject: str, order: int, offset: float) -> Recording:
        index, name = self.mapping.index, bare(fill(self.mapping.index.id, row, self.root))
        notes = [fill(text, row, name) for text in self.mapping.provenance]
        same = [left for left, kept in index.drop.items() if kept == row["_key"]]
        notes += [f"{bare(left)} is the same recording and was left out" for left in same]
        zero = self._zero(row)
        if self.mapping.absolute:
            notes.append(f"time 0 is the earliest start of a stream, unix {zero:.3f} s")
        streams = self._streams(row, name, zero, notes)
        end = max(float(s.times[-1]) + (1 / s.sample_rate if s.sample_rate else 0.0) for s in streams.values() if len(s.times))
        ratings = tuple(r for part in self.mapping.ratings if (r := self._rating(part, row, name, zero, notes)))
        began = seconds(index.began, row, name) if index.began else zero if self.mapping.absolute else None
        return Recording(
            id=name,
            dataset=self.card.name,
            subject=subject,
            session=fill(index.session, row, name),
            streams=streams,
            ratings=ratings,
            annotations=tuple(a for part in self.mapping.labels for a in self._labels(part, row, name, zero, end, notes)),
            stimulus=fill(index.stimulus, row, name) if index.stimulus else None,
            order=order,
            consent=self.card.consent,
            provenance=tuple(notes),
            started=_wall_clock(began, name) if began is not None else None,
            session_offset=offset,
        )

    def _stream_row(self, part: StreamMap, row: Row, where: str) -> dict[str, Any]:
        """The index row with the side columns of one stream."""
        merged = dict(row)
        for side, template in part.side.items():
            merged |= self._side(side, fill(template, row, where))
        return merged

    def _zero(self, row: Row) -> float:
        """Absolute time of the recording's time 0, s; 0 when clocks are relative already."""
        if not self.mapping.absolute:
            return 0.0
        starts = []
        for part in self.mapping.streams.values():
            if isinstance(part.start, str) and part.start in (merged := self._stream_row(part, row, "start")):
                starts.append(number(part.start, merged, "start"))
        if not starts:
            raise NothingToRead("no stream of this recording has a start", where=row["_key"], hint="check the side table")
        return min(starts)

    def _streams(self, row: Row, name: str, zero: float, notes: list[str]) -> dict[str, Stream]:
        """All streams of a recording; those that wait for its end come last."""
        streams: dict[str, Stream] = {}
        for label, part in sorted(self.mapping.streams.items(), key=lambda item: item[1].static):
            made = self._stream(label, part, self._stream_row(part, row, name), name, zero, streams)
            if made is None:
                notes.append(f"{label}: not in the files of this recording")
                continue
            streams[label] = made.stream
            notes += made.notes
        if not streams:
            raise NothingToRead("none of the streams is there", where=name, hint="check the data root against the mapping")
        return streams

    def _stream(self, label: str, part: StreamMap, row: Row, name: str, zero: float, so_far: Mapping[str, Stream]) -> Made | None:
        """One stream, or None when the files hold nothing of it."""
        modality, where = part.modality or label, f"{self.card.name} {name}"
        if part.audio:
            return audio_stream(self.root / fill(part.audio, row, name), modality, label, where)
        found = self._rows(part, row, where)
        if found is None:
            return None
        table, key = found
        data = table.numbers(key, tuple(part.channels.values()))
        samples = np.stack([np.asarray(data[c], dtype=np.float32) for c in part.channels.values()])
        if part.count and int(number(part.count, row, where)) != samples.shape[1]:
            expected = int(number(part.count, row, where))
            raise TruncatedFile(f"{label} has not the promised length", where=table.path, expected=f"{expected} rows", got=samples.shape[1])
        times, available = self._times(part, row, table, key, samples.shape[1], where, zero)
        if part.static:
            end = max((s.times[-1] + (1 / s.sample_rate if s.sample_rate else 0.0) for s in so_far.values()), default=0.0)
            samples, times, available = samples[:, :1], np.array([end]), np.array([end])
        rate = 0.0 if part.static else number(part.rate, row, where)
        estimated = part.time is not None and part.until is None and not part.static and rate == 0.0
        guess = implied_rate(modality, times, f"{where}: {label}") if estimated else None
        made = make_stream(
            modality,
            samples,
            times,
            unit=part.unit,
            rate=guess.rate if guess else rate,
            channels=tuple(part.channels),
            where=where,
            name=label,
            available=available,
            static=part.static,
            declared=part.time is not None,
            estimated=guess is not None and guess.rate > 0,
            longest_gap=part.longest_gap,
        )
        uneven = (f"{label}: {guess.note}",) if guess and guess.note else ()
        return made._replace(notes=(*uneven, *made.notes, *timing_notes(label, part, float(times[0]))))

    def _times(
        self, part: StreamMap, row: Row, table: KeyedTable, key: str, count: int, where: str, zero: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Times (time,) s, and when each sample became known (None: at its own time)."""
        if part.time is None:
            if part.static:
                return np.zeros(count), None
            return regular(count, positive(part.rate, row, where), number(part.start, row, where) - (zero if part.start else 0.0)), None
        times = clock_times(part.time, table, key, row, where) - zero
        if part.until is not None:
            return times, clock_times(part.until, table, key, row, where) - zero
        return times, times + part.known_after if part.known_after else None

    def _rating(self, part: RatingMap, row: Row, name: str, zero: float, notes: list[str]) -> Rating | None:
        where = f"{self.card.name} {name}"
        found = self._rows(part, row, where)
        if found is None:
            notes.append(f"rating by {part.source}: not in the files of this recording")
            return None
        table, key = found
        data = table.numbers(key, (part.valence, part.arousal))
        times = clock_times(part.time, table, key, row, where) - zero
        rating = make_rating(
            part.source, data[part.valence], data[part.arousal], times, scale=part.scale, overshoot=part.overshoot, where=where
        )
        if rating.clipped:
            notes.append(f"rating by {part.source}: {rating.clipped} values beyond the scale were clipped to {part.scale}")
        return rating

    def _labels(self, part: LabelMap, row: Row, name: str, zero: float, end: float, notes: list[str]) -> tuple[Annotation, ...]:
        where = f"{self.card.name} {name}"
        emotions = part.renaming(self.card.emotions)
        if part.file is None:
            return whole_label(part, emotions, row, end, where)
        found = self._rows(part, row, where)
        if found is None:
            notes.append(f"labels by {part.source}: not in the files of this recording")
            return ()
        return label_runs(part, emotions, *found, row, zero, where)


def _wall_clock(began: float, where: str) -> datetime | None:
    """The time of day at `began` (unix s); None on a clock that counts from elsewhere. Raises `UnreadableFile` for a time after 5138."""
    if began >= LATEST:
        hint = "is it in milliseconds? Then write per = 1000"
        raise UnreadableFile("the recording began at a time that is no date in seconds", where=where, got=f"{began:g}", hint=hint)
    return datetime.fromtimestamp(began, UTC) if began > EARLIEST else None
