"""Two data sets as one: nothing is copied, nobody is mixed up, and one trains while the other is asked."""

from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.strategies import irregular_segments

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, SensorMismatch, UnknownName
from stf2m.evaluation import questioning, work
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.learned import Learned
from stf2m.evaluation.protocols import CrossDataset
from stf2m.evaluation.results import write_results
from stf2m.evaluation.rows import RowFile, people_in, remove_person
from stf2m.evaluation.study import Study, cells_of, load_study
from stf2m.prepare.join import join, translate
from stf2m.prepare.windows import read_windows
from stf2m.training.config import TrainConfig

PEOPLE = {"people": 6, "recordings": 30, "length": 6, "unlabelled": 0.1}
WORLDS = {
    "name": "two", "dataset": "synthetic", "targets": ["arousal2"], "folds": 2, "validation_people": 1, "seed": 3, "main": "prototypes",
    "dataset_options": {"people": 6, "recordings": 3, "seconds": 40.0, "seed": 1},
    "second": {"dataset": "synthetic", "dataset_options": {"people": 6, "recordings": 3, "seconds": 40.0, "seed": 2}},
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"window": 2.0, "targets": ["arousal2"]}}, "baselines": ["prototypes"],
    "protocols": [{"name": "cross_dataset", "shots": [0, 2], "draws": 1}], "floors": ["majority", "same_stimulus"], "controls": [],
}  # fmt: skip


def two() -> tuple:
    return irregular_segments(1, **PEOPLE, sensors=2), irregular_segments(2, **PEOPLE, sensors=3)


def test_joined_segments_read_what_each_data_set_reads():
    first, second = two()
    both = join(first, second)
    assert both.signals is first.signals and both.others == (second.signals,) and both.modalities == first.modalities
    rows = np.random.default_rng(0).permutation(len(both))
    for modality in both.modalities:
        apart = np.concatenate([read_windows(part, np.arange(len(part)), modality) for part in (first, second)])
        assert np.array_equal(read_windows(both, rows, modality), apart[rows], equal_nan=True)
    kept = [j for j, info in enumerate(second.descriptor_infos) if info.modality in both.modalities]
    assert np.array_equal(both.descriptors[len(first) :], second.descriptors[:, kept], equal_nan=True)
    for what, codes in (("subjects", "subject"), ("recordings", "recording"), ("stimuli", "stimulus")):
        told = [getattr(both, what)[c] if c >= 0 else None for c in getattr(both, codes)[len(first) :]]
        assert told == [f"irregular-2:{getattr(second, what)[c]}" if c >= 0 else None for c in getattr(second, codes)]
        assert len(set(getattr(both, what))) == len(getattr(first, what)) + len(getattr(second, what))


def test_sensors_and_classes_that_do_not_fit_are_refused():
    first, second = two()
    with pytest.raises(SensorMismatch, match="share no modality"):
        join(replace(first, infos=tuple(replace(info, samples=99) for info in first.infos)), second)
    told = translate(first, "mood", "arousal2", {"mood 0": "low arousal", "mood 2": "high arousal"}, ("low arousal", "high arousal"))
    assert [set(told.targets["arousal2"][first.targets["mood"] == c]) for c in (-1, 0, 1, 2)] == [{-1}, {0}, {-1}, {1}]
    assert (translate(first, "mood", "mood", {}, first.emotions["mood"]).targets["mood"] == first.targets["mood"]).all()
    with pytest.raises(UnknownName, match="mood 7"):
        translate(first, "mood", "arousal2", {"mood 7": "low arousal"}, ("low arousal",))
    with pytest.raises(InvalidConfig, match="middling"):
        translate(first, "mood", "arousal2", {"mood 1": "middling"}, ("low arousal", "high arousal"))


@pytest.mark.parametrize("reverse", [False, True])
def test_labels_of_the_tested_data_set_teach_nothing(reverse):
    """Whatever labels its people carry, nobody answers otherwise at k = 0."""
    both = join(*two())
    study = build(
        Study, {**WORLDS, "targets": ["mood"], "protocols": [{"name": "cross_dataset", "shots": [0], "reverse": reverse}]}, where="test"
    )
    asked = np.isin(both.subject, np.flatnonzero(np.array(both.origin) == (0 if reverse else 1))) & (both.targets["mood"] >= 0)
    lied = np.where(asked, (both.targets["mood"] + 1) % 3, both.targets["mood"]).astype(np.int16)
    said = []
    for segments in (both, replace(both, targets={"mood": lied})):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(questioning, "measure", lambda truth, p: said.append(p) or {})
            patch.setattr(BASELINES["prototypes"], "options", {})
            rows = [row for cell in cells_of(study) for row in work.run_cell(study, segments, cell).rows]
        assert {row["person"].split(":")[0] for row in rows if row.get("person")} == {"irregular" if reverse else "irregular-2"}
    half = len(said) // 2
    assert half > 10 and all(map(np.array_equal, said[:half], said[half:]))


def test_two_generated_worlds_from_the_study_file_to_the_text(tmp_path, monkeypatch):
    monkeypatch.setattr(BASELINES["prototypes"], "options", {})
    study = build(Study, WORLDS, where="test")
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    scored = [row for row in rows if row["balanced_accuracy"] is not None]
    assert {row["person"] for row in scored} == {f"synthetic-2:P0{i}" for i in range(1, 7)} and {row["shots"] for row in scored} == {0, 2}
    text = write_results(study, rows)
    assert "### arousal2: cross dataset" in text and "same stimulus (training met no stimulus that is scored)" in text
    path = paths_of(study, runs=tmp_path).rows
    assert people_in(path)["synthetic-2"]["P03"] > 0
    assert remove_person(path, "synthetic-2", "P03") > 0 and people_in(path)["synthetic-2"]["P03"] == 0
    assert {row["person"] for row in RowFile(path).read()} == {row["person"] for row in rows} - {"synthetic-2:P03"}


def test_a_learner_trains_on_one_and_answers_for_the_other():
    both = join(*two())
    protocol = CrossDataset(shots=(0, 2), draws=1)
    world = protocol.world(both, "mood", work.merged([work.Fold((0, 1, 2), (3,), (4, 5)), work.Fold((6, 7), (8,), (9, 10, 11))]), 0)
    learned = Learned(TrainConfig(steps=2, episodes=2, validate_every=2, centres_at=1))
    learned.fit(world.segments, "mood", world.fold.train, world.fold.validation, 0)
    for split in protocol.questions(both, "mood", 9, 0):
        said = learned.predict(both, split.support, split.query, target="mood")
        np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert world.fold == ((0, 1, 2, 4, 5), (3,), (9, 10, 11))


def test_a_study_says_what_is_missing(tmp_path):
    path = tmp_path / "one.toml"
    text = 'dataset = "ravdess"\n[recipe.signals]\nmodalities = ["voice"]\n[[protocols]]\nname = "cross_dataset"\n'
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=r"add \[second\]"):
        load_study(path)
    path.write_text('targets = ["a", "b"]\n' + text + '[second]\ndataset = "hku956"\n')
    with pytest.raises(InvalidConfig, match="one target"):
        load_study(path)
    with pytest.raises(InvalidConfig, match="second data set"):
        CrossDataset().world(two()[0], "mood", work.Fold((0,), (), (1,)), 0)
