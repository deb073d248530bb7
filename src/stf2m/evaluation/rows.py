"""The results file of a study: one CSV that only grows, cell by cell, and can be continued after a kill.

A row says how many rows its cell has, so a cell whose rows are not all there is known to be unfinished; it is removed
when the file is opened and its work is done again.
"""

import csv
import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

from stf2m.core.errors import CorruptStore
from stf2m.core.files import atomic_write_text, guard_space, take
from stf2m.evaluation.calibrating import CALIBRATED
from stf2m.evaluation.metrics import METRICS, ORDINAL_METRICS, RATING_SCORES, VOTE_METRICS
from stf2m.evaluation.selective import SELECTIVE

Row = dict[str, Any]

IDENTITY = (
    "cell", "data", "cell_rows", "dataset", "target", "fold", "person", "protocol", "card", "shots", "draw", "method", "role",
    "view", "control", "support", "query", "missing", "short", "note",
)  # fmt: skip
COST = ("fit_seconds", "reply_ms", "code")
SCORES = (*METRICS, *RATING_SCORES)
LATER = (*SELECTIVE, *CALIBRATED, *ORDINAL_METRICS, *VOTE_METRICS)
"""columns that files of earlier versions lack; there they are None"""
COLUMNS = (*IDENTITY, *SCORES, *LATER, *COST)
"""`cell` and `data` are hashes of the settings and of the data; `role` is floor, oracle, baseline or learner; `missing` and
`short` name classes, joined by "|"; `note` says why there are no numbers; `code` is the version that wrote the row"""
WHOLE = ("cell_rows", "fold", "shots", "draw", "support", "query")
KINDS: dict[str, type] = {**dict.fromkeys(WHOLE, int), **dict.fromkeys((*SCORES, *LATER, "fit_seconds", "reply_ms"), float)}
"""columns that hold numbers; the others hold text"""


class RowFile:
    """Finished cells of a study at `path`. One process appends; any number may read."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._may_append = False

    def read(self) -> list[Row]:
        """Rows of finished cells, numbers as numbers (None where a metric is not defined)."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        reader = csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))
        names = next(reader, [])
        if names and tuple(names) != tuple(name for name in COLUMNS if name in names or name not in LATER):
            hint = "it was written by another version; name another file"
            raise CorruptStore("not the columns of a results file", where=self.path, hint=hint)
        absent, kinds = dict.fromkeys(COLUMNS), [KINDS.get(name, str) for name in names]
        rows = [
            absent | {name: kind(value) if value or kind is str else None for name, kind, value in zip(names, kinds, values, strict=True)}
            for values in reader
            if len(values) == len(names)
        ]
        found = Counter((row["cell"], row["data"]) for row in rows)
        return [row for row in rows if found[row["cell"], row["data"]] == row["cell_rows"]]

    def finished(self) -> set[tuple[str, str]]:
        """(cell, data) hashes whose rows are all there."""
        return {(row["cell"], row["data"]) for row in self.read()}

    def repair(self) -> None:
        """Take the right to append, which this object keeps, and remove what a kill left unfinished; raises `InUse`."""
        if not self._may_append:
            take(self.path, self)
            self._may_append = True
        if not self.path.exists():
            return
        whole = _text(self.read(), header=True)
        if whole != self.path.read_text(encoding="utf-8"):
            atomic_write_text(self.path, whole)

    def append(self, rows: list[Row]) -> None:
        """Add the rows of one finished cell in one write, synchronised to the disk; raises `NoSpace`.

        The file must have today's columns: `repair` gives them to an older one.
        """
        for row in rows:
            row["cell_rows"] = len(rows)
        with guard_space(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            begins = not self.path.exists()
            with self.path.open("a", encoding="utf-8", newline="") as handle:
                handle.write(_text(rows, header=begins))
                handle.flush()
                os.fsync(handle.fileno())


def people_in(path: Path) -> dict[str, Counter[str]]:
    """Data set -> rows of every person, in a results file of any version; empty for a file of another kind."""
    found: dict[str, Counter[str]] = {}
    for row in _raw(path)[1]:
        dataset, person = whose(row)
        found.setdefault(dataset, Counter())[person] += 1
    return found


def whose(row: dict[str, str]) -> tuple[str, str]:
    """(data set, person) of a row; where data sets were joined ("a+b"), its person is named `DATASET:PERSON`."""
    if "+" in row["dataset"] and ":" in row["person"]:
        dataset, _, person = row["person"].partition(":")
        return dataset, person
    return row["dataset"], row["person"]


def remove_person(path: Path, dataset: str, person: str) -> int:
    """Delete a person's rows from a results file of any version, and what a kill left of a row; -> rows deleted.

    Other rows keep their text, and their cells stay finished. Only while no study appends to the file.
    """
    names, rows = _raw(path)
    kept = [row for row in rows if whose(row) != (dataset, person)]
    gone = Counter((row["cell"], row["data"]) for row in rows) - Counter((row["cell"], row["data"]) for row in kept)
    for row in kept:
        row["cell_rows"] = str(int(row["cell_rows"]) - gone[row["cell"], row["data"]])
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    if names and out.getvalue() != path.read_text(encoding="utf-8"):
        atomic_write_text(path, out.getvalue())
    return len(rows) - len(kept)


def _raw(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and whole rows as text; nothing for a file that is not one of results."""
    text = path.read_text(encoding="utf-8", errors="replace")
    reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1]))
    names = list(reader.fieldnames or [])
    if not {"cell", "data", "cell_rows", "dataset", "person"} <= set(names):
        return [], []
    return names, [row for row in reader if None not in row.values() and None not in row]


def current(rows: list[Row], cells: set[str]) -> list[Row]:
    """Rows of these cells; where a cell was computed on several versions of the data, the one written last."""
    latest = {row["cell"]: row["data"] for row in rows}
    return [row for row in rows if row["cell"] in cells and latest[row["cell"]] == row["data"]]


def _text(rows: list[Row], *, header: bool) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows({name: _plain(row.get(name)) for name in COLUMNS} for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
