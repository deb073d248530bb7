"""A network of one gain and two linear heads, small enough to differentiate by hand, and its gradients in numpy."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.tensors import Batch, Features, Params, Scores

WIDTH, EMOTIONS = 3, 2
Arrays = dict[str, NDArray[np.float64]]


class Gain(nn.Module):
    """An encoder with one weight per feature."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(1 + 0.3 * torch.randn(WIDTH))


class LinearNet(nn.Module):
    """z = gain * x, hidden = (1 + scale) z + shift; linear logits and, unlike the real network, linear ratings.

    So the rating loss is a quadratic in the rating head. `encoder` off: z = x.
    """

    def __init__(self, encoder: bool = True):
        super().__init__()
        self.config, self.emotions, self.antecedents, self.modalities = SimpleNamespace(width=WIDTH), EMOTIONS, 0, ("one",)
        self.deep = self.hidden = WIDTH
        self.rules_first = False
        self.encoder = Gain() if encoder else None
        self.classify, self.rate = nn.Linear(WIDTH, EMOTIONS), nn.Linear(WIDTH, 2)
        self.double()

    def forward(self, stage: str, *inputs: Any) -> Any:
        return getattr(self, "stage_" + stage)(*inputs)

    def stage_encode(self, batch: Batch) -> Features:
        z = batch.descriptors if self.encoder is None else self.encoder.gain * batch.descriptors
        nothing = z.new_zeros(len(z), 0)
        return Features(z.unsqueeze(1), batch.present, nothing, nothing, nothing, nothing, batch.present, *batch[3:])

    def stage_whiten(self, features: Features) -> Tensor:
        return features.wide

    def stage_population(self) -> tuple[Tensor, Tensor]:
        return self.classify.weight[:, :0], self.classify.weight.new_zeros(3, 0)

    def stage_reason(self, features: Features, centre_shift: Tensor, trust: Tensor, offset: Tensor) -> Tensor:
        return features.parts[:, 0]

    def stage_fuse(self, z: Tensor, scale: Tensor, shift: Tensor, count: Tensor) -> Tensor:
        return (1 + scale) * z + shift

    def stage_global_head(self, trust: Tensor) -> tuple[Tensor, ...]:
        return self.classify.weight, self.classify.bias, self.rate.weight, self.rate.bias

    def stage_head(self, h: Tensor, weight: Tensor, bias: Tensor, rate_weight: Tensor, rate_bias: Tensor) -> Scores:
        nothing = h.new_zeros(len(h), 0)
        return Scores(F.linear(h, weight, bias), F.linear(h, rate_weight, rate_bias), nothing, nothing, h.new_ones(len(h), 1))


def rows(count: int, seed: int) -> Batch:
    """Random labelled and rated segments."""
    draw = torch.Generator().manual_seed(seed)
    x, rating = (torch.randn(count, n, generator=draw, dtype=torch.float64) for n in (WIDTH, 2))
    one = torch.ones(count, dtype=torch.float64)
    when, votes = torch.zeros(count, 3).double(), torch.zeros(count, 0).double()
    return Batch({}, x, one.unsqueeze(1), torch.arange(count) % EMOTIONS, one, rating, one, when, one, votes)


def start(params: Params) -> Arrays:
    """The heads and the modulation that changes nothing, in numpy."""
    names = {"weight": "net.classify.weight", "bias": "net.classify.bias", "rate": "net.rate.weight", "rate_bias": "net.rate.bias"}
    return {k: params[n].detach().numpy() for k, n in names.items()} | {"scale": np.zeros(WIDTH), "shift": np.zeros(WIDTH)}


def by_hand(theta: Arrays, z: NDArray[np.float64], batch: Batch) -> tuple[float, Arrays]:
    """Support loss and its gradient, derived by hand: class-balanced cross-entropy and half the mean squared rating error.

    The gradient also names `z`.
    """
    y, wanted = np.eye(EMOTIONS)[batch.target.numpy()], batch.rating.numpy()
    share = (y / y.sum(axis=0)).sum(axis=1) / EMOTIONS
    h = (1 + theta["scale"]) * z + theta["shift"]
    logits = h @ theta["weight"].T + theta["bias"]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = h @ theta["rate"].T + theta["rate_bias"] - wanted
    loss = -(share * np.log((p * y).sum(axis=1))).sum() + 0.5 * (error**2).sum() / len(z)
    d_logits, d_rating = share[:, None] * (p - y), error / len(z)
    d_h = d_logits @ theta["weight"] + d_rating @ theta["rate"]
    return float(loss), {
        "weight": d_logits.T @ h, "bias": d_logits.sum(axis=0), "rate": d_rating.T @ h, "rate_bias": d_rating.sum(axis=0),
        "scale": (d_h * z).sum(axis=0), "shift": d_h.sum(axis=0), "z": d_h * (1 + theta["scale"]),
    }  # fmt: skip
