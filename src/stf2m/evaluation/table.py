"""Rows of a study -> one number with an interval per method, and a verdict in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.registry import look_up
from stf2m.evaluation.grid import is_pair
from stf2m.evaluation.metrics import RATING_MEANS, SMALLER_IS_BETTER
from stf2m.evaluation.protocols import PROTOCOLS
from stf2m.evaluation.rows import Row
from stf2m.evaluation.statistics import Difference, Interval, holm, interval, paired

ROLES = ("floor", "baseline", "learner", "oracle")
ALL = "all"


class Group(NamedTuple):
    """What one column block of a table is about."""

    target: str
    card: str
    protocol: str


class Line(NamedTuple):
    """One row of a printed table."""

    method: str
    role: str
    view: str = ALL
    control: str = ""

    @property
    def words(self) -> str:
        """Name for people."""
        name = self.method.replace("_", " ")
        if self.view != ALL:
            return f"{name}, {self.view}" if self.view.startswith("with ") else f"{name}, {self.view} only"
        return f"{name}, {self.control.replace('_', ' ')}" if self.control else name


@dataclass(frozen=True)
class Table:
    """One metric of one target under one protocol: per line and k the number of every person (mean over draws)."""

    group: Group
    metric: str
    shots: tuple[int, ...]
    people: tuple[str, ...]
    scores: dict[tuple[Line, int], NDArray[np.float64]]
    """(person,), NaN = not scored"""
    undefined: dict[str, str]
    """floor -> why it is not defined"""
    missing: dict[int, int]
    """k -> people who had a class without any label"""
    short: dict[int, tuple[str, ...]]
    """k -> classes of which somebody had fewer than k"""
    query: Interval
    """scored segments per person"""
    left_out: tuple[str, ...] = ()
    """people of whom the protocol leaves nothing to score"""

    @property
    def lines(self) -> list[Line]:
        """Floors, baselines, learners (pairs of a grid last), oracles; views and controls under their method."""
        found = dict.fromkeys(line for line, _ in self.scores)
        order = list(dict.fromkeys(line.method for line in found))
        rank = lambda line: (ROLES.index(line.role), is_pair(line.method), order.index(line.method), bool(line.control), line.view != ALL)  # noqa: E731
        return sorted(found, key=rank)

    def of(self, line: Line, shots: int) -> NDArray[np.float64]:
        """(person,) numbers, all NaN where the method was not asked."""
        return self.scores.get((line, shots), np.full(len(self.people), np.nan))

    def summary(self, line: Line, shots: int) -> Interval:
        """Mean over people with its bootstrap interval."""
        return interval(self.of(line, shots))

    @property
    def is_leaky(self) -> bool:
        """The protocol lets neighbours, recordings or people stand on both sides: no score here is evidence."""
        return look_up(PROTOCOLS, self.group.protocol, family="protocols").is_leaky

    def above_floor(self, line: Line, shots: int) -> Interval:
        """Paired difference to the table's strongest floor at this k; empty (0 people) where either was not asked."""
        floor = strongest(self, self.plain("floor"), shots)
        return interval(self.of(line, shots) - self.of(floor, shots)) if floor else interval(np.zeros(0))

    def plain(self, *roles: str) -> list[Line]:
        """Lines of these roles with all sensors and no control."""
        return [line for line in self.lines if line.role in roles and line.view == ALL and not line.control]


@dataclass(frozen=True)
class Verdict:
    """How one method stands at one k against the best of the others."""

    shots: int
    score: Interval
    floor: Line | None
    above_floor: Difference | None
    baseline: Line | None
    above_baseline: Difference | None
    p: tuple[float, float]
    """Holm-corrected Wilcoxon p against floor and baseline"""

    @property
    def beats(self) -> bool:
        """Both corrected intervals lie above zero."""
        asked = [d for d in (self.above_floor, self.above_baseline) if d is not None]
        return bool(asked) and all(d.is_above for d in asked)


def tables_of(rows: Sequence[Row], metric: str) -> list[Table]:
    """One table per target and protocol card, in the order of the rows."""
    if metric in RATING_MEANS:
        rows = [row | {metric: _mean_of(row, RATING_MEANS[metric])} for row in rows]
    scored = [row for row in rows if row.get(metric) is not None and row["person"]]
    groups = dict.fromkeys(Group(row["target"], row["card"], row["protocol"]) for row in scored)
    return [_table(rows, [r for r in scored if (r["target"], r["card"]) == (g.target, g.card)], g, metric) for g in groups]


def _mean_of(row: Row, names: Sequence[str]) -> float | None:
    """Mean of these scores of a row; None where one is not defined."""
    values = [row[name] for name in names if row.get(name) is not None]
    return sum(values) / len(values) if len(values) == len(names) else None


def _table(rows: Sequence[Row], scored: Sequence[Row], group: Group, metric: str) -> Table:
    people = tuple(sorted({row["person"] for row in scored}))
    place = {person: i for i, person in enumerate(people)}
    sums: dict[tuple[Line, int], NDArray[np.float64]] = {}
    for row in scored:
        key = (Line(row["method"], row["role"], row["view"], row["control"]), row["shots"])
        total = sums.setdefault(key, np.zeros((2, len(people))))
        total[:, place[row["person"]]] += (row[metric], 1.0)
    scores = {key: np.where(total[1] > 0, total[0] / np.maximum(total[1], 1), np.nan) for key, total in sums.items()}
    shots = tuple(sorted({row["shots"] for row in scored}))
    query = {row["person"]: float(row["query"]) for row in scored}
    undefined = {row["method"]: row["note"] for row in rows if row["note"] and not row["person"] and row["target"] == group.target}
    left_out = {r["person"] for r in rows if r["note"] and r["person"] and (r["target"], r["card"]) == (group.target, group.card)}
    return Table(
        group, metric, shots, people, scores, undefined,
        {k: len({row["person"] for row in scored if row["shots"] == k and row["missing"]}) for k in shots},
        {k: tuple(sorted({name for row in scored if row["shots"] == k for name in row["short"].split("|") if name})) for k in shots},
        interval(np.array([query[person] for person in people])), tuple(sorted(left_out - set(people))),
    )  # fmt: skip


def strongest(table: Table, lines: Iterable[Line], shots: int) -> Line | None:
    """The line with the best mean at k; None when none was asked."""
    sign = -1.0 if table.metric in SMALLER_IS_BETTER else 1.0
    known = [line for line in lines if np.isfinite(table.of(line, shots)).any()]
    return max(known, key=lambda line: sign * float(np.nanmean(table.of(line, shots))), default=None)


def verdicts(table: Table, main: str) -> list[Verdict]:
    """How `main` stands at every k against the strongest floor and the best of all other methods.

    The floor and the baseline are chosen by the same people's scores, which favours them. Intervals are corrected for
    all comparisons of the table (Bonferroni), p-values by Holm.
    """
    own = next((line for line in table.plain("learner", "baseline") if line.method == main), None)
    if own is None:
        return []
    others = [line for line in table.plain("learner", "baseline") if line != own]
    pairs = [(k, strongest(table, table.plain("floor"), k), strongest(table, others, k)) for k in table.shots if (own, k) in table.scores]
    count = sum(line is not None for _, *both in pairs for line in both)
    sign = -1.0 if table.metric in SMALLER_IS_BETTER else 1.0

    def compare(line: Line | None, k: int) -> Difference | None:
        return None if line is None else paired(sign * table.of(own, k), sign * table.of(line, k), comparisons=count)

    found = [(k, floor, compare(floor, k), best, compare(best, k)) for k, floor, best in pairs]
    p = holm(np.array([1.0 if d is None else d.p for _, _, a, _, b in found for d in (a, b)]))
    return [
        Verdict(k, table.summary(own, k), floor, above, best, gain, (float(p[2 * i]), float(p[2 * i + 1])))
        for i, (k, floor, above, best, gain) in enumerate(found)
    ]
