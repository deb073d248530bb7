"""Forget a person: recordings, prepared signals, adaptations, timelines; and name what must be trained again."""

import shutil
from pathlib import Path

from stf2m.app.places import PREPARED, TIMELINES, folder_of_person
from stf2m.core.errors import NotStored
from stf2m.core.files import part_of, read_json
from stf2m.data.forget import Forgotten, forget
from stf2m.data.store import is_store
from stf2m.prepare.store import forget_person


def forget_everywhere(folder: Path, person: str, *, bundles: bool = False) -> Forgotten:
    """Remove `person` from a store, or from a folder of adaptations; raises `NotStored` when neither knows them.

    Prepared signals of other people stay. Bundles and results that the person took part in are flagged, or with `bundles`
    deleted. After a kill the same call finishes the work.
    """
    if not is_store(folder):
        return _forget_adaptations(Path(folder), person)
    found = forget_person(folder / PREPARED, person) if (folder / PREPARED).is_dir() else 0
    try:
        done = forget(folder, person, bundles=bundles)
    except NotStored:
        if not found:
            raise
        done = Forgotten(person, False, (), ())
    prepared = (folder / PREPARED,) if found else ()
    return Forgotten(person, done.recordings, (*prepared, *done.deleted), done.remake)


def _forget_adaptations(folder: Path, person: str) -> Forgotten:
    """A folder that holds adaptations alone: the files named there first, the adaptations last."""
    mine = folder_of_person(folder, person)
    if not mine.is_dir():
        raise NotStored(f"no person {person!r}", where=folder, hint="name the store, or the folder beside the bundle, that knows them")
    deleted = []
    notes = mine / TIMELINES
    for name in read_json(notes) if notes.exists() else []:
        if Path(name).is_file():
            Path(name).unlink()
            deleted.append(Path(name))
    aside = part_of(mine)
    mine.rename(aside)
    shutil.rmtree(aside)
    return Forgotten(person, False, (*deleted, mine), ())
