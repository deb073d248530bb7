"""Regular samples or samples at any time -> the canonical grid, one answer for modalities that come as both."""

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.events import EventState, push_events, start_events
from stf2m.prepare.modality import Source
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

GridState = ResamplerState | EventState


def start_grid(source: Source, channels: int) -> GridState:
    """A resampler for a source with a rate, a step-hold for one without."""
    if source.sample_rate > 0:
        return start_resampler(source.sample_rate, source.rate, channels)
    return start_events(source.rate, channels)


def push_grid(
    state: GridState,
    samples: NDArray[np.floating],
    available: NDArray[np.float64],
    until: float,
    stale: float = np.inf,
) -> tuple[GridState, NDArray[np.float64]]:
    """Samples (channel, time) known at `available` s -> grid samples (channel, grid) before `until` s.

    Samples without a rate hold for at most `stale` s.
    """
    if isinstance(state, ResamplerState):
        return push_resampler(state, samples, available, until)
    state, value, age = push_events(state, samples, available, until)
    with np.errstate(invalid="ignore"):
        return state, np.where(age <= stale, value, np.nan)


def rows_of(channels: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[int, ...]:
    """Row of each wanted channel in the source, by name, else by order when no name fits; -1 = not there."""
    if not set(channels) & set(wanted):
        return tuple(i if i < len(channels) else -1 for i in range(len(wanted)))
    return tuple(channels.index(name) if name in channels else -1 for name in wanted)


def pick(samples: NDArray[np.floating], rows: tuple[int, ...]) -> NDArray[np.float64]:
    """The rows (wanted, time) in order, NaN for those that are not there."""
    padded = np.concatenate([samples, np.full((1, samples.shape[1]), np.nan)]).astype(np.float64)
    return padded[list(rows)]
