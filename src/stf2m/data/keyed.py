"""A table file whose rows belong to recordings: keys are read once, columns only where and when they are wanted."""

from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import NothingToRead, UnreadableFile
from stf2m.data.files import open_parquet, read_csv_table, read_json, read_parquet_table
from stf2m.data.templates import fields, fill, first_text, missing_column

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_GROUPS = 2
"""row groups of a Parquet file kept in memory; people are read in order, so two are enough"""


class KeyedTable:
    """Rows of `path` (.parquet, .csv or .json) grouped by a key template over its columns.

    Memory: a Parquet file costs its key offsets and at most two row groups of the columns in use; CSV and JSON files,
    and Parquet files whose rows of one key are scattered, are held whole.
    """

    def __init__(self, path: Path, key: str, records: str | None = None):
        if not path.is_file():
            raise NothingToRead("no such file", where=path, hint="check the data root and that the download is complete")
        self.path, self.key, self.records = path, key, records
        self._groups: OrderedDict[int, dict[str, NDArray]] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self.spans

    def rows(self, key: str) -> int:
        """Number of rows of a key; 0 when it is not there."""
        first, last = self.spans.get(key, (0, 0))
        return last - first

    def columns(self, key: str, names: tuple[str, ...]) -> dict[str, NDArray]:
        """The named columns of one key's rows, in file order; raises `UnknownColumn`."""
        first, last = self.spans[key]
        return {name: self._slice(name, first, last) for name in names}

    def numbers(self, key: str, names: tuple[str, ...]) -> dict[str, NDArray]:
        """The same as `columns`, of numbers only; raises `UnreadableFile` for text."""
        found = self.columns(key, names)
        for name, values in found.items():
            if values.dtype.kind not in "iufb":
                try:
                    found[name] = values.astype(np.float64)
                except (ValueError, TypeError):
                    row, cell = first_text(values.tolist())
                    got = f"{str(cell)!r} in row {row} of {key or 'the table'}"
                    raise UnreadableFile(f"column {name!r} does not hold numbers", where=self.path, got=got) from None
        return found

    def row(self, key: str) -> dict[str, Any]:
        """All columns of a key's first row."""
        first, _ = self.spans[key]
        return {name: self._slice(name, first, first + 1)[0] for name in self.names}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names of the file."""
        return tuple(open_parquet(self.path).schema_arrow.names if self._is_parquet else self._whole.column_names)

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """key -> first and past-the-end row, in order of first appearance (after sorting, if rows were scattered)."""
        starts, keys = self._starts_and_keys
        if len(set(keys)) < len(keys):
            keys, stops = self._sorted_keys, np.cumsum(self._sorted_counts)
            return {k: (int(e - c), int(e)) for k, e, c in zip(keys, stops, self._sorted_counts)}
        return {k: (int(a), int(b)) for k, a, b in zip(keys, starts[:-1], starts[1:])}

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix == ".parquet"

    @cached_property
    def _starts_and_keys(self) -> tuple[NDArray[np.int64], list[str]]:
        """First row of every run of equal key columns (with the row count at the end), and each run's key."""
        used = fields(self.key)
        if not used:
            rows = open_parquet(self.path).metadata.num_rows if self._is_parquet else self._whole.num_rows
            if not rows:
                raise NothingToRead("the table has no rows", where=self.path)
            return np.array([0, rows]), [self.key]
        for name in used:
            if name not in self.names:
                raise missing_column(name, self.names, self.path)
        table = read_parquet_table(self.path, columns=used) if self._is_parquet else self._whole.select(list(used))
        changed = np.zeros(table.num_rows, bool)
        for name in used:
            codes = _codes(table.column(name))
            changed[1:] |= codes[1:] != codes[:-1]
        if not table.num_rows:
            raise NothingToRead("the table has no rows", where=self.path)
        changed[0] = True
        starts = np.flatnonzero(changed)
        values = table.take(starts).to_pylist()
        return np.append(starts, table.num_rows), [fill(self.key, row, self.path) for row in values]

    @cached_property
    def _order(self) -> NDArray[np.int64] | None:
        """Row permutation that brings scattered rows of a key together, else None."""
        starts, keys = self._starts_and_keys
        if len(set(keys)) == len(keys):
            return None
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        return np.argsort(np.repeat([number[k] for k in keys], np.diff(starts)), kind="stable")

    @cached_property
    def _sorted_keys(self) -> list[str]:
        return list(dict.fromkeys(self._starts_and_keys[1]))

    @cached_property
    def _sorted_counts(self) -> NDArray[np.int64]:
        starts, keys = self._starts_and_keys
        counts = dict.fromkeys(self._sorted_keys, 0)
        for key, length in zip(keys, np.diff(starts)):
            counts[key] += int(length)
        return np.array(list(counts.values()))

    @cached_property
    def _whole(self) -> "pa.Table":
        if self._is_parquet:
            return read_parquet_table(self.path)
        return read_json(self.path, self.records) if self.path.suffix == ".json" else read_csv_table(self.path)

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """First row of every row group, and the row count."""
        meta = open_parquet(self.path).metadata
        return np.cumsum([0, *(meta.row_group(i).num_rows for i in range(meta.num_row_groups))])

    def _slice(self, name: str, first: int, last: int) -> NDArray:
        if name not in self.names:
            raise missing_column(name, self.names, self.path)
        if not self._is_parquet or self._order is not None:
            return self._column(-1, name)[first:last]
        groups = range(int(np.searchsorted(self._bounds, first, "right")) - 1, int(np.searchsorted(self._bounds, last, "left")))
        parts = [self._column(g, name)[max(0, first - self._bounds[g]) : last - self._bounds[g]] for g in groups]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _column(self, group: int, name: str) -> NDArray:
        """One column of a row group (-1: of the whole file), kept for the next recording."""
        held = self._groups.setdefault(group, {})
        self._groups.move_to_end(group)
        if len(self._groups) > KEPT_GROUPS:
            self._groups.popitem(last=False)
        if name not in held:
            table = self._whole if group < 0 else read_parquet_table(self.path, columns=(name,), group=group)
            values = _numpy(table.column(name))
            held[name] = values if group >= 0 or self._order is None else values[self._order]
        return held[name]


def _codes(column: "pa.ChunkedArray") -> NDArray:
    """An array that changes where the column does; cheap for dictionaries."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries().combine_chunks().indices.to_numpy(zero_copy_only=False)
    return _numpy(column)


def _numpy(column: "pa.ChunkedArray") -> NDArray:
    """Values as numpy; missing numbers become NaN, missing text None."""
    return column.to_numpy()
