"""Arguments and options that several commands share."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

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
