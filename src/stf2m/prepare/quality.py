"""How far each prepared sample can be trusted, 0..1: dropout, implausible values, flat lines, jumps, movement.

Grades are causal and carry their state, so that chunked equals whole.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limits:
    """What a raw signal may do. `low`, `high` in its unit; outside them the grade is `outside`.

    `flat` s without any change grades 0; a step of more than `jump` units per second grades `shaken` for `settle` s.
    """

    low: float
    high: float
    flat: float
    jump: float = np.inf
    settle: float = 1.0
    outside: float = 0.0
    shaken: float = 0.4


class GradeState(NamedTuple):
    """The last finite sample, and how many samples ago it changed and jumped."""

    limits: Limits
    rate: float
    last: NDArray[np.float64]
    """(channel,)"""
    still: int
    calm: int


def start_grade(limits: Limits, rate: float, channels: int) -> GradeState:
    """Nothing seen yet; `rate` Hz of the grid that will be graded."""
    return GradeState(limits, rate, np.full(channels, np.nan), 0, 1 << 40)


def push_grade(state: GradeState, raw: NDArray[np.float64]) -> tuple[GradeState, NDArray[np.float32]]:
    """Grade raw grid samples (channel, time), NaN = missing; -> state, quality float32 (time,)."""
    limits, count = state.limits, raw.shape[1]
    if not count:
        return state, np.zeros(0, dtype=np.float32)
    step = np.diff(np.concatenate([state.last[:, None], raw], axis=1), axis=1)
    known = np.isfinite(raw).any(axis=0)
    with np.errstate(invalid="ignore"):
        moved = np.any(np.nan_to_num(step) != 0, axis=0) | ~np.any(np.isfinite(step), axis=0)
        jumped = np.any(np.abs(step) * state.rate > limits.jump, axis=0)
        outside = ((raw < limits.low) | (raw > limits.high)).any(axis=0)
    still, calm = _since(moved, state.still), _since(jumped, state.calm)
    grade = np.ones(count)
    grade[calm < limits.settle * state.rate] = limits.shaken
    grade[outside] = np.minimum(grade[outside], limits.outside)
    grade[(still >= limits.flat * state.rate) | ~known] = 0.0
    return state._replace(last=raw[:, -1].copy(), still=int(still[-1]), calm=int(calm[-1])), grade.astype(np.float32)


def _since(event: NDArray[np.bool_], before: int) -> NDArray[np.int64]:
    """Samples since the last event, per sample; `before` is the count ahead of the first one."""
    index = np.arange(len(event))
    last = np.maximum.accumulate(np.where(event, index, -1))
    return np.where(last >= 0, index - last, index + 1 + before)


MOVING, SHAKING = 0.05, 0.5
"""g of movement at which a wrist signal begins to suffer and at which it is worth little"""


def movement_grade(motion: NDArray[np.floating]) -> NDArray[np.float32]:
    """Movement in g (time,) -> 1 at rest .. 0.3 when shaking; a missing sensor says nothing, 1."""
    share = np.clip((np.nan_to_num(motion) - MOVING) / (SHAKING - MOVING), 0.0, 1.0)
    return (1.0 - 0.7 * share).astype(np.float32)
