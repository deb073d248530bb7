"""What each rule asks for and what it then says, in numbers; words are added where names are known."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from stf2m.model.network import Network
from stf2m.model.rules import RuleLayer

LEAST_SHARE = 0.1
"""of the strongest antecedent's weight, below which one is not told"""


class RuleFacts(NamedTuple):
    """One rule. `inputs` indices of the antecedents it cares about most, by falling weight; `centres` and `relevance` of
    these; `told` the share of all antecedents' weight that these have, 0..1; `terms` (2, 3) probability of Low / Neutral /
    High valence and arousal at its centre; `logits` (emotion,) what the head adds for it, relative to the mean over the rules.
    """

    inputs: tuple[int, ...]
    centres: tuple[float, ...]
    relevance: tuple[float, ...]
    told: float
    terms: Tensor
    logits: Tensor


class Said(NamedTuple):
    """What rules say where they fire most: `terms` (rule, 2, 3) probabilities, `logits` (rule, emotion) relative to their mean."""

    terms: Tensor
    logits: Tensor


def said_by_rules(net: Network, semantics: Tensor, kept: Tensor | None, head: Tensor | None, code: Tensor | None) -> Said:
    """What the network reads from each rule's `semantics` (rule, semantic) when it fires alone; differentiable.

    `head` (emotion, hidden) in the place of the global one; `code` (width,) beside it, 0 when absent.
    """
    count = len(semantics)
    beside = semantics.new_zeros(net.config.width) if code is None else code
    h = net.norm(torch.cat([beside.expand(count, -1), semantics, torch.eye(count)], dim=1))
    weight = net.classify.weight if head is None else head[:, : net.deep]
    logits = F.linear(h, weight)
    use = semantics.new_ones(count) if kept is None else kept
    assert net.fuzzy is not None
    return Said(net.fuzzy(semantics).unflatten(-1, (2, 3)).softmax(dim=-1), logits - use @ logits / use.sum())


@torch.no_grad()
def rule_facts(
    net: Network,
    most: int = 3,
    least_centre: float = 0.35,
    *,
    kept: Tensor | None = None,
    locked: Tensor | None = None,
    centre_shift: Tensor | None = None,
    head: Tensor | None = None,
    code: Tensor | None = None,
) -> list[RuleFacts]:
    """Every rule of a network whose parameters are loaded; `most` antecedents each, `least_centre` s.d. from usual.

    An antecedent at the usual value says nothing in words, so it is passed over; an input counts by relevance times
    distance from usual, and one that counts little beside the strongest is left out. `kept` and `locked` (rule,) are a person's edits; `centre_shift` (antecedent,), `head` (emotion, hidden)
    and `code` (width,) what adapting to somebody changed, so that "high" is what is high for them.
    """
    layer = net.rules
    if not isinstance(layer, RuleLayer) or net.fuzzy is None:
        return []
    named = len(net.owner)
    centres = layer.centre
    if centre_shift is not None:
        centres = centres + (centre_shift if locked is None else (1 - locked).unsqueeze(1) * centre_shift)
    weight = layer.relevance * centres.abs().clamp(max=3)
    said = said_by_rules(net, torch.einsum("rka,ra->rk", layer.consequent, centres) + layer.bias, kept, head, code)
    found = []
    for r in range(len(centres)):
        order = weight[r, :named].argsort(descending=True).tolist()
        least = LEAST_SHARE * float(weight[r, :named].max())
        chosen = [j for j in order if abs(float(centres[r, j])) >= least_centre and float(weight[r, j]) >= least][:most] or order[:1]
        told = float(weight[r, chosen].sum() / weight[r].sum().clamp(min=1e-6))
        places, shares = centres[r, chosen].tolist(), layer.relevance[r, chosen].tolist()
        found.append(RuleFacts(tuple(chosen), tuple(places), tuple(shares), told, said.terms[r], said.logits[r]))
    return found
