"""One person's recordings as a folder of .npy files and a `person.json` that lists them with sizes and checksums.

    people/p-<name>/person.json          {"checksum": of the body, "body": {"subject", "recordings": [...]}}
    people/p-<name>/<number>-<what>.npy  samples, times, available, quality of a stream; values, times of a rating

Times that a regular clock reproduces bit for bit are kept as start and rate. Nothing is ever pickled.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import CorruptStore, Stf2mError
from stf2m.core.files import digest_json, load_array, place_of, read_json, save_array, sha256, write_json
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.data.readers._rate import EVENTS

MANIFEST = "person.json"
HINT = "import the data set again into a new folder"


def folder_of(root: Path, subject: str) -> Path:
    """Where a person lies; any name is a safe folder name."""
    return place_of(Path(root) / "people", subject)


def subject_of(folder: Path) -> str:
    """The person whose folder this is."""
    name = folder.name.removeprefix("p-")
    return _read_body(folder)["subject"] if "+" in name else unquote(name)


def write_person(folder: Path, subject: str, recordings: Iterator[Recording]) -> int:
    """Fill an empty folder with a person's recordings, one at a time in memory; returns how many."""
    entries = [_write_recording(folder, f"{number:04d}", recording) for number, recording in enumerate(recordings)]
    body = {"subject": subject, "recordings": entries}
    write_json(folder / MANIFEST, {"checksum": digest_json(body), "body": body})
    return len(entries)


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Entries of the person's recordings in session order; raises `CorruptStore` when the manifest was changed."""
    return _read_body(folder)["recordings"]


def read_recording(folder: Path, entry: dict[str, Any], *, verify: bool = True) -> Recording:
    """One recording with memory-mapped samples; raises `CorruptStore` or `NotStored` naming the file."""
    for name, (size, digest) in entry["files"].items():
        _check(folder / name, size, digest if verify else None)
    try:
        return Recording(
            **entry["facts"],
            provenance=tuple(entry["provenance"]),
            started=datetime.fromisoformat(entry["started"]) if entry["started"] else None,
            streams={name: _read_stream(folder, kept) for name, kept in entry["streams"].items()},
            ratings=tuple(_read_rating(folder, kept) for kept in entry["ratings"]),
            annotations=tuple(Annotation(**kept) for kept in entry["annotations"]),
        )
    except Stf2mError as problem:
        raise CorruptStore(f"the stored recording does not fit together ({problem})", where=folder / MANIFEST, hint=HINT) from None


def lacks_rate(stream: dict[str, Any]) -> bool:
    """Whether the entry of a stream is from before rates were estimated, and its modality is sampled by a clock."""
    sampled = not stream["static"] and stream["modality"] not in EVENTS
    return "estimated" not in stream and not stream["sample_rate"] and sampled


def _read_body(folder: Path) -> dict[str, Any]:
    found = read_json(folder / MANIFEST)
    if not isinstance(found, dict) or found.get("checksum") != digest_json(found.get("body")):
        raise CorruptStore("the manifest does not match its checksum", where=folder / MANIFEST, hint=HINT)
    return found["body"]


def _write_recording(folder: Path, number: str, recording: Recording) -> dict[str, Any]:
    """Write the arrays of one recording; returns its entry."""
    before = set(folder.iterdir())
    streams = {name: _write_stream(folder, f"{number}-{i:02d}", stream) for i, (name, stream) in enumerate(recording.streams.items())}
    ratings = [_write_rating(folder, f"{number}-rating{i}", rating) for i, rating in enumerate(recording.ratings)]
    written = sorted(set(folder.iterdir()) - before)
    facts = ("id", "dataset", "subject", "session", "stimulus", "order", "consent", "session_offset")
    return {
        "facts": {name: getattr(recording, name) for name in facts},
        "provenance": list(recording.provenance),
        "started": recording.started.isoformat() if recording.started else None,
        "streams": streams,
        "ratings": ratings,
        "annotations": [asdict(annotation) for annotation in recording.annotations],
        "files": {path.name: [path.stat().st_size, sha256(path)] for path in written},
    }


def _write_stream(folder: Path, stem: str, stream: Stream) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "modality": stream.modality, "sample_rate": stream.sample_rate, "channels": list(stream.channels), "units": list(stream.units),
        "static": stream.static, "estimated": stream.estimated, "samples": _keep(folder, f"{stem}-samples", stream.samples),
        "times": _regular(stream) or _keep(folder, f"{stem}-times", stream.times),
    }  # fmt: skip
    for name in ("available", "quality"):
        array = getattr(stream, name)
        entry[name] = None if array is None else _keep(folder, f"{stem}-{name}", array)
    return entry


def _read_stream(folder: Path, entry: dict[str, Any]) -> Stream:
    samples, times = load_array(folder / entry["samples"]), entry["times"]
    optional = {name: load_array(folder / entry[name]) for name in ("available", "quality") if entry[name]}
    return Stream(
        modality=entry["modality"],
        samples=samples,
        times=_clock(times["start"], times["rate"], samples.shape[1]) if isinstance(times, dict) else load_array(folder / times),
        sample_rate=entry["sample_rate"],
        channels=tuple(entry["channels"]),
        units=tuple(entry["units"]),
        static=entry["static"],
        estimated=entry.get("estimated", False),
        **optional,
    )


def _write_rating(folder: Path, stem: str, rating: Rating) -> dict[str, Any]:
    kept = {"values": _keep(folder, f"{stem}-values", rating.values), "times": _keep(folder, f"{stem}-times", rating.times)}
    return {"source": rating.source, "source_scale": list(rating.source_scale), "clipped": rating.clipped, **kept}


def _read_rating(folder: Path, entry: dict[str, Any]) -> Rating:
    values, times = load_array(folder / entry["values"]), load_array(folder / entry["times"])
    low, high = entry["source_scale"]
    return Rating(entry["source"], values, times, (low, high), entry["clipped"])


def _keep(folder: Path, stem: str, array: NDArray[Any]) -> str:
    save_array(folder / f"{stem}.npy", array)
    return f"{stem}.npy"


def _clock(start: float, rate: float, count: int) -> NDArray[np.float64]:
    return start + np.arange(count) / rate


def _regular(stream: Stream) -> dict[str, float] | None:
    """Start and rate when they give exactly these times, else None."""
    if not stream.sample_rate or not len(stream.times):
        return None
    start = float(stream.times[0])
    same = np.array_equal(_clock(start, stream.sample_rate, len(stream.times)), stream.times)
    return {"start": start, "rate": stream.sample_rate} if same else None


def _check(path: Path, size: int, digest: str | None) -> None:
    """Compare a file with the size and checksum that were noted when it was written."""
    found = path.stat().st_size if path.exists() else 0
    if found != size:
        raise CorruptStore("the file is missing or cut short", where=path, expected=f"{size} bytes", got=found, hint=HINT)
    if digest and sha256(path) != digest:
        raise CorruptStore("the file does not match its checksum", where=path, hint=HINT)
