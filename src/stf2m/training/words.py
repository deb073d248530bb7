"""Rules as sentences with units: what the network asks for, in the words of the descriptors."""

import numpy as np

from stf2m.core.records import DescriptorInfo
from stf2m.model.explain import RuleFacts, rule_facts
from stf2m.training.run import Fitted

TERMS = ("low", "neutral", "high")


def rules_in_words(fitted: Fitted) -> tuple[str, ...]:
    """One sentence per rule, in the order of `Prediction.firing`; empty for a network without rules.

    "IF heart rate is 7.1 bpm above usual (high) AND ... THEN high arousal (0.71), neutral valence (0.55); speaks for angry".
    Values stand against the person's usual, in the descriptor's unit.
    """
    fitted.load()
    readable = [j for j, info in enumerate(fitted.inputs.descriptors) if info.readable]
    infos = [fitted.inputs.descriptors[j] for j in readable]
    spread = fitted.normaliser.descriptors[1][readable]
    return tuple(sentence(facts, infos, spread, fitted.inputs.emotions) for facts in rule_facts(fitted.net))


def sentence(facts: RuleFacts, infos: list[DescriptorInfo], spread: np.ndarray, emotions: tuple[str, ...]) -> str:
    """One rule as one sentence."""
    clauses = [clause(infos[j], centre, float(spread[j])) for j, centre in zip(facts.inputs, facts.centres)]
    valence, arousal = facts.terms.numpy()
    said = [f"{TERMS[int(p.argmax())]} {axis} ({p.max():.2f})" for axis, p in (("arousal", arousal), ("valence", valence))]
    end = f"; speaks for {emotions[int(facts.logits.argmax())]}" if len(facts.logits) == len(emotions) else ""
    return f"IF {' AND '.join(clauses)} THEN {', '.join(said)}{end}"


def clause(info: DescriptorInfo, centre: float, spread: float) -> str:
    """`heart rate is 7.1 bpm above usual (high)`."""
    word, side = (info.high, "above") if centre > 0 else (info.low, "below")
    amount = f"{abs(centre) * spread:.3g} {info.unit}".strip()
    return f"{info.name} is {amount} {side} usual ({word})"
