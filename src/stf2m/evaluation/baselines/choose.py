"""Choose settings on validation people: one knob at a time, twice around."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
