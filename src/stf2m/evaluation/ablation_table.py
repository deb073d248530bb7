"""What an ablation says: every variant beside the full method, paired over people, and what each costs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stf2m.evaluation.ablation import Ablation
from stf2m.evaluation.efficiency import Efficiency
from stf2m.evaluation.metrics import SMALLER_IS_BETTER
from stf2m.evaluation.reading import METRIC_WORDS, card_link, number, with_interval
from stf2m.evaluation.rows import Row
from stf2m.evaluation.statistics import Difference, Interval, holm, paired
from stf2m.evaluation.study import protocol_named
from stf2m.evaluation.table import ALL, Line, Table, tables_of


class Effect(NamedTuple):
    """One variant at one k of one view."""

    method: str
    shots: int
    view: str
    score: Interval
    gap: Difference | None
    """variant minus full method, better = positive; corrected for all variants, views and k of the table; None for the full method"""
    p: float
    """Wilcoxon, Holm-corrected over the same comparisons"""


def effects(table: Table, ablation: Ablation) -> list[Effect]:
    """Every method of the grid at every k of every view, the full method first; empty until the full method is there."""
    main, sign = ablation.study.main, -1.0 if table.metric in SMALLER_IS_BETTER else 1.0
    mine = [Line(name, "learner", view) for view in views_of(table) for name in ablation.words]
    asked = [(line, k) for line in mine for k in table.shots if (line, k) in table.scores]
    pairs = [(line, k) for line, k in asked if line.method != main and (line._replace(method=main), k) in table.scores]

    def gap(line: Line, k: int) -> Difference:
        return paired(sign * table.of(line, k), sign * table.of(line._replace(method=main), k), comparisons=len(pairs))

    gaps = {pair: gap(*pair) for pair in pairs}
    adjusted = dict(zip(gaps, holm(np.array([found.p for found in gaps.values()])), strict=True))
    return [
        Effect(line.method, k, line.view, table.summary(line, k), gaps.get((line, k)), float(adjusted.get((line, k), 1.0)))
        for line, k in asked
    ]


def views_of(table: Table) -> list[str]:
    """Views of the learners, all sensors first."""
    found = {line.view for line, _ in table.scores if line.role == "learner" and not line.control}
    return sorted(found, key=lambda view: (view != ALL, view))


def columns(table: Table) -> tuple[str, ...]:
    """Heads of `lines`."""
    return (
        "variant", *(f"k = {k}" for k in table.shots), *(f"change at k = {k}" for k in table.shots),
        "parameters", "MMAC/segment", "adapt ms", "step ms", "train s", "peak MB",
    )  # fmt: skip


def lines(table: Table, ablation: Ablation, costs: Mapping[str, Efficiency], seconds: Mapping[str, float]) -> list[tuple[str, ...]]:
    """One row of text per method and view: scores, changes with corrected intervals, costs."""
    found = {(e.method, e.view, e.shots): e for e in effects(table, ablation)}
    out = []
    for name, view in dict.fromkeys((name, view) for name, view, _ in found):
        mine = [found.get((name, view, k)) for k in table.shots]
        scores = [with_interval(e.score) if e else "–" for e in mine]
        changes = [change(e.gap) if e and e.gap else "" for e in mine]
        costly = _cost(costs.get(name), seconds.get(name)) if view == ALL else ("",) * len(_cost(None, None))
        out.append((Line(name, "learner", view).words, *scores, *changes, *costly))
    return out


def change(gap: Difference) -> str:
    """`-.034 [-.060, -.010] *`; the star says that the corrected interval leaves out zero."""
    star = " *" if gap.low > 0 or gap.high < 0 else ""
    return f"{number(gap.mean)} [{number(gap.low)}, {number(gap.high)}]{star}"


def _cost(cost: Efficiency | None, seconds: float | None) -> tuple[str, ...]:
    train = "–" if seconds is None else f"{seconds:.1f}"
    if cost is None:
        return ("–", "–", "–", "–", train, "–")
    return (f"{cost.parameters:,}", f"{cost.macs / 1e6:.2f}", f"{cost.adapt_ms:.1f}", f"{cost.step_ms:.0f}", train, f"{cost.peak_mb:.0f}")


def training_seconds(rows: Sequence[Row]) -> dict[str, float]:
    """Learner -> mean seconds of one training, over folds and targets."""
    found: dict[str, dict[tuple[str, int], float]] = {}
    for row in rows:
        if row["role"] == "learner" and row["fit_seconds"] is not None:
            found.setdefault(row["method"], {})[row["target"], row["fold"]] = row["fit_seconds"]
    return {name: float(np.mean(list(times.values()))) for name, times in found.items()}


def ablation_markdown(ablation: Ablation, rows: Sequence[Row], costs: Mapping[str, Efficiency], cards: str = "") -> str:
    """The section of the results file; `cards` is the page that holds the cards, for a link to each."""
    study, seconds = ablation.study, training_seconds(rows)
    parts = ["## What every part adds, and what it costs", "", caption(study.primary), ""]
    for table in tables_of(rows, study.primary):
        head = columns(table)
        heading = protocol_named(study, table.group.card).heading
        parts += [f"### {table.group.target}, {heading}", "", f"Card {card_link(table.group.card, cards)}.", ""]
        parts += [_row(head), "|" + " --- |" * len(head)]
        parts += [_row(line) for line in lines(table, ablation, costs, seconds)] + [""]
    parts += ["Variants:", "", *(f"- {name.replace('_', ' ')}: {words}" for name, words in ablation.words.items())]
    if ablation.left_out:
        parts += ["", "Not in the grid:", "", *(f"- {name.replace('_', ' ')}: {why}" for name, why in ablation.left_out.items())]
    return "\n".join(parts) + "\n"


def caption(metric: str) -> str:
    """What the columns mean."""
    return (
        f"{METRIC_WORDS[metric]}, mean over people with a 95 % bootstrap interval. Change: variant minus full method, paired over people, "
        "interval corrected for all variants, views and k of the table (Bonferroni); * leaves out zero. Costs on one thread of one machine, in one "
        "run, every learner in a process of its own: trained numbers, million multiply-adds per answered segment, ms (processor time) to encode "
        "and adapt to the labels of one person at the largest k, the same per outer step, most memory of the process. Training s (processor time, in "
        "older rows by the clock): mean over the folds."
    )


def ablation_json(ablation: Ablation, rows: Sequence[Row], costs: Mapping[str, Efficiency]) -> list[dict[str, Any]]:
    """Every number of the tables."""
    seconds, out = training_seconds(rows), []
    for table in tables_of(rows, ablation.study.primary):
        for e in effects(table, ablation):
            facts = {"target": table.group.target, "protocol": table.group.protocol, "method": e.method, "view": e.view, "k": e.shots}
            facts |= {"mean": e.score.mean, "low": e.score.low, "high": e.score.high, "people": e.score.people}
            if e.gap:
                facts |= {
                    "change": e.gap.mean,
                    "change_low": e.gap.low,
                    "change_high": e.gap.high,
                    "rank_biserial": e.gap.rank_biserial,
                    "p": e.p,
                }
            cost = costs[e.method]._asdict() if e.method in costs else {}
            out.append(facts | cost | {"train_seconds": seconds.get(e.method)})
    return out


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
