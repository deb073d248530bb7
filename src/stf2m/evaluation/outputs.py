"""What stands beside the rows of a study: the text, the table and the report, all made from the rows; and how a person leaves."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stf2m.core.config import without_none
from stf2m.core.files import atomic_write_text, guard_space, part_of, read_json, sweep_parts
from stf2m.evaluation.audit_words import read_audit
from stf2m.evaluation.compare import compared_markdown, comparisons
from stf2m.evaluation.execute import Paths, read_timelines
from stf2m.evaluation.figures import curve_svg, ranks_svg
from stf2m.evaluation.report import write_report
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import table_csv, write_results
from stf2m.evaluation.rows import Row, people_in, remove_person
from stf2m.evaluation.study import Study, protocol_named
from stf2m.evaluation.table import Table, tables_of


class Outputs(NamedTuple):
    """Files that were written."""

    results: Path
    """Markdown"""
    table: Path
    """CSV, every metric"""
    report: Path
    """HTML"""
    facts: Path
    """JSON of an audit or an ablation; a study alone has none"""
    settings: Path
    """TOML: the study with every default filled in"""


def figures_of(rows: Path) -> Path:
    """Folder of the figures beside a results file."""
    return rows.with_suffix("") / "figures"


def outputs_of(rows: Path) -> Outputs:
    """Where they stand, whether written or not."""
    names = (f"{rows.stem}.md", f"{rows.stem}-table.csv", f"{rows.stem}.html", f"{rows.stem}.json", f"{rows.stem}-settings.toml")
    return Outputs(*(rows.with_name(name) for name in names))


def audit_of(rows: Path) -> Path:
    """The audit's JSON beside a study's results file, whether written or not."""
    return outputs_of(rows.with_name(f"{rows.stem}-audit.csv")).facts


def write_outputs(study: Study, paths: Paths, rows: Sequence[Row], *, command: str = "") -> Outputs:
    """Write `NAME.md`, `NAME-table.csv`, `NAME-settings.toml` and `NAME.html` beside the results file, and figures below it; raises `NoSpace`."""
    made = outputs_of(paths.rows)
    tables = tables_of(rows, study.primary)
    compared = compared_markdown(tables, {protocol.card.hash: protocol.heading for protocol in study.asked})
    atomic_write_text(made.results, write_results(study, rows) + (f"\n{compared}" if compared else ""))
    write_figures(study, tables, figures_of(paths.rows))
    atomic_write_text(made.table, table_csv(study, rows))
    atomic_write_text(made.settings, resolved(study))
    write_report(report_of(study, rows, read_timelines(study, paths), command=command, audit=read_audit(audit_of(paths.rows))), made.report)
    return made


def resolved(study: Study) -> str:
    """The study as TOML with every default filled in, each learner's training under its name."""
    import tomli_w

    from stf2m.evaluation.learned import config_of

    facts = study.model_dump(mode="json")
    facts["protocols"] = [{"name": protocol.name, **protocol.model_dump(mode="json")} for protocol in study.asked]
    how = {"normalisation": study.recipe.normalisation, "where": f"study {study.name}"}
    facts["learners"] = {}
    for name in study.learners:
        settings = study.learner_settings(name)
        config, seeds = config_of(settings, **how)
        facts["learners"][name] = {**config.model_dump(mode="json"), "seeds": seeds, "sensors": list(settings.get("sensors", ()))}
    return tomli_w.dumps(without_none(facts))


def figure_name(study: Study, table: Table) -> str:
    """What figures of a table are called."""
    return f"{table.group.target}-{protocol_named(study, table.group.card).heading}".replace(" ", "_").replace(",", "")


def ranks_name(study: Study, table: Table, shots: int) -> str:
    """File name of the critical-difference diagram of one k."""
    return f"ranks-{figure_name(study, table)}-k{shots}.svg"


def write_figures(study: Study, tables: Sequence[Table], folder: Path) -> list[Path]:
    """The curve of every table and the critical-difference diagram of every k, as SVG; raises `NoSpace`."""
    drawn: dict[str, str] = {}
    for table in tables:
        drawn[f"curve-{figure_name(study, table)}.svg"] = curve_svg(table, main=study.main)
        drawn |= {ranks_name(study, table, found.shots): ranks_svg(found, main=study.main) for found in comparisons(table)}
    with guard_space(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in drawn.items():
        atomic_write_text(folder / name, text)
    return [folder / name for name in drawn]


class Removed(NamedTuple):
    """What was deleted of a person around one results file."""

    rows: int
    timelines: list[Path]
    pages: list[Path]
    """made of the rows, so they go as a whole and can be written again"""


def forget_in_results(rows: Path, dataset: str, person: str, *, whole: bool = False) -> Removed:
    """Delete a person's rows and timelines and the pages made of them; with `whole` everything as soon as they took part.

    The rows go last, so that after a kill the same call finds what is left.
    """
    timelines = Paths(Path(), rows.parent, rows).timelines
    sweep_parts(timelines)
    sweep_parts(rows.parent, rows.name)
    count = people_in(rows)[dataset][person]
    mine = [path for path in sorted(timelines.glob("*.json")) if read_json(path)["person"] in (person, f"{dataset}:{person}")]
    made = (*outputs_of(rows), *sorted(figures_of(rows).glob("*.svg")))
    there = [path for path in made if path.exists()]
    pages = there if mine or count else [path for path in there if names_person(path, person)]
    for path in (*pages, *mine):
        path.unlink()
    if count and whole:
        remove_folder(timelines.parent)
        rows.unlink()
    elif count:
        remove_person(rows, dataset, person)
    return Removed(count, mine, pages)


def names_person(page: Path, person: str) -> bool:
    """Whether a page of text names this person: an audit gives examples of people who have no row."""
    return re.search(rf"(?<!\w){re.escape(person)}(?!\w)", page.read_text(encoding="utf-8", errors="replace")) is not None


def remove_folder(folder: Path) -> None:
    """Delete a folder if it is there; it is renamed first, so that a kill never leaves half of it under its name."""
    if folder.is_dir():
        aside = part_of(folder)
        folder.rename(aside)
        shutil.rmtree(aside)
