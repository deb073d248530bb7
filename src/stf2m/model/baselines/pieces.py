"""What several rivals are built of: convolutions at native rates, masked pooling to common tokens, patches in time."""

from math import ceil, floor

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import SignalInfo


def seconds_of(info: SignalInfo) -> float:
    """How far a modality's input reaches back, context and window; 0 for a static number."""
    return 0.0 if info.static else info.samples / info.rate


def strides_to(info: SignalInfo, rate: float, layers: int) -> list[int]:
    """Strides of `layers` convolutions that bring the native rate to about `rate` Hz; 1 for what is slower already."""
    left, found = max(1.0, info.rate / rate), []
    for remaining in range(layers, 0, -1):
        found.append(max(1, round(left ** (1 / remaining))))
        left /= found[-1]
    return found


class Convolution(nn.Module):
    """1-D convolution over ceil(time / stride) frames, kernel 2 stride + 1, so that any length from 1 on will do."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.net = nn.Conv1d(inputs, outputs, 2 * stride + 1, stride, padding=stride)
        self.stride = stride

    def forward(self, x: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment output frame"]:
        """-> (segment, output, ceil(time / stride))."""
        return self.net(x)

    def frames(self, samples: int) -> int:
        """Frames that so many samples give."""
        return -(-samples // self.stride)


def shares(samples: int, tokens: int, *, last: int | None = None) -> Float[Tensor, "time token"]:
    """Constant 0/1 matrix of adaptive pooling over the `last` samples (all): token t holds the samples it overlaps.

    More tokens than samples repeat a sample, as `torch.nn.functional.adaptive_avg_pool1d` does.
    """
    length = samples if last is None else min(last, samples)
    out = torch.zeros(samples, tokens)
    for t in range(tokens):
        out[samples - length + t * length // tokens : samples - length - (-(t + 1) * length // tokens), t] = 1.0
    return out


class Sums(nn.Module):
    """Sums over stretches of time: one reshape where they are equally long, else one product with `shares`."""

    share: Tensor

    def __init__(self, samples: int, tokens: int, *, last: int | None = None):
        super().__init__()
        self.tokens, self.even = tokens, samples % tokens == 0 and last in (None, samples)
        self.register_buffer("share", shares(samples, tokens, last=last), persistent=False)

    def forward(self, x: Float[Tensor, "segment feature time"]) -> Float[Tensor, "segment feature token"]:
        """The sum of every token's stretch of time."""
        return x.unflatten(-1, (self.tokens, -1)).sum(dim=-1) if self.even else x @ self.share


class Pooling(nn.Module):
    """Frames of a convolution -> tokens: the mean of each, every frame weighted by how much of it was measured; 0 where
    nothing was. `last` is the share of the input, from its end, that is pooled.
    """

    def __init__(self, samples: int, frames: int, tokens: int, *, last: float = 1.0):
        super().__init__()
        self.cover, self.join = Sums(samples, frames), Sums(frames, tokens, last=max(1, round(last * frames)))

    def forward(
        self, x: Float[Tensor, "segment feature frame"], signal: Float[Tensor, "segment channel time"]
    ) -> Float[Tensor, "segment feature token"]:
        """`signal` tells by its last channel what was measured."""
        seen = self.cover(signal[:, -1:])
        return self.join(x * seen) / self.join(seen).clamp(min=1e-6)


class SegmentNorm(nn.Module):
    """y = (x - mean) / sqrt(var + 1e-5) * gain + bias over channels and time of one segment (group normalisation with one
    group; Wu, He 2018), written out as `LayerNorm` is. It stands where others have BatchNorm and needs no other segment.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels, 1)), nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Float[Tensor, "segment channel time"]) -> Float[Tensor, "segment channel time"]:
        """The same shape, every segment normalised by itself."""
        centred = x - x.mean(dim=(1, 2), keepdim=True)
        return centred * torch.rsqrt((centred**2).mean(dim=(1, 2), keepdim=True) + 1e-5) * self.weight + self.bias


class Patches(nn.Module):
    """The last `seconds` of a signal as `tokens` equal stretches, each read by one linear map (as image patches are;
    Dosovitskiy et al. 2021). All modalities end at the segment's end, so the same token is the same time in all of them.

    Samples that a modality does not reach back to are missing; a signal slower than the tokens holds its newest sample.
    """

    place: Tensor

    def __init__(self, info: SignalInfo, width: int, seconds: float, tokens: int):
        super().__init__()
        each = 0.0 if info.static else seconds / tokens * info.rate
        self.kernel = max(1, ceil(each - 1e-6))
        ends = [info.samples - floor((tokens - 1 - t) * each + 1e-6) for t in range(tokens)]
        ends = [end for end in ends if end > 0]
        self.reached, self.missing = len(ends), tokens - len(ends)
        self.before = max(0, self.kernel - min(ends))
        place = torch.tensor([[end - self.kernel + k + self.before for k in range(self.kernel)] for end in ends])
        self.register_buffer("place", place.flatten(), persistent=False)
        self.lift = nn.Linear((len(info.channels) + 1) * self.kernel, width)

    def forward(self, signal: Float[Tensor, "segment channel time"]) -> tuple[Tensor, Tensor]:
        """-> (segment, token, width), 0 where nothing was measured, and the mask (segment, token)."""
        shown = F.pad(signal, (self.before, 0)).index_select(-1, self.place).unflatten(-1, (self.reached, self.kernel))
        mask = shown[:, -1].amax(dim=-1)
        read = self.lift(shown.transpose(1, 2).flatten(2)) * mask.unsqueeze(-1)
        return F.pad(read, (0, 0, self.missing, 0)), F.pad(mask, (self.missing, 0))


def common_grid(infos: tuple[SignalInfo, ...], rate: float, most: int) -> tuple[float, int]:
    """Seconds and tokens of one grid for all modalities: the longest input at `rate` tokens per second, at most `most`."""
    seconds = max((seconds_of(info) for info in infos), default=0.0)
    return seconds, min(most, max(1, round(seconds * rate)))
