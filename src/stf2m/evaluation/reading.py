"""Tables in plain words: what is above what, what cannot be told apart, and what falls below a floor."""

import numpy as np

from stf2m.evaluation.metrics import AXES, SMALLER_IS_BETTER
from stf2m.evaluation.statistics import Difference, Interval, paired
from stf2m.evaluation.table import Line, Table, Verdict, strongest, verdicts

METRIC_WORDS = {
    "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "macro_f1": "macro-F1", "kappa": "kappa",
    "ece": "expected calibration error", "quadratic_kappa": "quadratic-weighted kappa", "class_error": "mean error in classes",
    "vote_cross_entropy": "cross-entropy against the annotators' votes", "vote_brier": "Brier score against the annotators' votes",
}  # fmt: skip
RATING_WORDS = {"ccc": "concordance correlation", "pearson": "Pearson correlation", "mae": "mean absolute error"}
METRIC_WORDS |= {f"{name}_{axis}": f"{words} of {axis}" for name, words in RATING_WORDS.items() for axis in AXES}
METRIC_WORDS |= {f"{name}_mean": f"{words}, mean of valence and arousal" for name, words in RATING_WORDS.items()}

SHUFFLED = {"shuffled_labels": "support labels", "shuffled_signals": "signals"}
LEAKY = (
    "*Leaky*: neighbours of the scored segments, their recordings and their person are in training. These scores are no evidence of anything "
    "new; they stand here beside published ones made the same way, and beside what is left of them above the strongest floor."
)


def number(value: float) -> str:
    """`.912`, `-.034`, `1.000`."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def with_interval(value: Interval) -> str:
    """`.912 [.890, .931]`."""
    return f"{number(value.mean)} [{number(value.low)}, {number(value.high)}]" if np.isfinite(value.mean) else "–"


def cell_words(table: Table, line: Line, shots: int) -> str:
    """`.912 [.890, .931]`; under a leaky protocol marked so, with what is left of a method above the strongest floor."""
    text = with_interval(table.summary(line, shots))
    if not table.is_leaky or text == "–":
        return text
    left = table.above_floor(line, shots)
    against = f"; minus floor {with_interval(left)}" if left.people and line.role in ("baseline", "learner") else ""
    return f"{text} *leaky*{against}"


def relation(gap: Difference, whom: str, *, smaller: bool = False) -> str:
    """`.021 above WHOM (...)`, `not told apart from WHOM (...)` or `.040 below WHOM (...)`, with the corrected interval.

    Of an error (`smaller` is better) the difference is how much less it is than WHOM's: `better than` and `worse than`.
    """
    spread = f"corrected 95 % interval {number(gap.low)} to {number(gap.high)}"
    if gap.low > 0:
        return f"{number(gap.mean)} {'better than' if smaller else 'above'} {whom} ({spread})"
    if gap.high < 0:
        return f"{number(-gap.mean)} {'worse than' if smaller else 'below'} {whom} ({spread})"
    return f"not told apart from {whom} (difference {number(gap.mean)}, {spread})"


def card_link(card: str, cards: str) -> str:
    """The card's hash as code, a link where `cards` names the page that holds the cards."""
    return f"[`{card}`]({cards}#{card})" if cards else f"`{card}`"


def sentence(verdict: Verdict, main: str, *, smaller: bool = False) -> str:
    """One k in one or two sentences; `smaller`: the score is an error."""
    text = f"With k = {verdict.shots}, {main.replace('_', ' ')} reaches {with_interval(verdict.score)}"
    parts = []
    if verdict.floor is not None and verdict.above_floor is not None:
        parts.append(relation(verdict.above_floor, f"the strongest floor, {verdict.floor.words}", smaller=smaller))
    if verdict.baseline is not None and verdict.above_baseline is not None:
        parts.append(relation(verdict.above_baseline, f"the best other method, {verdict.baseline.words}", smaller=smaller))
    if not parts:
        return f"{text}."
    return f"{text}: {' and '.join(parts)}. {'It beats both.' if verdict.beats else _shortfall(verdict, smaller)}"


def _shortfall(verdict: Verdict, smaller: bool) -> str:
    floor, best = verdict.above_floor, verdict.above_baseline
    if floor is not None and floor.high < 0:
        return f"This is {'worse than' if smaller else 'below'} a floor that uses no signal: the signals add nothing that this floor does not have."
    if floor is not None and not floor.is_above:
        return "It does not beat the floor."
    if best is not None and best.high < 0:
        return "It is worse than the best other method."
    return "It beats the floors, but not the best other method."


def reading(table: Table, main: str) -> list[str]:
    """Everything a reader must know of a table, one sentence or two per point."""
    found, smaller = verdicts(table, main), table.metric in SMALLER_IS_BETTER
    text = [LEAKY] if table.is_leaky else []
    text += [sentence(verdict, main, smaller=smaller) for verdict in found]
    text += _gains(table, main) + _controls(table, main) + _seeds(table, main)
    text += [_best(table)] if not found else []
    classes = {k: names for k, names in table.short.items() if names}
    for k, names in classes.items():
        text.append(f"With k = {k}, {', '.join(names)} had fewer than {k} labelled segments for some people; all there were are used.")
    for k, people in table.missing.items():
        if people:
            text.append(f"With k = {k}, {people} of {len(table.people)} people had a class without any label in at least one draw.")
    if table.left_out:
        text.append(f"Not scored, because the protocol leaves nothing: {', '.join(table.left_out)}.")
    if table.undefined:
        text.append(
            "Floors that are not defined here: " + "; ".join(f"{n.replace('_', ' ')} ({why})" for n, why in table.undefined.items()) + "."
        )
    return [line for line in text if line]


def _best(table: Table) -> str:
    lines = table.plain("baseline", "learner")
    best = strongest(table, lines, table.shots[-1])
    return f"Best with k = {table.shots[-1]}: {best.words}, {with_interval(table.summary(best, table.shots[-1]))}." if best else ""


def _gains(table: Table, main: str) -> list[str]:
    """What the person's labels add to no labels; corrected for the number of k."""
    own = next((line for line in table.plain("learner", "baseline") if line.method == main), None)
    asked = [k for k in table.shots if k > 0 and own is not None and (own, k) in table.scores and (own, 0) in table.scores]
    smaller = table.metric in SMALLER_IS_BETTER
    sign = -1.0 if smaller else 1.0
    words = ("lowers the error by", "raises the error by", "lowers the error by") if smaller else ("gains", "loses", "changes the score by")
    text = []
    for k in asked:
        assert own is not None
        gap = paired(sign * table.of(own, k), sign * table.of(own, 0), comparisons=len(asked))
        verb = words[0] if gap.low > 0 else words[1] if gap.high < 0 else words[2]
        amount = number(-gap.mean if gap.high < 0 else gap.mean)
        spread = f"corrected 95 % interval of the change {number(gap.low)} to {number(gap.high)}"
        unclear = "" if gap.low > 0 or gap.high < 0 else ", which is no gain that can be told from chance"
        text.append(f"Against no labels, k = {k} {verb} {amount} ({spread}){unclear}.")
    return text


def _controls(table: Table, main: str) -> list[str]:
    """What happens to the score when labels or signals are shuffled; corrected for all of these."""
    own = Line(main, "learner")
    asked = [(k, words, Line(main, "learner", control=control)) for k in table.shots for control, words in SHUFFLED.items()]
    asked = [(k, words, line) for k, words, line in asked if (line, k) in table.scores and (own, k) in table.scores]
    text = []
    for k, words, line in asked:
        gap = paired(table.of(own, k), table.of(line, k), comparisons=len(asked))
        verb = "falls to" if gap.low > 0 else "stays near" if gap.high >= 0 else "rises to"
        text.append(f"With k = {k} and shuffled {words} the score {verb} {with_interval(table.summary(line, k))}.")
    return text


def _seeds(table: Table, main: str) -> list[str]:
    """How far the trainings of an average lie apart when each is asked alone."""
    text = []
    for k in table.shots:
        alone = [line for line in table.lines if line.method == main and line.control.startswith("training_") and (line, k) in table.scores]
        if alone:
            means = [table.summary(line, k).mean for line in alone]
            whole = table.summary(Line(main, alone[0].role), k).mean
            text.append(
                f"With k = {k}, one of the {len(alone)} trainings alone reaches {number(min(means))} to {number(max(means))}, "
                f"their average {number(whole)}."
            )
    return text
