"""Caution: a person's few labels move the answer away from people in general only as far as validation people gain by it.

Training people are known too well to say how much a stranger's labels are worth; where they are noisy, or say little that signals
can repeat, following them costs. With n labels the answer is

    general + n / (n + caution) * (adapted - general)

in logits and in ratings: shrinkage towards people in general, where `caution` is how many labels it takes until half of the way is
gone (James and Stein 1961 in spirit). 0 = the adapted answer; very large = labels are not followed.
"""

from typing import Any

import torch
from torch import Tensor, nn

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.learner import CAUTION, Learner, OwnOuterLoss

GENERAL, GENERAL_MEMORY, TOLD = "general.params.", "general.memory.", "general.labels"
"""what an `Adaptation` remembers of the answer without labels, and how many labels there were"""


class Cautious:
    """Any learner, its answers leaning on those for people in general. While caution is 0 it is the learner itself."""

    def __init__(self, learner: Learner):
        self.learner = learner
        self.shares_encoder, self.centre, self.ordinal = learner.shares_encoder, learner.centre, learner.ordinal
        self.steps = getattr(learner, "steps", 0)
        if isinstance(learner, OwnOuterLoss):
            self.outer_loss = learner.outer_loss

    def init(self, net: nn.Module) -> Params:
        """The learner's own, and no caution."""
        return self.learner.init(net) | {CAUTION: torch.tensor(0.0)}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        """The learner's adaptation, which also remembers how it would answer without labels."""
        adaptation = self.learner.adapt(net, params, support)
        if float(params[CAUTION]) == 0.0:
            return adaptation
        general = self.learner.adapt(net, params, nobody(support))
        told = (support.weight * torch.maximum(support.known, support.rated)).sum()
        kept = {GENERAL + n: v for n, v in general.params.items()} | {GENERAL_MEMORY + n: v for n, v in general.memory.items()}
        return adaptation._replace(memory=adaptation.memory | kept | {TOLD: told})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        """The learner's scores under the adaptation, on their way from those without labels."""
        adapted = self.learner.score(net, params, adaptation, query)
        if TOLD not in adaptation.memory:
            return adapted
        named = lambda head: {n.removeprefix(head): v for n, v in adaptation.memory.items() if n.startswith(head)}  # noqa: E731
        alone = Adaptation(named(GENERAL), named(GENERAL_MEMORY), adaptation.losses[:0])
        general = self.learner.score(net, params, alone, query)
        share = _share(adaptation.memory[TOLD], params[CAUTION])
        return adapted._replace(
            logits=torch.lerp(general.logits, adapted.logits, share), rating=torch.lerp(general.rating, adapted.rating, share)
        )


def nobody(support: Batch | Features) -> Any:
    """A support without a single segment."""
    none = lambda value: {n: v[:0] for n, v in value.items()} if isinstance(value, dict) else value[:0]  # noqa: E731
    kind: Any = type(support)
    return kind(*(none(value) for value in support))


def _share(told: Tensor, caution: Tensor) -> Tensor:
    return told / (told + caution).clamp(min=1e-9)
