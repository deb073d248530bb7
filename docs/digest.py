"""The figures of docs/results.md: one short table per study, and scores that the text names, all from the committed rows.

In the text `{{STUDY[/TARGET[/PROTOCOL]]: LINE[ @K]}}` stands for the scores of a line of that study's table, at every k or at one:
`{{ravdess: recurrent}}`, `{{ceap360vr/valence2/completion: refit @5}}`. `STUDY-ablation` is its ablation. `{{table STUDY}}` on a line of its
own stands for the short table, `{{all STUDY}}` for every method with all sensors, best last score first. `{{goal .78 | REFERENCE}}`
stands for three cells that say whether one score reaches a goal, `{{goal .04 over LINE | REFERENCE}}` whether its lead over a line (or over the
`strongest floor`) does.
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
        if kind == "goal":
            return goal(name, known)
        return MAKERS[kind](*known(name)) if kind in MAKERS else scores(match[1].strip(), known)

    return REFERENCE.sub(said, text)


def scores(reference: str, tables_of: Tables) -> str:
    """`.773, .892, .938, .964`, the means over people that the reference names."""
    table, line, asked = named(reference, tables_of)
    return ", ".join(number(table.summary(line, k).mean) for k in asked)


def goal(words: str, tables_of: Tables) -> str:
    """`.78 | .773 | missed by .007`, three cells: the aim, the score that the reference names, how far it or its lead is from the aim."""
    aim, _, reference = words.partition(" | ")
    least, _, rival = aim.partition(" over ")
    table, line, asked = named(reference.strip(), tables_of)
    if len(asked) != 1:
        raise ValueError(f"a goal is for one k: {reference!r}")
    k = asked[0]
    score, said = table.summary(line, k).mean, ""
    if rival:
        other = strongest(table, table.plain("floor"), k) if rival == "strongest floor" else line_of(table, rival)
        if other is None:
            raise ValueError(f"{reference!r}: no floor")
        floor = table.summary(other, k).mean
        said = f" against {number(floor)} of {other.words}"
        lacks = float(least) - (score - floor)
    else:
        lacks = float(least) - score
    verdict = "reached" if lacks <= 0 else f"missed by {number(lacks)}"
    return f"{least}{' more' if rival else ''} | {number(score)}{said} | {verdict}"


def named(reference: str, tables_of: Tables) -> tuple[Table, Line, list[int]]:
    """The table, its line and the k that a reference names; raises `ValueError` when it names nothing or several."""
    where, _, what = reference.partition(": ")
    name, *place = where.split("/")
    words, _, shots = what.partition(" @")
    study, tables = tables_of(name)
    found = [t for t in tables if [t.group.target, protocol_named(study, t.group.card).heading][: len(place)] == place]
    if len(found) != 1:
        raise ValueError(f"{reference!r} names {len(found)} tables")
    line = line_of(found[0], words)
    asked = [int(shots)] if shots else [k for k in found[0].shots if (line, k) in found[0].scores]
    if not asked or not all((line, k) in found[0].scores for k in asked):
        raise ValueError(f"{reference!r}: no such k; there are {', '.join(map(str, found[0].shots))}")
    return found[0], line, asked


def line_of(table: Table, words: str) -> Line:
    """The line of these words; raises `ValueError` when there is none."""
    lines = [line for line in table.lines if line.words == words]
    if len(lines) != 1:
        raise ValueError(f"no line {words!r}; there are: {', '.join(line.words for line in table.lines)}")
    return lines[0]


def short_table(study: Study, tables: Sequence[Table]) -> str:
    """Per table the main method, the best other one, the strongest floor, and the strongest that knows more than the methods do."""
    shots = sorted({k for table in tables for k in table.shots})
    text = [_row(["", "", *(f"k = {k}" for k in shots)]), _row(["---"] * (len(shots) + 2))]
    for table in tables:
        context = protocol_named(study, table.group.card).context
        knowing = [line for line in table.plain("floor") if knows_more(line, context)]
        blind = [line for line in table.plain("floor") if line not in knowing]
        others = [line for line in table.plain("baseline", "learner") if line.method != study.main]
        where = f"[{table.group.target}, {protocol_named(study, table.group.card).heading}](protocols.md#{table.group.card})"
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
