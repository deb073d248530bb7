"""Directions in degrees: yaw goes round at 360, pitch does not."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def wrap(degrees: Array) -> Array:
    """Any angle -> -180 (inclusive) .. 180 (exclusive)."""
    return (degrees + 180.0) % 360.0 - 180.0


def turn(yaw: Array, about: Array) -> Array:
    """Yaw (segment, time) as the signed angle from the circular mean of `about` (segment, time); NaN stays NaN."""
    finite = np.isfinite(about)
    radians = np.deg2rad(np.where(finite, about, 0.0))
    east = np.where(finite, np.sin(radians), 0.0).sum(axis=1)
    north = np.where(finite, np.cos(radians), 0.0).sum(axis=1)
    return wrap(yaw - np.rad2deg(np.arctan2(east, north))[:, None])


def apart(pitch: Array, yaw: Array, other_pitch: Array, other_yaw: Array) -> Array:
    """Angle between two directions, deg 0..180 (haversine formula)."""
    up, right = np.deg2rad(other_pitch - pitch), np.deg2rad(wrap(other_yaw - yaw))
    shared = np.cos(np.deg2rad(pitch)) * np.cos(np.deg2rad(other_pitch))
    half = np.sin(up / 2.0) ** 2 + shared * np.sin(right / 2.0) ** 2
    return np.rad2deg(2.0 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))
