"""CSV and Parquet tables of a person's own recording; the columns are explained in `columns`."""

from pathlib import Path

from stf2m.core.errors import InputError, NothingToRead, UnreadableFile
from stf2m.core.records import Recording
from stf2m.data.readers._text import header_of, parse, read_text
from stf2m.data.readers.columns import recording_of
from stf2m.data.readers.names import EMOTION, readable_columns
from stf2m.data.streams import LONGEST_GAP


def read_csv(
    path: Path, *, subject: str = "me", longest_gap: float | None = LONGEST_GAP, repair: bool = False,
    refused: list[InputError] | None = None,
) -> Recording:  # fmt: skip
    """A delimited file (comma, semicolon with decimal comma, or tab) as a recording.

    An audio file of the same name beside it (monday.csv, monday.wav) is its voice stream. `repair` drops samples whose
    time repeats or runs backwards; `longest_gap` s of missing samples are bridged, None = any. Errors and `refused`: see `columns`.
    """
    text = read_text(path)
    names, delimiter = header_of(text.data, path)
    kept = readable_columns(names, path, refused)
    table = parse(text.data, path, names, skip=1, delimiter=delimiter, text=(EMOTION,), only=kept)
    how = {"subject": subject, "longest_gap": longest_gap, "repair": repair, "refused": refused}
    found = recording_of(table, id=path.stem, where=path, **how, notes=text.notes)
    return _with_voice(found, path)


def read_parquet(
    path: Path, *, subject: str = "me", longest_gap: float | None = LONGEST_GAP, repair: bool = False,
    refused: list[InputError] | None = None,
) -> Recording:  # fmt: skip
    """A Parquet table with the same columns as the CSV."""
    from stf2m.data.files import read_parquet_table

    if not path.is_file():
        raise NothingToRead("no such file", where=path, hint="check the path")
    table = read_parquet_table(path)
    kept = readable_columns(table.column_names, path, refused)
    how = {"subject": subject, "longest_gap": longest_gap, "repair": repair, "refused": refused}
    found = recording_of(table.select(kept), id=path.stem, where=path, **how)
    return _with_voice(found, path)


def _with_voice(recording: Recording, path: Path) -> Recording:
    """Add the audio file of the same name as the stream `voice`, if there is one."""
    from dataclasses import replace

    from stf2m.data.readers.audio import read_audio

    beside = next((p for suffix in (".wav", ".flac") if (p := path.with_suffix(suffix)).is_file()), None)
    if beside is None or "voice" in recording.streams:
        return recording
    if not path.stem:
        raise UnreadableFile("the file has no name", where=path)
    voice = read_audio(beside)
    words = (*recording.provenance, f"voice: read from {beside.name}, taken to begin at time 0", *voice.provenance)
    return replace(recording, streams={**recording.streams, "voice": voice.streams["voice"]}, provenance=words)
