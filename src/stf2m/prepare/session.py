"""Every stream of a recording through its modality on one clock: live in many pushes, offline in one.

state = start_session(sources, recipe)
state, tracks = push_session(state, chunks)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Stream
from stf2m.core.registry import look_up
from stf2m.core.units import conversion
from stf2m.prepare.clocks import grid_count
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modality import Chunk, Modality, Source, Track
from stf2m.prepare.quality import movement_grade
from stf2m.prepare.recipe import SignalRecipe

SHAKEN = ("bvp", "eda")
"""wrist modalities that movement of the same wrist disturbs"""


class SessionState(NamedTuple):
    """The state of every stream, and the last movement seen, which grades the other wrist signals."""

    modalities: Mapping[str, tuple[Modality, float]]
    """stream name -> its modality and canonical rate"""
    states: Mapping[str, Any]
    motion: NDArray[np.float32]
    """(at most 1,) last movement in g"""


def modality_of(name: str) -> Modality:
    """The modality of that name; raises `UnknownName` with its neighbours."""
    return look_up(MODALITIES, name, family="modalities")


def rate_of(modality: str, recipe: SignalRecipe) -> float:
    """Canonical Hz of a modality under a recipe; raises `UnknownName`."""
    return recipe.rates.get(modality, modality_of(modality).rate)


def source_of(stream: Stream, recipe: SignalRecipe) -> Source:
    """What a modality may know of a stream; units are those after conversion. A static stream is an event."""
    units = tuple(conversion(unit)[0] for unit in stream.units)
    return Source(stream.channels, units, 0.0 if stream.static else stream.sample_rate, rate_of(stream.modality, recipe))


def start_session(streams: Mapping[str, tuple[str, Source]], recipe: SignalRecipe) -> SessionState:
    """Begin a recording with named streams, each a modality name and its source."""
    found = {name: (modality_of(kind), source) for name, (kind, source) in streams.items()}
    states = {name: modality.start(source) for name, (modality, source) in found.items()}
    return SessionState({n: (m, s.rate) for n, (m, s) in found.items()}, states, np.zeros(0, dtype=np.float32))


def push_session(state: SessionState, chunks: Mapping[str, Chunk]) -> tuple[SessionState, dict[str, Track]]:
    """Push one chunk per stream, all with the same `until`; -> state and one track per stream.

    Where one wrist's acceleration is among the streams, its movement lowers the quality of the signals it disturbs.
    """
    states, tracks = dict(state.states), {}
    for name, chunk in chunks.items():
        states[name], tracks[name] = state.modalities[name][0].push(state.states[name], chunk)
    wrists = [name for name in tracks if state.modalities[name][0].name == "acc"]
    if len(wrists) != 1:
        return state._replace(states=states), tracks
    motion = np.concatenate([state.motion, tracks[wrists[0]].values[0]])
    for name, track in tracks.items():
        modality, rate = state.modalities[name]
        if modality.name in SHAKEN:
            felt = movement_at(motion, state.modalities[wrists[0]][1], track, rate, chunks[name].until)
            tracks[name] = track._replace(quality=track.quality * movement_grade(felt))
    return SessionState(state.modalities, states, motion[-1:]), tracks


def movement_at(motion: NDArray[np.float32], motion_rate: float, track: Track, rate: float, until: float) -> NDArray[np.float32]:
    """The movement (g) held at every sample of `track`, NaN where there is none; both end with the clock `until` s."""
    end = grid_count(until, rate)
    ticks = np.arange(end - len(track.quality), end) / rate
    index = np.floor(ticks * motion_rate + 1e-6).astype(np.int64) - (grid_count(until, motion_rate) - len(motion))
    inside = (index >= 0) & (index < len(motion))
    felt = np.full(len(ticks), np.nan, dtype=np.float32)
    felt[inside] = motion[index[inside]]
    return felt
