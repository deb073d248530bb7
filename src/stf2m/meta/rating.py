"""How the head of valence and arousal follows a person's rated support; rating = tanh(W' h + b'), so changes are made before tanh."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from stf2m.core.tensors import Features, Params
from stf2m.meta.heads import ridge_change
from stf2m.meta.learner import HEAD, NET

WEIGHT, BIAS = HEAD[2:]
LARGEST = 0.95
"""ratings nearer to +-1 count as this, because atanh has no end"""


def rates_only(net: Any) -> bool:
    """A network with one class has nothing to tell apart: its target is the rating itself."""
    return net.emotions == 1


def residual(deep: Float[Tensor, "segment deep"], features: Features, head: Params) -> Float[Tensor, "segment 2"]:
    """What is missing before tanh between the head's answer and the ratings of the support."""
    return torch.atanh(features.rating.clamp(-LARGEST, LARGEST)) - (deep @ head[WEIGHT].T + head[BIAS])


def ridge_rating(deep: Float[Tensor, "segment deep"], features: Features, head: Params, strength: Tensor) -> Params:
    """The ridge change of the rating head that best explains the support's ratings; an empty support changes nothing."""
    weight, bias = ridge_change(deep, features.weight * features.rated, residual(deep, features, head), strength)
    return {WEIGHT: head[WEIGHT] + weight, BIAS: head[BIAS] + bias}


def general_rating(params: Params) -> Params:
    """The rating head for people in general."""
    return {WEIGHT: params[NET + "rate.weight"], BIAS: params[NET + "rate.bias"]}


def rating_alone(net: Any, params: Params, deep: Float[Tensor, "segment deep"], features: Features, pull: Tensor) -> Params:
    """`offset_rating` where only ratings are asked for, else nothing: the rating head of learners that make a head for classes."""
    return offset_rating(deep, features, general_rating(params), pull) if rates_only(net) else {}


def offset_rating(deep: Float[Tensor, "segment deep"], features: Features, head: Params, pull: Tensor) -> Params:
    """The person's mean offset, b' + sum_i w_i residual_i / (sum_i w_i + pull): how much higher or lower they rate."""
    weight = features.weight * features.rated
    offset = (weight.unsqueeze(1) * residual(deep, features, head)).sum(dim=0) / (weight.sum() + pull)
    return {WEIGHT: head[WEIGHT], BIAS: head[BIAS] + offset}
