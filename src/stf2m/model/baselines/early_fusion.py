"""Early fusion: all sensors on one grid in time, one convolutional network over the stack of their channels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import Joint
from stf2m.model.baselines.pieces import Convolution, Patches, common_grid
from stf2m.model.config import NetworkConfig

MOST_TOKENS = 128
LAYERS = 3


class EarlyFusion(Joint):
    """x_t = GELU(sum_m W_m patch_{m,t}), then three convolutions of stride 2 and the mean over time.

    The sum of linear maps is one linear map of the stacked channels. Long inputs are cut into coarser patches, so that no
    sample is lost.
    """

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=config.width)
        seconds, tokens = common_grid(infos, config.token_rate, MOST_TOKENS)
        self.patches = nn.ModuleDict({i.modality: Patches(i, config.width, seconds, tokens) for i in infos})
        self.layers = nn.ModuleList(Convolution(config.width, config.width, 2) for _ in range(LAYERS))

    def say(self, batch: Batch) -> Float[Tensor, "segment said"]:
        read = [self.patches[m](self.signal(batch, m))[0] for m in self.modalities]
        x = F.gelu(torch.stack(read).sum(dim=0)).transpose(1, 2)
        for layer in self.layers:
            x = F.gelu(layer(self.drop(x)))
        return x.mean(dim=-1)
