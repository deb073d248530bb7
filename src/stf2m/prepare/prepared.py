"""Prepared recordings joined end to end, in memory or memory-mapped: what `cut` looks at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidRecord
from stf2m.core.records import Annotation, Rating, Recording
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.recipe import SignalRecipe
from stf2m.prepare.run import PreparedRecording, prepare_recording
from stf2m.prepare.session import rate_of


@dataclass(frozen=True)
class Joined:
    """How the joined signal of one modality is to be read; a `static` one holds one sample per recording."""

    rate: float
    channels: tuple[str, ...]
    static: bool = False


@dataclass(frozen=True, eq=False)
class Entry:
    """One recording in the joined signals: `bounds[m]` first and past-the-end sample; labels in its own seconds."""

    id: str
    dataset: str
    subject: str
    session: str
    stimulus: str | None
    order: int
    session_offset: float
    length: float
    consent: str
    bounds: Mapping[str, tuple[int, int]]
    available: Mapping[str, float]
    """static modalities: s at which the value is known"""
    ratings: tuple[Rating, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    provenance: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Prepared:
    """All recordings of a data set (or a few new ones) after preparation.

    `signals[m]` float32 (channel, time) of all recordings joined, `quality[m]` float32 (time,); `emotions` is the data
    set's vocabulary, empty when it has none.
    """

    dataset: str
    recipe: SignalRecipe
    emotions: tuple[str, ...]
    joined: Mapping[str, Joined]
    signals: Mapping[str, NDArray[np.float32]]
    quality: Mapping[str, NDArray[np.float32]]
    entries: tuple[Entry, ...]
    revision: int = 0
    """how often the files of the data set were found changed and everybody was prepared anew"""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that at least one recording has, in the recipe's order."""
        return tuple(name for name in self.recipe.modalities if name in self.joined)

    def __repr__(self) -> str:
        hours = sum(entry.length for entry in self.entries) / 3600
        return f"Prepared({self.dataset}: {len(self.entries)} recordings, {hours:.2f} h, {', '.join(self.modalities)})"


def describe_joined(recording: PreparedRecording, recipe: SignalRecipe, known: Mapping[str, Joined]) -> dict[str, Joined]:
    """`known` plus the modalities of `recording`; raises `InvalidRecord` when a modality is static here and clocked there."""
    found = dict(known)
    for name, track in recording.tracks.items():
        mine = Joined(rate_of(name, recipe), MODALITIES[name].channels, track.static)
        if found.setdefault(name, mine) != mine:
            raise InvalidRecord(
                f"{name} is one value per recording in some recordings and a signal in others", where=recording.id,
                hint="prepare the two kinds as two data sets",
            )  # fmt: skip
    return found


def entry_of(recording: PreparedRecording, ends: Mapping[str, int]) -> Entry:
    """The index entry of a recording that is appended at sample `ends[m]` of every joined signal."""
    r = recording
    bounds = {m: (ends.get(m, 0), ends.get(m, 0) + t.values.shape[1]) for m, t in r.tracks.items()}
    known = {m: t.available for m, t in r.tracks.items() if t.static}
    return Entry(
        r.id, r.dataset, r.subject, r.session, r.stimulus, r.order, r.session_offset, r.length, r.consent,
        bounds, known, r.ratings, r.annotations, r.provenance,
    )  # fmt: skip


def prepared_from(recordings: Iterable[Recording], recipe: SignalRecipe, *, emotions: tuple[str, ...] = ()) -> Prepared:
    """Prepare recordings in memory; the numbers are those of the store, bit for bit."""
    entries, joined, ends, name = [], {}, {}, ""
    pieces: dict[str, list[NDArray[np.float32]]] = {}
    grades: dict[str, list[NDArray[np.float32]]] = {}
    for recording in recordings:
        done = prepare_recording(recording, recipe)
        joined = describe_joined(done, recipe, joined)
        entries.append(entry_of(done, ends))
        ends = ends | {m: bound[1] for m, bound in entries[-1].bounds.items()}
        name = name or done.dataset
        for modality, track in done.tracks.items():
            pieces.setdefault(modality, []).append(track.values)
            grades.setdefault(modality, []).append(track.quality)
    signals = {m: np.concatenate(parts, axis=1) for m, parts in pieces.items()}
    quality = {m: np.concatenate(parts) for m, parts in grades.items()}
    return Prepared(name, recipe, emotions, joined, signals, quality, tuple(entries))
