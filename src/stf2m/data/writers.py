"""A recording -> a CSV that `read` understands."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stf2m.core.files import atomic_file
from stf2m.core.records import Recording, Stream


def write_csv(recording: Recording, path: Path) -> tuple[Path, ...]:
    """Write `recording` to `path`, and its voice stream to a WAV of the same name; returns the files written.

    One row per time at which any stream has a sample, empty cells where a stream has none, `nan` for lost samples.
    Ratings are written in -1..1. Not kept: quality, consent, sources and confidences of labels; a label of valence
    and arousal over a span comes back as a rating at the rows in that span.
    """
    import pyarrow as pa
    from pyarrow.csv import write_csv as write

    tables = {name: s for name, s in recording.streams.items() if s.modality != "voice"}
    spans = [np.array([a.onset, a.offset]) for a in recording.annotations]
    every = [s.times for s in tables.values()] + [r.times for r in recording.ratings[:1]] + spans
    times = np.unique(np.concatenate(every)) if every else np.zeros(0)
    columns: dict[str, pa.Array] = {"time": pa.array(times)}
    for name, stream in tables.items():
        columns |= _stream_columns(name, stream, times)
    columns |= _label_columns(recording, times)
    files = []
    if tables:
        with atomic_file(path) as file:
            write(pa.table(columns), file)
        files.append(path)
    for stream in recording.streams.values():
        if stream.modality == "voice":
            import soundfile

            with atomic_file(path.with_suffix(".wav")) as file:
                soundfile.write(file, stream.samples[0], int(stream.sample_rate), subtype="FLOAT", format="WAV")
            files.append(path.with_suffix(".wav"))
    return tuple(files)


def column_name(name: str, stream: Stream, channel: str, unit: str) -> str:
    """`[stream:]modality[_channel]_unit[@rateHz]`; a rate that nobody declared stays undeclared."""
    prefix = "" if name == stream.modality else f"{name}:"
    middle = "" if channel == stream.modality else f"_{channel}"
    rate = f"@{stream.sample_rate:g}Hz" if stream.sample_rate and not stream.estimated and unit != "available" else ""
    return f"{prefix}{stream.modality}{middle}_{unit}{rate}"


def _stream_columns(name: str, stream: Stream, times: NDArray[np.float64]) -> dict:
    """One column per channel, null where the stream has no sample."""
    rows = np.searchsorted(times, stream.times)
    columns = {}
    for channel, unit, values in zip(stream.channels, stream.units, stream.samples):
        columns[column_name(name, stream, channel, unit)] = _sparse(values, rows, len(times))
    if stream.available is not None and not stream.static:
        prefix = "" if name == stream.modality else f"{name}:"
        columns[f"{prefix}{stream.modality}_available_s"] = _sparse(stream.available, rows, len(times))
    return columns


def _sparse(values: NDArray, rows: NDArray[np.intp], count: int) -> object:
    """An Arrow column with `values` at `rows`, null elsewhere; NaN stays a value."""
    import pyarrow as pa

    wide = np.zeros(count, dtype=values.dtype)
    empty = np.ones(count, dtype=bool)
    wide[rows], empty[rows] = values, False
    return pa.array(wide, mask=empty, from_pandas=False)


def _label_columns(recording: Recording, times: NDArray[np.float64]) -> dict:
    """`valence`, `arousal` and `emotion`, as far as the recording has them."""
    import pyarrow as pa

    columns: dict = {}
    spoken = [a for a in recording.annotations if a.emotion is not None]
    if recording.ratings:
        rating = recording.ratings[0]
        rows = np.searchsorted(times, rating.times)
        columns = {axis: _sparse(rating.values[i], rows, len(times)) for i, axis in enumerate(("valence", "arousal"))}
    elif any(a.valence is not None or a.arousal is not None for a in recording.annotations):
        for axis in ("valence", "arousal"):
            level = np.full(len(times), np.nan)
            for a in recording.annotations:
                value = getattr(a, axis)
                if value is not None:
                    level[(times >= a.onset) & (times < a.offset)] = value
            columns[axis] = pa.array(level, mask=np.isnan(level))
    if spoken:
        names = np.full(len(times), None, dtype=object)
        for a in spoken:
            names[(times >= a.onset) & (times < a.offset)] = a.emotion
        columns["emotion"] = pa.array(names.tolist(), pa.string())
    return columns
