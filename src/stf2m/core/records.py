"""What was measured and said, as frozen records on the host (numpy, float64 seconds since the recording began)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidRecord, TimesNotIncreasing
from stf2m.core.units import conversion

MODALITY_NAMES = (
    "eda", "bvp", "ecg", "emg", "eeg", "resp", "temp", "acc", "hr", "ibi", "pupil", "gaze", "head", "face", "voice", "text",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples of one modality on one clock.

    `samples` float32 (channel, time), missing = NaN; `times` float64 (time,) s since the recording began, increasing;
    `sample_rate` Hz, 0 = events or irregular; `available` float64 (time,) s, when each sample became known (None: at its
    own time), e.g. the end of a fixation or of a take; `static` marks one value for the whole recording; `estimated` says that
    nobody declared the rate, it follows from the times.
    """

    modality: str
    samples: NDArray[np.float32]
    times: NDArray[np.float64]
    sample_rate: float
    channels: tuple[str, ...]
    units: tuple[str, ...]
    available: NDArray[np.float64] | None = None
    quality: NDArray[np.float32] | None = None
    static: bool = False
    estimated: bool = False

    def __post_init__(self) -> None:
        where = f"stream {self.modality}"
        if self.modality not in MODALITY_NAMES:
            raise InvalidRecord("unknown modality", where=where, expected=" ".join(MODALITY_NAMES), got=self.modality)
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise InvalidRecord(
                "samples", where=where, expected="float32 (channel, time)", got=f"{self.samples.dtype} {self.samples.shape}"
            )
        count = self.samples.shape[1]
        if self.times.shape != (count,):
            raise InvalidRecord("one time per sample", where=where, expected=(count,), got=self.times.shape)
        if len(self.channels) != len(self.samples) or len(self.units) != len(self.samples):
            raise InvalidRecord(
                "one name and unit per channel", where=where, expected=len(self.samples), got=f"{self.channels} {self.units}"
            )
        for unit in self.units:
            conversion(unit)
        if count > 1:
            bad = np.flatnonzero(~(np.diff(self.times) > 0))
            if len(bad):
                i = int(bad[0])
                raise TimesNotIncreasing(
                    f"{len(bad)} time stamps repeat or run backwards, the first at sample {i + 1}",
                    where=where, expected=f"more than {self.times[i]:.3f} s", got=f"{self.times[i + 1]:.3f} s",
                    hint="sort the rows, or in Python read(path, repair=True), which drops them",
                )  # fmt: skip
        if self.available is not None and (self.available.shape != (count,) or (self.available < self.times - 1e-6).any()):
            raise InvalidRecord("a sample is known before it is measured", where=where, expected="available >= times")

    @property
    def length(self) -> float:
        """Seconds from the first to the end of the last sample."""
        if not len(self.times):
            return 0.0
        step = 1.0 / self.sample_rate if self.sample_rate else 0.0
        return float(self.times[-1] - self.times[0] + step)

    def __repr__(self) -> str:
        rate = f"{self.sample_rate:g} Hz" if self.sample_rate else "events"
        return f"Stream({self.modality}, {len(self.channels)} ch, {rate}, {self.length:.1f} s)"


@dataclass(frozen=True, eq=False)
class Rating:
    """Continuous valence/arousal of one annotator: `values` float32 (2, time) in -1..1 (NaN = none), `times` s.

    `source_scale` is (low, high) in source units; `clipped` counts the samples that lay in the declared overshoot and
    were clipped to the scale.
    """

    source: str
    values: NDArray[np.float32]
    times: NDArray[np.float64]
    source_scale: tuple[float, float]
    clipped: int = 0

    def __post_init__(self) -> None:
        if self.values.shape != (2, len(self.times)):
            raise InvalidRecord("rating", where=self.source, expected=f"(2, {len(self.times)})", got=self.values.shape)
        if np.nanmax(np.abs(self.values), initial=0.0) > 1.0 + 1e-6:
            raise InvalidRecord("rating outside -1..1", where=self.source, hint="declare the source scale and its overshoot")
        if len(self.times) > 1 and not (np.diff(self.times) > 0).all():
            raise TimesNotIncreasing("rating times repeat or run backwards", where=f"rating {self.source}")


@dataclass(frozen=True)
class Annotation:
    """A label that holds from `onset` to `offset` (s): a named emotion, or valence and arousal in -1..1, or both."""

    onset: float
    offset: float
    emotion: str | None = None
    valence: float | None = None
    arousal: float | None = None
    source: str = "self"
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not self.onset < self.offset:
            raise InvalidRecord("annotation ends before it begins", where=self.source, expected=f"> {self.onset}", got=self.offset)
        for value in (self.valence, self.arousal):
            if value is not None and not -1.0 <= value <= 1.0:
                raise InvalidRecord("annotation outside -1..1", where=self.source, got=value)


@dataclass(frozen=True, eq=False)
class Recording:
    """Everything that was recorded of one person in one go, on one clock.

    `group` names what must stay on one side of a split beside the person (a clip, a song, a sentence); `order` is the
    position in the session; `provenance` lists every shift and repair in words; `consent` names the permitted use
    ("research", "non-commercial", "unknown").
    """

    id: str
    dataset: str
    subject: str
    session: str
    streams: Mapping[str, Stream]
    ratings: tuple[Rating, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    stimulus: str | None = None
    order: int = 0
    consent: str = "unknown"
    provenance: tuple[str, ...] = ()
    started: datetime | None = None
    session_offset: float = 0.0
    """s from the beginning of the person's session to this recording's time 0"""

    def __post_init__(self) -> None:
        if not self.streams:
            raise InvalidRecord("a recording needs at least one stream", where=self.id)

    @property
    def length(self) -> float:
        """Seconds from 0 to the end of the last stream."""
        return max(
            (float(s.times[-1]) + (1 / s.sample_rate if s.sample_rate else 0.0) for s in self.streams.values() if len(s.times)), default=0.0
        )

    def __repr__(self) -> str:
        return f"Recording({self.id}, {self.subject}, {', '.join(self.streams)}, {self.length:.0f} s)"


@dataclass(frozen=True)
class DescriptorInfo:
    """A named number that describes a segment of one modality, with its unit and the words for low and high.

    `readable` descriptors may stand in rules; the others (log-mel statistics) only feed the network.
    """

    name: str
    modality: str
    unit: str
    low: str = "low"
    high: str = "high"
    readable: bool = True


@dataclass(frozen=True)
class SignalInfo:
    """How one modality's prepared signal looks to a network.

    `rate` Hz (canonical), `samples` length including the past context, `window` samples of the window proper at the end
    (1 for static signals), `channels` names; with `one_node` the channels are features of a single graph node (log-mel bands), else every channel is a node; `static` signals hold
    one value per recording.
    """

    modality: str
    rate: float
    samples: int
    window: int
    channels: tuple[str, ...]
    one_node: bool = False
    static: bool = False


@dataclass(frozen=True, eq=False)
class Segments:
    """Cut windows of prepared recordings: an index over memory-mapped signals, plus what is small.

    `signals[m]` float32 (channel, time of all recordings joined); window i of modality m is
    `signals[m][:, starts[i, j] : starts[i, j] + samples]` where samples before `bounds[recording[i], j, 0]` or from
    `bounds[.., 1]` on belong to somebody else and read as missing.
    """

    signals: Mapping[str, NDArray[np.float32]]
    infos: tuple[SignalInfo, ...]
    starts: NDArray[np.int64]
    """(segment, modality), may lie before the recording's first sample"""
    bounds: NDArray[np.int64]
    """(recording, modality, 2) first and past-the-end sample in the joined array"""
    present: NDArray[np.bool_]
    """(segment, modality)"""
    quality: NDArray[np.float32]
    """(segment, modality) 0..1"""
    descriptors: NDArray[np.float32]
    """(segment, descriptor), NaN where the modality is absent"""
    descriptor_infos: tuple[DescriptorInfo, ...]
    targets: Mapping[str, NDArray[np.int16]]
    """target name -> class per segment, -1 = unlabelled"""
    emotions: Mapping[str, tuple[str, ...]]
    """target name -> class names"""
    rating: NDArray[np.float32]
    """(segment, 2) valence, arousal in -1..1, NaN = none"""
    spans: NDArray[np.float64]
    """(segment, 2) s in its recording"""
    session_time: NDArray[np.float64]
    """(segment,) s since the person's session began, for time floors and guards"""
    subject: NDArray[np.int32]
    recording: NDArray[np.int32]
    stimulus: NDArray[np.int32]
    subjects: tuple[str, ...]
    recordings: tuple[str, ...]
    stimuli: tuple[str, ...]
    recipe_hash: str
    dataset: str
    past: float = 0.0
    """over 0: descriptors are read relative to the person's own past, and this many segments count as much as everybody's usual"""
    memory: tuple[float, ...] = ()
    """s, half-lives of the levels and changes among the descriptors (`prepare/memory.py`)"""
    votes: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """target name -> (segment, class) shares of the annotators' votes, rows of 0 where unlabelled; only where several annotated"""
    origin: tuple[int, ...] = ()
    """(subject,) number of the data set a person comes from, where several were joined; empty = one data set"""
    others: tuple[Mapping[str, NDArray[np.float32]], ...] = ()
    """signals of the data sets 1, 2, ... of `origin`; `signals` are those of data set 0"""
    consent: str = "unknown"
    """of all recordings the one that covers least"""

    def __post_init__(self) -> None:
        count = len(self.spans)
        arrays = {
            "starts": self.starts, "present": self.present, "quality": self.quality, "descriptors": self.descriptors,
            "rating": self.rating, "session_time": self.session_time, "subject": self.subject,
            "recording": self.recording, "stimulus": self.stimulus, **self.targets,
            **{f"votes on {name}": shares for name, shares in self.votes.items()},
        }  # fmt: skip
        for name, array in arrays.items():
            if len(array) != count:
                raise InvalidRecord(f"segments: {name}", where=self.dataset, expected=f"{count} rows", got=len(array))
        if self.descriptors.shape[1] != len(self.descriptor_infos):
            raise InvalidRecord("segments: one name per descriptor", where=self.dataset)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modality axis of `starts`, `present`, `quality` and `bounds`."""
        return tuple(info.modality for info in self.infos)

    @property
    def has_session_clock(self) -> bool:
        """Whether the recordings of every person begin at different session times, so that their order is known."""
        begins = np.round(self.session_time - self.spans[:, 0], 3)
        _, first = np.unique(self.recording, return_index=True)
        return len(np.unique(np.stack([self.subject[first], begins[first]]), axis=1).T) == len(first)

    def __len__(self) -> int:
        return len(self.spans)

    def __repr__(self) -> str:
        return f"Segments({self.dataset}: {len(self)} segments, {len(self.subjects)} people, {', '.join(self.modalities)})"
