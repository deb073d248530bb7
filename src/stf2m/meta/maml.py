"""Model-agnostic meta-learning (Finn, Abbeel, Levine 2017): inner steps on every parameter of the network."""

import math
from typing import Any

from torch import Tensor

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.learner import (
    BELIEF,
    META,
    NET,
    apply_head,
    baseline,
    descend,
    features_of,
    fixed,
    global_head,
    hidden_of,
    initial,
    labelled,
    no_modulation,
    positive,
    remove_baseline,
    score_adapted,
    support_loss,
)  # fmt: skip


class Maml:
    """`steps` inner steps through the encoder; second order unless `first_order`. Costs many times a shared-encoder learner."""

    shares_encoder = False
    centre = True
    ordinal = 0.0

    def __init__(self, steps: int = 3, step_size: float = 0.05, first_order: bool = False):
        self.steps, self.step_size, self.first_order = steps, step_size, first_order

    def init(self, net: Any) -> Params:
        return initial(net, size=math.log(self.step_size))

    def touched(self, net: Any, params: Params) -> Params:
        """What inner steps change: every parameter of the network but the population, and rules that come first."""
        skipped = fixed(net)
        return {name: value for name, value in params.items() if name.startswith(NET) and name not in skipped}

    def sizes(self, params: Params, touched: Params) -> Params:
        """Step size of every changed tensor."""
        return dict.fromkeys(touched, positive(params[META + "size"]))

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        fast = self.touched(net, params)

        def loss(now: Params) -> Tensor:
            features, memory = self._start(net, params | now, support)
            now = params | now
            hidden = hidden_of(net, now, remove_baseline(features, memory), memory)
            scores = apply_head(net, now, hidden, global_head(net, now, memory))
            return support_loss(scores, features, labelled(features, net.emotions), self.ordinal)

        some = (support.weight * support.known).sum().clamp(max=1.0)
        sizes = {name: some * params[BELIEF] * size for name, size in self.sizes(params, fast).items()}
        start = {name: value.detach() for name, value in fast.items()} if self.first_order else fast
        moved, losses = descend(loss, start, sizes, self.steps)
        if self.first_order:
            moved = {name: fast[name] + (moved[name] - start[name]).detach() for name in fast}
        _, memory = self._start(net, params | moved, support)
        return Adaptation(moved, memory, losses)

    def _start(self, net: Any, params: Params, support: Batch | Features) -> tuple[Features, Params]:
        features = features_of(net, params, support)
        memory = baseline(net, params, features, labelled(features, net.emotions), centre=self.centre)
        return features, memory | no_modulation(net, features.u)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
