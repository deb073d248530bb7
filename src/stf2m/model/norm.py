"""Layer normalisation written out."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """y = (x - mean) / sqrt(var + 1e-5) * weight + bias over the last axis (Ba, Kiros, Hinton 2016).

    `torch.nn.LayerNorm` with weights that differ between tasks has wrong second derivatives under `vmap` in torch 2.13
    (see docs/reasons.md), and inner steps of MAML change them.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch feature"]:
        """The same shape, normalised over the last axis."""
        centred = x - x.mean(dim=-1, keepdim=True)
        return centred * torch.rsqrt((centred**2).mean(dim=-1, keepdim=True) + 1e-5) * self.weight + self.bias
