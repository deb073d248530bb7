"""From a native-rate signal to tokens at the common rate, with a past that reaches as far as the modality needs."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import SignalInfo


class Stem(nn.Module):
    """Strided convolution to about the token rate, then a causal convolution with taps shared in octaves of lag.

    x_n = GELU(W_1 [s_{n*stride-kernel+1} .. s_{n*stride}]) and t_n = W_2 [x_n ; m_1 ; m_2 ; m_4 ; ...] where m_l is the
    mean of x over lags l .. 2l - 1: far past costs little and is seen coarsely, as slow signals deserve. A signal slower
    than the token rate emits several different tokens per sample (sub-pixel convolution), it does not repeat them.
    Channels are graph nodes of their own, or features of one node where the modality says so.
    """

    reach: Tensor
    grid: Tensor

    def __init__(self, info: SignalInfo, width: int, token_rate: float, tokens: int):
        super().__init__()
        self.static, self.single = info.static, info.one_node or info.static
        self.nodes = 1 if self.single else len(info.channels)
        features = len(info.channels) + 1 if self.single else 2
        self.tokens = tokens
        self.node_embedding = nn.Parameter(0.1 * torch.randn(self.nodes, width))
        if self.static:
            self.lift = nn.Linear(features, width)
            return
        self.stride = max(1, round(info.rate / token_rate))
        self.kernel = min(2 * self.stride, info.samples)
        self.frames = -(-info.samples // self.stride)
        self.lift = nn.Linear(features * self.kernel, width)
        own = max(1, round(info.window / self.stride))
        self.lags = octaves(self.frames - own)
        self.up = max(1, round(token_rate * self.stride / info.rate))
        self.mix = nn.Linear(width * (1 + len(self.lags)), width * self.up)
        self.register_buffer("reach", reach(self.frames, own, self.lags), persistent=False)
        grid = [-(-(t + 1) * own * self.up // tokens) - 1 for t in range(tokens)]
        self.same = grid == list(range(own * self.up))
        self.register_buffer("grid", torch.tensor(grid), persistent=False)
        self.own = own

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> tuple[Tensor, Tensor]:
        """signal with its validity channel last -> tokens (segment, node, token, width), mask (segment, node, token)."""
        nodes = self.split(signal)
        if self.static:
            lifted = F.gelu(self.lift(nodes[..., -1]))
            mask = nodes[:, :, -1, -1].unsqueeze(-1).expand(-1, -1, self.tokens)
            return lifted.unsqueeze(2).expand(-1, -1, self.tokens, -1) + self.node_embedding[:, None], mask
        short = self.frames * self.stride - nodes.shape[-1] + self.kernel - self.stride
        patches = F.pad(nodes, (short, 0)).unfold(-1, self.kernel, self.stride)
        valid = patches[:, :, -1].amax(dim=-1)
        x = F.gelu(self.lift(patches.permute(0, 1, 3, 2, 4).flatten(-2))) * valid.unsqueeze(-1)
        x = self.mix((self.reach @ x).unflatten(2, (self.own, -1)).flatten(-2))
        x = x.unflatten(-1, (self.up, -1)).flatten(2, 3)
        mask = valid[:, :, -self.own :].repeat_interleave(self.up, dim=-1)
        if not self.same:
            x, mask = x.index_select(2, self.grid), mask.index_select(2, self.grid)
        return x + self.node_embedding[:, None], mask

    def split(self, signal: Tensor) -> Tensor:
        """(segment, channel + 1, time) -> (segment, node, feature, time), validity last."""
        if self.single:
            return signal.unsqueeze(1)
        values, valid = signal[:, :-1], signal[:, -1:]
        return torch.stack([values, valid.expand_as(values)], dim=2)


def reach(frames: int, own: int, lags: tuple[int, ...]) -> Float[Tensor, "tap frame"]:
    """Constant matrix from all frames to, for each of the window's own frames, itself and its octave means of the past.

    Rows are own frame by own frame, (1 + lags) each. One product instead of many slices: the backward pass of a slice
    fills a whole tensor with zeros.
    """
    rows = torch.zeros(own, 1 + len(lags), frames)
    for i, now in enumerate(range(frames - own, frames)):
        rows[i, 0, now] = 1.0
        for j, lag in enumerate(lags):
            rows[i, 1 + j, max(0, now - 2 * lag + 1) : max(0, now - lag + 1)] = 1.0 / lag
    return rows.flatten(0, 1)


def octaves(context: int) -> tuple[int, ...]:
    """1, 2, 4, ... while the octave begins inside `context` frames of past."""
    return tuple(2**i for i in range(16) if 2**i <= context)
