"""Labels in source units -> -1..1, and runs of rows -> annotations."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import LabelOutOfScale
from stf2m.core.records import Annotation, Rating
from stf2m.data.templates import did_you_mean

Scale = tuple[float, float]


def rescale(values: NDArray, scale: Scale, overshoot: Scale | None, where: object) -> tuple[NDArray[np.float64], int]:
    """Map `scale` (low, high) of the source onto -1..1; returns the values and how many were clipped.

    Values inside the declared `overshoot` (low, high) are clipped to the scale and counted; values outside it, or outside
    the scale when no overshoot is declared, raise `LabelOutOfScale`. NaN stays NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    low, high = overshoot or scale
    slack = 1e-6 * (scale[1] - scale[0])
    bad = (values < low - slack) | (values > high + slack)
    if bad.any():
        worst = float(values[bad][0])
        raise LabelOutOfScale(
            f"{int(bad.sum())} labels lie outside the scale",
            where=where,
            expected=f"{low:g} to {high:g}",
            got=f"{worst:g}",
            hint="declare the right scale, or the overshoot that is to be clipped",
        )
    clipped = int(((values < scale[0] - slack) | (values > scale[1] + slack)).sum())
    middle, half = (scale[0] + scale[1]) / 2, (scale[1] - scale[0]) / 2
    return (np.clip(values, *scale) - middle) / half, clipped


def make_rating(
    source: str,
    valence: NDArray,
    arousal: NDArray,
    times: NDArray[np.float64],
    *,
    scale: Scale,
    overshoot: Scale | None = None,
    where: object = "",
) -> Rating:
    """A continuous rating from source units; `valence` and `arousal` (time,), `times` (time,) s."""
    v, clipped_v = rescale(valence, scale, overshoot, f"{where}: valence")
    a, clipped_a = rescale(arousal, scale, overshoot, f"{where}: arousal")
    return Rating(source, np.stack([v, a]).astype(np.float32), times, scale, clipped_v + clipped_a)


def runs(
    names: Sequence[str | None], onsets: NDArray[np.float64], offsets: NDArray[np.float64], *, source: str, join: float = 1e-6
) -> tuple[Annotation, ...]:
    """Merge consecutive rows of one name into annotations; None means unlabelled.

    A row that begins later than `join` s after the one before it ended opens a new annotation.
    """
    found: list[Annotation] = []
    first = 0
    for i in range(1, len(names) + 1):
        if i < len(names) and names[i] == names[first] and onsets[i] - offsets[i - 1] <= join:
            continue
        if names[first] is not None:
            found.append(Annotation(float(onsets[first]), float(offsets[i - 1]), emotion=names[first], source=source))
        first = i
    return tuple(found)


def rename(values: Sequence[object], table: Mapping[str, str], where: object) -> list[str | None]:
    """Emotion of each value by `table` (keys as text); empty or NaN -> None; raises `LabelOutOfScale` for another value."""
    cache: dict[object, str | None] = {}
    found = []
    for value in values:
        if value is not None and value != value:  # NaN
            value = None
        if value not in cache:
            cache[value] = None if value in (None, "") else _named(value, table, where)
        found.append(cache[value])
    return found


def _named(value: object, table: Mapping[str, str], where: object) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if text not in table:
        raise LabelOutOfScale(
            f"label {text!r} is no emotion of the card and not among names",
            where=where,
            expected=", ".join(table) or "nothing: the card lists no emotions",
            hint=did_you_mean(text, table, "add it to emotions under [card], or to names of the labels"),
        )
    return table[text]
