"""What each rule asks for and what it then says, in numbers; words are added where names are known."""

from typing import NamedTuple

import torch
from torch import Tensor

from stf2m.model.network import Network
from stf2m.model.rules import RuleLayer


class RuleFacts(NamedTuple):
    """One rule. `inputs` indices of the antecedents it cares about most, by falling weight; `centres` and `relevance` of
    these; `terms` (2, 3) probability of Low / Neutral / High valence and arousal at its centre; `logits` (emotion,) what
    the global head adds for it, relative to the mean over rules.
    """

    inputs: tuple[int, ...]
    centres: tuple[float, ...]
    relevance: tuple[float, ...]
    terms: Tensor
    logits: Tensor


@torch.no_grad()
def rule_facts(net: Network, most: int = 3, least_centre: float = 0.35) -> list[RuleFacts]:
    """Every rule of a network whose parameters are loaded; `most` antecedents each, `least_centre` s.d. from usual.

    An antecedent at the usual value says nothing in words, so it is passed over; an input counts by relevance times
    distance from usual.
    """
    layer = net.rules
    if not isinstance(layer, RuleLayer) or net.fuzzy is None:
        return []
    named = len(net.owner)
    relevance = layer.relevance[:, :named]
    centre = layer.centre[:, :named]
    said = torch.einsum("rka,ra->rk", layer.consequent[:, :, :named], centre) + layer.bias
    code = said.new_zeros(len(said), net.config.width)
    h = net.norm(torch.cat([code, said, torch.eye(len(said))], dim=1))
    logits = net.classify(h)
    logits = logits - logits.mean(dim=0)
    terms = net.fuzzy(said).unflatten(-1, (2, 3)).softmax(dim=-1)
    found = []
    for r in range(len(said)):
        order = (relevance[r] * centre[r].abs().clamp(max=3)).argsort(descending=True).tolist()
        kept = [j for j in order if abs(float(centre[r, j])) >= least_centre][:most] or order[:1]
        found.append(
            RuleFacts(
                tuple(kept), tuple(float(centre[r, j]) for j in kept), tuple(float(relevance[r, j]) for j in kept), terms[r], logits[r]
            )
        )
    return found
