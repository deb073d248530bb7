"""What a modality must say about itself, so that everything else works for it unchanged.

A modality cleans a stream causally, chunk by chunk, onto its canonical grid (`start`, `push`), grades it, and
describes windows of the result in named numbers (`describe`). Offline is `push` over one big chunk; live is many.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo


class Source(NamedTuple):
    """What `start` may know of the incoming stream."""

    channels: tuple[str, ...]
    units: tuple[str, ...]
    sample_rate: float
    """Hz; 0 = events"""
    rate: float
    """canonical Hz of the output grid"""


class Chunk(NamedTuple):
    """Consecutive raw samples, units already those of the modality's default unit."""

    samples: NDArray[np.float32]
    """(channel, time), NaN = missing"""
    times: NDArray[np.float64]
    """(time,) s since the recording began"""
    available: NDArray[np.float64]
    """(time,) s at which each sample became known; equals `times` for ordinary sensors"""
    until: float
    """the clock: every sample that became known before this time is in this chunk or an earlier one"""


class Track(NamedTuple):
    """Prepared samples n0, n0 + 1, ... of the canonical grid; sample n stands at n / rate seconds."""

    values: NDArray[np.float32]
    """(channel, time), NaN = missing"""
    quality: NDArray[np.float32]
    """(time,) 0 unusable .. 1 good"""


class Windows(NamedTuple):
    """What `describe` sees of a stack of segments: context and window, the window being the last `samples` samples."""

    values: NDArray[np.float32]
    """(segment, channel, context + window), NaN = missing or before the recording began"""
    samples: int
    """length of the window proper at the end"""
    rate: float
    usual: NDArray[np.float32]
    """(segment, channel) mean over the recording so far (causal, up to the window's start), NaN at the very beginning"""


@dataclass(frozen=True)
class Modality:
    """One modality. `context` s of past that a segment needs beside its own window (skin conductance answers late)."""

    name: str
    unit: str
    rate: float
    context: float
    channels: tuple[str, ...]
    """of the prepared track; what networks read"""
    descriptors: tuple[DescriptorInfo, ...]
    start: Callable[[Source], Any]
    push: Callable[[Any, Chunk], tuple[Any, Track]]
    """pure: returns a new state; emits exactly the grid samples n / rate < chunk.until not yet emitted"""
    describe: Callable[[Windows], NDArray[np.float32]]
    """-> (segment, descriptor), NaN where nothing is known"""
    one_node: bool = False
    static: bool = False
    descriptor_version: int = 1
    """grows when the descriptors of the same signals become other numbers; stored signals stay as they are"""
