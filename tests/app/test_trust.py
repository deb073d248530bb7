"""A bundle that was calibrated on its validation people says how far to trust an answer; one that was not says so."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.app.personalise import adapt_to, personalise
from stf2m.app.predict import predict, predict_with
from stf2m.app.printed import remarks, table_of
from stf2m.app.timeline import to_document, to_rows, write_timeline
from stf2m.app.train import Material, train_bundle
from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, InvalidRecord, NoConsent
from stf2m.core.prediction import NOT_CALIBRATED
from stf2m.core.records import Annotation
from stf2m.data.writers import write_csv
from stf2m.evaluation.study import Study
from stf2m.prepare.cut import cut
from stf2m.prepare.prepared import prepared_from
from stf2m.training.bundle import load_bundle, people_words, save_edited
from stf2m.training.temperature import cool
from stf2m.training.words import unheeded

SETTINGS = {
    "name": "tiny", "dataset": "synthetic", "targets": ["arousal2"], "validation_people": 2,
    "recipe": {"signals": {"modalities": ["hr", "eda", "temp"]}, "cut": {"window": 2.0, "targets": ["arousal2"], "lag": 1.0}},
    "protocols": [{"name": "new_person", "shots": [0, 1, 3], "draws": 2}],
    "training": {"steps": 4, "episodes": 2, "validate_every": 2, "centres_at": 2}, "learners": {"recurrent": {}},
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(world, tmp_path_factory) -> Path:
    """A bundle written as `stf2m train` writes it, from P01..P05."""
    study = build(Study, SETTINGS, where="test")
    people = [r for p in world.subjects()[:5] for r in world.recordings(p)]
    segments = cut(prepared_from(people, study.recipe.signals), study.recipe.cut)
    out = tmp_path_factory.mktemp("trust") / "tiny.stf2m"
    facts = train_bundle(study, Material(world, segments, None), out, tick=lambda *_: None)
    assert "2 held-out people" in facts["calibration"] and facts["made of"] == "3 people, 2 more for early stopping and calibration"
    again = train_bundle(study, Material(world, segments, None), out.with_name("b.stf2m"), start=load_bundle(out), tick=lambda *_: None)
    assert again["calibration"] == facts["calibration"]
    known = replace(load_bundle(out), facts={**load_bundle(out).facts, "trained_on": list(world.subjects()[:5])})
    other = train_bundle(study, Material(world, segments, None), out.with_name("c.stf2m"), start=known, tick=lambda *_: None)
    assert other["calibration"] == "not calibrated" and other["made of"] == "5 people"
    assert load_bundle(out.with_name("c.stf2m")).calibration is None
    return out


@pytest.fixture
def calibrated(trained):
    return load_bundle(trained)


def test_the_numbers_stand_in_the_folder_and_can_be_read(calibrated, trained):
    written = json.loads((trained / "calibration.json").read_text(encoding="utf-8"))
    assert [fit["shots"] for fit in written["fits"]] == [0, 1, 3] == [fit.shots for fit in calibrated.calibration.fits]
    assert "for 67% of people like them" in (trained / "card.md").read_text(encoding="utf-8")


def test_the_card_tells_who_taught_from_who_judged(calibrated, trained):
    assert "- trained on: synthetic, 3 people, 2 more for early stopping and calibration; " in (trained / "card.md").read_text(
        encoding="utf-8"
    )
    older = {name: value for name, value in calibrated.facts.items() if name != "trained_on"}
    assert people_words(older, calibrated=False) == "3 people, 2 more for early stopping"
    assert people_words({"people": 1, "subjects": ["ada"]}, calibrated=False) == "1 person"


def test_a_bundle_says_what_it_is(calibrated, trained):
    told = CliRunner().invoke(app, ["info", str(trained), "--json"])
    facts = dict(json.loads(told.stdout)["facts"])
    assert facts["trained on"] == "synthetic, 3 people, 2 more for early stopping and calibration"
    assert facts["probabilities"] == calibrated.calibration.sentence and facts["sensors"] == "hr, eda, temp"
    assert facts.get("warning", "") == unheeded(calibrated.facts)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"validation": 0.55, "validation_shuffled": 0.55, "belief": 1.0}, "as well with shuffled labels (0.55) as with their own (0.55)"),
        ({"validation": 0.7, "validation_shuffled": 0.6, "belief": 0.0}, "gained nothing from steps towards their labels (belief 0)"),
        ({"validation": 0.7, "validation_shuffled": 0.6, "belief": 1.0}, ""),
        ({}, ""),
    ],
)
def test_a_bundle_that_labels_hardly_change_says_so(facts, says):
    assert says in unheeded(facts) and bool(says) == bool(unheeded(facts))


def test_an_answer_carries_calibrated_probability_set_and_intervals(calibrated, strangers, tmp_path):
    kept = personalise(calibrated, strangers[:1], "ada", folder=tmp_path)
    said = predict(calibrated, strangers[1], person="ada", folder=tmp_path)
    raw = predict_with(replace(calibrated, calibration=None), strangers[1], kept.adaptation)
    fit = calibrated.calibration.after(sum(kept.counts.values()))
    assert fit.shots == 3 and said.calibration == calibrated.calibration.sentence
    np.testing.assert_allclose(said.probability, cool(raw.probability, fit.temperature), atol=1e-6)
    assert said.emotion == raw.emotion
    assert said.possible is not None and said.valence_range is not None and said.arousal_range is not None
    assert said.possible[np.arange(len(said.spans)), said.probability.argmax(axis=1)].all()
    np.testing.assert_array_equal(said.abstained, said.possible.all(axis=1))
    for value, span in ((said.valence, said.valence_range), (said.arousal, said.arousal_range)):
        assert (span[:, 0] <= value + 1e-6).all() and (value <= span[:, 1] + 1e-6).all() and (np.abs(span) <= 1).all()


def test_without_labels_the_fit_for_no_labels_is_used(calibrated, strangers):
    said = predict(calibrated, strangers[1])
    raw = predict(replace(calibrated, calibration=None), strangers[1])
    np.testing.assert_allclose(said.probability, cool(raw.probability, calibrated.calibration.after(0).temperature), atol=1e-6)


def test_who_is_not_calibrated_says_so(bundle, calibrated, strangers):
    said = predict(bundle, strangers[1])
    assert bundle.calibration is None and said.calibration == NOT_CALIBRATED
    assert (said.possible, said.valence_range, said.arousal_range) == (None, None, None)
    adaptation = adapt_to(calibrated, strangers[:1])[0]
    assert "how many labels" in predict_with(calibrated, strangers[1], adaptation).calibration
    assert predict_with(calibrated, strangers[1], adaptation, labels=4).possible is not None


def test_an_edited_bundle_answers_otherwise_and_is_not_calibrated(calibrated, tmp_path):
    assert load_bundle(save_edited(tmp_path / "edited.stf2m", calibrated)).calibration is None
    assert not (tmp_path / "edited.stf2m" / "calibration.json").exists()
    words = ["rules", str(calibrated.path), "--delete", "1", "--out", str(tmp_path / "other.stf2m")]
    assert f"{tmp_path / 'other.stf2m'} is not calibrated" in CliRunner().invoke(app, words).stderr


def test_the_timeline_says_what_is_possible(calibrated, bundle, strangers, tmp_path):
    said = predict(calibrated, strangers[1])
    assert said.possible is not None
    row = to_rows(said)[0]
    assert row["possible"] and row["valence low"] <= row["valence"] <= row["valence high"]
    assert to_document(said)["calibration"] == said.calibration
    write_timeline(said, tmp_path / "t.csv")
    assert "low arousal | high arousal" in (tmp_path / "t.csv").read_text() or not said.possible.all(axis=1).any()
    assert any("valence ±" in remark for remark in remarks(said)) and "possible" in table_of(said)[0]
    plain = to_rows(predict(bundle, strangers[1]))[0]
    assert plain["possible"] == [] and plain["arousal high"] is None and set(plain) - {"x"} == set(row)


def test_a_set_must_fit_the_emotions(calibrated, strangers):
    said = predict(calibrated, strangers[1])
    with pytest.raises(InvalidRecord, match="set"):
        replace(said, possible=np.ones((1, 2), bool))


def test_a_bundle_permits_no_more_than_what_it_was_made_of(world, trained, tmp_path):
    study = build(Study, SETTINGS, where="test")
    people = [r for p in world.subjects()[:5] for r in world.recordings(p)]
    segments = cut(prepared_from(people, study.recipe.signals), study.recipe.cut)
    strict = load_bundle(trained)
    strict = replace(strict, facts={**strict.facts, "consent": "non-commercial", "licence": "their own"})
    open_card = SimpleNamespace(card=world.card.model_copy(update={"consent": "any"}))
    material, options = Material(open_card, replace(segments, consent="any"), None), {"tick": lambda *_: None}
    with pytest.raises(NoConsent, match="commercial"):
        train_bundle(study, material, tmp_path / "x.stf2m", start=strict, use="commercial", **options)
    facts = train_bundle(study, material, tmp_path / "x.stf2m", start=strict, **options)
    assert facts["consent"] == "non-commercial" and facts["licence"].endswith(" and their own")
    with pytest.raises(NoConsent, match="withdrawn"):
        train_bundle(study, Material(open_card, replace(segments, consent="none"), None), tmp_path / "y.stf2m", **options)


def test_a_bundle_that_cannot_be_written_or_used_is_refused_before_the_training(world, tmp_path):
    study = build(Study, SETTINGS, where="test")
    people = [r for p in world.subjects()[:5] for r in world.recordings(p)]
    material = Material(world, cut(prepared_from(people, study.recipe.signals), study.recipe.cut), None)

    def never(*_):
        raise AssertionError("the training began")

    (tmp_path / "notes").mkdir()
    with pytest.raises(InvalidConfig, match="something else lies here"):
        train_bundle(study, material, tmp_path / "notes", tick=never)
    everybody = build(Study, {**SETTINGS, "recipe": {**SETTINGS["recipe"], "normalisation": "transductive"}}, where="test")
    with pytest.raises(InvalidConfig, match="transductive"):
        train_bundle(everybody, material, tmp_path / "z.stf2m", tick=never)


def test_a_class_without_labels_is_said_and_not_answered_until_a_person_teaches_it(world, strangers, tmp_path):
    three = {"targets": ["arousal3"], "recipe": {**SETTINGS["recipe"], "cut": {**SETTINGS["recipe"]["cut"], "targets": ["arousal3"]}}}
    study = build(Study, {**SETTINGS, **three}, where="test")
    segments = cut(prepared_from([r for p in world.subjects()[:5] for r in world.recordings(p)], study.recipe.signals), study.recipe.cut)
    labels = segments.targets["arousal3"]
    segments = replace(segments, targets={"arousal3": np.where(labels == 1, -1, labels).astype(np.int16)})
    heard = []
    facts = train_bundle(study, Material(world, segments, None), tmp_path / "b.stf2m", tick=lambda *_: None, say=heard.append)
    assert facts["untaught"] == ["neutral arousal"] and len(heard) == 1 and "no training person has a label of neutral arousal" in heard[0]
    bundle = load_bundle(tmp_path / "b.stf2m")
    shown = CliRunner().invoke(app, ["predict", str(bundle.path), str(write(strangers[1], tmp_path))])
    assert heard[0] in shown.stderr
    hot = bundle.calibration.model_copy(
        update={"fits": tuple(fit.model_copy(update={"temperature": 20.0}) for fit in bundle.calibration.fits)}
    )
    for one in (bundle, replace(bundle, calibration=hot), replace(bundle, calibration=None)):
        said = predict(one, strangers[1])
        np.testing.assert_array_equal(said.probability[:, 1], 0)
        np.testing.assert_allclose(said.probability.sum(axis=1), 1, atol=1e-5)
    taught = [Annotation(4, 12, emotion="high arousal"), Annotation(14, 18, emotion="neutral arousal")]
    personalise(bundle, strangers[:1], "ada", labels=[taught], folder=tmp_path)
    personalise(bundle, strangers[:1], "bob", labels=[taught[:1]], folder=tmp_path)
    assert (predict(bundle, strangers[1], person="ada", folder=tmp_path).probability[:, 1] > 0).all()
    assert (predict(bundle, strangers[1], person="bob", folder=tmp_path).probability[:, 1] == 0).all()


def write(recording, folder) -> Path:
    write_csv(recording, folder / "recording.csv")
    return folder / "recording.csv"
