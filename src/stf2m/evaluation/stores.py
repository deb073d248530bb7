"""Find or make the prepared store of a study, and cut it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from json import dumps
from pathlib import Path

import numpy as np

from stf2m.core.consent import check_consent, narrowest
from stf2m.core.emotions import TARGETS, is_named
from stf2m.core.errors import InvalidConfig, NotEnoughLabels, UnknownName
from stf2m.core.records import Segments
from stf2m.data.datasets import open_dataset
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.store import PREPARED, RecordingStore, is_store
from stf2m.evaluation.study import Study
from stf2m.prepare.cut import cut
from stf2m.prepare.join import join, translate
from stf2m.prepare.prepared import Prepared
from stf2m.prepare.store import prepare_dataset

Progress = Callable[[int, int, str], None]


def dataset_of(study: Study, data: Path) -> Dataset:
    """The study's data set: the store of that path, else what lies under the data root; raises `UnknownName`, `NothingToRead` or
    `InvalidConfig`."""
    if is_store(Path(study.dataset)):
        return RecordingStore(Path(study.dataset))
    if study.dataset != "synthetic":
        if study.dataset_options:
            raise InvalidConfig("dataset_options are for generated people", where=f"study {study.name}", got=study.dataset)
        return open_dataset(study.dataset, data)
    from stf2m.data.datasets.synthetic import SyntheticDataset

    try:
        return SyntheticDataset(**study.dataset_options)
    except TypeError as problem:
        hint = "known: people, recordings, seconds, seed, world, annotators"
        raise InvalidConfig(f"dataset_options: {problem}", where=f"study {study.name}", hint=hint) from None


def check_vocabulary(study: Study, card: DatasetCard) -> None:
    """Raise `NotEnoughLabels` for a target of named emotions where the data set's card names none."""
    named = [target for target in study.targets if is_named(target)]
    if named and not card.emotions and study.second is None:
        raise NotEnoughLabels(
            f"nobody has labels of {named[0]!r}", where=card.name, expected="emotions on its card", got="none",
            hint="a mapping names them under [card] and their column under [[labels]]; of ratings there are targets such as arousal2",
        )  # fmt: skip


def store_folder(study: Study, runs: Path) -> Path:
    """Where the prepared signals of the study's data set stand: those of a store in the store, so that it can forget them."""
    if is_store(Path(study.dataset)):
        return Path(study.dataset) / PREPARED
    options = f"-{sha256(dumps(study.dataset_options, sort_keys=True).encode()).hexdigest()[:8]}" if study.dataset_options else ""
    return Path(runs) / "stores" / f"{Path(study.dataset).stem}{options}"


def open_segments(study: Study, data: Path, runs: Path, progress: Progress | None = None, *, use: str = "research") -> Segments:
    """Prepare what is not yet prepared (people already there are kept), then cut and label; raises `NoConsent` where the consent of the
    data set, or of a recording of the study's people, does not cover `use`."""
    if study.second:
        return only_people(both_data_sets(study, data, runs, progress, use=use), study.people)
    return cut_people(_prepared(study, data, runs, progress, use), study)


def cut_people(prepared: Prepared, study: Study) -> Segments:
    """Cut everybody, keep the labels and the consent of the study's people."""
    mine = [entry.consent for entry in prepared.entries if not study.people or entry.subject in study.people]
    return replace(only_people(cut(prepared, study.recipe.cut), study.people), consent=narrowest(mine))


def _prepared(study: Study, data: Path, runs: Path, progress: Progress | None, use: str) -> Prepared:
    dataset = dataset_of(study, data)
    check_consent([dataset.card.consent], use, where=dataset.card.name)
    check_vocabulary(study, dataset.card)
    return permitted(prepare_dataset(dataset, study.recipe.signals, store_folder(study, runs), progress), use, study.people)


def permitted(prepared: Prepared, use: str, people: Sequence[str] = ()) -> Prepared:
    """The same; raises `NoConsent` where a recording of these people (none named: of anybody) does not permit this use."""
    for entry in prepared.entries:
        if not people or entry.subject in people:
            check_consent([entry.consent], use, where=f"{prepared.dataset}, {entry.subject}, {entry.id}")
    return prepared


def both_data_sets(study: Study, data: Path, runs: Path, progress: Progress | None, *, use: str = "research") -> Segments:
    """The study's two data sets in one vocabulary, joined."""
    assert study.second is not None
    second, target = study.second, study.targets[0]
    sides = [
        (study, second.first_target or target, second.first_labels),
        (
            study.model_copy(update={"dataset": second.dataset, "dataset_options": second.dataset_options}),
            second.target or target,
            second.labels,
        ),
    ]
    cuts = [
        cut(_prepared(one, data, runs, progress, use), study.recipe.cut.model_copy(update={"targets": (own,)})) for one, own, _ in sides
    ]
    emotions = vocabulary(target, [(part, own, labels) for part, (_, own, labels) in zip(cuts, sides, strict=True)])
    return join(*(translate(part, own, target, labels, emotions) for part, (_, own, labels) in zip(cuts, sides, strict=True)))


def vocabulary(target: str, sides: list[tuple[Segments, str, dict[str, str]]]) -> tuple[str, ...]:
    """Classes of the common target: the known ones, else those of a data set that keeps its names, else those the mappings name."""
    if target in TARGETS:
        return TARGETS[target].emotions
    kept = [part.emotions[own] for part, own, labels in sides if not labels]
    return kept[0] if kept else tuple(dict.fromkeys(name for _, _, labels in sides for name in labels.values()))


def only_people(segments: Segments, people: tuple[str, ...]) -> Segments:
    """Hide the labels of everybody else, so that nobody else is trained on or tested; () keeps all. Raises `UnknownName`."""
    if not people:
        return segments
    for name in people:
        if name not in segments.subjects:
            raise UnknownName(f"no person {name!r} in {segments.dataset}", hint=f"known: {', '.join(segments.subjects)}")
    kept = np.isin(segments.subject, [segments.subjects.index(name) for name in people])
    targets = {name: np.where(kept, values, -1).astype(np.int16) for name, values in segments.targets.items()}
    return replace(segments, targets=targets)


def only_sensors(segments: Segments, sensors: Sequence[str]) -> Segments:
    """The same segments with these modalities and their descriptors alone; raises `UnknownName`."""
    for name in sensors:
        if name not in segments.modalities:
            raise UnknownName(f"no sensor {name!r} in {segments.dataset}", hint=f"known: {', '.join(segments.modalities)}")
    axis = [j for j, name in enumerate(segments.modalities) if name in sensors]
    columns = [j for j, info in enumerate(segments.descriptor_infos) if info.modality in sensors]
    return replace(
        segments, signals={name: segments.signals[name] for name in segments.modalities if name in sensors},
        infos=tuple(segments.infos[j] for j in axis), starts=segments.starts[:, axis], bounds=segments.bounds[:, axis],
        present=segments.present[:, axis], quality=segments.quality[:, axis], descriptors=segments.descriptors[:, columns],
        descriptor_infos=tuple(segments.descriptor_infos[j] for j in columns),
    )  # fmt: skip
