"""Choose settings on validation people: one knob at a time, twice around; and which of those chosen a question gets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.evaluation.metrics import balanced_accuracy

Settings = dict[str, Any]
ROUNDS = 2
MARGIN = 0.005
"""a change must gain this much: three validation people cannot tell smaller ones from chance"""


def choose(score: Callable[[Settings], float], options: Mapping[str, Sequence[Any]], start: Settings) -> Settings:
    """Coordinate search for the largest `score`; less than `MARGIN` keeps the earlier choice. Every combination is scored once."""
    seen: dict[tuple, float] = {}

    def value(settings: Settings) -> float:
        key = tuple(settings[name] for name in options)
        if key not in seen:
            seen[key] = score(settings)
        return seen[key]

    best = dict(start)
    for _ in range(ROUNDS):
        before = dict(best)
        for name, values in options.items():
            for option in values:
                tried = {**best, name: option}
                if value(tried) > value(best) + MARGIN:
                    best = tried
        if best == before:
            break
    return best


def quality(truth: NDArray[np.integer], p: NDArray[np.floating]) -> float:
    """What settings are judged by: balanced accuracy of `p` (query, class), log-likelihood breaking near ties."""
    return balanced_accuracy(truth, p) + 0.05 * float(np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-3)).mean())


def nearest(chosen: Mapping[int, Settings], size: int) -> Settings | None:
    """What was chosen for the nearest support size, none and some being far apart; None where nothing was."""
    near = min(chosen, key=lambda known: (bool(known) != bool(size), abs(known - size)), default=None)
    return None if near is None else chosen[near]
