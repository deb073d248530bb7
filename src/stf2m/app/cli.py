"""The command line: parses and calls, computes nothing. One sentence and a distinct exit code for every user's mistake."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stf2m import __version__
from stf2m.app.console import Console, complain
from stf2m.core.errors import Stf2mError

INTERRUPTED = 130


class Sentences(TyperGroup):
    """Turns errors of our tree into one sentence on stderr and their exit code; anything else is a bug and keeps its trace."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except Stf2mError as problem:
            complain(problem.sentence)
            raise typer.Exit(problem.exit_code) from None
        except KeyboardInterrupt:
            complain("stopped; what was finished is kept, the same command continues")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Sentences, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Personal, readable, fine-grained emotion recognition from a few labelled seconds.",
    epilog="Read docs/intended-use.md before you record anybody: not for use at work or in education.",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors.")]
Root = Annotated[Path | None, typer.Option("--data", "--root", help="Folder that holds the data sets.", envvar="STF2M_DATA")]
Store = Annotated[Path, typer.Argument(help="Folder of the store.")]


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


@app.command()
def info(
    dataset: Annotated[str, typer.Argument(help="Name of a data set, or a mapping file (.toml).")],
    root: Root = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a data set is: licence, consent, people, labels, and the streams of its first recording."""
    from stf2m.app.inspect import describe_dataset

    describe_dataset(dataset, root, Console(as_json, quiet))
