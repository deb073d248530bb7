"""A prediction as a table, one row per segment, and its files: .csv, .parquet, .json."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from stf2m.core.errors import UnknownName
from stf2m.core.files import atomic_write_bytes, atomic_write_text
from stf2m.core.prediction import Prediction

FORMATS = (".csv", ".parquet", ".json")
TOP_RULES = 3
LEAST_FIRING = 0.1


def top_rules(prediction: Prediction, segment: int) -> list[str]:
    """The strongest rules of a segment in words, at most three, each with its firing in 0..1."""
    firing = prediction.firing[segment]
    best = [int(r) for r in np.argsort(-firing, kind="stable")[:TOP_RULES] if firing[r] >= LEAST_FIRING]
    return [f"{prediction.rules[r]} (fires {firing[r]:.2f})" for r in best if r < len(prediction.rules)]


def to_rows(prediction: Prediction) -> list[dict[str, Any]]:
    """One dict per segment: times in s, one `probability ...` per emotion, one `weight ...` per modality, rules in words.

    `possible` names the emotions that cannot be ruled out, and `valence low` .. `arousal high` are the ends of the intervals;
    empty where the answer is not calibrated.
    """
    rows = []
    for i, (onset, offset) in enumerate(prediction.spans.tolist()):
        row: dict[str, Any] = {"recording": prediction.recording, "subject": prediction.subject, "onset": onset, "offset": offset}
        row["emotion"] = prediction.emotions[int(prediction.probability[i].argmax())]
        row |= {f"probability {name}": _number(p) for name, p in zip(prediction.emotions, prediction.probability[i])}
        row["valence"], row["arousal"] = _number(prediction.valence[i]), _number(prediction.arousal[i])
        row |= _ranges(prediction, i)
        row["possible"] = [] if prediction.possible is None else [n for n, here in zip(prediction.emotions, prediction.possible[i]) if here]
        row["uncertainty"], row["abstained"] = _number(prediction.uncertainty[i]), bool(prediction.abstained[i])
        row["status"] = str(prediction.status[i])
        row |= {f"weight {name}": _number(w) for name, w in zip(prediction.modalities, prediction.modality_weight[i])}
        row["rules"] = top_rules(prediction, i)
        rows.append(row)
    return rows


def _ranges(prediction: Prediction, segment: int) -> dict[str, float | None]:
    """`valence low`, `valence high`, `arousal low`, `arousal high`; None where the answer is not calibrated."""
    both = {"valence": prediction.valence_range, "arousal": prediction.arousal_range}
    return {
        f"{axis} {end}": None if found is None else _number(found[segment, i])
        for axis, found in both.items()
        for i, end in enumerate(("low", "high"))
    }


def write_timeline(prediction: Prediction, path: str | Path) -> None:
    """Write the rows to `path` as its suffix says, whole or not at all.

    CSV joins the rules, and the possible emotions, of a segment with " | "; JSON also carries the sentence of every status. Raises `UnknownName` for
    another suffix and `NoSpace` when the disk is full.
    """
    path = Path(path)
    check_format(path)
    rows = to_rows(prediction)
    if path.suffix.lower() == ".json":
        atomic_write_text(path, json.dumps(to_document(prediction), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    elif path.suffix.lower() == ".csv":
        atomic_write_text(path, _as_csv(rows))
    else:
        atomic_write_bytes(path, _as_parquet(rows))


def check_format(path: Path) -> None:
    """Refuse a file name whose suffix is none of `FORMATS`, before any work is done."""
    if Path(path).suffix.lower() not in FORMATS:
        raise UnknownName(f"cannot write a timeline as {Path(path).name!r}", hint=f"use a name that ends in {', '.join(FORMATS)}")


def to_document(prediction: Prediction) -> dict[str, Any]:
    """The whole prediction as one JSON value."""
    found = dict.fromkeys(prediction.status)
    return {
        "recording": prediction.recording,
        "subject": prediction.subject,
        "emotions": list(prediction.emotions),
        "modalities": list(prediction.modalities),
        "calibration": prediction.calibration,
        "statuses": {str(status): status.sentence for status in found},
        "segments": to_rows(prediction),
    }


def _number(value: Any) -> float | None:
    """A float with seven digits, None where nothing is known."""
    return float(f"{float(value):.7g}") if np.isfinite(value) else None


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **{name: " | ".join(row[name]) for name in ("possible", "rules")}} for row in rows)
    return text.getvalue()


def _as_parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()
