"""The label columns of a person's own table: `valence`, `arousal` (with a scale such as valence_1..9) and `emotion`."""

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import UnknownColumn
from stf2m.core.records import Annotation, Rating
from stf2m.data.labels import make_rating, runs
from stf2m.data.readers._cells import forward, numbers
from stf2m.data.readers.names import EMOTION, LEVEL

if TYPE_CHECKING:
    import pyarrow as pa


def _scale(match: re.Match[str]) -> tuple[float, float]:
    """The scale in a name; -1..1 without one."""
    return (float(match[2]), float(match[3])) if match[2] else (-1.0, 1.0)


def rating_of(table: "pa.Table", times: NDArray[np.float64], where: object, repair: bool = False) -> Rating | None:
    """The continuous rating in `valence` and `arousal`; None without any value. Raises `UnknownColumn`, `LabelOutOfScale`."""
    found = {match[1]: match for name in table.column_names if (match := LEVEL.fullmatch(name))}
    scales = {_scale(match) for match in found.values()}
    if len(scales) > 1 or not all(low < high for low, high in scales):
        raise UnknownColumn("valence and arousal need one scale", where=where, hint="name them like valence_1..9 and arousal_1..9")
    cells = {axis: numbers(table, match[0], where)[0] for axis, match in found.items()}
    none = np.full(len(times), np.nan)
    valence, arousal = cells.get("valence", none), cells.get("arousal", none)
    here = ~(np.isnan(valence) & np.isnan(arousal))
    if repair:
        here &= forward(times)
    if not here.any():
        return None
    return make_rating("self", valence[here], arousal[here], times[here], scale=scales.pop(), where=where)


def emotions_of(table: "pa.Table", times: NDArray[np.float64]) -> tuple[Annotation, ...]:
    """Runs of equal names in the column `emotion`; a row holds until the next, an empty cell is unlabelled."""
    if EMOTION not in table.column_names:
        return ()
    names = [(str(name).strip() or None) if name is not None else None for name in table.column(EMOTION).to_pylist()]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    until = np.append(times[1:], times[-1] + max(step, 1e-3))
    ahead = until > times
    return runs([name for name, ok in zip(names, ahead) if ok], times[ahead], until[ahead], source="self")
