"""Numbers out of delimited text, fast, with truncation and nonsense told apart."""

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stf2m.core.errors import NotAccessible, NothingToRead, TruncatedFile, UnknownColumn, UnreadableFile
from stf2m.data.templates import NO_DATES, missing_column

if TYPE_CHECKING:
    import pyarrow as pa

CELL = re.compile(r"In CSV column #(\d+):.*invalid value '(.*)'")
"""where Arrow says which cell it could not convert"""
DELIMITERS = (",", ";", "\t")


class Text(NamedTuple):
    """The complete lines of a file, and what was left out, in words."""

    data: bytes
    notes: tuple[str, ...]


def read_text(path: Path) -> Text:
    """Bytes of `path` up to its last line break.

    A last line without one may have been cut anywhere: with fewer columns than the line before it the file is refused as
    `TruncatedFile`, else that one row is left out and noted. Raises `NothingToRead` for an empty or missing file, `NotAccessible`.
    """
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as problem:
        kind = NothingToRead if isinstance(problem, FileNotFoundError) else NotAccessible
        raise kind("cannot be opened", where=path, got=problem.strerror or "", hint="check the path and who may read it") from None
    if not data.strip():
        raise NothingToRead("the file is empty", where=path)
    if b"\0" in data[:4096]:
        raise UnreadableFile("not a text file", where=path, hint="export it as CSV with commas and UTF-8")
    body, _, rest = data.rpartition(b"\n")
    if not rest.strip() or not body.strip():
        return Text(data, ())
    before = body.rstrip(b"\r").rpartition(b"\n")[2]
    marks = [mark.encode() for mark in DELIMITERS]
    if any(rest.count(mark) < before.count(mark) for mark in marks):
        raise TruncatedFile("the last row is incomplete", where=path, got=repr(rest[:60].decode("utf-8", "replace")), hint="copy it again")
    return Text(body + b"\n", ("the file does not end with a line break: its last row may be cut and was left out",))


def header_of(data: bytes, path: Path) -> tuple[list[str], str]:
    """Column names and delimiter of the first line; raises `UnreadableFile` or, for a name used twice, `UnknownColumn`."""
    line = data.split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableFile("the first line is not UTF-8 text", where=path, hint="save it as UTF-8") from None
    delimiter = max(DELIMITERS, key=text.count)
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        raise UnreadableFile("the first line does not name columns", where=path) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnknownColumn(f"column {twice[0]!r} appears twice", where=path, hint="name every column once")
    return names, delimiter


def parse(
    data: bytes, path: Path, names: list[str], *, skip: int, delimiter: str = ",", text: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> "pa.Table":
    """Rows after the first `skip` lines as float64 columns (`text` columns as strings); empty cells are null.

    With `only`, these columns alone are converted; one that is not there raises `UnknownColumn`.
    Raises `UnreadableFile`, `TruncatedFile` or `NothingToRead`.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    at = 0
    for _ in range(skip):
        at = data.find(b"\n", at) + 1 or len(data)
    if not data[at : at + 4096].strip() and not data[at:].strip():
        raise NothingToRead("the table has no rows", where=path)
    end = data.find(b"\n", at)
    decimal = "," if delimiter == ";" and b"," in data[at : end if end >= 0 else len(data)] else "."
    for name in only:
        if name not in names:
            raise missing_column(name, names, path)
    types = {name: pa.string() if name in text else pa.float64() for name in names}
    try:
        return pc.read_csv(
            pa.BufferReader(data),
            read_options=pc.ReadOptions(skip_rows=skip, column_names=names),
            parse_options=pc.ParseOptions(delimiter=delimiter),
            convert_options=pc.ConvertOptions(
                column_types=types,
                include_columns=list(only),
                null_values=["", " "],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                decimal_point=decimal,
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError, OSError) as problem:
        raise _why(str(problem).splitlines()[0], data, path, names, delimiter, skip) from None


def _why(text: str, data: bytes, path: Path, names: list[str], delimiter: str, skip: int) -> UnreadableFile | TruncatedFile:
    """The error behind an Arrow message."""
    if "Expected" in text and "columns, got" in text:
        got = text.partition("columns, got")[2].partition(": ")[2].strip()
        last = data.rstrip().rpartition(b"\n")[2].decode("utf-8", "replace").strip()
        if got == last:
            return TruncatedFile("the last row is incomplete", where=path, got=repr(got[:60]), hint="copy it again")
        return UnreadableFile("a row has another number of columns than the first", where=path, got=repr(got[:60]), hint="mend that row")
    got, hint = text.split(": ", 1)[-1][:120], "write missing samples as nan"
    if cell := CELL.search(text):
        column, value = int(cell[1]), cell[2]
        lines = data.decode("utf-8", "replace").splitlines()
        rows = csv.reader(lines[skip:], delimiter=delimiter)
        line = next((n for n, row in enumerate(rows, skip + 1) if len(row) > column and row[column].strip() == value.strip()), 0)
        got = f"{value[:60]!r} in column {names[column]!r}" + (f", line {line}" if line else "")
        hint = NO_DATES if names[column] == "time" else hint
    return UnreadableFile("a cell is not a number", where=path, got=got, hint=hint)
