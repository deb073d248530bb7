"""Templates such as "S{pid:02d}" over the columns of a row, and the words for a column that is not there."""

import math
import string
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from stf2m.core.errors import InvalidConfig, UnknownColumn, UnreadableFile

Row = Mapping[str, Any]
NO_DATES = "times are seconds since the recording began, or unix seconds: turn a date or a clock time into such a number"


def fields(template: str) -> tuple[str, ...]:
    """The column names that a template uses, in order, each once."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as problem:
        raise InvalidConfig(f"not a template: {problem}", got=template, hint='write it like "S{pid:02d}"') from None
    for name in names:
        if not name or not name.replace(" ", "_").replace("(", "").replace(")", "").replace("-", "_").isidentifier():
            raise InvalidConfig("a template may only name columns", got=template, hint='write it like "S{pid:02d}"')
    return tuple(dict.fromkeys(names))


def fill(template: str, row: Row, where: object) -> str:
    """Put a row's values into a template; raises `UnknownColumn` that names the neighbours."""
    values = {name: plain(column(row, name, where)) for name in fields(template)}
    try:
        return template.format(**values)
    except (ValueError, TypeError) as problem:
        raise InvalidConfig(f"template {template!r}: {problem}", where=where, got=str(values)) from None


def column(row: Row, name: str, where: object) -> Any:
    """`row[name]`; raises `UnknownColumn` that names the neighbours."""
    if name in row:
        return row[name]
    raise missing_column(name, row, where)


def missing_column(name: str, known: Any, where: object) -> UnknownColumn:
    """The error for a column that is not there, the closest names first."""
    known = sorted(map(str, known))
    return UnknownColumn(f"no column {name!r}", where=where, hint=did_you_mean(name, known, f"columns: {', '.join(known[:12])}"))


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names the closest of `known`, one that differs only in case first; `otherwise` when none is close."""
    known = list(known)
    same = [other for other in known if other.casefold() == name.casefold()]
    close = same[:1] or get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else otherwise


def number(value: float | str, row: Row, where: object) -> float:
    """A number, or that column of the row as a number; raises `UnreadableFile` when the cell is empty or text."""
    found = column(row, value, where) if isinstance(value, str) else value
    try:
        if math.isfinite(number := float(found)):
            return number
    except (TypeError, ValueError):
        pass
    raise UnreadableFile(f"column {value!r} does not hold a number here", where=where, got=repr(found))


def first_text(values: Iterable[Any]) -> tuple[int, Any]:
    """Number, from 1, and value of the first cell that is there and no number; (0, None) without any."""
    for row, value in enumerate(values, 1):
        try:
            float(0.0 if value is None else value)
        except (TypeError, ValueError):
            return row, value
    return 0, None


def positive(value: float | str, row: Row, where: object) -> float:
    """The same, above 0: a rate."""
    if (found := number(value, row, where)) > 0:
        return found
    raise UnreadableFile(f"{value!r} must be above 0", where=where, got=f"{found:g}")


def plain(value: Any) -> Any:
    """A Python scalar; a float that is whole becomes an int, so that 1.0 fits a {pid:02d}."""
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value
