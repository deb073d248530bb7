"""The figures of docs/results.md: one short table per study, and scores that the text names, all from the committed rows.

In the text `{{STUDY[/TARGET[/PROTOCOL]]: LINE[ @K]}}` stands for the scores of a line of that study's table, at every k or at one:
`{{ravdess: recurrent}}`, `{{ceap360vr/valence2/completion: refit @5}}`. `STUDY-ablation` is its ablation. `{{table STUDY}}` on a line of its
own stands for the short table, `{{all STUDY}}` for every method with all sensors, best last score first.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from stf2m.evaluation.reading import number
from stf2m.evaluation.results import knows_more
from stf2m.evaluation.statistics import paired
from stf2m.evaluation.study import Study, protocol_named
from stf2m.evaluation.table import Line, Table, strongest, verdicts

REFERENCE = re.compile(r"\{\{([^{}]+)\}\}")
Tables = Callable[[str], tuple[Study, list[Table]]]
"""name of a study or of its ablation -> the study and its tables"""


def filled(text: str, tables_of: Tables) -> str:
    """The text with every reference replaced; raises `ValueError` for one that names nothing."""
    known = cache(tables_of)

    def said(match: re.Match[str]) -> str:
        kind, _, name = match[1].strip().partition(" ")
        return MAKERS[kind](*known(name)) if kind in MAKERS else scores(match[1].strip(), known)

    return REFERENCE.sub(said, text)


def scores(reference: str, tables_of: Tables) -> str:
    """`.773, .892, .938, .964`, the means over people that the reference names."""
    where, _, what = reference.partition(": ")
    name, *place = where.split("/")
    words, _, shots = what.partition(" @")
    study, tables = tables_of(name)
    found = [t for t in tables if [t.group.target, protocol_named(study, t.group.card).heading][: len(place)] == place]
    if len(found) != 1:
        raise ValueError(f"{reference!r} names {len(found)} tables")
    lines = [line for line in found[0].lines if line.words == words]
    asked = [int(shots)] if shots else [k for k in found[0].shots if lines and (lines[0], k) in found[0].scores]
    if len(lines) != 1 or not asked or not all((lines[0], k) in found[0].scores for k in asked):
        raise ValueError(f"{reference!r}: no such scores; lines: {', '.join(line.words for line in found[0].lines)}")
    return ", ".join(number(found[0].summary(lines[0], k).mean) for k in asked)


def short_table(study: Study, tables: Sequence[Table]) -> str:
    """Per table the main method, the best other one, the strongest floor, and the strongest that knows more than the methods do."""
    shots = sorted({k for table in tables for k in table.shots})
    text = [_row(["", "", *(f"k = {k}" for k in shots)]), _row(["---"] * (len(shots) + 2))]
    for table in tables:
        context = protocol_named(study, table.group.card).context
        knowing = [line for line in table.plain("floor") if knows_more(line, context)]
        blind = [line for line in table.plain("floor") if line not in knowing]
        others = [line for line in table.plain("baseline", "learner") if line.method != study.main]
        where = f"{table.group.target}, {protocol_named(study, table.group.card).heading}"
        lines = [(study.main.replace("_", " "), [_main(table, study.main, k) for k in shots])]
        kinds = [("best other method", others), ("strongest floor", blind)]
        if any(strongest(table, table.plain("floor"), k) in knowing for k in table.shots):
            kinds.append(("strongest floor that knows time or stimulus", knowing))
        lines += [(words, [_best(table, which, k) for k in shots]) for words, which in kinds if which]
        text += [_row([where if i == 0 else "", words, *cells]) for i, (words, cells) in enumerate(lines)]
    return "\n".join(text)


def every_method(study: Study, tables: Sequence[Table]) -> str:
    """Learners and baselines of the study's first table; an arrow where one differs from the main method beyond chance."""
    table = tables[0]
    lines = table.plain("baseline", "learner")
    own = next(line for line in lines if line.method == study.main)
    order = sorted(lines, key=lambda line: -table.summary(line, table.shots[-1]).mean)
    count = (len(lines) - 1) * len(table.shots)

    def cell(line: Line, k: int) -> str:
        gap = paired(table.of(line, k), table.of(own, k), comparisons=count)
        return number(table.summary(line, k).mean) + (" ↑" if gap.low > 0 else " ↓" if gap.high < 0 else "")

    text = [_row(["", *(f"k = {k}" for k in table.shots)]), _row(["---"] * (len(table.shots) + 1))]
    return "\n".join(text + [_row([line.words, *(cell(line, k) for k in table.shots)]) for line in order])


MAKERS = {"table": short_table, "all": every_method}


def _main(table: Table, main: str, shots: int) -> str:
    own = next(line for line in table.plain("learner", "baseline") if line.method == main)
    if (own, shots) not in table.scores:
        return ""
    score = number(table.summary(own, shots).mean)
    found = next((verdict for verdict in verdicts(table, main) if verdict.shots == shots), None)
    if found is None or found.above_floor is None or table.is_leaky:
        return score
    if found.above_floor.high < 0:
        return f"*{score}*"
    return f"**{score}**{' ★' if found.beats else ''}" if found.above_floor.is_above else score


def _best(table: Table, lines: Sequence[Line], shots: int) -> str:
    best = strongest(table, lines, shots)
    return f"{number(table.summary(best, shots).mean)} {best.words}" if best else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
