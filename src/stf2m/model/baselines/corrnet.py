"""CorrNet-like (Zhang, El Ali, Wang, Hanjalic, Cesar 2020): what each sensor says, and how the sensors move together.

The original correlates *instances* of one video, which needs all instances of a session at once; here a segment is
answered by itself, so features are correlated across modalities over the time within the segment.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import PerModality
from stf2m.model.baselines.pieces import Convolution, Pooling, strides_to
from stf2m.model.config import NetworkConfig

LEAST_TOKENS = 4
LAYERS = 2


class Within(nn.Module):
    """Intra-modality features: two convolutions from the native rate to about the token rate, and two masked poolings:
    the mean over everything, and common tokens over the window proper.
    """

    def __init__(self, info: SignalInfo, width: int, rate: float, tokens: int, dropout: float):
        super().__init__()
        steps = strides_to(info, rate, LAYERS)
        self.first, self.second = Convolution(len(info.channels) + 1, width, steps[0]), Convolution(width, width, steps[1])
        frames = self.second.frames(self.first.frames(info.samples))
        self.mean = Pooling(info.samples, frames, 1)
        self.window = Pooling(info.samples, frames, tokens, last=info.window / info.samples)
        self.drop = nn.Dropout(dropout)

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> tuple[Tensor, Tensor]:
        """-> (segment, feature) and (segment, feature, token)."""
        x = F.gelu(self.second(self.drop(F.gelu(self.first(signal)))))
        return self.mean(x, signal).squeeze(-1), self.window(x, signal)


def correlations(
    x: Float[Tensor, "segment modality feature token"], present: Float[Tensor, "segment modality"]
) -> Float[Tensor, "segment modality feature"]:
    """r_m = mean over the other modalities n that are present of the correlation of feature f of m with feature f of n
    over tokens, -1..1; 0 where a feature does not move or nobody else is there.
    """
    centred = x - x.mean(dim=-1, keepdim=True)
    unit = centred * torch.rsqrt((centred**2).sum(dim=-1, keepdim=True) + 1e-6) * present[:, :, None, None]
    together = unit.sum(dim=1, keepdim=True)
    others = (present.sum(dim=1, keepdim=True) - present).clamp(min=1).unsqueeze(-1)
    return (unit * (together - unit)).sum(dim=-1) / others


class CorrNet(PerModality):
    """x_m = [mean features of m ; their correlations with the other modalities], joined by learned gates."""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__(config, infos, descriptors, said=2 * config.node_width)
        windows = [info.window / info.rate for info in infos if not info.static]
        tokens = max(LEAST_TOKENS, round(max(windows, default=0.0) * config.token_rate))
        how = (config.node_width, config.token_rate, tokens, config.dropout)
        self.within = nn.ModuleDict({i.modality: Within(i, *how) for i in infos})

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        means, tokens = zip(*(self.within[m](self.signal(batch, m)) for m in self.modalities))
        return torch.cat([torch.stack(means, dim=1), correlations(torch.stack(tokens, dim=1), batch.present)], dim=-1)
