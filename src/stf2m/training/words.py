"""Rules as sentences with units: what the network asks for, in the words of the descriptors."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo, Segments
from stf2m.core.tensors import Adaptation
from stf2m.meta.learner import KEPT, LOCKED
from stf2m.model.explain import LEAST_CENTRE, RuleFacts, rule_facts
from stf2m.model.rules import RuleLayer
from stf2m.training.fitted import Fitted

TERMS = ("low", "neutral", "high")
NOTHING = "nothing that is sure"
"""what follows from a rule that tells no term and speaks for no class"""
LEGEND = "the number behind a term or an emotion is its share, 0 to 1, among the training people's labels where the rule fires, every term and every emotion being equally frequent"
"""what must stand under printed rules"""
LEAST_TERM = 0.5
"""share below which a term is not told, because the other two together are likelier; each has a third where a rule says nothing"""


class Scale(NamedTuple):
    """What a rule's centres, in standard deviations, are for people: the readable descriptors with their units.

    `spread` (named antecedent,) turns a centre into `units`; `usual` names what 0 is.
    """

    infos: tuple[DescriptorInfo, ...]
    spread: NDArray[np.floating]
    units: tuple[str, ...]
    usual: str


def scale_of(fitted: Fitted) -> Scale:
    """The units of a network's rules.

    Under `train_stats` no baseline is removed, so 0 is what the training people have on average; under `transductive` everybody
    is measured in their own standard deviations, which no common unit can tell.
    """
    readable = [j for j, info in enumerate(fitted.inputs.descriptors) if info.readable]
    infos = tuple(fitted.inputs.descriptors[j] for j in readable)
    usual = "usual" if fitted.learner.centre else "average"
    if fitted.normaliser.mode == "transductive":
        return Scale(infos, np.ones(len(infos)), ("s.d.",) * len(infos), usual)
    return Scale(infos, np.nan_to_num(fitted.normaliser.descriptors[1][readable], nan=1.0), tuple(info.unit for info in infos), usual)


def facts_of(fitted: Fitted, adaptation: Adaptation | None = None, *, most: int = 3) -> list[RuleFacts]:
    """Every rule in numbers, for people in general or as it reads for the person of an `adaptation`."""
    changed, memory = (adaptation.params, adaptation.memory) if adaptation else ({}, {})
    net = fitted.load(changed)
    return rule_facts(net, most, locked=fitted.params.get(LOCKED), centre_shift=memory.get("centre_shift"))


def rules_in_words(fitted: Fitted, adaptation: Adaptation | None = None, *, use: Sequence[float] | None = None) -> tuple[str, ...]:
    """One sentence per rule, in the order of `Prediction.firing`; empty for a network without rules.

    "IF heart rate is 7.1 bpm above usual (high) AND ... THEN high arousal (0.71), low valence (0.55); speaks for angry (0.62)".
    Values stand against the person's usual, in the descriptor's unit; the last number is the share of that emotion among
    segments of training people where the rule fires, every emotion being equally frequent; the terms are what such emotions are
    like, every term of an axis being equally frequent; an axis on which no term reaches `LEAST_TERM` is left out. With an `adaptation` values are this
    person's: where the task moved the centres. In brackets behind a sentence stands what a reader must not miss:
    a rule that a person deleted or locked, one that says the same words as another, and, where `use` (rule,) is known, one that
    was never the strongest.
    """
    scale = scale_of(fitted)
    texts = [sentence(facts, scale, fitted.inputs.emotions) for facts in facts_of(fitted, adaptation)]
    kept, locked = ([float(v) for v in fitted.params[n]] if n in fitted.params else None for n in (KEPT, LOCKED))
    return tuple(text + "".join(f" [{mark}]" for mark in marks(texts, r, kept, locked, use)) for r, text in enumerate(texts))


def rule_use(fitted: Fitted, segments: Segments, people: Sequence[int]) -> list[float]:
    """Share of these people's segments, 0..1, in which each rule is the strongest without labels of them; empty without rules."""
    if not isinstance(fitted.net.rules, RuleLayer):
        return []
    shares = []
    for person in people:
        rows = np.flatnonzero(segments.subject == person)
        firing = fitted.predict(segments, rows[:0], rows).firing
        shares.append(np.bincount(firing.argmax(axis=1), minlength=firing.shape[1]) / len(rows))
    return np.mean(shares, axis=0).round(4).tolist()


def marks(
    texts: list[str], rule: int, kept: list[float] | None, locked: list[float] | None, use: Sequence[float] | None
) -> list[str]:  # fmt: skip
    """What a reader of one rule must not miss."""
    if kept and not kept[rule]:
        return ["deleted"]
    said = ["locked"] if locked and locked[rule] else []
    twins = [i for i, text in enumerate(texts) if i != rule and text == texts[rule] and (not kept or kept[i])]
    said += [f"the same words as rule {' and '.join(str(i + 1) for i in twins)}"] if twins else []
    return [*said, "never the strongest among the people of the training"] if use and use[rule] == 0 else said


def sentence(facts: RuleFacts, scale: Scale, emotions: tuple[str, ...]) -> str:
    """One rule as one sentence."""
    clauses = [clause(scale, j, centre) for j, centre in zip(facts.inputs, facts.centres)]
    valence, arousal = facts.terms.numpy()
    told = [(axis, p) for axis, p in (("arousal", arousal), ("valence", valence)) if p.max() >= LEAST_TERM]
    said = [f"{TERMS[int(p.argmax())]} {axis} ({p.max():.2f})" for axis, p in told if not any(axis in name for name in emotions)]
    verdict = [f"speaks for {emotions[int(facts.verdict.argmax())]} ({float(facts.verdict.max()):.2f})"] if len(emotions) > 1 else []
    return f"IF {' AND '.join(clauses)} THEN {'; '.join([*filter(None, [', '.join(said)]), *verdict]) or NOTHING}"


def clause(scale: Scale, j: int, centre: float) -> str:
    """`heart rate is 7.1 bpm above usual (high)`; within a third of a standard deviation it is about usual."""
    info = scale.infos[j]
    if abs(centre) < LEAST_CENTRE:
        return f"{info.name} is about {scale.usual}"
    word, side = (info.high, "above") if centre > 0 else (info.low, "below")
    amount = f"{abs(centre) * float(scale.spread[j]):.3g} {unit_of(scale, j)}".strip()
    return f"{info.name} is {amount} {side} {scale.usual} ({word})"


def unit_of(scale: Scale, j: int) -> str:
    """The unit as it is printed: a share has none."""
    return "" if scale.units[j] == "1" else scale.units[j]


def never_said(emotions: Sequence[str]) -> str:
    """One sentence about classes that nobody taught."""
    names = " or ".join(emotions)
    return f"no training person has a label of {names}: the bundle does not answer so until a person's own labels teach it"


def unheeded(facts: Mapping[str, Any]) -> str:
    """One sentence where labels of a person hardly change what a bundle answers, "" otherwise; `facts` as a training leaves them."""
    true, mixed = facts.get("validation"), facts.get("validation_shuffled")
    if true is not None and mixed is not None and true <= mixed:
        why = f"validation people were answered as well with shuffled labels ({mixed:.2f}) as with their own ({true:.2f})"
    elif facts.get("belief") == 0:
        why = "validation people gained nothing from steps towards their labels (belief 0)"
    else:
        return ""
    return f"labels of a person hardly change its answers: {why}; more people to train on or more steps may help"
