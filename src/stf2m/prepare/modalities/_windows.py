"""Numbers over stacks of windows, blind to missing samples; NaN where nothing is known. Vectorised over segments."""

import numpy as np
from numpy.typing import NDArray

from stf2m.prepare.modality import Windows

Array = NDArray[np.floating]


def mean(values: Array) -> Array:
    """Mean of the finite samples along the last axis."""
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    total = np.where(finite, values, 0.0).sum(axis=-1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def median(values: Array) -> Array:
    """Lower median of the finite samples along the last axis."""
    ordered = np.sort(values, axis=-1)
    middle = np.maximum(np.isfinite(ordered).sum(axis=-1, keepdims=True) - 1, 0) // 2
    return np.take_along_axis(ordered, middle, axis=-1)[..., 0]


def spread(values: Array) -> Array:
    """Standard deviation of the finite samples along the last axis; NaN with fewer than two."""
    enough = np.isfinite(values).sum(axis=-1) > 1
    apart = values - mean(values)[..., None]
    return np.where(enough, np.sqrt(mean(apart * apart)), np.nan)


def highest(values: Array) -> Array:
    """Largest finite sample along the last axis."""
    top = np.where(np.isfinite(values), values, -np.inf).max(axis=-1, initial=-np.inf)
    return np.where(np.isfinite(top), top, np.nan)


def slope(values: Array, rate: float) -> Array:
    """Least-squares trend in units per second along the last axis; NaN with fewer than three finite samples."""
    finite = np.isfinite(values)
    time = np.where(finite, np.arange(values.shape[-1]) / rate, np.nan)
    time = time - mean(time)[..., None]
    down = mean(time * time)
    up = mean(time * (values - mean(values)[..., None]))
    usable = (finite.sum(axis=-1) > 2) & (down > 0)
    return np.where(usable, up / np.where(usable, down, 1.0), np.nan)


def window(windows: Windows, channel: int) -> Array:
    """The window proper of one channel, (segment, time)."""
    return windows.values[:, channel, -windows.samples :]


def context(windows: Windows, channel: int) -> Array:
    """The past before the window, (segment, time)."""
    return windows.values[:, channel, : windows.values.shape[2] - windows.samples]


def change(windows: Windows, channel: int) -> Array:
    """Mean of the window less the mean of its past, (segment,)."""
    return mean(window(windows, channel)) - mean(context(windows, channel))


def stack(*columns: Array) -> NDArray[np.float32]:
    """Columns (segment,) -> float32 (segment, descriptor), NaN for anything that is not finite."""
    table = np.stack(columns, axis=1).astype(np.float32)
    table[~np.isfinite(table)] = np.nan
    return table
