"""What the demo leaves to play with: a small bundle of generated people, and two recordings and labels of one whom it has never met."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.app.console import Console
from stf2m.app.train import Material, train_bundle
from stf2m.core.files import atomic_write_text
from stf2m.core.records import Segments
from stf2m.data.datasets.base import Dataset
from stf2m.data.writers import write_csv
from stf2m.evaluation.stores import dataset_of, only_people
from stf2m.evaluation.study import Study

MOST_PEOPLE, MOST_STEPS = 12, 30
"""a bundle to try commands on takes ten seconds, not a minute"""
LABELS = 5
"""lines of the labels file per class"""


class Sample(NamedTuple):
    """Files under the names that the quickstart speaks of."""

    bundle: Path
    monday: Path
    tuesday: Path
    labels: Path

    @property
    def commands(self) -> str:
        """What to type next."""
        return f"stf2m personalise {self.bundle} {self.monday} --labels {self.labels} --person ada\nstf2m predict {self.bundle} {self.tuesday} --person ada"


def write_sample(study: Study, segments: Segments, folder: Path, console: Console) -> Sample:
    """Train on the first of the study's generated people and write recordings of the last, whom nobody trains on."""
    made = Sample(*(folder / name for name in ("people.stf2m", "monday.csv", "tuesday.csv", "monday-labels.csv")))
    dataset = dataset_of(study, Path())
    *known, stranger = dataset.subjects()
    with console.progress("train a bundle to keep") as tick:
        material = Material(dataset, only_people(segments, tuple(known[:MOST_PEOPLE])), None)
        train_bundle(small(study), material, made.bundle, tick=tick)
    write_recordings(segments, study.targets[0], dataset, stranger, made)
    return made


def small(study: Study) -> Study:
    """The study with a shorter training, without the convolution over signals, calibrated for fewer numbers of labels."""
    training = {name: value for name, value in study.training.items() if name != "network"}
    training["steps"] = min(MOST_STEPS, training["steps"])
    protocol = {**study.protocols[0], "shots": [0, LABELS], "draws": 1}
    facts = {**study.model_dump(exclude_unset=True), "protocols": [protocol], "training": training}
    return Study.model_validate(facts)


def write_recordings(segments: Segments, target: str, dataset: Dataset, person: str, made: Sample) -> None:
    """Two recordings without their ratings, and a few labels of the first, as somebody would write them down.

    Of the person's recordings these are the two with the most segments of their rarest class.
    """
    mine = np.flatnonzero(segments.subject == segments.subjects.index(person))
    parts = [mine[segments.recording[mine] == r] for r in np.unique(segments.recording[mine])]
    classes = range(len(segments.emotions[target]))
    rarest = [min(int((segments.targets[target][rows] == c).sum()) for c in classes) for rows in parts]
    first, second = np.argsort(rarest, kind="stable")[::-1][:2]
    recordings = list(dataset.recordings(person))
    for which, path in ((first, made.monday), (second, made.tuesday)):
        write_csv(replace(recordings[which], ratings=(), annotations=()), path)
    atomic_write_text(made.labels, "\n".join(["onset,offset,emotion", *label_lines(segments, target, parts[first])]) + "\n")


def label_lines(segments: Segments, target: str, rows: NDArray[np.integer]) -> list[str]:
    """Up to `LABELS` segments per class, evenly spread, in the order of time."""
    labels, emotions = segments.targets[target], segments.emotions[target]
    chosen: list[int] = []
    for c in range(len(emotions)):
        mine = rows[labels[rows] == c]
        chosen += mine[np.unique(np.linspace(0, len(mine) - 1, LABELS).astype(int))].tolist() if len(mine) else []
    return [f"{segments.spans[row, 0]:.1f},{segments.spans[row, 1]:.1f},{emotions[labels[row]]}" for row in sorted(chosen)]
