"""Reading windows out of joined signals: an index in, a stack out, somebody else's samples as NaN."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments

CHUNK_BYTES = 48_000_000
"""of windows held at once while segments are described"""


def gather(signal: NDArray[np.float32], starts: NDArray[np.int64], bounds: NDArray[np.int64], samples: int) -> NDArray[np.float32]:
    """Windows `starts[i] : starts[i] + samples` of signal (channel, time) -> float32 (segment, channel, samples).

    Samples outside `bounds` (segment, 2) are NaN.
    """
    total = signal.shape[1]
    out = np.full((len(starts), len(signal), samples), np.nan, dtype=np.float32)
    inside = (starts >= bounds[:, 0]) & (starts + samples <= bounds[:, 1])
    if inside.any():
        view = np.lib.stride_tricks.sliding_window_view(signal, samples, axis=1)
        out[inside] = view[:, starts[inside]].transpose(1, 0, 2)
    edge = np.flatnonzero(~inside)
    if len(edge) and total:
        index = starts[edge, None] + np.arange(samples)
        mine = (index >= bounds[edge, :1]) & (index < bounds[edge, 1:])
        taken = signal[:, np.clip(index, 0, total - 1)]
        out[edge] = np.where(mine[:, None], taken.transpose(1, 0, 2), np.float32(np.nan))
    return out


def read_windows(segments: Segments, rows: NDArray[np.integer], modality: str) -> NDArray[np.float32]:
    """The signals of segments `rows`, float32 (segment, channel, samples), NaN where missing, absent or not theirs."""
    axis = segments.modalities.index(modality)
    bounds = segments.bounds[segments.recording[rows], axis].copy()
    bounds[~segments.present[rows, axis]] = 0
    starts, samples = segments.starts[rows, axis], segments.infos[axis].samples
    if not segments.others:
        return gather(segments.signals[modality], starts, bounds, samples)
    out = np.empty((len(starts), len(segments.infos[axis].channels), samples), dtype=np.float32)
    origin = np.asarray(segments.origin)[segments.subject[rows]]
    for number, signals in enumerate((segments.signals, *segments.others)):
        mine = origin == number
        # a view that was made of the joined segments stands in the first signals for everybody
        shelf = signals.get(modality, segments.signals[modality])
        out[mine] = gather(shelf, starts[mine], bounds[mine], samples)
    return out


def chunks_of(count: int, bytes_each: int) -> Iterator[slice]:
    """Slices over `count` segments that keep a stack of windows under `CHUNK_BYTES`."""
    size = max(1, CHUNK_BYTES // max(bytes_each, 1))
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))
