"""Figures of rules as Markdown and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stf2m.evaluation.explanations import Agreement, Match, RuleFigures

COLUMNS = ("rule", "strongest", "firing", "people", "precision", "base", "followed", "helps accuracy", "helps log-loss", "inputs", "told")
LEGEND = (
    "*strongest*: share of segments in which the rule fires most; *firing*: mean firing; *people*: in how many it is ever the strongest; "
    "*precision*: share of those segments that carry the emotion it speaks for, *base*: of all segments of the same people; *followed*: "
    "share of those segments for which the network answers it; *helps*: what is lost when the rule is deleted, mean over people with an "
    "interval corrected for the number of rules (* = the interval is above 0, ! = below 0: the rule harms); *inputs*: antecedents in the "
    "sentence; *told*: share of the rule's weight that the sentence tells."
)
NAMES = {"rules": "the rules alone", "constant": "a constant", "tree": "a decision tree of equal size"}


def figure_rows(figures: Sequence[RuleFigures], inputs: Sequence[int], told: Sequence[float]) -> list[tuple[str, ...]]:
    """Cells of `COLUMNS`, one row per rule."""
    rows = []
    for r, f in enumerate(figures):
        shares = (f.strongest, f.firing), (f.precision, f.base, f.followed)
        first, second = ([number(v, 2) for v in part] for part in shares)
        helps = [effect(f.accuracy), effect(f.log_loss)]
        rows.append((str(r + 1), *first, str(f.people), *second, *helps, str(inputs[r]), number(told[r], 2)))
    return rows


def effect(difference: Any) -> str:
    """`+0.012 *` or "-" where the rule cannot be deleted."""
    if not difference.people:
        return "-"
    return f"{difference.mean:+.3f}{' *' if difference.low > 0 else ' !' if difference.high < 0 else ''}"


def fidelity_rows(found: Mapping[str, Agreement]) -> list[tuple[str, ...]]:
    """(who, agreement, balanced agreement) with 95 % intervals over people."""
    return [(NAMES[name], *(f"{number(i.mean)} ({number(i.low)} to {number(i.high)})" for i in a)) for name, a in found.items()]


def match_rows(found: Mapping[str, Sequence[Match]]) -> list[tuple[str, str, str, str]]:
    """(what differs, pairs of trainings, mean matched correlation with its range, shuffled)."""
    rows = []
    for name, matches in found.items():
        values = [m.correlation for m in matches]
        spread = f"{number(np.mean(values))} ({number(min(values))} to {number(max(values))})"
        rows.append((name, str(len(matches)), spread, number(np.mean([m.shuffled for m in matches]))))
    return rows


def number(value: Any, digits: int = 3) -> str:
    """A number, or "-" where it is not defined."""
    return f"{float(value):.{digits}f}" if np.isfinite(value) else "-"


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def as_json(value: Any) -> Any:
    """Named tuples as dictionaries, what is not defined as null."""
    if hasattr(value, "_asdict"):
        return {name: as_json(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): as_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return value
