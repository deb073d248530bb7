"""One recording out of one file or folder; `READERS` says which function reads what."""

import inspect
from collections.abc import Callable
from pathlib import Path

from stf2m.core.errors import InvalidConfig, NothingToRead, UnknownName
from stf2m.core.records import Recording
from stf2m.core.registry import look_up
from stf2m.data.readers.audio import read_audio
from stf2m.data.readers.csv import read_csv, read_parquet
from stf2m.data.readers.empatica import is_e4_folder, read_e4

READERS: dict[str, Callable[..., Recording]] = {
    ".csv": read_csv,
    ".flac": read_audio,
    ".parquet": read_parquet,
    ".wav": read_audio,
    "e4": read_e4,
}
"""suffix of a file, or kind of a folder -> reader(path, *, subject=...)"""


def read(path: Path | str, **options: object) -> Recording:
    """Read a person's own recording: a table (.csv, .parquet), sound (.wav, .flac) or an Empatica E4 folder.

    `options` go to the reader: `subject`, and for tables `longest_gap` (s; None allows any) and `repair` (drop samples whose time
    repeats or runs backwards). Raises `NothingToRead` for what is not there, `UnknownName` for a suffix that nobody reads,
    `InvalidConfig` for an option that the reader does not take, and the errors of the reader.
    """
    path = Path(path)
    if path.is_dir():
        if not is_e4_folder(path):
            there = sorted(p.name for p in path.iterdir())[:6]
            got = f"a folder with {', '.join(there)}" if there else "an empty folder"
            raise NothingToRead("no recording lies in this folder", where=path, expected="the CSV files of an E4 export", got=got)
        return look_up(READERS, "e4", family="readers")(path, **options)
    if not path.exists():
        raise NothingToRead("no such file or folder", where=path, hint="check the path")
    try:
        reader = look_up(READERS, path.suffix.lower(), family="readers")
    except UnknownName:
        known = " ".join(suffix for suffix in READERS if suffix.startswith("."))
        what = f"no reader for {path.suffix or 'a file without a suffix'}"
        raise UnknownName(what, where=path, hint=f"readable are {known} and E4 folders") from None
    known = inspect.signature(reader).parameters
    for name in options:
        if name not in known:
            raise InvalidConfig(f"no option {name!r} when reading this", where=path, expected=", ".join([*known][1:]) or "none")
    return reader(path, **options)
