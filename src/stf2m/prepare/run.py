"""Recording -> prepared recording: units checked, every stream cleaned, graded and resampled, the better twin taken."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import SensorMismatch, WrongUnit
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.core.units import PLAUSIBLE, conversion
from stf2m.prepare.modality import Chunk
from stf2m.prepare.recipe import SignalRecipe
from stf2m.prepare.session import modality_of, push_session, source_of, start_session


@dataclass(frozen=True, eq=False)
class PreparedTrack:
    """One modality of one recording on its grid: `values` float32 (channel, time), `quality` float32 (time,).

    A `static` track holds one value for the whole recording, known from `available` s on.
    """

    values: NDArray[np.float32]
    quality: NDArray[np.float32]
    rate: float
    static: bool = False
    available: float = 0.0


@dataclass(frozen=True, eq=False)
class PreparedRecording:
    """What a recording says after preparation; sample n of every track stands at n / rate seconds."""

    id: str
    dataset: str
    subject: str
    session: str
    stimulus: str | None
    order: int
    session_offset: float
    length: float
    consent: str
    tracks: Mapping[str, PreparedTrack]
    ratings: tuple[Rating, ...]
    annotations: tuple[Annotation, ...]
    provenance: tuple[str, ...]


def convert_stream(stream: Stream, where: str) -> NDArray[np.float32]:
    """Samples in their modality's default unit; raises `WrongUnit` when the unit or the values cannot be that."""
    wanted = modality_of(stream.modality).unit
    rows = []
    for samples, unit, channel in zip(stream.samples, stream.units, stream.channels):
        default, factor, offset = conversion(unit)
        name = f"{where}, stream {stream.modality}, channel {channel}"
        if default != wanted:
            raise WrongUnit(f"{stream.modality} cannot be measured in {unit!r}", where=name, expected=wanted, got=unit)
        row = samples if (factor, offset) == (1.0, 0.0) else (samples * factor + offset).astype(np.float32)
        _check_plausible(row, default, unit, name)
        rows.append(row)
    return np.stack(rows) if len(rows) > 1 else rows[0][None]


def _check_plausible(row: NDArray[np.float32], default: str, unit: str, where: str) -> None:
    low, high = PLAUSIBLE.get(default, (-np.inf, np.inf))
    finite = row[np.isfinite(row)]
    if len(finite) and not low <= (middle := float(np.median(finite))) <= high:
        raise WrongUnit(
            f"the median value is impossible in {unit}", where=where, expected=f"{low:g} to {high:g} {default}",
            got=f"{middle:g} {default}", hint="declare the unit in which the values are stored",
        )  # fmt: skip


def prepare_recording(recording: Recording, recipe: SignalRecipe) -> PreparedRecording:
    """Clean, grade and resample every stream whose modality is in the recipe; all in memory.

    Two streams of one modality (two wrists): the one with the better mean quality is taken and named in `provenance`.
    Raises `SensorMismatch` when no stream is in the recipe and `WrongUnit` for impossible values.
    """
    for name in recipe.modalities:
        modality_of(name)
    streams = {name: s for name, s in recording.streams.items() if s.modality in recipe.modalities}
    if not streams:
        raise SensorMismatch(
            "no stream that the recipe can use", where=recording.id, expected=" ".join(recipe.modalities),
            got=" ".join(sorted({s.modality for s in recording.streams.values()})), hint="choose other modalities",
        )  # fmt: skip
    found = _prepare_streams(recording, streams, recipe)
    tracks, said = {}, list(recording.provenance)
    for modality in recipe.modalities:
        names = [name for name in found if streams[name].modality == modality]
        if not names:
            continue
        grades = {name: float(found[name].quality.mean()) if len(found[name].quality) else 0.0 for name in names}
        best = max(names, key=grades.__getitem__)
        tracks[modality] = found[best]
        if len(names) > 1:
            others = ", ".join(f"{name} ({grades[name]:.2f})" for name in names if name != best)
            said.append(f"{modality}: stream {best} taken (mean quality {grades[best]:.2f}) instead of {others}")
    r = recording
    return PreparedRecording(
        r.id, r.dataset, r.subject, r.session, r.stimulus, r.order, r.session_offset, r.length, r.consent,
        tracks, r.ratings, r.annotations, tuple(said),
    )  # fmt: skip


def _prepare_streams(recording: Recording, streams: Mapping[str, Stream], recipe: SignalRecipe) -> dict[str, PreparedTrack]:
    """One session push for what runs on the clock, one for what is known once."""
    static = {name for name, s in streams.items() if s.static or modality_of(s.modality).static}
    clocked = {name: s for name, s in streams.items() if name not in static}
    state = start_session({name: (s.modality, source_of(s, recipe)) for name, s in clocked.items()}, recipe)
    chunks = {name: whole_chunk(s, recording.length, recording.id) for name, s in clocked.items()}
    _, tracks = push_session(state, chunks)
    found = {name: PreparedTrack(t.values, t.quality, state.modalities[name][1]) for name, t in tracks.items()}
    return found | {name: _prepare_static(streams[name], recording, recipe) for name in static}


def whole_chunk(stream: Stream, until: float, where: str) -> Chunk:
    """The whole stream as one chunk in its modality's unit."""
    return Chunk(convert_stream(stream, where), stream.times, stream.times if stream.available is None else stream.available, until)


def _prepare_static(stream: Stream, recording: Recording, recipe: SignalRecipe) -> PreparedTrack:
    """The value a static stream ends with, and when it is known."""
    modality, source = modality_of(stream.modality), source_of(stream, recipe)
    available = stream.times if stream.available is None else stream.available
    known = float(available.max(initial=0.0))
    _, track = modality.push(modality.start(source), whole_chunk(stream, known + 2.0 / source.rate, recording.id))
    return PreparedTrack(track.values[:, -1:], track.quality[-1:], source.rate, static=True, available=known)
