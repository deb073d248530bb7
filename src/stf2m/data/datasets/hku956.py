"""HKU956: an Empatica E4 at the wrist while listening to music; tidy tables or the publisher's CSV folders."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stf2m.core.errors import NothingToRead, UnknownName
from stf2m.core.records import Annotation, Recording
from stf2m.data.datasets._layouts import card_of, nothing, tidy
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.keyed import KeyedTable
from stf2m.data.labels import rescale
from stf2m.data.readers._text import parse, read_text
from stf2m.data.streams import Made, make_stream, regular
from stf2m.data.templates import column, number

NAME = "hku956"
RATINGS = "3. AV_ratings.csv"
SENSORS = {"BVP": ("bvp", "au", 64.0), "EDA": ("eda", "uS", 4.0), "TEMP": ("temp", "degC", 4.0), "HR": ("hr", "bpm", 1.0)}
"""folder -> modality, unit, Hz; IBI holds intervals without onset times and is not a timed stream"""
SCALE = (-10.0, 10.0)


class Listening(NamedTuple):
    """One row of the ratings; `valence` and `arousal` in -1..1, None where there is none."""

    person: str
    order: int
    song: int
    seconds: float
    valence: float | None
    arousal: float | None

    @property
    def name(self) -> str:
        """The recording's id: person and number of the listening."""
        return f"{self.person}-{self.order:02d}"

    def file(self, signals: Path, sensor: str) -> Path:
        """Where one sensor's samples lie."""
        return signals / self.person / sensor / f"{self.order}_{self.song}.csv"


class Hku956Folders:
    """The publisher's layout: `1. physiological_signals/PERSON/SENSOR/ORDER_SONG.csv` and the ratings per listening."""

    def __init__(self, root: Path):
        self.root = root
        self._signals = signals_folder(root)

    @property
    def card(self) -> DatasetCard:
        return card_of(NAME)

    @cached_property
    def _people(self) -> dict[str, list[Listening]]:
        """Rated listenings whose pulse is there, per person in order."""
        table = KeyedTable(self.root / RATINGS, "{participant_id}/{song_no}_{song_id}")
        listenings = [_listening(table.row(key), f"{table.path} {key}") for key in table.spans]
        found: dict[str, list[Listening]] = {}
        for one in sorted(one for one in listenings if one.file(self._signals, "BVP").is_file()):
            found.setdefault(one.person, []).append(one)
        return found

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(self._people)

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's listenings in order; raises `UnknownName`."""
        if subject not in self._people:
            raise UnknownName(f"no person {subject!r} in {NAME}", hint=f"people: {', '.join(self._people)}")
        offset = 0.0
        for place, one in enumerate(self._people[subject]):
            yield self._recording(one, place, offset)
            offset += one.seconds

    def _recording(self, one: Listening, place: int, offset: float) -> Recording:
        made = {kind[0]: _sensor(one.file(self._signals, sensor), kind) for sensor, kind in SENSORS.items()}
        streams = {name: found.stream for name, found in made.items() if found}
        end = float(max(s.times[-1] + 1 / s.sample_rate for s in streams.values()))
        notes = [
            f"listening {one.order} of {one.person}: song {one.song}, {one.seconds:g} s",
            "the pauses between songs are unknown: session_offset is the sum of the earlier listenings",
            "ibi: intervals without onset times describe the listening as a whole and are not a timed stream",
        ]
        for name, found in made.items():
            notes += found.notes if found else [f"{name}: not in the files of this recording"]
        label = Annotation(0.0, end, valence=one.valence, arousal=one.arousal, source="self")
        rated = one.valence is not None or one.arousal is not None
        return Recording(
            id=one.name, dataset=NAME, subject=one.person, session="1", streams=streams, annotations=(label,) if rated else (),
            stimulus=f"song {one.song}", order=place, consent=self.card.consent, provenance=tuple(notes), session_offset=offset,
        )  # fmt: skip


def _listening(row: dict[str, Any], where: str) -> Listening:
    """One row of the ratings, checked."""
    order, song, seconds = (number(name, row, where) for name in ("song_no", "song_id", "play_duration"))
    levels = []
    for axis in ("valence_rating", "arousal_rating"):
        value = column(row, axis, where)
        known = value is not None and value == value  # NaN differs from itself
        levels.append(float(rescale(np.array([number(axis, row, where)]), SCALE, None, f"{where}: {axis}")[0][0]) if known else None)
    return Listening(str(row["participant_id"]), int(order), int(song), seconds, *levels)


def _sensor(path: Path, kind: tuple[str, str, float]) -> Made | None:
    """One sensor file, a number per line; None when it is not there."""
    if not path.is_file():
        return None
    modality, unit, rate = kind
    text = read_text(path)
    samples = parse(text.data, path, ["value"], skip=0).column("value").to_numpy()
    made = make_stream(modality, samples[None], regular(len(samples), rate), unit=unit, rate=rate, where=path, declared=False)
    return made._replace(notes=(*(f"{modality}: {note}" for note in text.notes), *made.notes))


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
