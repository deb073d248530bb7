"""Cells of a table as numbers."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import UnreadableFile
from stf2m.data.templates import NO_DATES, first_text

if TYPE_CHECKING:
    import pyarrow as pa


def numbers(table: "pa.Table", name: str, where: object) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values (time,), NaN where a cell is empty or lost, and True where it is not empty; raises `UnreadableFile`."""
    column = table.column(name)
    try:
        return column.to_numpy().astype(np.float64), np.asarray(column.is_valid().to_numpy(), dtype=bool)
    except (ValueError, TypeError):
        row, cell = first_text(column.to_pylist())
        got = f"{str(cell)[:60]!r} in row {row} ({column.type})" if row else str(column.type)
        hint = NO_DATES if name == "time" else ""
        raise UnreadableFile(f"column {name!r} does not hold numbers", where=where, got=got, hint=hint) from None


def forward(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True where a time exceeds every earlier one."""
    return times > np.maximum.accumulate(np.concatenate([[-np.inf], times[:-1]]))
