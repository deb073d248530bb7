"""Stress-Predict: an Empatica E4 at the wrist during stress tasks and rest; tidy tables or the publisher's E4 folders."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from stf2m.core.errors import UnknownName
from stf2m.core.records import Recording
from stf2m.data.datasets._layouts import card_of, mapping_of, nothing, tidy
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.keyed import KeyedTable
from stf2m.data.parts import label_runs
from stf2m.data.readers.empatica import is_e4_folder, read_e4

NAME = "stress_predict"
LABELS = Path("Processed_data") / "Improved_All_Combined_hr_rsp_binary.csv"


class StressPredictFolders:
    """The publisher's layout: `Raw_data/S01/EDA.csv` ... and the labels per second in `Processed_data`.

    Beside the tidy copy's streams it has `ibi`. Without the label file recordings carry no annotations and say so.
    """

    def __init__(self, root: Path):
        self.root = root

    @property
    def card(self) -> DatasetCard:
        return card_of(NAME)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        inner = self.root / "Raw_data"
        return {p.name: p for p in sorted((inner if inner.is_dir() else self.root).iterdir()) if is_e4_folder(p)}

    @cached_property
    def _labels(self) -> KeyedTable | None:
        key = mapping_of(NAME).labels[0].key
        found = [p for p in (self.root / LABELS, self.root.parent / LABELS, self.root / LABELS.name) if p.is_file()]
        return KeyedTable(found[0], key) if found and key else None

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(self._folders)

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The one recording of a person; raises `UnknownName`."""
        if subject not in self._folders:
            raise UnknownName(f"no person {subject!r} in {NAME}", hint=f"people: {', '.join(self._folders)}")
        found = read_e4(self._folders[subject], subject=subject, longest_gap=None)
        part, zero = mapping_of(NAME).labels[0], found.started.timestamp() if found.started else 0.0
        labelled = self._labels is not None and subject in self._labels
        emotions = part.renaming(self.card.emotions)
        labels = label_runs(part, emotions, self._labels, subject, {}, zero, f"{NAME} {subject}") if self._labels and labelled else ()
        words = found.provenance if labelled else (*found.provenance, "labels by stimulus: not in the files of this recording")
        yield replace(found, id=subject, dataset=NAME, consent=self.card.consent, annotations=labels, provenance=words)


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`, either layout; raises `NothingToRead` when none lies there."""
    if (root / "meta.csv").is_file() and (root / "bvp.parquet").is_file():
        return tidy(NAME, root)
    folders = StressPredictFolders(root)
    if root.is_dir() and folders.subjects():
        return folders
    raise nothing(NAME, root, ("meta.csv and bvp.parquet (tidy tables)", "Raw_data/S01/EDA.csv (E4 folders)"))
