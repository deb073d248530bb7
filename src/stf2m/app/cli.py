"""The command line: parses and calls, computes nothing. One sentence and a distinct exit code for every user's mistake."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stf2m import __version__
from stf2m.app.console import Console, complain
from stf2m.core.errors import NotAccessible, Stf2mError

INTERRUPTED = 130
CHECK = "check that it may be read and written, and whether it should be a file or a folder"


class Sentences(TyperGroup):
    """Turns errors of our tree into one sentence on stderr and their exit code; anything else is a bug and keeps its trace."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except Stf2mError as problem:
            complain(problem.sentence)
            raise typer.Exit(problem.exit_code) from None
        except OSError as problem:
            where = problem.filename or "a file"
            complain((unusable := NotAccessible(str(problem.strerror or problem), where=where, hint=CHECK)).sentence)
            raise typer.Exit(unusable.exit_code) from None
        except KeyboardInterrupt:
            complain("stopped; what was finished is kept, the same command continues")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Sentences, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Personal, readable, fine-grained emotion recognition from a few labelled seconds.",
    epilog="Begin with: stf2m demo. Read docs/intended-use.md before you record anybody: not for use at work or in education.",
)  # fmt: skip

PathOption, PathArgument = partial(typer.Option, readable=False), partial(typer.Argument, readable=False)
"""whether a path can be read is said by who reads it, in a sentence"""
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors.")]
Root = Annotated[Path | None, PathOption("--data", "--root", help="Folder that holds the data sets.", envvar="STF2M_DATA")]
Store = Annotated[Path, PathArgument(help="Folder of the store.")]
Bundle = Annotated[Path, PathArgument(help="Folder of a bundle, written by stf2m train.")]
Recordings = Annotated[list[Path], PathArgument(help="Recordings of the person (.csv, .parquet, .wav, .flac, E4 folder).")]
StudyFile = Annotated[Path, PathArgument(help="Study file (.toml).")]
Runs = Annotated[Path, PathOption(help="Working folder for prepared signals, checkpoints and results.")]
Rows = Annotated[Path | None, PathOption(help="Results file (.csv); default: in the working folder.")]
Jobs = Annotated[int, typer.Option(help="Processes.", min=1)]
OverBudget = Annotated[bool, typer.Option("--over-budget", help="Run on although the study's max_cpu_hours would be passed.")]
People = Annotated[Path | None, PathOption(help="Folder that keeps adaptations: a store, or any; default: beside the bundle.")]
Use = Annotated[str, typer.Option(help="What it is for: research, non-commercial or commercial.", envvar="STF2M_USE")]


def main() -> None:
    """Entry point of the `stf2m` program."""
    app()


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Personal, readable, fine-grained emotion recognition from a few labelled seconds."""


@app.command(short_help="Show everything in two minutes.")
def demo(
    data: Annotated[Path | None, PathOption(help="Folder with a known data set; default: generated people.")] = None,
    out: Annotated[Path, PathOption(help="Folder for everything the demo writes.")] = Path("runs/demo"),
    browser: Annotated[bool, typer.Option(help="Open the page where a browser exists.")] = True,
    quick: Annotated[bool, typer.Option("--quick", help="Less than a minute; too short a training to say anything.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show everything in two minutes: people, preparation, meta-training, personal answers, tables with floors, a page."""
    from stf2m.app.demo import run_demo

    run_demo(data, out, browser=browser, quick=quick, console=Console(as_json, quiet))


@app.command(short_help="Say what a data set is.")
def info(
    dataset: Annotated[str, typer.Argument(help="Name of a data set, a mapping file (.toml), or a store.")],
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a data set is: people, sensors with their rates, labels, licence, permitted use."""
    from stf2m.app.data import show_info

    show_info(dataset, root, Console(as_json, quiet))


@app.command(short_help="Examine recordings, in words with figures.")
def doctor(
    path: Annotated[Path, PathArgument(help="A recording (.csv, .parquet, .wav, .flac, E4 folder), or a store.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Examine recordings: rates, gaps, drift, flat lines, clipping, contact, labels; in words with figures."""
    from stf2m.app.data import show_findings

    show_findings(path, Console(as_json, quiet))


@app.command("import", short_help="Copy a data set into a store.")
def import_(
    dataset: Annotated[str, typer.Argument(help="Name of a data set, or a mapping file (.toml).")],
    root: Annotated[Path, PathArgument(help="Folder that holds its files.")],
    store: Annotated[Path, PathArgument(help="New folder to write the store to.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy a data set into a store: checked, quick to read again, able to forget a person. Continues after a kill."""
    from stf2m.app.data import run_import

    run_import(dataset, root, store, Console(as_json, quiet))


@app.command(short_help="Clean, grade and resample everybody of a store.")
def prepare(
    store: Store,
    recipe: Annotated[Path | None, PathOption(help="Recipe (.toml); default: every sensor at its usual rate.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Clean, grade and resample everybody of a store. Continues after a kill."""
    from stf2m.app.data import run_prepare

    run_prepare(store, recipe, Console(as_json, quiet))


@app.command(short_help="Remove a person and everything derived from them.")
def forget(
    person: Annotated[str, typer.Argument(help="Name of the person.")],
    store: Annotated[Path | None, PathOption(help="The store, or the folder of adaptations beside a bundle.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Whose person, where there is no store: the data set's name.")] = None,
    runs: Runs = Path("runs"),
    bundles: Annotated[bool, typer.Option("--bundles", help="Also delete bundles and results the person took part in.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove a person and everything derived from them, also below the working folder; names what must be trained again."""
    from stf2m.app.data import run_forget

    run_forget(person, store, dataset, runs, bundles, Console(as_json, quiet))


@app.command(short_help="Meta-train on a study's people; write a bundle.")
def train(
    study: StudyFile,
    out: Annotated[Path, PathOption(help="Folder of the bundle to write.")],
    learner: Annotated[str | None, typer.Option(help="Which learner; default: the study's main one.")] = None,
    target: Annotated[str | None, typer.Option(help="Which target; default: the study's first.")] = None,
    store: Annotated[Path | None, PathOption(help="Store to train on, instead of the data root.")] = None,
    root: Root = None,
    runs: Runs = Path("runs"),
    use: Use = "research",
    start: Annotated[Path | None, PathOption(help="Bundle to go on from; its deleted and locked rules stay so.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Meta-train on all people of a study's data set and write a bundle. Continues after a kill, to the same numbers."""
    from stf2m.app.studies import run_train

    run_train(study, out, learner, target, store, root, runs, use, start, Console(as_json, quiet))


@app.command(short_help="Run a study and print its tables with floors.")
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


@app.command(short_help="Write a study's page from its rows.")
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


@app.command(short_help="Compare every method of a study with every other.")
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


@app.command(short_help="Show the score over the number of labels.")
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


@app.command(short_help="Take a study's main learner apart.")
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


@app.command(short_help="Switch every known leak on, one at a time.")
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


@app.command(short_help="Adapt a bundle to a person from a few labels.")
def personalise(
    bundle: Bundle,
    recording: Recordings,
    person: Annotated[str, typer.Option(help="Name of the person.")],
    labels: Annotated[list[Path] | None, PathOption(help="CSV of onset,offset and emotion or valence,arousal; one per recording.")] = None,
    scale: Annotated[tuple[float, float], typer.Option(help="Lowest and highest valence and arousal in the labels file.")] = (-1.0, 1.0),
    people: People = None,
    use: Use = "research",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Adapt a bundle to a person from a few labelled seconds, and keep what was learned."""
    from stf2m.app.use import run_personalise

    run_personalise(bundle, recording, person, labels, scale, people, use, Console(as_json, quiet))


@app.command(short_help="Answer every segment of a recording.")
def predict(
    bundle: Bundle,
    recording: Annotated[Path, PathArgument(help="A recording (.csv, .parquet, .wav, .flac, E4 folder).")],
    person: Annotated[str | None, typer.Option(help="A person who was personalised; without, answers are for people in general.")] = None,
    out: Annotated[Path | None, PathOption(help="Timeline to write: .csv, .parquet or .json.")] = None,
    people: People = None,
    use: Use = "research",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer every segment of a recording: emotions, valence and arousal, uncertainty, status, and the rules that fired."""
    from stf2m.app.use import run_predict

    run_predict(bundle, recording, person, out, people, use, Console(as_json, quiet))


@app.command(short_help="Name the segments that should be labelled next.")
def ask(
    bundle: Bundle,
    recording: Annotated[Path, PathArgument(help="A recording (.csv, .parquet, .wav, .flac, E4 folder).")],
    person: Annotated[str | None, typer.Option(help="A person who was personalised; without, for people in general.")] = None,
    labels: Annotated[Path | None, PathOption(help="CSV of what is labelled in this recording already.")] = None,
    scale: Annotated[tuple[float, float], typer.Option(help="Lowest and highest valence and arousal in the labels file.")] = (-1.0, 1.0),
    count: Annotated[int, typer.Option(help="How many segments to name.", min=1)] = 5,
    people: People = None,
    use: Use = "research",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Name the segments of a recording that should be labelled next, and why."""
    from stf2m.app.use import run_ask

    run_ask(bundle, recording, person, labels, scale, count, people, use, Console(as_json, quiet))


@app.command(short_help="Compare ways to choose what to label.")
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


@app.command(short_help="List, measure, edit and lock a bundle's rules.")
def rules(
    source: Annotated[Path, PathArgument(help="Folder of a bundle; or a study file (.toml), to compare rules of several trainings.")],
    delete: Annotated[list[int] | None, typer.Option(help="Number of a rule to delete; may be repeated.")] = None,
    edit: Annotated[list[str] | None, typer.Option(help='Change a rule: "2: heart rate > usual + 8 bpm, speaks for joy".')] = None,
    lock: Annotated[list[int] | None, typer.Option(help="Number of a rule that training and adapting must leave as it is.")] = None,
    out: Annotated[Path | None, PathOption(help="Folder of the edited bundle to write.")] = None,
    data: Annotated[Path | None, PathOption(help="Folder that holds the data set: measures the rules on held-out people.")] = None,
    store: Annotated[Path | None, PathOption(help="Store with labelled people to measure the rules on.")] = None,
    study: Annotated[Path | None, PathOption(help="Study file (.toml) that names the data set to measure on.")] = None,
    shots: Annotated[int | None, typer.Option(help="Labels per class when measuring; default: 5.", min=1)] = None,
    target: Annotated[str | None, typer.Option(help="Of a study: which target; default: the first.")] = None,
    learner: Annotated[str | None, typer.Option(help="Of a study: which learner; default: the main one.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Of a study: further seeds; default: 2.", min=0)] = None,
    runs: Runs = Path("runs"),
    use: Use = "research",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List rules in words with figures measured on held-out people; delete, edit or lock rules into a new bundle and score again."""
    from stf2m.app.rules import Source, refuse_options, run_rules, run_study_rules

    console, where = Console(as_json, quiet), Source(data, store, study, runs, use)
    if source.suffix == ".toml":
        refuse_options(source, "bundle", delete=delete, edit=edit, lock=lock, out=out, study=study, shots=shots)
        run_study_rules(source, target, learner, 2 if seeds is None else seeds, where, console)
        return
    refuse_options(source, "study file (.toml)", target=target, learner=learner, seeds=seeds)
    wishes = [*(f"delete {n}" for n in delete or []), *(edit or []), *(f"lock {n}" for n in lock or [])]
    run_rules(source, wishes, out, where, shots or 5, console)
