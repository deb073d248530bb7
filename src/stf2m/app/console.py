"""What commands say, and where: results on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stf2m.core.plain import finite


@dataclass(frozen=True)
class Console:
    """How one command speaks. `as_json` puts exactly one JSON document on stdout; `quiet` leaves only the result."""

    as_json: bool = False
    quiet: bool = False

    def say(self, text: str) -> None:
        """A remark for people, on stderr."""
        if not (self.quiet or self.as_json):
            _rich(sys.stderr).print(text, markup=False, highlight=False, soft_wrap=True)

    def result(self, value: Mapping[str, Any], text: str = "") -> None:
        """The command's result: `value` as JSON, or `text` for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(finite(value), indent=1, ensure_ascii=False, default=str, allow_nan=False) + "\n")
        elif text:
            _rich(sys.stdout).print(text, markup=False, highlight=False, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
        """A table for people, on stdout; with `as_json` it is left out, because `result` carries the same numbers."""
        if self.as_json:
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD)
        cells = [[str(cell) for cell in row] for row in rows]
        for i, column in enumerate(columns):
            numbers = all(_is_number(row[i]) for row in cells)
            table.add_column(Text(column), justify="right" if numbers else "left", overflow="fold")
        for row in cells:
            table.add_row(*map(Text, row))
        _rich(sys.stdout).print(table)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int, str], None]]:
        """A bar with the remaining time, on stderr, for a person who watches; yields `tick(done, of, sentence)`."""
        if self.quiet or self.as_json or not sys.stderr.isatty():
            yield lambda done, of, sentence: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, TextColumn("{task.fields[now]}"), console=_rich(sys.stderr)) as bar:
            task = bar.add_task(what, total=None, now="")

            def tick(done: int, of: int, sentence: str) -> None:
                bar.update(task, completed=done, total=of, now=sentence)

            yield tick


def complain(sentence: str) -> None:
    """One sentence on stderr about what went wrong."""
    _rich(sys.stderr).print(f"stf2m: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)


def _is_number(text: str) -> bool:
    return text.strip()[:1].isdigit() or text.strip()[:1] in ("", "-", "+", ".")


def _rich(stream: Any) -> Any:
    from rich.console import Console as Rich

    return Rich(file=stream, width=None if stream.isatty() else 160)
