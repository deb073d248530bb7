"""Commands for one person and a bundle, and the demo of everything."""

from pathlib import Path
from typing import Annotated

import typer

from stf2m.app.commands.options import Bundle, Json, PathArgument, PathOption, People, Quiet, Recordings, Use
from stf2m.app.console import Console


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
