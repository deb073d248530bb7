"""A residual network over every sensor at its native rate (He et al. 2016; for time series Wang, Yan, Oates 2017)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import PerModality
from stf2m.model.baselines.pieces import Convolution, Pooling, SegmentNorm, strides_to
from stf2m.model.config import NetworkConfig

BLOCKS = 3


class Residual(nn.Module):
    """y = skip(x) + conv(GELU(norm(conv(GELU(norm(x)))))): pre-activation, so that the level of a signal passes by the norms."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first, self.second = SegmentNorm(inputs), SegmentNorm(outputs)
        self.down, self.conv = Convolution(inputs, outputs, stride), Convolution(outputs, outputs)
        self.skip = nn.Identity() if stride == 1 and inputs == outputs else nn.Conv1d(inputs, outputs, 1, stride)

    def forward(self, x: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment output frame"]:
        """-> (segment, output, ceil(time / stride))."""
        return self.skip(x) + self.conv(F.gelu(self.second(self.down(F.gelu(self.first(x))))))


class Trunk(nn.Module):
    """A stem and three residual blocks down to about the token rate, then the mean over what was measured."""

    def __init__(self, info: SignalInfo, width: int, rate: float, dropout: float):
        super().__init__()
        steps = strides_to(info, rate, BLOCKS + 1)
        self.stem = Convolution(len(info.channels) + 1, width, steps[0])
        sizes = [width, width, width, 2 * width]
        self.blocks = nn.Sequential(*(Residual(a, b, s) for a, b, s in zip(sizes[:-1], sizes[1:], steps[1:], strict=True)))
        frames = info.samples
        for step in steps:
            frames = -(-frames // step)
        self.pool, self.drop = Pooling(info.samples, frames, 1), nn.Dropout(dropout)

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment feature"]:
        """-> 2 `width` numbers."""
        return self.pool(F.gelu(self.blocks(self.drop(self.stem(signal)))), signal).squeeze(-1)


class ResNet1d(PerModality):
    """One trunk per modality, joined by learned gates."""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=2 * config.node_width)
        self.trunks = nn.ModuleDict({i.modality: Trunk(i, config.node_width, config.token_rate, config.dropout) for i in infos})

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        return torch.stack([self.trunks[m](self.signal(batch, m)) for m in self.modalities], dim=1)
