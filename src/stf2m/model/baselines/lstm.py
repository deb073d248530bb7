"""A long short-term memory over all sensors on one grid in time (Hochreiter, Schmidhuber 1997)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import Joint
from stf2m.model.baselines.pieces import Patches, common_grid
from stf2m.model.cell import GatedCell
from stf2m.model.config import NetworkConfig

MOST_STEPS = 64
"""gradients hardly travel further, and every step costs"""


class Lstm(Joint):
    """x_t = GELU(sum_m W_m patch_{m,t}) read step by step; the last state speaks. A step that no sensor measured changes nothing."""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=config.width)
        seconds, self.steps = common_grid(infos, config.token_rate, MOST_STEPS)
        self.patches = nn.ModuleDict({i.modality: Patches(i, config.width, seconds, self.steps) for i in infos})
        self.cell = GatedCell(config.width, config.width)

    def say(self, batch: Batch) -> Float[Tensor, "segment said"]:
        read = [self.patches[m](self.signal(batch, m)) for m in self.modalities]
        x = F.gelu(torch.stack([values for values, _ in read]).sum(dim=0))
        seen = torch.stack([mask for _, mask in read]).amax(dim=0)
        drive = self.cell.drives(self.drop(x))
        h = c = torch.zeros_like(x[:, 0])
        for t in range(self.steps):
            new_h, new_c = self.cell(drive[:, t], h, c)
            keep = seen[:, t : t + 1]
            h, c = h + keep * (new_h - h), c + keep * (new_c - c)
        return h
