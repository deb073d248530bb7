"""Every method of a table against every other: ranks over people, pairwise differences, and the same in words and Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stf2m.evaluation.metrics import SMALLER_IS_BETTER
from stf2m.evaluation.ranks import Ranking, cliques, nemenyi, rank
from stf2m.evaluation.reading import number, relation
from stf2m.evaluation.statistics import Difference, holm, paired
from stf2m.evaluation.table import Line, Table, strongest


class Pair(NamedTuple):
    """Two methods at one k, the better mean first; the difference's interval is corrected for all pairs of that k."""

    a: Line
    b: Line
    gap: Difference
    p: float
    """Wilcoxon, Holm-corrected over all pairs of that k"""
    nemenyi: float
    """p of the difference of average ranks"""


@dataclass(frozen=True)
class Comparison:
    """Learners, baselines and the strongest floor at one k, on the people who were scored by all of them."""

    shots: int
    lines: tuple[Line, ...]
    ranking: Ranking
    pairs: tuple[Pair, ...]

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """Positions in `lines` of methods that the critical difference cannot tell apart."""
        return cliques(self.ranking)

    @property
    def words(self) -> str:
        """The ranking in one sentence."""
        if self.ranking.people < 2:
            return f"With k = {self.shots} nobody was scored by all methods, so they are not ranked."
        best = self.lines[int(np.argmin(self.ranking.mean))]
        test = f"Friedman chi-square {self.ranking.statistic:.1f}, p {p_value(self.ranking.p)}, {self.ranking.people} people"
        differ = "the methods differ" if self.ranking.p < 0.05 else "no difference between the methods can be told from chance"
        critical = f"average ranks must differ by {self.ranking.critical:.2f} to count (Nemenyi)"
        return f"With k = {self.shots} {differ} ({test}); {best.words} ranks best ({self.ranking.mean.min():.2f}); {critical}."


def comparisons(table: Table) -> list[Comparison]:
    """One comparison per k that has at least two methods; none under a leaky protocol, where nobody is judged."""
    return [] if table.is_leaky else [found for k in table.shots if len((found := compare(table, k)).lines) > 1]


def compare(table: Table, shots: int) -> Comparison:
    """Rank and pair all learners and baselines at one k; the strongest floor is chosen by the same people's scores."""
    methods = [line for line in table.plain("learner", "baseline") if (line, shots) in table.scores]
    floor = strongest(table, table.plain("floor"), shots)
    lines = [*methods, floor] if floor is not None else methods
    sign = -1.0 if table.metric in SMALLER_IS_BETTER else 1.0
    scores = np.stack([sign * table.of(line, shots) for line in lines], axis=1) if lines else np.zeros((0, 0))
    ranking = rank(scores)
    order = sorted(range(len(lines)), key=lambda i: float(-np.nanmean(scores[:, i])))
    places = list(combinations(order, 2))
    gaps = [paired(scores[:, i], scores[:, j], comparisons=len(places)) for i, j in places]
    adjusted, apart = holm(np.array([gap.p for gap in gaps])), nemenyi(ranking)
    pairs = zip(places, gaps, adjusted, strict=True)
    found = tuple(Pair(lines[i], lines[j], gap, float(p), float(apart[i, j])) for (i, j), gap, p in pairs)
    return Comparison(shots, tuple(lines), ranking, found)


def against(table: Table, main: str) -> list[str]:
    """How `main` stands against each other method and floor at every k; intervals corrected for all of them together."""
    lines = table.plain("floor", "baseline", "learner")
    own = next((line for line in lines if line.method == main), None)
    asked = [(k, other) for k in table.shots for other in lines if other != own and (other, k) in table.scores and (own, k) in table.scores]
    if own is None or table.is_leaky:
        return []
    smaller = table.metric in SMALLER_IS_BETTER
    sign = -1.0 if smaller else 1.0
    gap = lambda k, other: paired(sign * table.of(own, k), sign * table.of(other, k), comparisons=len(asked))  # noqa: E731
    return [f"k = {k}: {relation(gap(k, other), other.words, smaller=smaller)}" for k, other in asked]


def pairwise_rows(found: Comparison) -> list[tuple[str, ...]]:
    """One row of text per pair, under `PAIR_COLUMNS`."""
    rows = []
    for a, b, gap, p, apart in found.pairs:
        spread = f"{number(gap.mean)} [{number(gap.low)}, {number(gap.high)}]"
        rows.append((a.words, b.words, spread, f"{gap.effect:.2f}", f"{gap.rank_biserial:.2f}", p_value(p), p_value(apart)))
    return rows


PAIR_COLUMNS = ("method", "against", "difference [corrected 95 %]", "d_z", "rank-biserial", "p (Holm)", "p (Nemenyi)")


def p_value(p: float) -> str:
    """`.034`, `< .001`."""
    return "< .001" if p < 0.001 else number(p)


def compared_markdown(tables: Sequence[Table], headings: Mapping[str, str]) -> str:
    """Ranks and pairwise tables of all tables, as a section of a results file; empty without two methods. `headings`: card -> protocol in words."""
    parts: list[str] = []
    for table in tables:
        for found in comparisons(table):
            parts += [f"### {table.group.target}, {headings[table.group.card]}, k = {found.shots}: every pair", "", found.words, ""]
            parts += ["| " + " | ".join(("method", "average rank")) + " |", "| --- | --- |"]
            order = np.argsort(found.ranking.mean, kind="stable")
            parts += [f"| {found.lines[i].words} | {found.ranking.mean[i]:.2f} |" for i in order]
            parts += ["", "| " + " | ".join(PAIR_COLUMNS) + " |", "|" + " --- |" * len(PAIR_COLUMNS)]
            parts += ["| " + " | ".join(row) + " |" for row in pairwise_rows(found)] + [""]
    if not parts:
        return ""
    note = (
        "Ranks within people (1 = best), learners, baselines and the strongest floor. Differences are paired over people, with intervals "
        "corrected for all pairs of one k (Bonferroni) and p-values of Wilcoxon's test corrected by Holm. d_z: mean difference over its "
        "standard deviation. Rank-biserial: 1 = better for everybody."
    )
    return "\n".join(["## Every method against every other", "", note, "", *parts]).rstrip() + "\n"
