"""What the command line does with data: describe, examine, import, prepare, forget."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stf2m.app.console import Console
from stf2m.core.config import build, load_toml
from stf2m.core.consent import check_consent
from stf2m.core.counts import counted
from stf2m.core.errors import InputError, NothingToRead, NotStored, SensorMismatch, UnknownName
from stf2m.core.records import Recording
from stf2m.core.registry import look_up
from stf2m.data.datasets import DATASETS, open_dataset
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.store import PREPARED, RecordingStore, import_dataset, is_complete, is_store
from stf2m.prepare.recipe import Recipe, SignalRecipe

if TYPE_CHECKING:
    from stf2m.data.doctor import Finding


TABLES = (".csv", ".parquet")
"""files that the doctor reads although parts of them are refused"""


def dataset_at(name: str, root: Path | None) -> Dataset:
    """A store at the path `name`, else the data set `name` under `root`; only generated people need no folder."""
    if is_store(Path(name)):
        return RecordingStore(Path(name))
    if not name.endswith(".toml"):
        try:
            look_up(DATASETS, name, family="datasets")
        except UnknownName:
            if Path(name).is_dir():
                raise NotStored("no recording store here", where=name, hint="write one with: stf2m import") from None
            raise
    if root is None and name != "synthetic":
        raise NothingToRead(f"no folder given for {name}", hint="name the folder with --data or STF2M_DATA")
    return open_dataset(name, root or Path())


def show_info(name: str, root: Path | None, console: Console) -> None:
    """Licence, consent, people, sensors with their rates, labels; of a bundle what it answers and who taught it."""
    from stf2m.app.use import show_bundle
    from stf2m.data.summary import describe_dataset

    if (Path(name) / "bundle.json").exists():
        show_bundle(Path(name), console)
        return
    dataset = dataset_at(name, root)
    rows = describe_dataset(dataset)
    console.table(("", dataset.card.name), rows)
    if not dataset.subjects():
        console.say(f"nobody is in {name}: no person was found, or all were forgotten")
    console.result({**dataset.card.model_dump(mode="json"), "people": list(dataset.subjects()), "facts": rows})


def show_findings(path: Path, console: Console) -> None:
    """What the doctor says: everything of one recording, errors and warnings of a store's recordings.

    A file that cannot be used as it is is examined as far as it can be read, then its first mistake is raised.
    """
    from stf2m.data.doctor import Finding, examine
    from stf2m.data.summary import old_rates

    refused: list[InputError] = []
    many, facts, rows, counts, seen = is_store(path), [], [], Counter(), set()
    for recording in recordings_at(path, refused):
        seen.update(stream.modality for stream in recording.streams.values())
        mistakes = [Finding("", "error", problem.sentence.removeprefix(f"{path}: ")) for problem in refused]
        findings = [*mistakes, *examine(recording), *unused(recording)]
        counts.update(f.severity for f in findings)
        facts.append({"recording": recording.id, "subject": recording.subject, "findings": [vars(f) for f in findings]})
        kept = [f for f in findings if not many or f.severity in ("error", "warning")]
        rows += [(f.severity, recording.id, f.stream or "-", f.sentence) for f in kept]
        if not many:
            rows += [("done", recording.id, "-", text) for text in recording.provenance]
    warnings = [*old_rates(RecordingStore(path)), *(absent_sensors(path, seen) if facts else [])] if many else []
    rows = [("warning", "-", "-", text) for text in warnings] + rows
    if rows:
        console.table(("", "recording", "stream", "finding"), rows)
    counts["warning"] += len(warnings)
    text = f"{counted(len(facts), 'recording')}: {counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}"
    if not facts:
        text = f"nobody is stored in {path}: there is nothing to examine"
    console.result({"path": str(path), "recordings": facts, "warnings": warnings}, text if many else "")
    if refused:
        raise refused[0]


def absent_sensors(store: Path, seen: Collection[str]) -> list[str]:
    """A sentence where the card of a store names sensors that no recording has."""
    from stf2m.data.summary import missing_sensors

    return missing_sensors(RecordingStore(store).card, seen)


def unused(recording: Recording) -> "list[Finding]":
    """A warning for every stream that can be read and not be prepared, so that no answer will use it."""
    from stf2m.data.doctor import Finding
    from stf2m.prepare.modalities import MODALITIES

    text = "can be read but not be prepared yet, so no answer uses it"
    return [Finding(n, "warning", f"{s.modality} {text}") for n, s in recording.streams.items() if s.modality not in MODALITIES]


def recordings_at(path: Path, refused: list[InputError]) -> Iterator[Recording]:
    """The recording of a file or folder, or all recordings of a store; `refused` gets what is wrong with a table."""
    if is_store(path):
        store = RecordingStore(path)
        for subject in store.subjects():
            yield from store.recordings(subject)
        return
    from stf2m.data.readers import read

    if path.suffix == ".toml":
        raise UnknownName(
            "a mapping is no recording", where=path, hint=f"import it and examine the store: stf2m import {path} FOLDER STORE"
        )
    yield read(path, refused=refused) if path.suffix.lower() in TABLES else read(path)


def run_import(name: str, root: Path | None, store: Path, console: Console) -> None:
    """Copy a data set into a store, checked; continues after a kill."""
    from stf2m.data.summary import missing_sensors

    dataset = dataset_at(name, root)
    check_consent([dataset.card.consent], "research", where=dataset.card.name)
    if is_complete(store):
        console.say(f"{store} was imported before and is left as it is; import changed files into a new folder")
    with console.progress(f"import {name}") as tick:
        done = import_dataset(dataset, store, tick)
    people = done.subjects()
    for text in missing_sensors(done.card, done.modalities()):
        console.say(f"warning: {text}")
    console.result(
        {"store": str(store), "dataset": done.card.name, "people": list(people)},
        f"{store}: {counted(len(people), 'person', 'people')} of {done.card.name}",
    )


def run_prepare(store: Path, recipe: Path | None, console: Console) -> None:
    """Clean, grade and resample everybody of a store; continues after a kill."""
    from stf2m.prepare.store import prepare_dataset

    dataset = RecordingStore(store)
    warn_of_old_rates(store, console)
    settings = read_recipe(recipe).signals if recipe else usual_signals(dataset.card)
    with console.progress("prepare") as tick:
        prepared = prepare_dataset(dataset, settings, store / PREPARED, tick)
    hours = sum(entry.length for entry in prepared.entries) / 3600
    facts = {
        "store": str(store),
        "recipe": settings.hash,
        "recordings": len(prepared.entries),
        "hours": hours,
        "modalities": prepared.modalities,
    }
    console.result(facts, f"{store}: {counted(len(prepared.entries), 'recording')}, {hours:.2f} h of {', '.join(prepared.modalities)}")


def warn_of_old_rates(path: Path, console: Console) -> None:
    """One sentence where a store lies at `path` that an earlier version wrote without the rates of its streams."""
    from stf2m.data.summary import old_rates

    for text in old_rates(RecordingStore(path)) if is_store(path) else []:
        console.say(f"warning: {text}")


def read_recipe(path: Path) -> Recipe:
    """A recipe from a TOML file; raises `InvalidConfig`."""
    return build(Recipe, load_toml(path), where=str(path))


def usual_signals(card: DatasetCard) -> SignalRecipe:
    """Every modality of the card that can be prepared, at its usual rate; raises `SensorMismatch` when there is none."""
    from stf2m.prepare.modalities import MODALITIES

    known = tuple(name for name in card.modalities if name in MODALITIES)
    if not known:
        raise SensorMismatch(
            "none of these sensors can be prepared", where=card.name, expected=" ".join(MODALITIES), got=" ".join(card.modalities)
        )
    return SignalRecipe(modalities=known)


def run_forget(person: str, folder: Path | None, dataset: str | None, runs: Path, bundles: bool, console: Console) -> None:
    """Remove a person and everything derived from them; one sentence per kind of thing."""
    from stf2m.app.forget import forget_everywhere

    gone = forget_everywhere(folder, person, runs=runs, dataset=dataset, bundles=bundles)
    facts = {"person": person, "removed": [str(path) for path in gone.removed], "rows": gone.rows, "to do": list(gone.remake)}
    said = [*gone.sentences, *(f"to do: {text}" for text in gone.remake)]
    console.result(facts | {"said": list(gone.sentences)}, "\n".join(said))
