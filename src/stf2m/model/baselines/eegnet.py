"""EEGNet (Lawhern et al. 2018): filters in time, then across channels, then depthwise-separable; for any sensor and rate."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import PerModality
from stf2m.model.baselines.pieces import Pooling
from stf2m.model.config import NetworkConfig

FILTERS, DEPTH = 8, 2
"""F1 temporal filters, D spatial filters of each"""
TOKENS = 4
"""stretches of time that the dense layer tells apart"""
FAST = 32.0
"""Hz after the first pooling, as 128 Hz pooled by 4"""


class Compact(nn.Module):
    """Temporal kernel of half a second, depthwise filters over channels, separable convolution of half a second at 32 Hz.

    Kernels and pools are given in seconds, so that a 4 Hz sensor gets the kernel its rate allows. Pooling is a masked mean
    to at most 32 Hz, then to four tokens. The BatchNorm of the original is left out: inputs are standardised by training
    people, and a norm over time would take the power of a filter away, which is what the network reads.
    """

    def __init__(self, info: SignalInfo, dropout: float):
        super().__init__()
        wide = FILTERS * DEPTH
        middle = info.samples if info.rate <= FAST else max(1, round(info.samples * FAST / info.rate))
        before, after = (odd(min(rate / 2, length)) for rate, length in ((info.rate, info.samples), (min(info.rate, FAST), middle)))
        self.temporal = nn.Conv1d(1, FILTERS, before, padding=before // 2, bias=False)
        self.spatial = nn.Parameter(torch.randn(FILTERS, DEPTH, len(info.channels) + 1) * (len(info.channels) + 1) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(wide, 1))
        self.depthwise = nn.Conv1d(wide, wide, after, padding=after // 2, groups=wide, bias=False)
        self.pointwise = nn.Conv1d(wide, wide, 1)
        self.fast, self.slow = Pooling(info.samples, info.samples, middle), Pooling(info.samples, middle, TOKENS)
        self.drop = nn.Dropout(dropout)

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment feature"]:
        """-> FILTERS * DEPTH * TOKENS numbers."""
        count, channels, _ = signal.shape
        filtered = self.temporal(signal.flatten(0, 1).unsqueeze(1)).unflatten(0, (count, channels))
        x = F.elu(torch.einsum("scft,fdc->sfdt", filtered, self.spatial).flatten(1, 2) + self.bias)
        x = self.drop(self.fast(x, signal))
        x = F.elu(self.pointwise(self.depthwise(x)))
        return self.drop(self.slow(x, signal)).flatten(1)


def odd(length: float) -> int:
    """The nearest odd number of samples from 1 on, so that a padded kernel keeps the length."""
    return 2 * int(length // 2) + 1


class EEGNet(PerModality):
    """One compact network per modality, joined by learned gates."""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=FILTERS * DEPTH * TOKENS)
        self.compact = nn.ModuleDict({i.modality: Compact(i, config.dropout) for i in infos})

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        return torch.stack([self.compact[m](self.signal(batch, m)) for m in self.modalities], dim=1)
