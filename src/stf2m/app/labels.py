"""A person's labels from a CSV file: onset,offset and emotion, or valence,arousal, or both."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stf2m.core.counts import counted
from stf2m.core.emotions import TARGETS, nine_point
from stf2m.core.errors import InvalidConfig, InvalidRecord, LabelOutOfScale, NothingToRead, UnknownColumn, UnreadableFile
from stf2m.core.records import Annotation

TIMES = ("onset", "offset")
LABELS = ("emotion", "valence", "arousal")
AXES = LABELS[1:]
USUAL_SCALE = (-1.0, 1.0)


def read_labels(path: str | Path, *, scale: tuple[float, float] = USUAL_SCALE) -> tuple[Annotation, ...]:
    """Labels in the order of the file; `onset`, `offset` are seconds since the recording began.

    `scale` is what valence and arousal are written in; they are stored in -1..1. Raises `UnknownColumn`, `NothingToRead`,
    `UnreadableFile`, `LabelOutOfScale` or `InvalidRecord`, each with file and line, and `InvalidConfig` for a scale without width.
    """
    path = Path(path)
    if not scale[0] < scale[1]:
        raise InvalidConfig("the scale of the labels", where=path, expected="lowest below highest", got=f"{scale[0]:g} {scale[1]:g}")
    rows = _rows(path)
    return tuple(_annotation(row, scale, f"{path}, line {number}") for number, row in rows)


def label_notes(labels: Sequence[Annotation], target: str, scale: tuple[float, float]) -> list[str]:
    """What a person should know of the ratings that they gave: the scale that nobody named, and how many lie exactly on a cut of the target."""
    rated = [label for label in labels if label.valence is not None or label.arousal is not None]
    notes = []
    if rated and scale == USUAL_SCALE:
        notes.append("valence and arousal were read on a scale of -1 to 1; if they were given on another, name it, such as --scale 1 9")
    for axis, cut, upper in _cuts(target):
        values = np.array([getattr(label, axis) for label in rated], dtype=float)  # None becomes NaN
        edge = int((nine_point(values) == cut).sum())
        at = scale[0] + (cut - 1) / 8 * (scale[1] - scale[0])
        if edge:
            lie = f"{counted(edge, 'label')} of {len(rated)} {'lies' if edge == 1 else 'lie'}"
            notes.append(f"{lie} exactly on a cut: {axis} {at:g} counts as {upper}")
    return notes


def _cuts(target: str) -> list[tuple[str, float, str]]:
    """(axis, cut on 1..9, class above it) of a target that cuts ratings; none of any other."""
    found = TARGETS.get(target)
    if found is None or found.named:
        return []
    if found.axis is None:
        return [(axis, cut, f"high {axis}") for axis, cut in zip(AXES, found.cuts)]
    return [(AXES[found.axis], cut, upper) for cut, upper in zip(found.cuts, found.emotions[1:], strict=True)]


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, row) of every line that is not empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise NothingToRead("no such labels file", where=path, hint="check the path") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UnreadableFile("the labels are not a text file", where=path, hint="save them as CSV in UTF-8") from None
    reader = csv.DictReader(lines)
    columns = [name.strip().lower() for name in reader.fieldnames or ()]
    _check_columns(columns, path)
    reader.fieldnames = columns
    rows = [(reader.line_num, {k: (v or "").strip() for k, v in row.items() if k is not None}) for row in reader if any(row.values())]
    if not rows:
        raise NothingToRead("no labels in it", where=path, hint="one line per label: onset,offset,emotion or onset,offset,valence,arousal")
    return rows


def _check_columns(columns: list[str], path: Path) -> None:
    expected = "onset,offset and emotion, or valence,arousal"
    unknown = [name for name in columns if name not in TIMES + LABELS]
    if unknown:
        raise UnknownColumn(f"unknown column {unknown[0]!r}", where=path, expected=expected, got=",".join(columns))
    if not set(TIMES) <= set(columns) or not ("emotion" in columns or {"valence", "arousal"} <= set(columns)):
        raise UnknownColumn("a column is missing", where=path, expected=expected, got=",".join(columns) or "an empty file")


def _annotation(row: dict[str, str], scale: tuple[float, float], where: str) -> Annotation:
    onset, offset = (_seconds(row[name], name, where) for name in TIMES)
    if not onset < offset:
        raise InvalidRecord("the label ends before it begins", where=where, expected=f"offset > {onset:g}", got=f"{offset:g}")
    valence, arousal = (_rating(row.get(name, ""), name, scale, where) for name in AXES)
    emotion = row.get("emotion") or None
    if emotion is None and valence is None and arousal is None:
        raise InvalidRecord("the line carries no label", where=where, hint="write an emotion, or valence and arousal")
    return Annotation(onset, offset, emotion, valence, arousal)


def _seconds(text: str, name: str, where: str) -> float:
    value = _float(text, name, where)
    if value is None or value < 0:
        raise InvalidRecord(f"{name} must be seconds since the recording began", where=where, got=repr(text))
    return value


def _rating(text: str, name: str, scale: tuple[float, float], where: str) -> float | None:
    value, (low, high) = _float(text, name, where), scale
    if value is None:
        return None
    if not low <= value <= high:
        raise LabelOutOfScale(
            f"{name} lies outside its scale",
            where=where,
            expected=f"{low:g}..{high:g}",
            got=f"{value:g}",
            hint="name the scale of the labels",
        )
    return 2 * (value - low) / (high - low) - 1


def _float(text: str, name: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UnreadableFile(f"{name} is not a number", where=where, got=repr(text))
    return value
