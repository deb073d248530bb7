"""What each rule asks for and what it then says, in numbers; words are added where names are known."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from stf2m.model.network import Network
from stf2m.model.rules import RuleLayer

LEAST_CENTRE = 0.35
"""s.d. from usual below which an antecedent is passed over"""
LEAST_SHARE = 0.1
"""of the strongest antecedent's weight, below which one is not told"""


class RuleFacts(NamedTuple):
    """One rule. `inputs` indices of the antecedents it cares about most, by falling weight; `centres` and `relevance` of
    these; `told` the share of all antecedents' weight that these have, 0..1; `verdict` (outcome,) the share of each outcome
    among segments where it fires; `terms` (2, 3) the share of Low / Neutral / High valence and arousal there, 0 where unknown.
    """

    inputs: tuple[int, ...]
    centres: tuple[float, ...]
    relevance: tuple[float, ...]
    told: float
    terms: Tensor
    verdict: Tensor


def terms_of(verdict: Float[Tensor, "*rule outcome"], meaning: Float[Tensor, "outcome 2 3"]) -> Float[Tensor, "*rule 2 3"]:
    """Share of Low / Neutral / High valence and arousal where outcomes have the shares `verdict`, all three being equally
    frequent by themselves: sum_c P(c) meaning_c, normalised over the terms. 0 where it is not known what outcomes mean."""
    found = torch.einsum("...c,cat->...at", verdict, meaning)
    return found / found.sum(dim=-1, keepdim=True).clamp(min=1e-6)


@torch.no_grad()
def rule_facts(
    net: Network,
    most: int = 3,
    least_centre: float = LEAST_CENTRE,
    *,
    locked: Tensor | None = None,
    centre_shift: Tensor | None = None,
) -> list[RuleFacts]:
    """Every rule of a network whose parameters are loaded; `most` antecedents each, `least_centre` s.d. from usual.

    An antecedent at the usual value says nothing in words, so it is passed over; an input counts by relevance times
    distance from usual, and one that counts little beside the strongest is left out. `locked` (rule,) is a person's edit;
    `centre_shift` (antecedent,) is what adapting to somebody moved, so that "high" is what is high for them.
    """
    layer = net.rules
    if not isinstance(layer, RuleLayer):
        return []
    named = len(net.owner)
    centres = layer.centre
    if centre_shift is not None:
        centres = centres + (centre_shift if locked is None else (1 - locked).unsqueeze(1) * centre_shift)
    weight = layer.relevance * centres.abs().clamp(max=3)
    verdict = layer.verdict.softmax(dim=-1)
    terms = terms_of(verdict, layer.meaning)
    found = []
    for r in range(len(centres)):
        order = weight[r, :named].argsort(descending=True).tolist()
        least = LEAST_SHARE * float(weight[r, :named].max())
        chosen = [j for j in order if abs(float(centres[r, j])) >= least_centre and float(weight[r, j]) >= least][:most] or order[:1]
        told = float(weight[r, chosen].sum() / weight[r].sum().clamp(min=1e-6))
        places, shares = centres[r, chosen].tolist(), layer.relevance[r, chosen].tolist()
        found.append(RuleFacts(tuple(chosen), tuple(places), tuple(shares), told, terms[r], verdict[r]))
    return found
