"""What a study will cost before it runs: seconds per kind of cell, measured earlier, and the limit that it may not pass unasked.

A kind is a set of methods that share a cell. Its seconds come from cells that were done before (`NAME/seconds.csv`), else
from the committed rows (fitting and answering, without tuning), else from its own first cell, which is why first cells of
unknown kinds are run first.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from stf2m.core.counts import counted
from stf2m.core.errors import NothingToRead, OverBudget, UnknownName
from stf2m.core.files import guard_space
from stf2m.data.datasets.base import Dataset
from stf2m.evaluation.protocols.folds import folds
from stf2m.evaluation.rows import Row
from stf2m.evaluation.stores import check_vocabulary, dataset_of
from stf2m.evaluation.study import Cell, Study
from stf2m.evaluation.work import too_many_folds
from stf2m.prepare.cut import spans_of
from stf2m.prepare.prepared import Entry
from stf2m.prepare.session import modality_of

Methods = tuple[str, ...]
MEASURED, FROM_ROWS = "measured", "rows, without tuning"


class Kind(NamedTuple):
    """Cells of the same methods."""

    methods: Methods
    cells: int
    left: int
    seconds: float | None
    """of one cell; None = not known before its first cell"""
    source: str

    @property
    def total(self) -> float:
        """Seconds of what is left, 0 while unknown."""
        return self.left * (self.seconds or 0.0)


@dataclass
class Plan:
    """Every kind of cell of a study, with what is known of its time."""

    study: Study
    cells: Sequence[Cell]
    left: set[tuple[str, str]]
    """(target, cell hash) that are not done"""
    taken: dict[Methods, list[float]] = field(default_factory=dict)
    """seconds of cells of this kind"""
    guessed: dict[Methods, list[float]] = field(default_factory=dict)
    """the same from rows"""

    @property
    def kinds(self) -> list[Kind]:
        """In the order of the cells."""
        found = []
        for methods in dict.fromkeys(cell.methods for cell in self.cells):
            mine = [cell for cell in self.cells if cell.methods == methods]
            times, source = (self.taken.get(methods), MEASURED) if methods in self.taken else (self.guessed.get(methods), FROM_ROWS)
            mean = sum(times) / len(times) if times else None
            left = sum((cell.target, cell.settings) in self.left for cell in mine)
            found.append(Kind(methods, len(mine), left, mean, source if times else "its first cell will tell"))
        return found

    @property
    def hours(self) -> float:
        """CPU-hours of what is left, as far as known."""
        return sum(kind.total for kind in self.kinds) / 3600

    @property
    def declared(self) -> float:
        """CPU-hours of all cells, done or not, as far as known."""
        return sum(kind.cells * (kind.seconds or 0.0) for kind in self.kinds) / 3600

    def done(self, cell: Cell, seconds: float) -> None:
        """Learn from a cell that has just finished."""
        self.left.discard((cell.target, cell.settings))
        self.taken.setdefault(cell.methods, []).append(seconds)

    def check(self) -> None:
        """Raise `OverBudget` when something is left and all cells, done or not, take longer than the study may."""
        if self.hours and self.declared > self.study.max_cpu_hours:
            longest = max(self.kinds, key=lambda kind: kind.total)
            raise OverBudget(
                f"all cells take about {self.declared:.1f} CPU-hours; {self.hours:.1f} are left, most of it {' and '.join(longest.methods)}",
                where=f"study {self.study.name}", expected=f"max_cpu_hours = {self.study.max_cpu_hours:g}",
                hint="say --over-budget, or raise max_cpu_hours in the study",
            )  # fmt: skip

    def first(self, todo: Sequence[Cell], *, rest_backwards: bool = False) -> list[Cell]:
        """The same cells, with one of every unknown kind at the head; `rest_backwards` puts the dearer ones first behind it."""
        unknown = {kind.methods for kind in self.kinds if kind.seconds is None}
        head = list({cell.methods: cell for cell in reversed(todo) if cell.methods in unknown}.values())[::-1]
        rest = [cell for cell in todo if cell not in head]
        return [*head, *(reversed(rest) if rest_backwards else rest)]


def check_study(study: Study, data: Path) -> str:
    """Raise what a run would raise before its first cell, as far as that is seen without preparing anybody.

    Where a built-in data set is not at hand its people are not checked, which is what the returned sentence says, "" otherwise.
    How many people have labels of a target only the run knows.
    """
    recipe = study.recipe
    for name in recipe.signals.modalities:
        modality_of(name)
    spans_of(Entry("", "", "", "", None, 0, 0.0, 0.0, "", {}, {}), recipe.cut)
    try:
        dataset = dataset_of(study, data)
        known = dataset.subjects()
    except NothingToRead:
        if Path(study.dataset).suffix:
            raise
        return f"{study.dataset} is not there, so people and lengths were not checked: name its folder with --data"
    for name in study.people:
        if name not in known:
            raise UnknownName(f"no person {name!r} in {dataset.card.name}", hint=f"known: {', '.join(known)}")
    found = folds(range(len(study.people or known)), study.folds, study.seed, study.validation_people)
    if len(found) < study.folds and study.second is None:
        raise too_many_folds(study, len(found))
    check_vocabulary(study, dataset.card)
    _check_lengths(study, dataset)
    return ""


def _check_lengths(study: Study, dataset: Dataset) -> None:
    """Raise `NothingToRead` when no recording is as long as one window; a recording that is ends the search."""
    longest, window = 0.0, study.recipe.cut.window
    for recording in (r for person in dataset.subjects() for r in dataset.recordings(person)):
        longest = max(longest, recording.length)
        if window == "recording" or recording.length >= study.recipe.cut.skip_start + window:
            return
    raise NothingToRead(
        "no recording is as long as one window", where=dataset.card.name, expected=f"{window} s", got=f"at most {longest:.2f} s",
        hint="choose a shorter window",
    )  # fmt: skip


def plan_of(study: Study, cells: Sequence[Cell], todo: Sequence[Cell], rows: Sequence[Row], seconds: Path) -> Plan:
    """A plan from the rows of earlier cells (also of other settings) and the seconds that were kept."""
    return Plan(study, cells, {(cell.target, cell.settings) for cell in todo}, read_seconds(seconds), seconds_of_rows(rows))


def seconds_of_rows(rows: Sequence[Row]) -> dict[Methods, list[float]]:
    """Kind -> seconds of every finished cell: fitting once per method, and every answer."""
    fits: dict[tuple[str, str], dict[str, float]] = {}
    answers: dict[tuple[str, str], float] = {}
    for row in rows:
        key = (row["cell"], row["data"])
        method = "floors" if row["role"] in ("floor", "oracle") else row["method"]
        mine = fits.setdefault(key, {})
        mine[method] = max(mine.get(method, 0.0), row["fit_seconds"] or 0.0)
        answers[key] = answers.get(key, 0.0) + (row["reply_ms"] or 0.0) / 1000
    found: dict[Methods, list[float]] = {}
    for key, methods in fits.items():
        found.setdefault(tuple(methods), []).append(sum(methods.values()) + answers[key])
    return found


def hours_of_rows(rows: Sequence[Row]) -> float:
    """CPU-hours of fitting and answering that rows report; preparing, tuning and scoring are not in it."""
    return sum(sum(seconds) for seconds in seconds_of_rows(rows).values()) / 3600


def read_seconds(path: Path) -> dict[Methods, list[float]]:
    """Kind -> seconds of the cells that were done here."""
    found: dict[Methods, list[float]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.reader(handle):
                if len(row) == 2 and row[1].replace(".", "", 1).isdigit():  # a kill may have cut the last line
                    found.setdefault(tuple(row[0].split("|")), []).append(float(row[1]))
    return found


def keep_seconds(path: Path, cell: Cell, seconds: float) -> None:
    """Add one finished cell."""
    with guard_space(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with guard_space(path), path.open("a", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerow(["|".join(cell.methods), f"{seconds:.3f}"])


COLUMNS = ("methods", "cells", "left", "s per cell", "minutes left", "known from")


def plan_lines(plan: Plan) -> list[tuple[str, ...]]:
    """One row of text per kind, under `COLUMNS`."""
    return [
        (
            " and ".join(k.methods),
            str(k.cells),
            str(k.left),
            "?" if k.seconds is None else f"{k.seconds:.1f}",
            "?" if k.seconds is None and k.left else f"{k.total / 60:.1f}",
            k.source,
        )
        for k in plan.kinds
    ]


def plan_words(plan: Plan) -> str:
    """The sum in one sentence; what nobody has measured is called unknown, not 0."""
    cells, left = counted(len(plan.cells), "cell"), sum(kind.left for kind in plan.kinds)
    limit = f"The study may take {plan.study.max_cpu_hours:g} (max_cpu_hours)."
    if all(kind.seconds is None for kind in plan.kinds):
        return f"{cells}, {left} left; CPU-hours are not known before the first cells. {limit}"
    unknown = [" and ".join(kind.methods) for kind in plan.kinds if kind.seconds is None and kind.left]
    open_end = f"; not yet known: {', '.join(unknown)}" if unknown else ""
    return f"{cells}, about {plan.declared:.2f} CPU-hours in all; {left} left, about {plan.hours:.2f} CPU-hours{open_end}. {limit}"
