"""The parts of a recording that a mapping asks for: clocks, labels, sound, and what to say about their times."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Annotation
from stf2m.data.keyed import KeyedTable
from stf2m.data.labels import rename, rescale, runs
from stf2m.data.mapping import Clock, LabelMap, StreamMap
from stf2m.data.streams import Made, make_stream, regular
from stf2m.data.templates import Row, column, number, plain, positive


def label_runs(
    part: LabelMap, emotions: Mapping[str, str], table: KeyedTable, key: str, row: Row, zero: float, where: str
) -> tuple[Annotation, ...]:
    """Runs of equal labels in a key's rows, renamed by `emotions`; `zero` is the clock time of the recording's time 0, s."""
    assert part.time and part.emotion
    names = rename(table.columns(key, (part.emotion,))[part.emotion].tolist(), emotions, where)
    onsets = clock_times(part.time, table, key, row, where) - zero
    return runs(names, onsets, onsets + part.hold, source=part.source)


def bare(name: str) -> str:
    """A recording's name without the suffix of its audio file."""
    return name.removesuffix(".flac").removesuffix(".wav")


def audio_stream(path: Path, modality: str, label: str, where: str) -> Made:
    """One audio file as a stream on its own clock."""
    from stf2m.data.readers.audio import load_audio

    wave, rate, notes = load_audio(path)
    made = make_stream(modality, wave[None], regular(len(wave), rate), unit="level", rate=rate, where=where, name=label, declared=False)
    return made._replace(notes=(*made.notes, *(f"{label}: {note}" for note in notes)))


def whole_label(part: LabelMap, emotions: Mapping[str, str], row: Row, end: float, where: str) -> tuple[Annotation, ...]:
    """One annotation over the whole recording from columns of the index row, renamed by `emotions`; none when all are empty."""
    emotion = rename([plain(column(row, part.emotion, where))], emotions, where)[0] if part.emotion else None
    levels = [_level(part, name, row, where) for name in (part.valence, part.arousal)]
    if emotion is None and levels == [None, None]:
        return ()
    return (Annotation(0.0, end, emotion=emotion, valence=levels[0], arousal=levels[1], source=part.source),)


def _level(part: LabelMap, name: str | None, row: Row, where: str) -> float | None:
    """One rating of the whole recording in -1..1, None when there is none."""
    if name is None or (value := column(row, name, where)) is None or value != value:  # NaN
        return None
    return float(rescale(np.array([number(name, row, where)]), part.scale, part.overshoot, where)[0][0])


def clock_times(clock: Clock, table: KeyedTable, key: str, row: Row, where: str) -> NDArray[np.float64]:
    """Times (time,) s of a key's rows."""
    values = np.asarray(table.numbers(key, (clock.column,))[clock.column], dtype=np.float64)
    return (values + clock.shift) / positive(clock.per, row, where)


def seconds(clock: Clock, row: Row, where: object) -> float:
    """One time of a row, s."""
    return (number(clock.column, row, where) + clock.shift) / positive(clock.per, row, where)


def timing_notes(label: str, part: StreamMap, first: float) -> tuple[str, ...]:
    """What a reader must know about this stream's times."""
    notes = []
    if part.static:
        notes.append(f"{label}: one value for the whole recording, known at its end")
    elif isinstance(part.start, str) and first > 0:
        notes.append(f"{label}: starts {first:.3f} s after time 0")
    if part.until is not None:
        notes.append(f"{label}: events, known when they end")
    if part.known_after:
        notes.append(f"{label}: means around their time, known {part.known_after:g} s after it")
    return tuple(notes)
