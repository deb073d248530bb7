"""Table files opened whole, or refused in one sentence."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stf2m.core.errors import NotAccessible, NothingToRead, TruncatedFile, UnreadableFile

if TYPE_CHECKING:
    import pyarrow as pa


def open_parquet(path: Path) -> Any:
    """A Parquet file; raises `TruncatedFile` when its end is missing, `UnreadableFile` when it is something else."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError) as problem:
        with path.open("rb") as file:
            begins = file.read(4) == b"PAR1"
        if begins:
            raise TruncatedFile("the Parquet file has no end", where=path, hint="copy or download it again") from None
        raise UnreadableFile("not a Parquet file", where=path, got=str(problem).splitlines()[0][:80]) from None


def read_parquet_table(path: Path, *, columns: tuple[str, ...] | None = None, group: int | None = None) -> "pa.Table":
    """A Parquet file, or some of its columns, or one row group; raises `TruncatedFile` or `UnreadableFile`."""
    import pyarrow as pa

    names = list(columns) if columns is not None else None
    file = open_parquet(path)
    try:
        return file.read(columns=names) if group is None else file.read_row_group(group, columns=names)
    except (pa.ArrowException, OSError) as problem:
        raise UnreadableFile(
            "the Parquet file is damaged", where=path, got=str(problem).splitlines()[0][:80], hint="copy or download it again"
        ) from None


def read_csv_table(path: Path) -> "pa.Table":
    """A label or side table with a header row; raises `UnreadableFile`, `TruncatedFile` or `NothingToRead`."""
    import pyarrow as pa
    import pyarrow.csv as pc

    try:
        return pc.read_csv(path)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as problem:
        text = str(problem).splitlines()[0]
        if "Empty CSV" in text:
            raise NothingToRead("the file is empty", where=path) from None
        if "Expected" in text and "columns, got" in text:
            raise TruncatedFile("a row is incomplete", where=path, got=text[:120], hint="copy or download it again") from None
        raise UnreadableFile("not a CSV table", where=path, got=text[:120]) from None


def read_json(path: Path, records: str | None) -> "pa.Table":
    """A JSON list of flat objects, or the list named `records` inside an object."""
    import pyarrow as pa

    whole = load_json(path)
    rows = whole.get(records) if isinstance(whole, dict) and records else whole
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableFile("no list of records", where=path, expected=records or "a list", hint="name the list with records")
    return pa.Table.from_pylist(rows)


def load_json(path: Path) -> Any:
    """Parsed JSON; raises `TruncatedFile` when it stops in the middle, `UnreadableFile` when it is something else."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise UnreadableFile("not UTF-8 text", where=path, got=str(problem)[:80]) from None
    except OSError as problem:
        kind = NothingToRead if isinstance(problem, FileNotFoundError) else NotAccessible
        raise kind("cannot be opened", where=path, got=problem.strerror or "", hint="check the data root and who may read it") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        if problem.pos >= len(text.rstrip()) - 1 or "Unterminated" in problem.msg:
            raise TruncatedFile("the JSON stops in the middle", where=path, hint="copy or download it again") from None
        raise UnreadableFile(f"not valid JSON: {problem.msg}", where=path, got=f"line {problem.lineno}") from None
    except RecursionError:
        raise UnreadableFile("not valid JSON: nested too deeply", where=path) from None
