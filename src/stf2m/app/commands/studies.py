"""Commands for studies: run one, tell its results, take it apart, audit it."""

from pathlib import Path
from typing import Annotated

import typer

from stf2m.app.commands.options import Jobs, Json, OverBudget, PathOption, Quiet, Root, Rows, Runs, StudyFile
from stf2m.app.console import Console


def study(
    study: StudyFile,
    root: Root = None,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    jobs: Jobs = 1,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what is left to do and what it costs.")] = False,
    over_budget: OverBudget = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a study cell by cell and print its tables with the floors. Continues after a kill."""
    from stf2m.app.analyses import run_plan
    from stf2m.app.studies import run_whole_study

    if plan:
        run_plan(study, root, runs, rows, Console(as_json, quiet))
    else:
        run_whole_study(study, root, runs, rows, jobs, Console(as_json, quiet), over_budget=over_budget)


def report(
    study: StudyFile,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    out: Annotated[Path | None, PathOption(help="Page to write (.html); default: beside the results.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown instead.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a study's page, built from its rows alone: tables with floors, verdicts in words, timelines that bend to the person."""
    from stf2m.app.studies import run_report

    run_report(study, runs, rows, out, markdown, Console(as_json, quiet))


def compare(
    study: StudyFile,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    out: Annotated[Path | None, PathOption(help="Folder for the figures; default: beside the results.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare every method of a study with every other over people: ranks, pairs with Holm's correction, the diagram. Runs nothing."""
    from stf2m.app.analyses import run_compare

    run_compare(study, runs, rows, out, Console(as_json, quiet))


def curve(
    study: StudyFile,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    out: Annotated[Path | None, PathOption(help="Folder for the figures; default: beside the results.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the score over the number of labels with floors and intervals, as tables and figures. Runs nothing."""
    from stf2m.app.analyses import run_curve

    run_curve(study, runs, rows, out, Console(as_json, quiet))


def ablation(
    study: StudyFile,
    target: Annotated[list[str] | None, typer.Option(help="Only this target; may be repeated.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this variant; may be repeated.")] = None,
    root: Root = None,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    jobs: Jobs = 1,
    over_budget: OverBudget = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take a study's main learner apart, one part at a time: scores beside the full method, and what each costs. Continues after a kill."""
    from stf2m.app.analyses import run_ablation

    run_ablation(study, target or [], only or [], root, runs, rows, jobs, over_budget, Console(as_json, quiet))


def audit(
    study: StudyFile,
    method: Annotated[list[str] | None, typer.Option(help="Baseline or learner to audit; may be repeated. Default: prototypes.")] = None,
    main: Annotated[bool, typer.Option("--main", help="Also audit the study's main learner.")] = False,
    leak: Annotated[list[str] | None, typer.Option(help="Only this leak; may be repeated.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Target; may be repeated. Default: the study's first.")] = None,
    fold: Annotated[list[int] | None, typer.Option(help="Only this fold, from 1; may be repeated.")] = None,
    root: Root = None,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Switch every known leak on, one at a time, and print honest beside leaky. Nothing of it is a result. Continues after a kill."""
    from stf2m.app.audit import run_audit

    run_audit(study, method or [], main, leak or [], target or [], fold or [], root, runs, rows, Console(as_json, quiet))


def asking(
    study: StudyFile,
    budget: Annotated[int, typer.Option(help="Most labels to ask of a person.", min=1)] = 16,
    root: Root = None,
    runs: Runs = Path("runs"),
    rows: Rows = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare ways to choose the segments that a new person labels: score over asked labels. Continues after a kill."""
    from stf2m.app.studies import run_asking_study

    run_asking_study(study, budget, root, runs, rows, Console(as_json, quiet))
