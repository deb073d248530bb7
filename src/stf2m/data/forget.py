"""Remove a person with everything derived from them; what was derived is listed beside the recordings.

    derived/<hash>.json   {"path": relative to the store, "kind", "subjects", "stale", "forgotten": traces}   one file per derived thing
    salt                  of the traces of forgotten people

Prepared stores, adaptations and timelines that contain the person are deleted. Bundles and results that the person took part
in cannot be mended: they are flagged (`STALE.json` inside or beside them, without the person's name) or, when asked, deleted.
Deleting is what the file system calls deleting; copies, backups and other machines are beyond its reach.
"""

import glob
import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stf2m.core.errors import CorruptStore, NotStored
from stf2m.core.files import atomic_write_text, read_json, sweep_parts, write_json
from stf2m.data.stored import folder_of

Kind = Literal["prepared", "adaptation", "timeline", "bundle", "results"]
REMAKE: dict[str, str] = {
    "bundle": "trained with this person; train it again without them",
    "results": "counts this person; run the study again without them",
}
"""Kinds that outlive the person unless asked otherwise, and what a human must do about each"""
STALE = "STALE.json"
STALE_WORDS = {"stale": True, "why": "made with recordings of a person who has been removed since; make it again"}


@dataclass(frozen=True)
class Derived:
    """One thing made from the recordings of `subjects`; `path` is absolute."""

    path: Path
    kind: Kind
    subjects: tuple[str, ...]
    stale: bool = False
    """true once somebody it was made from has been forgotten"""


@dataclass(frozen=True)
class Forgotten:
    """What `forget` did: paths that are gone, and sentences that name what a human must make again."""

    subject: str
    recordings: bool
    """whether the store held recordings of the person"""
    deleted: tuple[Path, ...]
    remake: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        what = "recordings" if self.recordings else "no recordings"
        text = f"{self.subject}: removed {what} and {len(self.deleted)} derived files or folders"
        return f"{text}; to do: {'; '.join(self.remake)}" if self.remake else text


def register_derived(
    root: Path, path: Path, kind: Kind, subjects: tuple[str, ...] | list[str], *, origin: Path | None = None
) -> None:  # fmt: skip
    """Note that `path` (file or folder, anywhere) was made from these people of the store at `root`.

    `origin`: a registered thing that `path` was made from; whoever was forgotten since took part in `path` too. Registering a path
    again replaces its entry. Raises `NotStored` when `root` is no store.
    """
    if not (Path(root) / "store.json").exists():
        raise NotStored("not a recording store", where=root, hint="name the folder that the import wrote")
    first = next((e for _, e in _entries(root) if e["path"] == _relative(root, origin)), {}) if origin is not None else {}
    gone = first.get("forgotten", ())
    _write_entry(root, _relative(root, path), kind, tuple(subjects), stale=bool(gone), forgotten=gone)


def _relative(root: Path, path: Path) -> str:
    """How an entry of the store names a path."""
    return os.path.relpath(Path(path).resolve(), Path(root).resolve())


def derived(root: Path) -> tuple[Derived, ...]:
    """Everything that was registered at the store, by path; raises `CorruptStore` for an unreadable entry."""
    return tuple(
        Derived((Path(root).resolve() / e["path"]).resolve(), e["kind"], tuple(e["subjects"]), e["stale"]) for _, e in _entries(root)
    )


def forget(root: Path, person: str, *, bundles: bool = False) -> Forgotten:
    """Remove `person` from the store at `root` and delete or flag everything derived from them.

    Bundles and results are deleted only with `bundles`. Derived things go first and the recordings last, so that after a kill the
    same call finishes the work. Raises `NotStored` when neither the store nor anything derived knows the person.
    """
    root = Path(root)
    folder, trace = folder_of(root, person), trace_of(root, person)
    mine = [(note, e) for note, e in _entries(root) if person in e["subjects"] or (bundles and trace in e.get("forgotten", ()))]
    unfinished = sweep_parts(folder.parent, glob.escape(folder.name)) + _aside(folder).exists()
    if not folder.exists() and not mine and not unfinished:
        raise NotStored(f"no person {person!r}", where=root, hint="look the names up with: stf2m info")
    _stay_forgotten(root, trace)
    deleted, remake = [], []
    for note, entry in mine:
        path = (root.resolve() / entry["path"]).resolve()
        if not path.exists() and not _aside(path).exists():
            remake.append(f"{path}: {entry['kind']} made from this person, and not there any more; if it was moved, delete it there")
        if entry["kind"] in REMAKE and not bundles and path.exists():
            _flag(root, path, entry, person)
            remake.append(f"{path}: {REMAKE[entry['kind']]}")
            continue
        if _delete(root, path):
            deleted.append(path)
        note.unlink()
    found = _delete(root, folder)
    return Forgotten(person, found or bool(unfinished), tuple(deleted), tuple(remake))


def _stay_forgotten(root: Path, trace: str) -> None:
    """Let an import that was not finished leave the person out when it goes on."""
    manifest = read_json(root / "store.json") if (root / "store.json").exists() else {}
    if manifest and not manifest.get("complete", True) and trace not in manifest.get("forgotten", ()):
        write_json(root / "store.json", {**manifest, "forgotten": [*manifest.get("forgotten", ()), trace]})


def _entries(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for note in sorted((Path(root) / "derived").glob("*.json")):
        entry = read_json(note)
        if not isinstance(entry, dict) or not {"path", "kind", "subjects", "stale"} <= set(entry):
            raise CorruptStore("not an entry of a derived thing", where=note, expected="path, kind, subjects, stale")
        found.append((note, entry))
    return sorted(found, key=lambda pair: pair[1]["path"])


def trace_of(root: Path, person: str) -> str:
    """What tells that a forgotten person took part, to whoever names them again, and says their name to nobody else.

    A hash salted by the store: it cannot be found in another store, but who guesses a name can confirm it.
    """
    salt = Path(root) / "salt"
    if not salt.exists():
        atomic_write_text(salt, secrets.token_hex(16))
    return hashlib.sha256(f"{salt.read_text(encoding='utf-8')}/{person}".encode()).hexdigest()[:24]


def _write_entry(
    root: Path, relative: str, kind: str, subjects: tuple[str, ...], *, stale: bool, forgotten: Sequence[str] = ()
) -> None:  # fmt: skip
    name = hashlib.sha256(relative.encode()).hexdigest()[:16]
    entry = {"path": relative, "kind": kind, "subjects": sorted(subjects), "stale": stale}
    write_json(Path(root) / "derived" / f"{name}.json", entry | ({"forgotten": list(forgotten)} if forgotten else {}))


def _flag(root: Path, path: Path, entry: dict[str, Any], person: str) -> None:
    """Say at the thing itself that it is out of date, and take the person's name out of its entry."""
    place = path / STALE if path.is_dir() else path.with_name(f"{path.name}.{STALE}")
    write_json(place, STALE_WORDS)
    gone = sorted({*entry.get("forgotten", ()), trace_of(root, person)})
    _write_entry(root, entry["path"], entry["kind"], tuple(s for s in entry["subjects"] if s != person), stale=True, forgotten=gone)


def _delete(root: Path, path: Path) -> bool:
    """Delete a file or folder, also one that a killed call had begun to delete; returns whether there was anything.

    A folder is renamed first, so that a kill never leaves half of it under its name.
    """
    if path == root.resolve() or path in root.resolve().parents:
        raise CorruptStore("a derived entry names a folder that holds the store itself", where=path, hint="remove that entry from derived/")
    aside, found = _aside(path), path.exists() or _aside(path).exists()
    if aside.exists():
        shutil.rmtree(aside)
    if path.is_dir():
        path.rename(aside)
        shutil.rmtree(aside)
    else:
        path.unlink(missing_ok=True)
    return found


def _aside(path: Path) -> Path:
    """The name under which a folder waits for its deletion."""
    return path.with_name(f".{path.name}.forgotten")
