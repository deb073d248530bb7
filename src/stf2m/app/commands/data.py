"""Commands for recordings: say what they are, examine, import and prepare them, forget a person."""

from pathlib import Path
from typing import Annotated

import typer

from stf2m.app.commands.options import Json, PathArgument, PathOption, Quiet, Root, Runs, Store
from stf2m.app.console import Console


def info(
    dataset: Annotated[str, typer.Argument(help="Name of a data set, a mapping file (.toml), or a store.")],
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a data set is: people, sensors with their rates, labels, licence, permitted use."""
    from stf2m.app.data import show_info

    show_info(dataset, root, Console(as_json, quiet))


def doctor(
    path: Annotated[Path, PathArgument(help="A recording (.csv, .parquet, .wav, .flac, E4 folder), or a store.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Examine recordings: rates, gaps, drift, flat lines, clipping, contact, labels; in words with figures."""
    from stf2m.app.data import show_findings

    show_findings(path, Console(as_json, quiet))


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


def prepare(
    store: Store,
    recipe: Annotated[Path | None, PathOption(help="Recipe (.toml); default: every sensor at its usual rate.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Clean, grade and resample everybody of a store. Continues after a kill."""
    from stf2m.app.data import run_prepare

    run_prepare(store, recipe, Console(as_json, quiet))


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
