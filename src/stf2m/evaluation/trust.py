"""How far answers can be trusted, from a study's rows: calibration, coverage per person, abstention; as text and for the report."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.evaluation.calibrating import CALIBRATED
from stf2m.evaluation.reading import METRIC_WORDS, number, relation, with_interval
from stf2m.evaluation.rows import Row
from stf2m.evaluation.selective import SELECTIVE, SHARES
from stf2m.evaluation.statistics import interval, paired
from stf2m.evaluation.table import Line, Table, strongest, tables_of
from stf2m.training.calibration import AXES, LEVEL, SHARE

METRICS = ("accuracy", "ece", *SELECTIVE, *CALIBRATED)


@dataclass(frozen=True)
class Trust:
    """One method at one k: every number of `METRICS` that was measured, per person (NaN = not measured)."""

    line: Line
    shots: int
    numbers: dict[str, NDArray[np.float64]]

    def mean(self, metric: str) -> str:
        """Mean over people, `–` where nothing was measured."""
        values = self.numbers.get(metric, np.array([np.nan]))
        return number(float(np.nanmean(values)) if np.isfinite(values).any() else np.nan)

    def reached(self, metric: str, level: float = LEVEL) -> str:
        """`17 of 24`: people with at least the level."""
        known = self.numbers[metric][np.isfinite(self.numbers[metric])]
        return f"{int((known >= level).sum())} of {len(known)}"


def trust_of(rows: Sequence[Row], table: Table, main: str) -> list[Trust]:
    """The main method, the best other one and the strongest floor of the table at every k; empty for rows that carry no such numbers."""
    measured = [row for row in rows if row["aurc"] is not None and (row["target"], row["card"]) == (table.group.target, table.group.card)]
    mine = {one.metric: one for metric in METRICS for one in tables_of(measured, metric)}
    return [
        Trust(line, k, {metric: _of(one, line, k, table.people) for metric, one in mine.items() if (line, k) in one.scores})
        for k in table.shots
        for line in _lines(table, main, k)
        if "aurc" in mine and (line, k) in mine["aurc"].scores
    ]


def _of(table: Table, line: Line, shots: int, people: Sequence[str]) -> NDArray[np.float64]:
    """(person,) numbers of exactly these people, NaN for those in whose fold it was not measured."""
    known = dict(zip(table.people, table.of(line, shots), strict=True))
    return np.array([known.get(person, np.nan) for person in people])


def _lines(table: Table, main: str, shots: int) -> list[Line]:
    answering = table.plain("learner", "baseline")
    own = next((line for line in answering if line.method == main), None)
    chosen = [own, strongest(table, [line for line in answering if line != own], shots), strongest(table, table.plain("floor"), shots)]
    return [line for line in chosen if line is not None]


def trust_text(found: Sequence[Trust], validation_people: int) -> list[str]:
    """Markdown: what is promised, sets, intervals, abstention, and what temperature did; nothing for rows of earlier versions."""
    if not found:
        return []
    fitted = [one for one in found if "coverage_segments" in one.numbers]
    parts = ["#### How far to trust the answers", ""]
    if fitted:
        parts += [promise(validation_people), "", _sets(fitted), ""]
        rated = [one for one in fitted if "coverage_valence_segments" in one.numbers]
        parts += [_intervals(rated), ""] if rated else []
        parts += [f"- {line}" for line in temperature_words(fitted)] + [""]
    return [*parts, _abstention(found), ""]


def promise(people: int) -> str:
    """What the thresholds fitted on so many validation people promise, and what not."""
    kept = min(math.ceil((people + 1) * SHARE - 1e-9), people) / (people + 1)
    return (
        f"Temperature and conformal thresholds were fitted on the {people} validation people of each fold, per method and k, for {LEVEL:.0%} coverage. "
        "*segments*: one threshold over all their segments; for segments of a new person that level is nominal, because people differ. "
        f"*people*: the threshold that suits whole people; were the validation people drawn like the test people, {kept:.0%} of new people "
        f"would have at least {LEVEL:.0%} of their segments covered. *class*: one threshold per emotion. Early stopping and tuning saw the same validation people, "
        "which makes thresholds a little too tight. Floors have learnt their labels and are not calibrated."
    )


def _sets(found: Sequence[Trust]) -> str:
    head = ["k", "method", "ECE", "after", "NLL", "after", "coverage *segments*", f"people ≥ {LEVEL:.0%}", "least to most", "set size"]
    head += [
        "coverage *people*",
        f"people ≥ {LEVEL:.0%}",
        "set size",
        "least class, *segments*",
        "least class, *class*",
        "set size, *class*",
    ]
    rows = [
        [
            one.shots, one.line.words, *map(one.mean, ("ece", "ece_calibrated", "nll", "nll_calibrated")), with_interval(interval(one.numbers["coverage_segments"])),
            one.reached("coverage_segments"), _range(one.numbers["coverage_segments"]), one.mean("size_segments"), one.mean("coverage_people"),
            one.reached("coverage_people"), one.mean("size_people"), one.mean("least_segments"), one.mean("least_class"), one.mean("size_class"),
        ]
        for one in found
    ]  # fmt: skip
    return _table(head, rows)


def _intervals(found: Sequence[Trust]) -> str:
    kinds = ("segments", "people")
    head = ["k", "method", *(f"{axis} {what} *{kind}*" for axis in AXES for kind in kinds for what in ("coverage", "width"))]
    names = [f"{what}_{axis}_{kind}" for axis in AXES for kind in kinds for what in ("coverage", "width")]
    return _table(head, [[one.shots, one.line.words, *map(one.mean, names)] for one in found])


def _abstention(found: Sequence[Trust]) -> str:
    head = ["k", "method", "AURC", "accuracy, all answered", *(f"surest {share} %" for share in SHARES)]
    names = ("aurc", "accuracy", *(f"accuracy_at_{share}" for share in SHARES))
    return _table(head, [[one.shots, one.line.words, *map(one.mean, names)] for one in found])


def temperature_words(found: Sequence[Trust]) -> list[str]:
    """Paired over people, corrected for all comparisons: what temperature did to the calibration error."""
    pairs = [one for one in found if {"ece", "ece_calibrated"} <= set(one.numbers)]
    return [
        f"With k = {one.shots}, the {METRIC_WORDS['ece']} of {one.line.words} after temperature is "
        f"{relation(paired(one.numbers['ece_calibrated'], one.numbers['ece'], comparisons=len(pairs)), 'before')}."
        for one in pairs
    ]


def _range(values: NDArray[np.float64]) -> str:
    return f"{number(float(np.nanmin(values)))}–{number(float(np.nanmax(values)))}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
