"""One person's part of a store as one Parquet file: recordings with their bounds, ratings and annotations."""

import io
import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stf2m.core.errors import CorruptStore
from stf2m.core.records import Annotation, Rating
from stf2m.prepare.prepared import Entry, Joined


class Shard(NamedTuple):
    """A person's samples in the joined signal of one modality, and the CRC-32 of signal and quality."""

    begin: int
    end: int
    signal_sum: int
    quality_sum: int


@dataclass(frozen=True, eq=False)
class Person:
    """Everything a store knows of a person beside the signals themselves."""

    subject: str
    entries: tuple[Entry, ...]
    shards: dict[str, Shard]
    joined: dict[str, Joined]


def _schema():
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    bound = pa.struct({"modality": text, "begin": pa.int64(), "end": pa.int64(), "available": number})
    rating = pa.struct({
        "source": text, "low": number, "high": number, "clipped": pa.int64(),
        "times": pa.list_(number), "valence": pa.list_(pa.float32()), "arousal": pa.list_(pa.float32()),
    })  # fmt: skip
    annotation = pa.struct({
        "onset": number, "offset": number, "emotion": text, "valence": number, "arousal": number,
        "source": text, "confidence": number,
    })  # fmt: skip
    return pa.schema({
        "id": text, "dataset": text, "subject": text, "session": text, "stimulus": text, "order": pa.int64(),
        "session_offset": number, "length": number, "consent": text, "bounds": pa.list_(bound), "ratings": pa.list_(rating),
        "annotations": pa.list_(annotation), "provenance": pa.list_(text),
    })  # fmt: skip


PLAIN = ("id", "dataset", "subject", "session", "stimulus", "order", "session_offset", "length", "consent")


def person_bytes(person: Person) -> bytes:
    """The Parquet file of a person; shards and channel names travel in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {
        "subject": person.subject,
        "shards": {m: list(shard) for m, shard in person.shards.items()},
        "joined": {m: asdict(joined) for m, joined in person.joined.items()},
    }
    schema = _schema().with_metadata({"stf2m": json.dumps(about)})
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_row(entry) for entry in person.entries], schema=schema), sink)
    return sink.getvalue()


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name) for name in PLAIN}
    row["bounds"] = [
        {"modality": m, "begin": begin, "end": end, "available": entry.available.get(m)} for m, (begin, end) in entry.bounds.items()
    ]
    row["ratings"] = [
        {"source": r.source, "low": r.source_scale[0], "high": r.source_scale[1], "clipped": r.clipped,
         "times": r.times, "valence": r.values[0], "arousal": r.values[1]} for r in entry.ratings
    ]  # fmt: skip
    row["annotations"] = [vars(a) for a in entry.annotations]
    row["provenance"] = list(entry.provenance)
    return row


def read_person(path: Path, checksum: int | None = None) -> Person:
    """The inverse of `person_bytes`; raises `CorruptStore`, also when the CRC-32 of the file is not `checksum`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = path.read_bytes()
    if checksum is not None and zlib.crc32(data) != checksum:
        raise CorruptStore("an index was changed on disk", where=path, hint="delete this folder and prepare again")
    try:
        rows = pq.read_table(pa.BufferReader(data))
        about = json.loads(rows.schema.metadata[b"stf2m"])
        shards = {m: Shard(*shard) for m, shard in about["shards"].items()}
        joined = {m: Joined(j["rate"], tuple(j["channels"]), j["static"]) for m, j in about["joined"].items()}
        return Person(about["subject"], tuple(_entry(row) for row in rows.to_pylist()), shards, joined)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as problem:
        detail = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise CorruptStore(f"not a readable index ({detail})", where=path, hint="delete this folder and prepare again") from None


def _entry(row: dict[str, Any]) -> Entry:
    bounds = {b["modality"]: (b["begin"], b["end"]) for b in row["bounds"]}
    known = {b["modality"]: b["available"] for b in row["bounds"] if b["available"] is not None}
    ratings = tuple(
        Rating(
            r["source"], np.array([r["valence"], r["arousal"]], dtype=np.float32).reshape(2, -1),
            np.array(r["times"], dtype=np.float64), (r["low"], r["high"]), r["clipped"],
        )
        for r in row["ratings"]
    )  # fmt: skip
    annotations = tuple(Annotation(**a) for a in row["annotations"])
    return Entry(
        **{name: row[name] for name in PLAIN}, bounds=bounds, available=known, ratings=ratings, annotations=annotations,
        provenance=tuple(row["provenance"]),
    )  # fmt: skip


def move_person(person: Person, shift: dict[str, int]) -> Person:
    """The same person, `shift[m]` samples further along in every joined signal."""
    entries = tuple(
        replace(e, bounds={m: (begin + shift[m], end + shift[m]) for m, (begin, end) in e.bounds.items()}) for e in person.entries
    )
    shards = {m: s._replace(begin=s.begin + shift[m], end=s.end + shift[m]) for m, s in person.shards.items()}
    return Person(person.subject, entries, shards, person.joined)
