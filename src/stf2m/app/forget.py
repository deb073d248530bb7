"""Forget a person: recordings, prepared signals, adaptations, timelines, rows; and name what must be trained again."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stf2m.app.places import PEOPLE, TIMELINES, folder_of_person, pages_elsewhere
from stf2m.core.errors import InvalidConfig, NotStored
from stf2m.core.files import read_json, write_json
from stf2m.data.forget import REMAKE, STALE, STALE_WORDS, Forgotten, forget
from stf2m.data.store import PREPARED, is_store
from stf2m.evaluation.outputs import forget_in_results, names_person, remove_folder
from stf2m.evaluation.rows import people_in
from stf2m.prepare.store import forget_person

GENERATED = "synthetic"
"""people who have no files"""


@dataclass
class InRuns:
    """What was removed below a working folder, by kind."""

    prepared: list[Path] = field(default_factory=list)
    """folders of a data set that no longer hold the person"""
    rows: dict[Path, int] = field(default_factory=dict)
    """results file -> rows deleted"""
    timelines: list[Path] = field(default_factory=list)
    pages: list[Path] = field(default_factory=list)
    trainings: list[Path] = field(default_factory=list)
    whole: list[Path] = field(default_factory=list)
    """results files that were deleted as a whole"""
    bundles: list[Path] = field(default_factory=list)
    """trained with the person, and deleted"""
    trained: list[Path] = field(default_factory=list)
    """bundles trained with the person, and still there"""
    sources: list[str] = field(default_factory=list)
    """data sets that studies read from files of their own, which would bring the person back"""

    @property
    def sentences(self) -> list[str]:
        """One per kind of which something was found."""
        said = []
        if self.prepared:
            said.append(f"prepared signals: removed from {_count(self.prepared, 'folder')} ({_names(self.prepared)})")
        if self.rows:
            how = "deleted, with the rest of" if self.whole else "deleted from"
            said.append(f"results: {sum(self.rows.values())} rows {how} {_count(self.rows, 'file')} ({_names(self.rows)})")
        if self.timelines:
            said.append(f"timelines: {_count(self.timelines, 'file')} deleted")
        if self.pages:
            said.append(f"pages and tables: {_count(self.pages, 'file')} deleted ({_names(self.pages)})")
        if self.trainings:
            said.append(f"trainings: {_count(self.trainings, 'checkpoint')} deleted ({_names(self.trainings)})")
        if self.bundles:
            said.append(f"bundles: {_count(self.bundles, 'bundle')} deleted ({_names(self.bundles)})")
        return said

    @property
    def paths(self) -> list[Path]:
        """Everything that is gone or has lost rows or samples."""
        return [*self.prepared, *self.rows, *self.timelines, *self.pages, *self.trainings, *self.bundles]

    @property
    def remake(self) -> list[str]:
        """What a human must do."""
        again = "the other rows come from trainings with this person; run the study again"
        rows = [f"{path}: {again}" for path in self.rows if path not in self.whole]
        return rows + [f"{path}: {REMAKE['bundle']}" for path in self.trained]


@dataclass(frozen=True)
class Gone:
    """What was removed of a person, and what a human must do."""

    person: str
    sentences: tuple[str, ...]
    """one per kind of thing that was found"""
    removed: tuple[Path, ...]
    """what is gone, or has lost the person's rows or samples"""
    rows: int
    """rows of results that are gone"""
    remake: tuple[str, ...]


def forget_everywhere(
    folder: Path | None, person: str, *, runs: Path = Path("runs"), dataset: str | None = None, bundles: bool = False
) -> Gone:
    """Remove `person` from a store (or a folder of adaptations), and of its data set from everything below `runs`.

    Without a store `dataset` says whose person is meant, because names repeat between data sets. Other people's things stay.
    Bundles and results that the person took part in are flagged, or with `bundles` deleted. After a kill the same call finishes
    the work. Raises `NotStored` when nobody knows the person, `InvalidConfig` when neither place nor data set is given.
    """
    if folder is None and dataset is None:
        raise InvalidConfig(
            "nothing says where to look", expected="--store STORE or --dataset NAME", hint="names of people repeat between data sets"
        )
    done = InRuns()
    for name in dict.fromkeys((_dataset_of(folder), dataset)):
        if name:
            forget_in_runs(Path(runs), name, person, done, whole=bundles)
    if folder is None and not done.paths and not done.trained:
        known = ", ".join(known_datasets(Path(runs))) or "none"
        raise NotStored(f"no person {person!r} of {dataset}", where=runs, hint=f"data sets kept here: {known}")
    stored = _forget_stored(folder, person, done, bundles=bundles) if folder else None
    return _told(person, folder, stored or Forgotten(person, False, (), ()), done)


def _dataset_of(folder: Path | None) -> str | None:
    """The data set that a store was imported from; the import need not be finished."""
    return read_json(folder / "store.json").get("card", {}).get("name") if folder and is_store(folder) else None


def _forget_stored(folder: Path, person: str, done: InRuns, *, bundles: bool) -> Forgotten | None:
    """What a store or a folder of adaptations removed; None, or `NotStored` when `done` is empty too, where it has nothing."""
    if not is_store(folder):
        remove = lambda: _forget_adaptations(folder, person)  # noqa: E731
    else:
        remove = lambda: forget(folder, person, bundles=bundles)  # noqa: E731
        if (folder / PREPARED).is_dir() and forget_person(folder / PREPARED, person):
            done.prepared.append(folder / PREPARED)
    try:
        return remove()
    except NotStored:
        if not done.paths and not done.trained:
            raise
        return None


def _told(person: str, folder: Path | None, stored: Forgotten, done: InRuns) -> Gone:
    """Everything that was done, in words and as lists."""
    sentences = [f"recordings: removed from {folder}"] if stored.recordings else []
    if stored.deleted:
        names = ", ".join(map(str, stored.deleted))
        sentences.append(f"derived files and folders of the store: {len(stored.deleted)} deleted ({names})")
    own = [f"the files of {name} that studies read still hold {person}: delete them there" for name in done.sources]
    return Gone(
        person, (*sentences, *done.sentences), (*stored.deleted, *done.paths), sum(done.rows.values()),
        (*stored.remake, *done.remake, *own),
    )  # fmt: skip


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
    remove_folder(mine)
    return Forgotten(person, False, (*deleted, mine), ())


def forget_in_runs(runs: Path, dataset: str, person: str, done: InRuns, *, whole: bool = False) -> None:
    """Remove a person of a data set from everything below `runs` and add it to `done`.

    With `whole` results that the person took part in go altogether. Rows go last, so that after a kill the same call finds
    what is left.
    """
    for root in prepared_roots(runs):
        if forget_person(root, person, dataset):
            done.prepared.append(root)
            if dataset not in (*done.sources, GENERATED):
                done.sources.append(dataset)
    for note in sorted(runs.rglob(f"training/*/{PEOPLE}")):
        facts = read_json(note)
        if facts["dataset"] == dataset and person in facts["subjects"]:
            remove_folder(note.parent)
            done.trainings.append(note.parent)
    for path in bundles_with(runs, dataset, person):
        if whole:
            remove_folder(path)
        else:
            write_json(path / STALE, STALE_WORDS)
        (done.bundles if whole else done.trained).append(path)
    for rows, people in results_files(runs):
        if dataset in people:
            done.pages += _forget_elsewhere(rows, person, is_counted=bool(people[dataset][person]))
            gone = forget_in_results(rows, dataset, person, whole=whole)
            done.timelines += gone.timelines
            done.pages += gone.pages
            done.rows |= {rows: gone.rows} if gone.rows else {}
            done.whole += [rows] if gone.rows and whole else []
    for path in sorted(runs.rglob("timelines/*.json")):  # whose rows are gone, so that nothing tells the data set
        if not _rows_of(path).exists() and read_json(path)["person"] in (person, f"{dataset}:{person}"):
            path.unlink()
            done.timelines.append(path)


def _forget_elsewhere(rows: Path, person: str, *, is_counted: bool) -> list[Path]:
    """Delete pages of a results file that were written to other places, where the person is counted in the rows or named on the page."""
    there = [path for path in pages_elsewhere(rows) if path.is_file()]
    mine = [path for path in there if is_counted or names_person(path, person)]
    for path in mine:
        path.unlink()
    return mine


def bundles_with(runs: Path, dataset: str, person: str) -> list[Path]:
    """Bundles below `runs` whose training met the person."""
    cards = {note.parent: read_json(note) for note in sorted(runs.rglob("bundle.json"))}
    return [path for path, card in cards.items() if card.get("dataset") == dataset and person in card.get("subjects", ())]


def known_datasets(runs: Path) -> list[str]:
    """Data sets of which anything is kept below `runs`."""
    prepared = {read_json(note)["dataset"] for root in prepared_roots(runs) for note in root.glob("*/manifest.json")}
    return sorted(prepared.union(*(people for _, people in results_files(runs))))


def prepared_roots(runs: Path) -> list[Path]:
    """Folders of prepared stores, one per data set and working folder."""
    return sorted({note.parent.parent for note in runs.rglob("stores/*/*/manifest.json")})


def results_files(runs: Path) -> Iterator[tuple[Path, dict[str, Counter[str]]]]:
    """Results files with the rows of their people; studies' own tables and other CSV files are passed over."""
    for path in sorted(runs.rglob("*.csv")):
        if people := people_in(path):
            yield path, people


def _rows_of(timeline: Path) -> Path:
    """The results file that a timeline stands beside."""
    study = timeline.parent.parent
    return study.with_name(f"{study.name}.csv")


def _count(things: Collection[Path], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _names(paths: Collection[Path]) -> str:
    return ", ".join(map(str, paths))
