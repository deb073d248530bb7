"""A recurrent cell written with matrix products, because `nn.LSTMCell` has no batching rule under `vmap`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GatedCell(nn.Module):
    """LSTM cell (Hochreiter, Schmidhuber 1997) in the parameter layout of `nn.LSTMCell`, gates i, f, g, o."""

    def __init__(self, inputs: int, size: int):
        super().__init__()
        bound = size**-0.5
        self.weight_ih = nn.Parameter(torch.empty(4 * size, inputs).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(4 * size, size).uniform_(-bound, bound))
        self.bias_ih, self.bias_hh = nn.Parameter(torch.zeros(4 * size)), nn.Parameter(torch.zeros(4 * size))

    def forward(self, drive: Float[Tensor, "*batch gates"], h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step; `drive` is W_ih x + b_ih, computed for the whole sequence at once by `drives`."""
        i, f, g, o = (drive + h @ self.weight_hh.T + self.bias_hh).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def drives(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch gates"]:
        """The part of the gates that needs no state, for every step of a sequence in one matrix product."""
        return x @ self.weight_ih.T + self.bias_ih
