"""What stands beside the rows of a study: the text, the table and the report, all made from the rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stf2m.core.files import atomic_write_text
from stf2m.evaluation.execute import Paths, read_timelines
from stf2m.evaluation.report import write_report
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import table_csv, write_results
from stf2m.evaluation.rows import Row
from stf2m.evaluation.study import Study


class Outputs(NamedTuple):
    """Files that were written."""

    results: Path
    """Markdown"""
    table: Path
    """CSV, every metric"""
    report: Path
    """HTML"""


def write_outputs(study: Study, paths: Paths, rows: Sequence[Row], *, command: str = "") -> Outputs:
    """Write `NAME.md`, `NAME-table.csv` and `NAME.html` beside the results file; raises `NoSpace`."""
    folder, name = paths.rows.parent, paths.rows.stem
    made = Outputs(folder / f"{name}.md", folder / f"{name}-table.csv", folder / f"{name}.html")
    atomic_write_text(made.results, write_results(study, rows))
    atomic_write_text(made.table, table_csv(study, rows))
    write_report(report_of(study, rows, read_timelines(paths), command=command), made.report)
    return made
