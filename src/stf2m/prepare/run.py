"""Recording -> prepared tracks: every stream through its modality, on one clock, whole or chunk by chunk.

state = start_session(sources, recipe)                      live
state, tracks = push_session(state, chunks)
prepared = prepare_recording(recording, recipe)             the same, in one push
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import SensorMismatch, WrongUnit
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.core.registry import look_up
from stf2m.core.units import PLAUSIBLE, conversion
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modality import Chunk, Modality, Source, Track
from stf2m.prepare.quality import movement_grade
from stf2m.prepare.recipe import SignalRecipe

SHAKEN = ("bvp", "eda")
"""wrist modalities that movement of the same wrist disturbs"""


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


class SessionState(NamedTuple):
    """The state of every stream and the last movement seen, which grades the other wrist signals."""

    modalities: Mapping[str, tuple[Modality, float]]
    """stream name -> its modality and canonical rate"""
    states: Mapping[str, Any]
    motion: NDArray[np.float32]
    """(at most 1,) last movement in g"""


def rate_of(modality: str, recipe: SignalRecipe) -> float:
    """Canonical Hz of a modality under a recipe; raises `UnknownName`."""
    return recipe.rates.get(modality, look_up(MODALITIES, modality, family="modalities").rate)


def source_of(stream: Stream, recipe: SignalRecipe) -> Source:
    """What a modality may know of a stream; units are those after conversion. A static stream is an event."""
    units = tuple(conversion(unit)[0] for unit in stream.units)
    return Source(stream.channels, units, 0.0 if stream.static else stream.sample_rate, rate_of(stream.modality, recipe))


def start_session(streams: Mapping[str, tuple[str, Source]], recipe: SignalRecipe) -> SessionState:
    """Begin a recording with named streams, each a modality name and its source."""
    found = {name: (look_up(MODALITIES, kind, family="modalities"), source) for name, (kind, source) in streams.items()}
    states = {name: modality.start(source) for name, (modality, source) in found.items()}
    return SessionState({n: (m, s.rate) for n, (m, s) in found.items()}, states, np.zeros(0, dtype=np.float32))


def push_session(state: SessionState, chunks: Mapping[str, Chunk]) -> tuple[SessionState, dict[str, Track]]:
    """Push one chunk per stream, all with the same `until`; -> state and one track per stream.

    Where the wrist's acceleration is among the streams, its movement lowers the quality of the signals it disturbs.
    """
    states, tracks = dict(state.states), {}
    for name, chunk in chunks.items():
        states[name], tracks[name] = state.modalities[name][0].push(state.states[name], chunk)
    motion, keep = _movement(state, tracks)
    if motion is not None:
        for name, track in tracks.items():
            modality, rate = state.modalities[name]
            if modality.name in SHAKEN and len(track.quality):
                tracks[name] = track._replace(quality=track.quality * movement_grade(motion(rate, track, chunks[name].until)))
    return SessionState(state.modalities, states, keep), tracks


def _movement(state: SessionState, tracks: Mapping[str, Track]):
    """A function that gives the movement held at the samples of another track, and the movement to keep."""
    wrists = [name for name in tracks if state.modalities[name][0].name == "acc"]
    if len(wrists) != 1:
        return None, state.motion
    values, acc_rate = tracks[wrists[0]].values[0], state.modalities[wrists[0]][1]
    joined = np.concatenate([state.motion, values])

    def held(rate: float, track: Track, until: float) -> NDArray[np.float32]:
        from stf2m.prepare.clocks import grid_count

        last, mine = grid_count(until, acc_rate) - 1, grid_count(until, rate)
        tick = np.arange(mine - len(track.quality), mine) / rate
        index = np.floor(tick * acc_rate + 1e-6).astype(np.int64) - last + len(joined) - 1
        inside = (index >= 0) & (index < len(joined))
        return (
            np.where(inside, joined[np.clip(index, 0, max(len(joined) - 1, 0))], np.nan)
            if len(joined)
            else np.full(len(tick), np.nan, dtype=np.float32)
        )

    return held, joined[-1:]


def convert_stream(stream: Stream, where: str) -> NDArray[np.float32]:
    """Samples in their modality's default unit; raises `WrongUnit` when the unit or the values cannot be that."""
    wanted = look_up(MODALITIES, stream.modality, family="modalities").unit
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
        look_up(MODALITIES, name, family="modalities")
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
    static = {name for name, s in streams.items() if s.static or look_up(MODALITIES, s.modality, family="modalities").static}
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
    modality, source = look_up(MODALITIES, stream.modality, family="modalities"), source_of(stream, recipe)
    available = stream.times if stream.available is None else stream.available
    known = float(available.max(initial=0.0))
    _, track = modality.push(modality.start(source), whole_chunk(stream, known + 2.0 / source.rate, recording.id))
    return PreparedTrack(track.values[:, -1:], track.quality[-1:], source.rate, static=True, available=known)
