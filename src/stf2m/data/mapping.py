"""The settings of a `tables` mapping: where each number of a recording lies in somebody's files.

Every text in braces is a template over the columns of a row ("S{pid:02d}"); file names are relative to the data root.
A number or the name of a column may stand wherever the type says `float | str`.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator

from stf2m.core.config import Settings, build, load_toml
from stf2m.core.consent import COVERS
from stf2m.core.errors import InvalidConfig
from stf2m.data.datasets.base import DatasetCard
from stf2m.data.templates import did_you_mean

NEEDS_KEY = 'a file that holds several recordings needs a key; one of each recording is a template like "{pid}.csv"'


def one_each(file: str) -> bool:
    """Whether a file name is a template, so that every recording has a file of its own."""
    return "{" in file


class TableFile(Settings):
    """A file with one row per sample or thing, and the template that names the rows of one recording."""

    file: str
    """name of the table (CSV, Parquet or JSON), relative to the data root"""
    key: str
    """template over its columns that tells rows of one recording from those of others, such as "{pid}" """
    records: str | None = None
    """for JSON: the list to read"""


class Clock(Settings):
    """time = (column + shift) / per, in seconds: per counts per second, shift in counts (a frame ends at shift = 1)."""

    column: str
    """column of the numbers"""
    per: float | str = 1.0
    """counts per second: 1000 for milliseconds"""
    shift: float = 0.0
    """counts that are added first"""


class Index(TableFile):
    """One row per recording. `key` names it in the other tables, the templates name it in the record."""

    id: str
    """template of the recording's name"""
    subject: str
    """template of the person's name"""
    session: str = "1"
    """template of the session's name; recordings of one session share a clock"""
    stimulus: str | None = None
    """template of what was watched or heard; None = not known"""
    order: str | None = None
    """column to sort a person's recordings by; None = the order is unknown, all are 0"""
    began: Clock | None = None
    """when each recording began, on any clock of the session; gives `session_offset` and, if unix, `started`"""
    lasts: str | None = None
    """column of durations, s; without `began` the session offset is the sum of the earlier ones"""
    drop: dict[str, str] = Field(default_factory=dict)
    """key of a recording that is left out -> key of the one that is the same"""


class StreamMap(Settings):
    """One stream. Times come from `rate` and `start`, or from `time`; events also have `until`; audio has its own."""

    modality: str | None = None
    """the stream's name when not given"""
    file: str | None = None
    """one table of all recordings, whose rows `key` tells apart; or a template of one file per recording ("{pid}/eda.csv"), which
    needs no key and may be absent"""
    key: str | None = None
    """template over the columns of `file` that gives the key of the index row"""
    audio: str | None = None
    """file name template of one audio file per recording"""
    side: dict[str, str] = Field(default_factory=dict)
    """side table -> key template for this stream"""
    channels: dict[str, str] = Field(default_factory=dict)
    """channel name -> column"""
    unit: str
    """of all channels, one of the [units](#units)"""
    rate: float | str = 0.0
    """Hz; left out beside a `time` that has no `until`, it is estimated from the times"""
    start: float | str = 0.0
    """s from the recording's beginning to the first sample, or a column of it; with `absolute` on that clock"""
    count: str | None = None
    """column with the number of samples that must be there"""
    time: Clock | None = None
    """when each sample was taken"""
    until: Clock | None = None
    """when an event ended and so became known"""
    known_after: float = 0.0
    """s from a sample's time until it is known (half of a 200 ms mean: 0.1)"""
    static: bool = False
    """one row per recording, known at its end"""
    longest_gap: float | None = 30.0
    """s of missing samples that are still bridged; a longer gap is refused (TOML cannot write None: name a large number)"""

    @model_validator(mode="after")
    def _one_source(self) -> "StreamMap":
        if (self.audio is None) == (self.file is None):
            raise ValueError("give either audio or file and key")
        if self.file is not None and not self.channels:
            raise ValueError("a stream from a file needs channels")
        if self.file is not None and self.key is None and not one_each(self.file):
            raise ValueError(NEEDS_KEY)
        if self.file is not None and not self.static and self.time is None and not self.rate:
            raise ValueError("a stream needs a rate, a time or static = true")
        return self


class RatingMap(TableFile):
    """Continuous valence and arousal on a source scale; `overshoot` is the range that is clipped and counted. `file` as in streams."""

    key: str = ""
    """as in streams"""
    source: str = "self"
    """who rated"""
    time: Clock
    """when each rating was given"""
    valence: str
    """column of the valence"""
    arousal: str
    """column of the arousal"""
    scale: tuple[float, float]
    """lowest and highest rating"""
    overshoot: tuple[float, float] | None = None
    """lowest and highest number that is clipped to the scale and counted; beyond it is an error"""

    @model_validator(mode="after")
    def _rows_are_told_apart(self) -> "RatingMap":
        if not self.key and not one_each(self.file):
            raise ValueError(NEEDS_KEY)
        return self


class LabelMap(Settings):
    """Labels of the whole recording (columns of the index row), or runs of rows of a `file` (as in streams), each row holding `hold` s.

    A file gives emotions alone; valence and arousal over time are `ratings`.
    """

    source: str = "self"
    """who labelled"""
    file: str | None = None
    """as in streams; None = columns of the index row label the whole recording"""
    key: str | None = None
    """as in streams"""
    time: Clock | None = None
    """when each row of `file` begins"""
    hold: float = 0.0
    """s that each row of `file` lasts"""
    emotion: str | None = None
    """column of the emotion"""
    names: dict[str, str] = Field(default_factory=dict)
    """value of that column -> emotion of the card; a value that is an emotion of the card needs no entry"""
    valence: str | None = None
    """column of the valence"""
    arousal: str | None = None
    """column of the arousal"""
    scale: tuple[float, float] = (-1.0, 1.0)
    """lowest and highest rating"""
    overshoot: tuple[float, float] | None = None
    """lowest and highest number that is clipped to the scale; beyond it is an error"""

    def renaming(self, emotions: Sequence[str]) -> dict[str, str]:
        """Value of the column -> emotion; the card's `emotions` lead to themselves."""
        return {name: name for name in emotions} | self.names

    @model_validator(mode="after")
    def _rows_need_times(self) -> "LabelMap":
        if self.file is None:
            return self
        if self.time is None or self.hold <= 0 or self.emotion is None:
            raise ValueError("labels from a file need time, hold and emotion")
        if self.valence is not None or self.arousal is not None:
            raise ValueError("labels from a file are emotions; valence and arousal over time stand under [[ratings]]")
        if self.key is None and not one_each(self.file):
            raise ValueError(NEEDS_KEY)
        return self


class TablesMapping(Settings):
    """A whole data set as tables."""

    card: DatasetCard
    """what a reader must know of the data set"""
    index: Index
    """the table of recordings"""
    side: dict[str, TableFile] = Field(default_factory=dict)
    """name -> further table, whose columns recordings (`join`) or streams (`side`) may use"""
    join: dict[str, str] = Field(default_factory=dict)
    """side table -> key template over the index row; its columns join that row"""
    constants: dict[str, float | str] = Field(default_factory=dict)
    """extra columns of every row"""
    absolute: bool = False
    """`start` and `time` are on one absolute clock (unix s); time 0 is the earliest start of a stream"""
    streams: dict[str, StreamMap]
    """name -> signal"""
    ratings: tuple[RatingMap, ...] = ()
    """valence and arousal over time"""
    labels: tuple[LabelMap, ...] = ()
    """emotions, and ratings of whole recordings"""
    provenance: tuple[str, ...] = ()
    """templates, written into every recording"""

    @model_validator(mode="after")
    def _words_are_known(self) -> "TablesMapping":
        if self.card.consent and self.card.consent not in COVERS:
            known = ", ".join(COVERS)
            raise ValueError(f"consent {self.card.consent!r} says nothing about what is permitted; expected one of {known}")
        if not self.card.emotions and any(part.emotion for part in self.labels):
            raise ValueError(
                "labels have an emotion, but the card lists none; write them under [card], such as emotions = ['calm', 'happy']"
            )
        for name in (name for part in self.labels for name in part.names.values() if name not in self.card.emotions):
            hint = did_you_mean(name, self.card.emotions, "add it to emotions under [card]")
            raise ValueError(f"names lead to {name!r}, no emotion of the card; expected {', '.join(self.card.emotions)} - {hint}")
        return self


def load_mapping(path: Path) -> TablesMapping:
    """Read a mapping file; raises `InvalidConfig` in one sentence, also for absolute or climbing file names."""
    values = load_toml(path)
    if "card" not in values and "protocols" in values:
        hint = f"its data set is {values.get('dataset', 'not named')}; a mapping has [card], [index] and [streams]"
        raise InvalidConfig("this is a study, not the mapping of a data set", where=path, hint=hint)
    mapping = build(TablesMapping, values, where=str(path))
    files = [mapping.index, *mapping.side.values(), *mapping.streams.values(), *mapping.ratings, *mapping.labels]
    for part in files:
        for name in (part.file, getattr(part, "audio", None)):
            if name and (Path(name).is_absolute() or ".." in Path(name).parts):
                raise InvalidConfig("a file lies outside the data root", where=path, got=name, hint="name it relative to the root")
    return mapping
