"""Where a study's main method stands among the others: ranks, effect sizes and corrected p-values of every k in one table per protocol."""

from collections.abc import Mapping, Sequence

import numpy as np

from stf2m.evaluation.compare import Comparison, p_value
from stf2m.evaluation.metrics import SMALLER_IS_BETTER
from stf2m.evaluation.reading import card_link, number
from stf2m.evaluation.table import Line, Table

Compared = tuple[Table, Sequence[Comparison], str]
"""a table, its comparison at every k, and the address of the critical-difference diagram at the largest k, "" = none"""


def standing_markdown(compared: Sequence[Compared], headings: Mapping[str, str], main: str, cards: str = "") -> str:
    """A section of a study's page; empty where no table has two methods. `headings`: card -> protocol in words; `cards`: the page of cards."""
    parts: list[str] = []
    for table, found, picture in compared:
        if found:
            where = f"{table.group.target}: {headings[table.group.card]}"
            parts += [f"### {where}", "", f"Card {card_link(table.group.card, cards)}.", ""]
            parts += [*(f"- {one.words}" for one in found), "", _table(table, found, main), ""]
            parts += [f"![Average ranks of {where}, k = {found[-1].shots}, and the critical difference]({picture})", ""] if picture else []
    if not parts:
        return ""
    note = (
        f"Learners, baselines and the strongest floor of each k. In a cell: the average rank within people (1 = best); `{main}` minus the method, "
        "paired over people, with an interval corrected for all pairs of that k (Bonferroni); its effect size d_z (mean over standard deviation); "
        "p of Wilcoxon's test, corrected by Holm for all pairs of that k. `stf2m compare` prints every other pair."
    )
    return "\n".join(["## Ranks and effects", "", note, "", *parts]).rstrip() + "\n"


def _table(table: Table, found: Sequence[Comparison], main: str) -> str:
    lines = list(dict.fromkeys(line for one in found for line in one.lines))
    last = {line: rank for one in found for line, rank in zip(one.lines, one.ranking.mean, strict=True)}
    order = sorted(lines, key=lambda line: (table.shots[-1] not in [k for k in table.shots if (line, k) in table.scores], last[line]))
    smaller = table.metric in SMALLER_IS_BETTER
    text = ["| " + " | ".join(["", *(f"k = {one.shots}" for one in found)]) + " |", "|" + " --- |" * (len(found) + 1)]
    text += ["| " + " | ".join([line.words, *(_cell(one, line, main, smaller) for one in found)]) + " |" for line in order]
    return "\n".join(text)


def _cell(found: Comparison, line: Line, main: str, smaller: bool) -> str:
    if line not in found.lines:
        return ""
    mean = found.ranking.mean[found.lines.index(line)]
    rank = f"{mean:.2f}" if np.isfinite(mean) else "–"
    pair = next((one for one in found.pairs if {one.a, one.b} == {line, _own(found, main)}), None)
    if pair is None:
        return rank
    sign = 1.0 if (pair.a.method == main) != smaller else -1.0
    low, high = sorted((sign * pair.gap.low, sign * pair.gap.high))
    return f"{rank}; {number(sign * pair.gap.mean)} [{number(low)}, {number(high)}]; {sign * pair.gap.effect:.2f}; {p_value(pair.p)}"


def _own(found: Comparison, main: str) -> Line | None:
    return next((line for line in found.lines if line.method == main), None)
