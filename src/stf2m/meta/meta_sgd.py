"""Meta-SGD (Li, Zhou, Chen, Li 2017): inner steps with a learned size, and direction, for every coordinate."""

from typing import Any

import torch

from stf2m.core.tensors import Params
from stf2m.meta.anil import behind_encoder
from stf2m.meta.learner import META, initial
from stf2m.meta.maml import Maml

EACH = META + "alpha."
"""prefix of the step sizes, one tensor per changed parameter"""


class MetaSgd(Maml):
    """theta <- theta - alpha * grad, elementwise; alpha starts at `step_size` everywhere and may change its sign.

    Behind the encoder by default, so that features are computed once for all tasks. `through_encoder` moves every parameter
    of the network as `maml` does, at its cost, with as many step sizes as the network has weights.
    """

    def __init__(self, steps: int = 3, step_size: float = 0.05, through_encoder: bool = False):
        super().__init__(steps, step_size)
        self.through_encoder, self.shares_encoder = through_encoder, not through_encoder

    def init(self, net: Any) -> Params:
        params = initial(net)
        return params | {EACH + name: torch.full_like(value, self.step_size) for name, value in self.touched(net, params).items()}

    def touched(self, net: Any, params: Params) -> Params:
        return super().touched(net, params) if self.through_encoder else behind_encoder(net, params)

    def sizes(self, params: Params, touched: Params) -> Params:
        return {name: params[EACH + name] for name in touched}
