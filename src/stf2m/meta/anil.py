"""Gradient steps on the head only (ANIL, Raghu et al. 2020), and on everything behind the encoder for `finetune`."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import (
    BELIEF,
    META,
    NET,
    apply_head,
    descend,
    fixed,
    global_head,
    hidden_of,
    initial,
    labelled,
    positive,
    remove_baseline,
    score_adapted,
    support_loss,
)  # fmt: skip


class Anil:
    """`steps` inner steps on the head from the global head, with one meta-learned step size."""

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def __init__(self, steps: int = 5, step_size: float = 0.1):
        self.steps, self.step_size = steps, step_size

    def init(self, net: Any) -> Params:
        return initial(net, size=math.log(self.step_size))

    def start(self, net: Any, params: Params, near: Features, memory: Params) -> tuple[Params, Callable[[Params], Scores]]:
        """What inner steps touch, at its start, and the scores of the support under a changed version of it.

        Only the head moves, so everything before it is computed once.
        """
        hidden = hidden_of(net, params, near, memory)
        return global_head(net, params, memory), lambda now: apply_head(net, params, hidden, now)

    def size(self, params: Params) -> Tensor:
        """Step size of every changed tensor."""
        return positive(params[META + "size"])

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        labels = labelled(features, net.emotions)
        near = remove_baseline(features, adaptation.memory)
        some = (labels.sum() > 0).to(features.u.dtype)

        start, scores = self.start(net, params, near, adaptation.memory)
        sizes = {name: some * params[BELIEF] * self.size(params) for name in start}
        fast, losses = descend(lambda now: support_loss(scores(now), features, labels, self.ordinal), start, sizes, self.steps)
        return adaptation._replace(params=fast, losses=losses)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)


class Finetune(Anil):
    """The supervised network, at test time tuned by plain gradient steps on everything behind the encoder.

    Nothing is meta-learned: training equals `frozen`, so both share one training.
    """

    def __init__(self, steps: int = 20, step_size: float = 0.05):
        super().__init__(steps, step_size)

    def init(self, net: Any) -> Params:
        return initial(net)

    def start(self, net: Any, params: Params, near: Features, memory: Params) -> tuple[Params, Callable[[Params], Scores]]:
        def scores(now: Params) -> Scores:
            changed = params | now
            return apply_head(net, changed, hidden_of(net, changed, near, memory), global_head(net, changed, memory))

        return behind_encoder(net, params), scores

    def size(self, params: Params) -> Tensor:
        return params[META + "usual"].new_tensor(self.step_size)


def behind_encoder(net: Any, params: Params) -> Params:
    """Every parameter of the network that a gradient may change once features are computed."""
    skipped = (NET + "encoder.", *fixed(net))
    return {name: value for name, value in params.items() if name.startswith(NET) and not name.startswith(skipped)}
