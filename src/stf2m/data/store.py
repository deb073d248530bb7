"""A data set copied once into a named folder: checked, memory-mapped, quick to read again, and able to forget a person.

store.json   {"format", "written_by", "complete", "card"}
people/      one folder per person, see `stored`
derived/     what was made from these people, see `forget`
"""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from stf2m.core.errors import CorruptStore, InvalidConfig, NothingToRead, NotStored, WrongVersion
from stf2m.core.files import atomic_directory, guard_space, read_json, sweep_parts, write_json
from stf2m.core.records import Recording
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.forget import Derived, Forgotten, derived, forget, register_derived, trace_of
from stf2m.data.stored import folder_of, lacks_rate, read_manifest, read_recording, subject_of, write_person

__all__ = ["Derived", "Forgotten", "RecordingStore", "derived", "forget", "import_dataset", "is_store", "register_derived"]

PREPARED = "prepared"
"""folder of a store with the prepared signals of its people"""
FORMAT = 1
"""Grows when an older program could no longer read what is written."""

Progress = Callable[[int, int, str], None]
"""Called with (people done, people in all, one sentence)"""


class RecordingStore:
    """The data set that lies at `root`; a `Dataset` like any other.

    Opening raises `NotStored` (no store, or an import that was not finished), `WrongVersion` or `CorruptStore`. With
    `verify` every file is compared with its checksum whenever a recording is read, else only with its size.
    """

    def __init__(self, root: Path, *, verify: bool = True):
        self.root, self.verify = Path(root), verify
        manifest = _read_store(self.root)
        if not manifest["complete"]:
            raise NotStored("the import was not finished", where=self.root, hint="run the same import again; it continues")
        self._card = _card(self.root, manifest)

    @property
    def card(self) -> DatasetCard:
        """The card of the data set that was imported."""
        return self._card

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted(subject_of(folder) for folder in (self.root / "people").glob("p-*")))

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's recordings in session order, samples memory-mapped; raises `NotStored` or `CorruptStore`."""
        folder = folder_of(self.root, subject)
        if not folder.is_dir():
            raise NotStored(f"no person {subject!r}", where=self.root, hint=f"stored: {', '.join(self.subjects()[:8])}")
        for entry in read_manifest(folder):
            yield read_recording(folder, entry, verify=self.verify)

    def modalities(self) -> frozenset[str]:
        """Of all recordings, from the manifests alone."""
        entries = (entry for subject in self.subjects() for entry in read_manifest(folder_of(self.root, subject)))
        return frozenset(stream["modality"] for entry in entries for stream in entry["streams"].values())

    def without_rates(self) -> tuple[str, ...]:
        """Streams with a clock that an earlier version, which estimated no rates, stored as events; from the manifests alone."""
        entries = (entry for subject in self.subjects() for entry in read_manifest(folder_of(self.root, subject)))
        streams = (item for entry in entries for item in entry["streams"].items())
        return tuple(sorted({name for name, stream in streams if lacks_rate(stream)}))

    def __repr__(self) -> str:
        return f"RecordingStore({self.card.name}: {len(self.subjects())} people)"


def is_store(root: Path) -> bool:
    """Whether a recording store, of any version, lies at `root`."""
    return (Path(root) / "store.json").is_file()


def is_complete(root: Path) -> bool:
    """Whether a store lies at `root` whose import was finished."""
    return is_store(root) and bool(read_json(Path(root) / "store.json").get("complete"))


def import_dataset(dataset: Dataset, root: Path, progress: Progress | None = None) -> RecordingStore:
    """Copy `dataset` into the folder `root`, person by person; a killed import continues where it stopped.

    A finished store of the same data set is returned as it is, so that forgotten people stay forgotten. Raises
    `NothingToRead` without people, `InvalidConfig` when another data set lies there, `NoSpace`, and what reading raises.
    """
    root, people = Path(root), dataset.subjects()
    if not people:
        raise NothingToRead("no people to import", where=dataset.card.name)
    manifest = _begin(dataset.card, root)
    if not manifest["complete"]:
        sweep_parts(root / "people")
        left_out = [subject for subject in people if manifest.get("forgotten") and trace_of(root, subject) in manifest["forgotten"]]
        people = tuple(subject for subject in people if subject not in left_out)
        for done, subject in enumerate(people):
            count = _import_person(dataset, subject, root)
            if progress:
                progress(done + 1, len(people), f"{subject}: {count} recordings")
        write_json(root / "store.json", {**manifest, "complete": True})
    return RecordingStore(root)


def _import_person(dataset: Dataset, subject: str, root: Path) -> int:
    """Write one person unless they are there already; returns the number of recordings."""
    folder = folder_of(root, subject)
    if folder.exists():
        return len(read_manifest(folder))
    with atomic_directory(folder) as part:
        return write_person(part, subject, dataset.recordings(subject))


def _begin(card: DatasetCard, root: Path) -> dict:
    """The manifest of the store at `root`, new or continued."""
    if not is_store(root):
        if root.exists() and any(not item.name.startswith(".") for item in root.iterdir()):
            raise InvalidConfig("the folder holds something else", where=root, hint="name a new or empty folder for the store")
        with guard_space(root):
            root.mkdir(parents=True, exist_ok=True)
        manifest = {"format": FORMAT, "written_by": version("stf2m"), "complete": False, "card": card.model_dump(mode="json")}
        write_json(root / "store.json", manifest)
        return manifest
    manifest = _read_store(root)
    found = _card(root, manifest)
    if found != card:
        raise InvalidConfig("another data set is stored here", where=root, expected=card.title, got=found.title, hint="name another folder")
    return manifest


def _read_store(root: Path) -> dict:
    """store.json of a known format."""
    if not is_store(root):
        raise NotStored("no recording store here", where=root, hint="write one with: stf2m import")
    manifest = read_json(root / "store.json")
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise CorruptStore("not the manifest of a store", where=root / "store.json")
    if manifest["format"] != FORMAT:
        raise WrongVersion(
            "the store has another format", where=root, expected=f"format {FORMAT}",
            got=f"format {manifest['format']} (stf2m {manifest.get('written_by', '?')})", hint="import the data set again into a new folder",
        )  # fmt: skip
    if not {"complete", "card"} <= set(manifest):
        raise CorruptStore("the manifest lacks its card", where=root / "store.json", hint="import the data set again into a new folder")
    return manifest


def _card(root: Path, manifest: dict) -> DatasetCard:
    try:
        return DatasetCard.model_validate(manifest["card"])
    except ValidationError:
        raise CorruptStore(
            "the card cannot be read", where=root / "store.json", hint="import the data set again into a new folder"
        ) from None
