"""A prediction in a terminal: one short line per segment, the rules once, and in words what was withheld and why."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from stf2m.app.timeline import LEAST_FIRING, to_rows
from stf2m.core.counts import counted
from stf2m.core.prediction import Prediction
from stf2m.training.words import LEGEND

COLUMNS = ("seconds", "emotion", "p", "possible", "valence", "arousal", "uncertainty", "status", "rule")


def table_of(said: Prediction) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(columns, one row per segment); the status stands in the rows only where segments differ in it."""
    rows = [_row(said, i, row) for i, row in enumerate(to_rows(said))]
    shown = [j for j, name in enumerate(COLUMNS) if name != "status" or len(set(said.status)) > 1]
    return tuple(COLUMNS[j] for j in shown), [tuple(row[j] for j in shown) for row in rows]


def _row(said: Prediction, segment: int, row: dict[str, Any]) -> tuple[str, ...]:
    """All of `COLUMNS`."""
    ratings = ("-" if row[name] is None else f"{row[name]:+.2f}" for name in ("valence", "arousal"))
    rule = strongest(said, segment)
    return (
        f"{row['onset']:.1f}-{row['offset']:.1f}",
        f"({row['emotion']})" if row["abstained"] else row["emotion"],
        f"{said.probability[segment].max():.2f}",
        possible(said, segment),
        *ratings,
        f"{row['uncertainty']:.2f}",
        row["status"],
        "-" if rule is None else f"{rule + 1} ({said.firing[segment, rule]:.2f})",
    )


def possible(said: Prediction, segment: int) -> str:
    """The emotions that cannot be ruled out; `any` where none can be."""
    if said.possible is None:
        return "-"
    here = said.possible[segment]
    return "any" if here.all() and len(here) > 1 else " | ".join(name for name, inside in zip(said.emotions, here) if inside)


def strongest(said: Prediction, segment: int) -> int | None:
    """The rule that fires most; None where none fires noticeably."""
    firing = said.firing[segment]
    return int(firing.argmax()) if len(said.rules) and firing.max() >= LEAST_FIRING else None


def rules_once(said: Prediction) -> str:
    """Every rule that is the strongest somewhere, the most frequent first, and how to read it; empty without rules."""
    found = Counter(rule for i in range(len(said.spans)) if (rule := strongest(said, i)) is not None)
    if not found:
        return ""
    lines = [f"rule {rule + 1} ({count}): {said.rules[rule]}" for rule, count in found.most_common()]
    return "\n".join(["Rules that fire most, with the number of segments:", *lines, f"How to read a rule: {LEGEND}."])


def remarks(said: Prediction) -> list[str]:
    """What the columns mean, as far as it cannot be guessed."""
    text = ["rule: the one that fires most, and how strongly, all rules together 1"] if len(said.rules) else []
    if said.possible is not None:
        text.append(
            "possible: the emotions that cannot be ruled out. These sets are made to hold the truth over all segments, undecided ones "
            "included; how often an answer with one emotion left is right, p says"
        )
    spans = {"valence": (said.valence, said.valence_range), "arousal": (said.arousal, said.arousal_range)}
    reach = [
        f"{name} ±{np.abs(span - number[:, None]).max():.2f}" for name, (number, span) in spans.items() if span is not None and len(span)
    ]
    return [*text, f"intervals, cut at -1 and 1: {', '.join(reach)}"] if reach else text


def withheld(said: Prediction) -> str:
    """Why answers are withheld and what to do about it; empty where none is."""
    count = int(said.abstained.sum())
    if not count:
        return ""
    where = f"{count} of {len(said.spans)} answers are withheld; the likeliest emotion stands in parentheses, and in the file of --out beside `abstained`. "
    if said.possible is None:
        return f"{where}Nobody calibrated this bundle, and p is too even there or no sensor gave anything."
    many = "both" if len(said.emotions) == 2 else "more than half of the"
    return (
        f"{where}There {many} emotions are possible, judged by the least predictable of the held-out people, or no sensor gave anything. p says how often "
        "such an answer is right; fewer are withheld by a bundle that answers all of its held-out people well."
    )


def summary(said: Prediction) -> str:
    """How many segments, their status where all have the same, which emotions, how many withheld and what is likeliest there."""
    status = f" ({said.status[0]})" if len(set(said.status)) == 1 else ""
    answered = tally([name for name, away in zip(said.emotion, said.abstained) if not away])
    likeliest = tally([name for name, away in zip(said.emotion, said.abstained) if away])
    count = int(said.abstained.sum())
    away = f"{count} withheld as too uncertain" + (f" (likeliest: {likeliest})" if count else "")
    return f"{said.recording}: {counted(len(said.spans), 'segment')}{status}; {answered or 'none answered'}; {away}"


def tally(names: Sequence[str]) -> str:
    """`18 high arousal, 12 low arousal`, the most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common())
