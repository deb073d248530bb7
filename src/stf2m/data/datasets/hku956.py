"""HKU956: an Empatica E4 at the wrist while listening to music; tidy tables or the publisher's CSV folders."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stf2m.core.errors import NothingToRead, UnknownName
from stf2m.core.records import Annotation, Recording, Stream
from stf2m.data.datasets._layouts import card_of, nothing, tidy
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.keyed import KeyedTable
from stf2m.data.labels import rescale
from stf2m.data.readers._text import parse, read_text
from stf2m.data.streams import make_stream, regular

NAME = "hku956"
RATINGS = "3. AV_ratings.csv"
SENSORS = {"BVP": ("bvp", "au", 64.0), "EDA": ("eda", "uS", 4.0), "TEMP": ("temp", "degC", 4.0), "HR": ("hr", "bpm", 1.0)}
"""folder -> modality, unit, Hz; IBI holds intervals without onset times and is not a timed stream"""
SCALE = (-10.0, 10.0)


class Hku956Folders:
    """The publisher's layout: `1. physiological_signals/PERSON/SENSOR/ORDER_SONG.csv` and the ratings per listening."""

    def __init__(self, root: Path):
        self.root = root
        self._signals = signals_folder(root)

    @property
    def card(self) -> DatasetCard:
        return card_of(NAME)

    @cached_property
    def _people(self) -> dict[str, list[dict[str, Any]]]:
        """Rated listenings whose pulse is there, per person in order."""
        table = KeyedTable(self.root / RATINGS, "{participant_id}/{song_no}_{song_id}")
        rows = [table.row(key) for key in table.spans]
        here = [row for row in rows if self._file(row, "BVP").is_file()]
        found: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(here, key=lambda row: (row["participant_id"], int(row["song_no"]))):
            found.setdefault(str(row["participant_id"]), []).append(row)
        return found

    def _file(self, row: dict[str, Any], sensor: str) -> Path:
        return self._signals / str(row["participant_id"]) / sensor / f"{int(row['song_no'])}_{int(row['song_id'])}.csv"

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(self._people)

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's listenings in order; raises `UnknownName`."""
        if subject not in self._people:
            raise UnknownName(f"no person {subject!r} in {NAME}", hint=f"people: {', '.join(self._people)}")
        offset = 0.0
        for place, row in enumerate(self._people[subject]):
            yield self._recording(row, subject, place, offset)
            offset += float(row["play_duration"])

    def _recording(self, row: dict[str, Any], subject: str, place: int, offset: float) -> Recording:
        name = f"{subject}-{int(row['song_no']):02d}"
        streams: dict[str, Stream] = {}
        notes = [
            f"listening {int(row['song_no'])} of {subject}: song {int(row['song_id'])}, {int(row['play_duration'])} s",
            "the pauses between songs are unknown: session_offset is the sum of the earlier listenings",
            "ibi: intervals without onset times describe the listening as a whole and are not a timed stream",
        ]
        for sensor, (modality, unit, rate) in SENSORS.items():
            path = self._file(row, sensor)
            if not path.is_file():
                notes.append(f"{modality}: not in the files of this recording")
                continue
            text = read_text(path)
            samples = parse(text.data, path, ["value"], skip=0).column("value").to_numpy().astype(np.float32)
            made = make_stream(modality, samples[None], regular(len(samples), rate), unit=unit, rate=rate, where=path, declared=False)
            streams[modality] = made.stream
            notes += [*(f"{modality}: {note}" for note in text.notes), *made.notes]
        end = max(s.times[-1] + 1 / s.sample_rate for s in streams.values())
        levels = [
            rescale(np.array([float(row[f"{axis}_rating"])]), SCALE, None, f"{NAME} {name}: {axis}")[0][0]
            for axis in ("valence", "arousal")
        ]
        known = [float(level) if np.isfinite(level) else None for level in levels]
        label = Annotation(0.0, float(end), valence=known[0], arousal=known[1], source="self")
        return Recording(
            id=name, dataset=NAME, subject=subject, session="1", streams=streams, annotations=(label,) if known != [None, None] else (),
            stimulus=f"song {int(row['song_id'])}", order=place, consent=self.card.consent, provenance=tuple(notes), session_offset=offset,
        )  # fmt: skip


def signals_folder(root: Path) -> Path:
    """The folder of signals, whichever way its name is written; raises `NothingToRead`."""
    for name in ("1. physiological_signals", "1. physiological signals"):
        if (root / name).is_dir():
            return root / name
    raise NothingToRead("no folder of signals", where=root, expected="1. physiological_signals")


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`, either layout; raises `NothingToRead` when none lies there."""
    if (root / "trials.parquet").is_file():
        return tidy(NAME, root)
    if (root / RATINGS).is_file():
        return Hku956Folders(root)
    raise nothing(NAME, root, ("trials.parquet (tidy tables)", f"{RATINGS} (the publisher's folders)"))
