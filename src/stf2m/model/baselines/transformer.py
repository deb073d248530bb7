"""A transformer over (sensor, time) tokens (Vaswani et al. 2017): every patch may attend to every other."""

from math import log, pi

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines.base import PerModality
from stf2m.model.baselines.pieces import Patches, seconds_of
from stf2m.model.config import NetworkConfig
from stf2m.model.norm import LayerNorm
from stf2m.model.spatial import ABSENT

LAYERS, HEADS, WAVES = 2, 4, 6
MOST_TOKENS = 16
"""per modality"""


class Layer(nn.Module):
    """Pre-norm self-attention over measured tokens, then a perceptron, both residual."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.near, self.far = LayerNorm(width), LayerNorm(width)
        self.ask, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "segment token width"], mask: Float[Tensor, "segment token"]) -> Tensor:
        """-> (segment, token, width); tokens with `mask` 0 are attended to by nobody."""
        q, k, v = self.ask(self.near(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        share = torch.where(mask[:, None, None] == 0, ABSENT, score).softmax(dim=-1) * mask[:, None, None]
        x = x + self.drop(self.out((share @ v).transpose(1, 2).flatten(2)))
        return x + self.drop(self.think(self.far(x)))


def waves(info: SignalInfo, tokens: int) -> Float[Tensor, "token wave"]:
    """Sines and cosines of the seconds before the segment's end at the middle of each token, periods 1, 2, 4, ... s."""
    each = seconds_of(info) / tokens
    lag = torch.tensor([(tokens - t - 0.5) * each for t in range(tokens)]).unsqueeze(1)
    turn = 2 * pi * lag * torch.exp(-log(2.0) * torch.arange(WAVES))
    return torch.cat([turn.sin(), turn.cos()], dim=1)


class Transformer(PerModality):
    """Tokens are patches of a modality with its embedding and their place in seconds; a modality says the mean of its own."""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        width = HEADS * max(1, config.width // (2 * HEADS))
        super().__init__(config, infos, descriptors, said=width)
        self.counts = [min(MOST_TOKENS, max(1, round(seconds_of(i) * config.token_rate))) for i in infos]
        self.patches = nn.ModuleDict({i.modality: Patches(i, width, seconds_of(i), n) for i, n in zip(infos, self.counts)})
        self.who = nn.Parameter(0.1 * torch.randn(len(infos), width))
        self.when = nn.Linear(2 * WAVES, width)
        self.layers = nn.ModuleList(Layer(width, config.dropout) for _ in range(LAYERS))
        self.norm = LayerNorm(width)
        for i, count in zip(infos, self.counts):
            self.register_buffer(f"waves_{i.modality}", waves(i, count), persistent=False)

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        tokens, masks = zip(*(self.tokens(batch, i, m) for i, m in enumerate(self.modalities)))
        x, mask = torch.cat(tokens, dim=1), torch.cat(masks, dim=1)
        for layer in self.layers:
            x = layer(x, mask)
        own = zip(self.norm(x).split(self.counts, dim=1), mask.split(self.counts, dim=1))
        return torch.stack([(y * s.unsqueeze(-1)).sum(dim=1) / s.sum(dim=1, keepdim=True).clamp(min=1) for y, s in own], dim=1)

    def tokens(self, batch: Batch, index: int, modality: str) -> tuple[Tensor, Tensor]:
        """A modality's tokens with who and when, and their mask."""
        values, mask = self.patches[modality](self.signal(batch, modality))
        return F.gelu(values) + self.who[index] + self.when(self.get_buffer(f"waves_{modality}")), mask
