"""What a data set is, in a table and as JSON."""

from itertools import islice
from pathlib import Path
from typing import Any

from stf2m.app.console import Console
from stf2m.core.errors import NothingToRead
from stf2m.core.records import Recording
from stf2m.data.datasets import open_dataset
from stf2m.data.datasets.base import Dataset


def dataset_at(name: str, root: Path | None) -> Dataset:
    """The data set `name` under `root`; only generated people need no folder. Raises `NothingToRead`, `UnknownName`."""
    if root is None and name != "synthetic":
        raise NothingToRead(f"no folder given for {name}", hint="name the folder with --data or STF2M_DATA")
    return open_dataset(name, root or Path())


def describe_dataset(name: str, root: Path | None, console: Console) -> None:
    """Print card, people and the streams of the first recording."""
    dataset = dataset_at(name, root)
    card, people = dataset.card, dataset.subjects()
    if not people:
        raise NothingToRead("no people in it", where=root or name)
    recording = next(islice(dataset.recordings(people[0]), 1), None)
    facts = {**card.model_dump(mode="json"), "people": list(people), "first_recording": recording and describe_recording(recording)}
    console.table(("", card.title), [(key, _plain(value)) for key, value in facts.items() if key not in ("title", "first_recording")])
    if recording:
        console.table(("stream", "channels", "rate", "seconds"), _stream_rows(recording), title=f"first recording: {recording.id}")
    console.result(facts)


def describe_recording(recording: Recording) -> dict[str, Any]:
    """Id, length and streams of a recording as plain values."""
    streams = {
        name: {
            "modality": s.modality,
            "channels": list(s.channels),
            "units": list(s.units),
            "sample_rate": s.sample_rate,
            "length": s.length,
        }
        for name, s in recording.streams.items()
    }
    return {"id": recording.id, "subject": recording.subject, "length": recording.length, "consent": recording.consent, "streams": streams}


def _stream_rows(recording: Recording) -> list[tuple[str, ...]]:
    return [
        (
            name,
            " ".join(f"{c} [{u}]" for c, u in zip(s.channels, s.units)),
            f"{s.sample_rate:g} Hz" if s.sample_rate else "events",
            f"{s.length:.1f}",
        )
        for name, s in recording.streams.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}: " + ", ".join(map(str, value)) if len(value) > 4 else ", ".join(map(str, value))
    return "-" if value in (None, "") else str(value)
