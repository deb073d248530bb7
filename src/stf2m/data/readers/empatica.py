"""Empatica E4 export folders: one CSV per sensor, its first rows holding the start (unix s) and the rate (Hz)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import NothingToRead, UnreadableFile
from stf2m.core.records import Recording, Stream
from stf2m.data.readers._text import parse, read_text
from stf2m.data.streams import LONGEST_GAP, make_stream, regular

SENSORS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "BVP.csv": ("bvp", "au", ("bvp",)),
    "EDA.csv": ("eda", "uS", ("eda",)),
    "TEMP.csv": ("temp", "degC", ("temp",)),
    "ACC.csv": ("acc", "g/64", ("x", "y", "z")),
    "HR.csv": ("hr", "bpm", ("hr",)),
}
"""file -> modality, unit, channels"""


class SensorFile(NamedTuple):
    """One sensor: `start` unix s, `rate` Hz, `samples` float32 (channel, time), and notes."""

    start: float
    rate: float
    samples: NDArray[np.float32]
    notes: tuple[str, ...]


def is_e4_folder(path: Path) -> bool:
    """True when at least one sensor file of an E4 export lies in the folder."""
    return path.is_dir() and any((path / name).is_file() for name in (*SENSORS, "IBI.csv"))


def read_sensor(path: Path, channels: tuple[str, ...]) -> SensorFile:
    """Parse one sensor file; raises `UnreadableFile`, `TruncatedFile` or `NothingToRead`."""
    text = read_text(path)
    lines = text.data.split(b"\n", 2)
    start, rate = (_head(lines, i, path) for i in (0, 1))
    if not 0.0 < rate < 1e5 or not np.isfinite(start):
        raise UnreadableFile("the first rows do not hold a start and a rate", where=path, got=f"{start:g} and {rate:g}")
    table = parse(text.data, path, list(channels), skip=2)
    samples = np.stack([table.column(c).to_numpy().astype(np.float32) for c in channels])
    return SensorFile(start, rate, samples, text.notes)


def _head(lines: list[bytes], row: int, path: Path) -> float:
    """The number in the first column of one of the first two rows."""
    try:
        return float(lines[row].split(b",")[0])
    except (IndexError, ValueError):
        raise UnreadableFile("the first rows do not hold a start and a rate", where=path, hint="is this an E4 export?") from None


def read_e4(path: Path, *, subject: str = "me", longest_gap: float | None = LONGEST_GAP) -> Recording:
    """An E4 export folder as a recording; time 0 is the earliest start of a sensor, each keeps its own start.

    IBI.csv becomes the event stream `ibi` (each interval stands, and is known, at the beat that ends it). Button presses
    (tags*.csv) are times without a label: they are listed in the provenance.
    """
    files = {name: read_sensor(path / name, kind[2]) for name, kind in SENSORS.items() if (path / name).is_file()}
    beats = _beats(path / "IBI.csv") if (path / "IBI.csv").is_file() else None
    if not files and beats is None:
        raise NothingToRead("no sensor file of an E4 export lies here", where=path, expected=" ".join(SENSORS))
    zero = min([f.start for f in files.values()] + ([beats[0]] if beats else []))
    notes = [f"time 0 is the earliest start of a sensor, unix {zero:.3f} s"]
    streams: dict[str, Stream] = {}
    for name, file in files.items():
        modality, unit, channels = SENSORS[name]
        times = regular(file.samples.shape[1], file.rate, file.start - zero)
        made = make_stream(
            modality, file.samples, times, unit=unit, rate=file.rate, channels=channels, where=path / name, declared=False, longest_gap=longest_gap
        )  # fmt: skip
        streams[modality] = made.stream
        notes += [*(f"{modality}: {note}" for note in file.notes), *made.notes]
        if file.start > zero:
            notes.append(f"{modality}: starts {file.start - zero:.3f} s after time 0")
    if beats and len(beats[1]):
        made = make_stream("ibi", beats[2][None], beats[1] + beats[0] - zero, unit="s", where=path / "IBI.csv")
        streams["ibi"] = made.stream
        notes += [*made.notes, "ibi: events, each interval known at the beat that ends it"]
    notes += _presses(path, zero)
    return Recording(
        id=path.name, dataset="own", subject=subject, session="1", streams=streams, provenance=tuple(notes),
        started=datetime.fromtimestamp(zero, UTC) if 0 < zero < 1e11 else None,
    )  # fmt: skip


def _beats(path: Path) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Start (unix s), times of the beats after it (s) and the intervals before them (s)."""
    text = read_text(path)
    start = _head(text.data.split(b"\n", 1), 0, path)
    if not text.data.partition(b"\n")[2].strip():
        return start, np.zeros(0), np.zeros(0)
    table = parse(text.data, path, ["time", "interval"], skip=1)
    return start, table.column("time").to_numpy(), table.column("interval").to_numpy()


def _presses(path: Path, zero: float) -> list[str]:
    """Button presses in words."""
    found = []
    for file in sorted(path.glob("tags*.csv")):
        if not file.read_bytes().strip():
            continue
        table = parse(file.read_bytes(), file, ["time"], skip=0)
        times = ", ".join(f"{t - zero:.1f}" for t in table.column("time").to_numpy())
        found.append(f"button pressed at {times} s (no label)")
    return found
