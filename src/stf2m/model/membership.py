"""Membership functions of fuzzy sets."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

GAUSSIAN = -1.0986
"""raw shape of a Gaussian"""
FLOOR = 0.2
"""least width of a membership, in standard deviations of its input: rules narrower than this are noise"""


def log_membership(
    u: Float[Tensor, "segment antecedent"],
    centre: Float[Tensor, "rule antecedent"],
    raw_width: Float[Tensor, "rule antecedent"],
    raw_shape: Float[Tensor, "rule antecedent"],
) -> Float[Tensor, "segment rule antecedent"]:
    """log mu_rj(u) = -|(u_j - c_rj) / sigma_rj|^(2 beta_rj), the generalized Gaussian (beta = 1 is Gaussian).

    sigma = softplus(raw) + 0.2, beta = 0.5 + 2 sigmoid(raw_shape) in 0.5 .. 2.5, so raw_shape = -1.0986 is Gaussian.
    The distance is kept off 0, where a power below 1 has no finite slope.
    """
    sigma = F.softplus(raw_width) + FLOOR
    beta = 0.5 + 2.0 * torch.sigmoid(raw_shape)
    distance = ((u.unsqueeze(1) - centre) / sigma).abs().clamp(1e-3, 10.0)
    return -torch.exp(2 * beta * distance.log())
