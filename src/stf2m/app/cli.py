"""The command line: its commands in the order of its help. One sentence and a distinct exit code for every user's mistake."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stf2m import __version__
from stf2m.app.commands import data, studies, training, use
from stf2m.app.console import complain
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


COMMANDS = (
    ("demo", use.demo, "Show everything in two minutes."),
    ("info", data.info, "Say what a data set is."),
    ("doctor", data.doctor, "Examine recordings, in words with figures."),
    ("import", data.import_, "Copy a data set into a store."),
    ("prepare", data.prepare, "Clean, grade and resample everybody of a store."),
    ("forget", data.forget, "Remove a person and everything derived from them."),
    ("train", training.train, "Meta-train on a study's people; write a bundle."),
    ("study", studies.study, "Run a study and print its tables with floors."),
    ("report", studies.report, "Write a study's page from its rows."),
    ("compare", studies.compare, "Compare every method of a study with every other."),
    ("curve", studies.curve, "Show the score over the number of labels."),
    ("ablation", studies.ablation, "Take a study's main learner apart."),
    ("audit", studies.audit, "Switch every known leak on, one at a time."),
    ("personalise", use.personalise, "Adapt a bundle to a person from a few labels."),
    ("predict", use.predict, "Answer every segment of a recording."),
    ("ask", use.ask, "Name the segments that should be labelled next."),
    ("asking", studies.asking, "Compare ways to choose what to label."),
    ("rules", training.rules, "List, measure, edit and lock a bundle's rules."),
)
"""name, function, line in the list of commands"""

for name, function, short in COMMANDS:
    app.command(name, short_help=short)(function)
