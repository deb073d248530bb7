"""Late fusion: a convolutional network for every sensor by itself; all of them have the same say at the end."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import PerModality
from stf2m.model.baselines.pieces import Convolution, Pooling, strides_to
from stf2m.model.config import NetworkConfig

LAYERS = 3


class Tower(nn.Module):
    """Three convolutions from the native rate to about the token rate, then the mean of what is now beside that of all."""

    def __init__(self, info: SignalInfo, width: int, rate: float, dropout: float):
        super().__init__()
        sizes = [len(info.channels) + 1, *[width] * LAYERS]
        self.layers = nn.ModuleList(
            Convolution(a, b, s) for a, b, s in zip(sizes[:-1], sizes[1:], strides_to(info, rate, LAYERS), strict=True)
        )
        frames = info.samples
        for layer in self.layers:
            assert isinstance(layer, Convolution)
            frames = layer.frames(frames)
        self.whole, self.now = (Pooling(info.samples, frames, 1, last=part) for part in (1.0, info.window / info.samples))
        self.drop = nn.Dropout(dropout)

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment feature"]:
        """-> 2 `width` numbers."""
        x = signal
        for layer in self.layers:
            x = self.drop(F.gelu(layer(x)))
        return torch.cat([self.now(x, signal), self.whole(x, signal)], dim=1).squeeze(-1)


class LateFusion(PerModality):
    """One tower per modality; their parts are averaged over those that are present."""

    has_gates = False

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=2 * config.node_width)
        self.towers = nn.ModuleDict({i.modality: Tower(i, config.node_width, config.token_rate, config.dropout) for i in infos})

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        return torch.stack([self.towers[m](self.signal(batch, m)) for m in self.modalities], dim=1)
