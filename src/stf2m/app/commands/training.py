"""Commands that make bundles and look into them: train, rules."""

from pathlib import Path
from typing import Annotated

import typer

from stf2m.app.commands.options import Json, PathArgument, PathOption, Quiet, Root, Runs, StudyFile, Use
from stf2m.app.console import Console


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
