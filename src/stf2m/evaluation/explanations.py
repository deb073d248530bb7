"""Do the rules say what the network does? Figures of rules on people who were held out, as pure functions of arrays.

- support: how often a rule is the strongest, and its mean firing;
- precision: how often people feel what the rule speaks for where it is the strongest, beside how often they feel it anywhere;
- effect: what the answers lose when the rule is deleted and the others' firing renormalised;
- fidelity: how often the rules alone, each saying its verdict by its firing, decide as the whole network decides;
- stability: how well the rules of two trainings match on the same segments, beside rules whose segments are shuffled.

People are the unit: everything is measured per person first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.evaluation.metrics import accuracy, balanced_accuracy
from stf2m.evaluation.statistics import Difference, Interval, interval, paired

Values = NDArray[np.floating]
SHUFFLES = 20


class Evidence(NamedTuple):
    """What a network said of one held-out person's segments."""

    truth: NDArray[np.integer]
    """(segment,) class"""
    probability: Values
    """(segment, emotion) of the whole network"""
    firing: Values
    """(segment, rule)"""
    alone: Values
    """(segment, emotion) probability that the rules alone give: their verdicts weighted by their firing"""
    inputs: Values
    """(segment, antecedent) readable descriptors relative to the person's usual, 0 where absent"""
    without: Values
    """(rule, segment, emotion) probability with each rule deleted; NaN where it cannot be, or is deleted already"""


class RuleFigures(NamedTuple):
    """One rule on held-out people."""

    strongest: float
    """share of segments in which it is the strongest, 0..1"""
    firing: float
    """mean firing, 0..1"""
    people: int
    """in how many people it is ever the strongest"""
    precision: float
    """share of those segments that carry the emotion it speaks for; NaN where it never is"""
    base: float
    """share of all segments of the same people that carry it"""
    followed: float
    """share of those segments for which the network answers that emotion"""
    accuracy: Difference
    """balanced accuracy with the rule minus without it; above 0 = the rule helps; corrected for the number of rules"""
    log_loss: Difference
    """log-loss without the rule minus with it; above 0 = the rule helps; corrected likewise"""


class Agreement(NamedTuple):
    """How often something decides as the network does, over people."""

    plain: Interval
    balanced: Interval
    """mean over the classes that the network answers"""


class Match(NamedTuple):
    """Rules of two trainings on the same segments."""

    correlation: float
    """mean over matched pairs of the correlation of their firing, -1..1"""
    shuffled: float
    """the same when one side's segments are shuffled: what matching alone achieves"""
    pairs: tuple[tuple[int, int], ...]


def rule_figures(people: Sequence[Evidence], speaks_for: Sequence[int]) -> list[RuleFigures]:
    """Every rule's figures; `speaks_for` (rule,) is the emotion that each rule speaks for."""
    return [_figures_of(people, rule, emotion, len(speaks_for)) for rule, emotion in enumerate(speaks_for)]


def _figures_of(people: Sequence[Evidence], rule: int, emotion: int, rules: int) -> RuleFigures:
    where = [p.firing.argmax(axis=1) == rule for p in people]
    lit = [(p, here) for p, here in zip(people, where, strict=True) if here.any()]
    score = np.array([balanced_accuracy(p.truth, p.probability) for p in people])
    lost = np.array([log_loss(p.truth, p.probability) for p in people])
    deleted = [p.without[rule] for p in people]
    gone = [not np.isfinite(d).all() for d in deleted]
    score_without = np.array([np.nan if g else balanced_accuracy(p.truth, d) for p, d, g in zip(people, deleted, gone, strict=True)])
    lost_without = np.array([np.nan if g else log_loss(p.truth, d) for p, d, g in zip(people, deleted, gone, strict=True)])
    return RuleFigures(
        strongest=float(np.mean([here.mean() for here in where])),
        firing=float(np.mean([p.firing[:, rule].mean() for p in people])),
        people=len(lit),
        precision=_mean([(p.truth[here] == emotion).mean() for p, here in lit]),
        base=_mean([(p.truth == emotion).mean() for p, _ in lit]),
        followed=_mean([(p.probability[here].argmax(axis=1) == emotion).mean() for p, here in lit]),
        accuracy=paired(score, score_without, comparisons=rules),
        log_loss=paired(lost_without, lost, comparisons=rules),
    )


def log_loss(truth: NDArray[np.integer], probability: Values) -> float:
    """Mean of -log of the probability of the true class (at least 1e-7, as single precision knows it)."""
    return float(-np.log(np.maximum(probability[np.arange(len(truth)), truth], 1e-7)).mean())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def fidelity(people: Sequence[Evidence], leaves: int) -> dict[str, Agreement]:
    """Agreement with the network's decision of `rules` alone, of a `constant` (its most frequent decision) and of a decision
    `tree` with as many leaves as rules on the readable inputs.

    Constant and tree are fitted to the network's decisions for the *other* people, the tree once plainly and once with classes
    weighted for the balanced column, and need at least two people; `rules` is left out where it is not defined.
    """
    decided = [p.probability.argmax(axis=1) for p in people]
    found: dict[str, Agreement] = {}
    alone = [p.alone.argmax(axis=1) for p in people]
    found["rules"] = _agreement(decided, alone, alone)
    if len(people) > 1:
        constants = [np.full(len(d), _most_frequent(_others(decided, i))) for i, d in enumerate(decided)]
        found["constant"] = _agreement(decided, constants, constants)
        plain, even = ([_tree(people, decided, i, leaves, weight) for i in range(len(people))] for weight in (None, "balanced"))
        found["tree"] = _agreement(decided, plain, even)
    return found


def _others(parts: Sequence[NDArray], person: int) -> NDArray:
    return np.concatenate([part for i, part in enumerate(parts) if i != person])


def _most_frequent(decided: NDArray[np.integer]) -> int:
    return int(np.bincount(decided).argmax())


def _tree(people: Sequence[Evidence], decided: Sequence[NDArray], person: int, leaves: int, weight: str | None) -> NDArray:
    """The decisions for one person of a tree fitted to those for the others."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_leaf_nodes=max(2, leaves), class_weight=weight, random_state=0)
    tree.fit(_others([p.inputs for p in people], person), _others(decided, person))
    return np.asarray(tree.predict(people[person].inputs))


def _agreement(decided: Sequence[NDArray], plain: Sequence[NDArray], even: Sequence[NDArray]) -> Agreement:
    count = 1 + max(int(part.max()) for part in (*decided, *plain, *even))
    one_hot = np.eye(count)
    return Agreement(
        interval(np.array([accuracy(d, one_hot[s]) for d, s in zip(decided, plain, strict=True)])),
        interval(np.array([balanced_accuracy(d, one_hot[s]) for d, s in zip(decided, even, strict=True)])),
    )


def correlations(a: Values, b: Values) -> Values:
    """Pearson correlation of every column of `a` (segment, rule) with every column of `b`; 0 where one does not vary."""
    apart = [x.astype(np.float64) - x.mean(axis=0) for x in (a, b)]
    length = [np.sqrt((x**2).sum(axis=0)) for x in apart]
    unit = [np.where(n > 1e-9, x / np.maximum(n, 1e-12), 0.0) for x, n in zip(apart, length, strict=True)]
    return unit[0].T @ unit[1]


def match_rules(a: Sequence[Values], b: Sequence[Values], *, seed: int = 0) -> Match:
    """Match the rules of two trainings by the correlation of their firing (segment, rule) over the same people's segments.

    The assignment with the highest sum (Hungarian method; Kuhn 1955). For the chance level the segments of `b` are shuffled
    within every person, so that what a person has in common stays, and matched again.
    """
    from scipy.optimize import linear_sum_assignment

    def matched(left: Values, right: Values) -> tuple[float, tuple[tuple[int, int], ...]]:
        found = correlations(left, right)
        rows, columns = linear_sum_assignment(-found)
        return float(found[rows, columns].mean()), tuple(zip(rows.tolist(), columns.tolist(), strict=True))

    rng = np.random.default_rng(seed)
    whole = np.concatenate(a)
    value, pairs = matched(whole, np.concatenate(b))
    chance = [matched(whole, np.concatenate([rng.permutation(part) for part in b]))[0] for _ in range(SHUFFLES)]
    return Match(value, float(np.mean(chance)), pairs)
