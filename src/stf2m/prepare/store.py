"""Prepared data sets on disk: signals appended person by person, memory-mapped when read.

    ROOT/<hash of the signal recipe>/
      manifest.json              version, data set, recipe, modalities; "finished" when everybody is in; "source" tells the state of the
                                 files that were read, and "revision" how often that changed what was prepared
      signals/eda.f32            float32 (time, channel) of all recordings joined, little-endian
      signals/eda.quality.f32    float32 (time,)
      people/00000.parquet       one person's recordings, ratings, annotations; sizes and checksums of their signals

A person is in the store once their Parquet file is: it is written last, atomically. What a killed run appended beyond
the last person is cut off when the work continues, so nothing is half-written and nobody is done twice. A data set that can
tell the state of its files (`source`) is prepared anew when that has changed.
"""

import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from stf2m.core import files
from stf2m.core.errors import CorruptStore, InvalidConfig, NotStored, WrongVersion
from stf2m.core.records import Recording
from stf2m.prepare import people as table
from stf2m.prepare.people import Person
from stf2m.prepare.prepared import Prepared, describe_joined, entry_of
from stf2m.prepare.recipe import SignalRecipe
from stf2m.prepare.run import prepare_recording
from stf2m.prepare.shards import BLOCK, Appender, Maps, check_sums, cut_off, ends_of, joined_of, map_signals

VERSION = 1


class Card(Protocol):
    """What the store keeps of a data set's card."""

    @property
    def name(self) -> str:
        """Of the data set, as results have it."""
        ...

    @property
    def emotions(self) -> tuple[str, ...]:
        """Vocabulary of the target "emotion", in class order; empty when there are only ratings."""
        ...


class People(Protocol):
    """A data set as preparation sees it: a card, people, and their recordings."""

    @property
    def card(self) -> Card:
        """Name and vocabulary."""
        ...

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        ...

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's recordings in session order."""
        ...


Progress = Callable[[int, int, str], None]
"""called with people done, people in all, and the person just finished"""


def prepare_dataset(dataset: People, recipe: SignalRecipe, root: Path, progress: Progress | None = None) -> Prepared:
    """Prepare everybody into the store under `root` and open it; people already there are not prepared again.

    One recording is in memory at a time. People that the data set no longer has are removed from the store, and everybody is
    prepared anew where the data set says (`source`, if it has one) that its files are no longer those that were read. Raises
    `NoSpace`, `CorruptStore`, `WrongVersion`, and `InvalidConfig` when the folder holds another data set.
    """
    folder = Path(root) / recipe.hash
    subjects = dataset.subjects()
    with files.guard_space(folder), _locked(folder):
        _begin(folder, dataset.card, recipe)
        _renew(folder, getattr(dataset, "source", ""))
        done = _stored(folder)
        if gone := [p.subject for p in done if p.subject not in subjects]:
            _remove(folder, set(gone))
            done = _stored(folder)
        cut_off(folder, done)
        have = {p.subject for p in done}
        if any(subject not in have for subject in subjects):
            files.write_json(folder / "manifest.json", _manifest(folder) | {"finished": False})
        for subject in subjects:
            if subject not in have:
                done.append(_append(folder, len(done), subject, dataset.recordings(subject), recipe, done))
            if progress is not None:
                progress(subjects.index(subject) + 1, len(subjects), subject)
        _finish(folder, done)
    return open_prepared(root, recipe)


def open_prepared(root: Path, recipe: SignalRecipe, *, verify: bool = True) -> Prepared:
    """Memory-map a finished store; with `verify` every signal is checked against its checksum.

    Raises `NotStored` when it is not there or not finished, `WrongVersion`, `CorruptStore`.
    """
    folder = Path(root) / recipe.hash
    manifest = _manifest(folder)
    if not manifest.get("finished"):
        raise NotStored("preparation was not finished", where=folder, hint="run the same preparation again; it continues")
    done = _stored(folder)
    joined = joined_of(done)
    signals = {m: map_signals(folder, m, joined[m], done) for m in joined}
    if verify:
        for person in done:
            check_sums(folder, person, signals)
    entries = tuple(entry for person in done for entry in person.entries)
    return Prepared(
        manifest["dataset"], recipe, tuple(manifest["emotions"]), joined,
        {m: values.T for m, (values, _) in signals.items()}, {m: grades for m, (_, grades) in signals.items()}, entries,
        manifest.get("revision", 0),
    )  # fmt: skip


def forget_person(root: Path, subject: str, dataset: str | None = None) -> int:
    """Remove a person from every store under `root`, or from those of one data set; -> the number of stores that held them."""
    found = 0
    for path in sorted(Path(root).glob("*/manifest.json")):
        with files.guard_space(path.parent), _locked(path.parent):
            if dataset not in (None, _manifest(path.parent)["dataset"]):
                continue
            done = _stored(path.parent)
            cut_off(path.parent, done)  # a killed run may have appended samples of this very person
            if any(person.subject == subject for person in done):
                _remove(path.parent, {subject})
                found += 1
    return found


def _begin(folder: Path, card: Card, recipe: SignalRecipe) -> None:
    """Make the folder, or check that it is this data set's."""
    if not (folder / "manifest.json").exists():
        for part in ("signals", "people"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        start = {"version": VERSION, "dataset": card.name, "emotions": list(card.emotions), "recipe": recipe.model_dump(mode="json")}
        files.write_json(folder / "manifest.json", start | {"modalities": {}, "people": [], "finished": False})
    manifest = _manifest(folder)
    if manifest["dataset"] != card.name:
        raise InvalidConfig(
            "this folder holds another data set", where=folder, expected=card.name, got=manifest["dataset"], hint="name another root"
        )
    for part in (folder, folder / "people"):
        files.sweep_parts(part)


def _renew(folder: Path, source: str) -> None:
    """Put an empty store in the place of one that was made from files in another state than `source`; "" = that is not known."""
    manifest = _manifest(folder)
    before = manifest.get("source", "")
    if not source or before == source:
        return
    if not before:  # nobody asked when it was made; it is taken as it is
        files.write_json(folder / "manifest.json", manifest | {"source": source})
        return
    with files.atomic_directory(folder, replace=True) as fresh:
        for part in ("signals", "people"):
            (fresh / part).mkdir()
        changed = {"source": source, "revision": manifest.get("revision", 0) + 1, "modalities": {}, "people": [], "finished": False}
        if manifest["finished"]:
            changed["before"] = manifest["people"]
        files.write_json(fresh / "manifest.json", manifest | changed)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = files.read_json(folder / "manifest.json")
    except NotStored:
        raise NotStored("nothing is prepared here with these settings", where=folder, hint="run the preparation first") from None
    if not isinstance(manifest, dict) or manifest.get("version") != VERSION:
        got = manifest.get("version") if isinstance(manifest, dict) else "no manifest"
        raise WrongVersion(
            "a store of another version", where=folder, expected=VERSION, got=got, hint="delete this folder and prepare again"
        )
    return manifest


def _stored(folder: Path) -> list[Person]:
    """Everybody whose index is there, checked against the manifest's checksums as far as it has them."""
    sums = _manifest(folder)["people"]
    paths = sorted((folder / "people").glob("[0-9]*.parquet"))
    if len(paths) < len(sums):
        raise CorruptStore("people are missing", where=folder, expected=len(sums), got=len(paths), hint="delete this folder")
    return [table.read_person(path, checksum) for path, checksum in zip_longest(paths, sums)]


def _sums(folder: Path) -> list[int]:
    return [zlib.crc32(path.read_bytes()) for path in sorted((folder / "people").glob("[0-9]*.parquet"))]


def _append(folder: Path, number: int, subject: str, recordings: Iterator[Recording], recipe: SignalRecipe, done: list[Person]) -> Person:
    """Prepare one person onto the end of the signals, then write their index: the moment they count as done."""
    joined, ends, entries = joined_of(done), ends_of(done), []
    begin, sums = dict(ends), {}
    with Appender(folder) as out:
        for recording in recordings:
            prepared = prepare_recording(recording, recipe)
            joined = describe_joined(prepared, recipe, joined)
            entries.append(entry_of(prepared, ends))
            ends = ends | {m: bound[1] for m, bound in entries[-1].bounds.items()}
            for modality, track in prepared.tracks.items():
                sums[modality] = out.write(modality, track.values, track.quality, sums.get(modality, (0, 0)))
    shards = {m: table.Shard(begin.get(m, 0), ends[m], *sums[m]) for m in sums}
    person = Person(subject, tuple(entries), shards, {m: joined[m] for m in sums})
    files.atomic_write_bytes(folder / "people" / f"{number:05d}.parquet", table.person_bytes(person))
    return person


def _finish(folder: Path, done: list[Person]) -> None:
    manifest = _manifest(folder)
    modalities = {m: {"rate": j.rate, "channels": list(j.channels), "static": j.static} for m, j in joined_of(done).items()}
    after = manifest | {"modalities": modalities, "people": _sums(folder), "finished": True}
    if after.pop("before", None) == after["people"]:
        after["revision"] -= 1  # other files, but the same content
    if after != manifest:
        files.write_json(folder / "manifest.json", after)


def _remove(folder: Path, gone: set[str]) -> None:
    """Rewrite the store without some people, then put it in the old one's place."""
    done = _stored(folder)
    cut_off(folder, done)
    signals = {m: map_signals(folder, m, j, done) for m, j in joined_of(done).items()}
    manifest = _manifest(folder)
    with files.atomic_directory(folder, replace=True) as fresh:
        for part in ("signals", "people"):
            (fresh / part).mkdir()
        kept: list[Person] = []
        for person in (p for p in done if p.subject not in gone):
            kept.append(_copy(fresh, len(kept), person, signals, ends_of(kept)))
        files.write_json(fresh / "manifest.json", manifest | {"people": _sums(fresh)})


def _copy(fresh: Path, number: int, person: Person, signals: Maps, ends: dict[str, int]) -> Person:
    """Append a stored person to a new store; only positions change."""
    shift = {m: ends.get(m, 0) - shard.begin for m, shard in person.shards.items()}
    with Appender(fresh) as out:
        for m, shard in person.shards.items():
            values, grades = signals[m]
            for begin in range(shard.begin, shard.end, BLOCK):
                part = slice(begin, min(begin + BLOCK, shard.end))
                out.write(m, values[part].T, grades[part], (0, 0))
    moved = table.move_person(person, shift)
    files.atomic_write_bytes(fresh / "people" / f"{number:05d}.parquet", table.person_bytes(moved))
    return moved


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time per store; a second one waits."""
    with files.guard_space(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = files.lock_of(folder).open("w")
    with handle:
        try:
            import fcntl
        except ImportError:  # no such locks on this system: a second writer must be avoided by hand
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.parent.glob(f".{folder.name}.*{files.PART}"):  # a rewrite that was killed still holds people
            shutil.rmtree(left)
        yield
