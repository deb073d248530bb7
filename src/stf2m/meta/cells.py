"""How a support set is read: as a sequence, in several rotations of its order."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.model.cell import GatedCell


class SetReader(nn.Module):
    """Reads a support set as a sequence, in several rotations of its order, to one state: the mean of the last states.

    A step with weight 0 (padding) leaves the state as it was, so padding changes nothing.
    """

    def __init__(self, inputs: int, size: int):
        super().__init__()
        self.size, self.cell = size, GatedCell(inputs, size)

    def forward(self, x: Float[Tensor, "segment inputs"], weight: Float[Tensor, " segment"], rotations: int) -> Float[Tensor, " state"]:
        """The mean over rotations of the last hidden state; zeros for an empty set."""
        return self.states(x, weight, rotations)[0].mean(dim=0)

    def states(
        self, x: Float[Tensor, "segment inputs"], weight: Float[Tensor, " segment"], rotations: int
    ) -> tuple[Float[Tensor, "rotation state"], Float[Tensor, "rotation state"]]:
        """Where the cell ends, h and c, for every rotation; zeros for an empty set."""
        count = len(x)
        h = c = x.new_zeros(rotations, self.size)
        if count == 0:
            return h, c
        turns = [torch.arange(count, device=x.device).roll(-(r * count) // rotations) for r in range(rotations)]
        order = torch.stack(turns)
        drive, use = self.cell.drives(x)[order], (weight > 0).to(x.dtype)[order]
        for t in range(count):
            new_h, new_c = self.cell(drive[:, t], h, c)
            keep = use[:, t : t + 1]
            h, c = h + keep * (new_h - h), c + keep * (new_c - c)
        return h, c
