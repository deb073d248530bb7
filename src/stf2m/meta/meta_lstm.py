"""A recurrent optimiser (Ravi, Larochelle 2017): the inner step is the cell update of an LSTM whose state is the head."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad_and_value

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import (
    HEAD,
    META,
    apply_head,
    damping,
    fuse,
    global_head,
    initial,
    labelled,
    positive,
    reason,
    remove_baseline,
    score_adapted,
    support_loss,
)  # fmt: skip
from stf2m.meta.own import OWN
from stf2m.meta.rating import rates_only, rating_alone

KINDS = {"scale": "scale", "shift": "shift", HEAD[0]: "weight", HEAD[1]: "bias"}
"""what the optimiser moves, and the short name of its gate biases"""
FINE = 10.0
"""p of the preprocessing: numbers under e^-p are scaled, larger ones seen by their logarithm"""


class MetaLstm:
    """theta_t = f_t * theta_{t-1} - i_t * grad_t for every coordinate of head and modulation, from the global head.

    f_t, i_t = sigmoid(W [grad_t; loss_t; theta_{t-1}] + u * (f_{t-1}, i_{t-1}) + b), one W and u for all coordinates and one
    b per tensor; f_0 = 1, i_0 = 0. W and u start at zero, f at `keep` and i at `step_size`: plain gradient descent. What
    the gates read of gradient and loss is a constant for the outer gradient, as in the paper; the step itself is not.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def __init__(self, steps: int = 5, step_size: float = 0.1, keep: float = 0.999):
        self.steps, self.step_size, self.keep = steps, step_size, keep

    def init(self, net: Any) -> Params:
        forget, take = _logit(self.keep), _logit(self.step_size)
        biases = {f"forget.{kind}": forget for kind in KINDS.values()} | {f"take.{kind}": take for kind in KINDS.values()}
        return initial(net, **biases) | {OWN + "look": torch.zeros(5, 2), OWN + "before": torch.zeros(2)}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        memory, labels = adaptation.memory, labelled(features, net.emotions)
        reasoned = reason(net, params, remove_baseline(features, memory), memory)
        world = global_head(net, params, memory)
        if rates_only(net):
            deep = fuse(net, params, reasoned, memory).h[:, : net.deep]
            world |= rating_alone(net, params, deep, features, positive(params[META + "usual"][0]))

        def loss(now: Params) -> Tensor:
            scores = apply_head(net, params, fuse(net, params, reasoned, memory | now), world | {name: now[name] for name in HEAD[:2]})
            return support_loss(scores, features, labels, self.ordinal)

        some = (labels.sum() > 0).to(features.u.dtype)
        start = {name: (memory | world)[name] for name in KINDS}
        fast, losses = self.optimise(loss, params, start, some)
        return Adaptation(
            (world if rates_only(net) else {}) | {name: fast[name] for name in HEAD[:2]},
            memory | {name: fast[name] for name in ("scale", "shift")},
            losses,
        )

    def optimise(self, loss: Any, params: Params, fast: Params, some: Tensor) -> tuple[Params, Float[Tensor, " step"]]:
        """`steps` gated steps; with `some` = 0 every gate stands at (1, 0) and nothing moves."""
        nothing = fast[HEAD[1]].new_zeros(0)
        gates = {name: torch.stack([torch.ones_like(value), torch.zeros_like(value)], dim=-1) for name, value in fast.items()}
        losses = []
        for _ in range(self.steps):
            slope, value = grad_and_value(loss)(fast)
            damp = damping(slope)
            for name, kind in KINDS.items():
                gates[name] = gate(params, kind, damp * slope[name], value, fast[name], gates[name])
            forget = {name: 1 - some * (1 - both[..., 0]) for name, both in gates.items()}
            fast = {name: forget[name] * fast[name] - some * gates[name][..., 1] * damp * slope[name] for name in fast}
            losses.append(value)
        return fast, torch.stack(losses) if losses else nothing

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)


def gate(params: Params, kind: str, slope: Tensor, loss: Tensor, theta: Tensor, before: Tensor) -> Float[Tensor, "*coordinate 2"]:
    """The forget and the input gate of every coordinate of one tensor."""
    seen = torch.cat([preprocess(slope.detach()), preprocess(loss.detach()).expand(*slope.shape, 2), theta.unsqueeze(-1)], dim=-1)
    bias = torch.stack([params[f"{META}forget.{kind}"], params[f"{META}take.{kind}"]])
    return torch.sigmoid(seen @ params[OWN + "look"] + before * params[OWN + "before"] + bias)


def preprocess(x: Float[Tensor, "*coordinate"]) -> Float[Tensor, "*coordinate 2"]:
    """(log|x| / p, sign x), below e^-p (-1, e^p x): magnitude and sign apart (Andrychowicz et al. 2016, appendix A)."""
    large = x.abs() >= math.exp(-FINE)
    size = x.abs().clamp(min=math.exp(-FINE)).log() / FINE
    return torch.stack([size, torch.where(large, x.sign(), math.exp(FINE) * x)], dim=-1)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
