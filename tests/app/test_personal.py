"""From a stranger's labels to a personal timeline: what is kept, what is refused, and what never changes."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from stf2m.app.conform import segments_for, with_sensors
from stf2m.app.labels import read_labels
from stf2m.app.people import digest_of, load_adaptation
from stf2m.app.personalise import adapt_to, personalise
from stf2m.app.places import folder_beside, folder_of_person
from stf2m.app.predict import normalised_entropy, predict, predict_with, status_of
from stf2m.core.errors import CorruptStore, InvalidRecord, NoConsent, NotEnoughLabels, NotStored, SensorMismatch, UnknownName, WrongVersion
from stf2m.core.prediction import Status
from stf2m.core.records import Annotation
from stf2m.data.readers import read


def without(recording, *names):
    return replace(recording, streams={n: s for n, s in recording.streams.items() if n not in names})


def test_without_a_person_every_answer_says_so(bundle, strangers):
    said = predict(bundle, strangers[1])
    assert set(said.status) == {Status.NOT_PERSONALISED}
    np.testing.assert_allclose(said.probability.sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(said.valence).all() and len(said.rules) == said.firing.shape[1]


def test_a_kept_adaptation_answers_as_the_one_in_memory(bundle, strangers, tmp_path):
    kept = personalise(bundle, strangers[:1], "ada", folder=tmp_path)
    said, memory = predict(bundle, strangers[1], person="ada", folder=tmp_path), predict_with(bundle, strangers[1], kept.adaptation)
    np.testing.assert_array_equal(said.probability, memory.probability)
    np.testing.assert_array_equal(said.firing, memory.firing)
    assert Status.NOT_PERSONALISED not in said.status and said.subject == "ada"
    assert not np.allclose(said.probability, predict(bundle, strangers[1]).probability)


def test_who_was_not_personalised_meets_the_people_who_were(bundle, strangers, tmp_path):
    with pytest.raises(NotStored, match=r"run stf2m personalise with this bundle and some labels first$"):
        predict(bundle, strangers[1], person="Ada", folder=tmp_path)
    for name, replaced in (("ada", False), ("ada", True), ("bo", False)):
        assert personalise(bundle, strangers[:1], name, folder=tmp_path).replaced == replaced
    with pytest.raises(NotStored, match=r"'Ada'.* - did you mean ada.; personalised with this bundle: ada, bo"):
        predict(bundle, strangers[1], person="Ada", folder=tmp_path)


def test_a_person_may_have_a_name_of_any_length(bundle, strangers, tmp_path):
    for name in ("情" * 60, "情" * 61):
        personalise(bundle, strangers[:1], name, folder=tmp_path)
    assert len(list((tmp_path / "adaptations").iterdir())) == 2
    assert predict(bundle, strangers[1], person="情" * 60, folder=tmp_path).subject == "情" * 60


def test_files_and_records_give_the_same_answers(bundle, strangers, files, tmp_path):
    labels = read_labels(files["labels"])
    kept = personalise(bundle, [read(files["monday"])], "ada", labels=[labels], folder=tmp_path)
    direct, _, rows = adapt_to(bundle, strangers[:1], [labels])
    assert sum(kept.counts.values()) == len(rows) > 0
    for name, value in direct.params.items():
        np.testing.assert_allclose(kept.adaptation.params[name].detach(), value.detach(), atol=1e-4, err_msg=name)


def test_the_sentence_names_the_classes_without_labels(bundle, strangers, tmp_path):
    high = [Annotation(4.0, 12.0, valence=0.5, arousal=0.8)]
    kept = personalise(bundle, strangers[:1], "ada", labels=[high], folder=tmp_path)
    assert kept.counts == {"low arousal": 0, "high arousal": 4}
    assert "no labels of low arousal" in kept.sentence


def test_labels_may_name_the_classes(bundle, strangers, tmp_path):
    named = [Annotation(4.0, 12.0, emotion="high arousal"), Annotation(14.0, 18.0, emotion="low arousal")]
    assert personalise(bundle, strangers[:1], "ada", labels=[named], folder=tmp_path).counts == {"low arousal": 2, "high arousal": 4}


def test_an_absent_sensor_is_a_status_and_another_order_changes_nothing(bundle, strangers, tmp_path):
    personalise(bundle, strangers[:1], "ada", folder=tmp_path)
    said = predict(bundle, without(strangers[1], "eda"), person="ada", folder=tmp_path)
    assert Status.MODALITY_MISSING in said.status
    assert said.modalities == ("hr", "eda", "temp") and (said.modality_weight[:, 1] == 0).all()
    turned = replace(strangers[1], streams=dict(reversed(strangers[1].streams.items())))
    first, second = (predict(bundle, r, person="ada", folder=tmp_path) for r in (strangers[1], turned))
    np.testing.assert_array_equal(first.probability, second.probability)


def test_sensors_that_the_bundle_does_not_know_are_named(bundle, strangers):
    with pytest.raises(SensorMismatch, match="expected hr or eda or temp, got acc"):
        predict(bundle, without(strangers[1], "hr", "eda", "temp", "bvp", "pupil"))


def test_descriptors_that_no_longer_exist_are_refused_and_not_taken_for_missing(bundle, strangers):
    inputs = bundle.fitted.inputs
    segments = segments_for(bundle, strangers[:1])
    older = (replace(inputs.descriptors[0], name="mel 01 loud"), *inputs.descriptors[1:])
    with pytest.raises(SensorMismatch, match=f"{older[0].modality} is no longer described.*expected mel 01 loud.*train the bundle again"):
        with_sensors(segments, inputs.infos, older)


def test_labels_that_cannot_be_meant_are_refused(bundle, strangers, tmp_path):
    with pytest.raises(UnknownName, match=r"knows no 'joy'.*low arousal, high arousal"):
        personalise(bundle, strangers[:1], "ada", labels=[[Annotation(0, 2, emotion="joy")]], folder=tmp_path)
    with pytest.raises(InvalidRecord, match="after the recording has ended"):
        personalise(bundle, strangers[:1], "ada", labels=[[Annotation(400, 402, emotion="low arousal")]], folder=tmp_path)
    with pytest.raises(
        NotEnoughLabels, match=r"no segment carries a label.* - give them with --labels FILE, a table of onset,offset,valence"
    ):
        personalise(bundle, [replace(strangers[0], ratings=())], "ada", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def targeted(bundle, target: str, emotions: tuple[str, ...]):
    """The bundle as if it had been trained for another target."""
    inputs = bundle.fitted.inputs.model_copy(update={"emotions": emotions})
    cut = bundle.recipe.cut.model_copy(update={"targets": (target,)})
    return replace(
        bundle, fitted=replace(bundle.fitted, target=target, inputs=inputs), recipe=bundle.recipe.model_copy(update={"cut": cut})
    )


def test_labels_of_another_kind_are_named(bundle, strangers, tmp_path):
    named, rating = targeted(bundle, "emotion", ("joy", "fear")), targeted(bundle, "rating", ("rated",))
    rated, word = Annotation(4, 8, valence=0.5, arousal=0.8), Annotation(4, 8, emotion="joy")
    with pytest.raises(NotEnoughLabels, match=r"expected an emotion, joy or fear, got valence and arousal - .*onset,offset,emotion"):
        personalise(named, strangers[:1], "ada", labels=[[rated]], folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match=r"expected valence and arousal, got an emotion - .*onset,offset,valence,arousal"):
        personalise(rating, strangers[:1], "ada", labels=[[word]], folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match="expected arousal, or low arousal or high arousal by name, got valence -"):
        personalise(bundle, strangers[:1], "ada", labels=[[Annotation(4, 8, valence=0.5)]], folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match="got valence and arousal - "):  # the recording's own
        personalise(named, strangers[:1], "ada", folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match="or low arousal or high arousal by name, got an emotion - "):
        personalise(bundle, [replace(strangers[0], ratings=(), annotations=(word,))], "ada", folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match="got labels that cover no segment - label at least"):
        personalise(bundle, strangers[:1], "ada", labels=[[Annotation(4, 4.2, emotion="low arousal")]], folder=tmp_path)
    with pytest.raises(NotEnoughLabels, match="got no labels - give them with --labels FILE"):
        personalise(bundle, [replace(strangers[0], ratings=())], "ada", folder=tmp_path)


def test_consent_is_held(bundle, strangers, tmp_path):
    with pytest.raises(NoConsent, match="expected commercial, got research"):
        predict(bundle, strangers[1], use="commercial")
    with pytest.raises(NoConsent, match="withdrawn"):
        personalise(bundle, [replace(strangers[0], consent="none")], "ada", folder=tmp_path)


def test_what_is_missing_broken_or_old_is_said(bundle, strangers, tmp_path):
    with pytest.raises(NotStored, match="no adaptation of 'ada'"):
        predict(bundle, strangers[1], person="ada", folder=tmp_path)
    place = personalise(bundle, strangers[:1], "ada", folder=tmp_path).path
    facts = json.loads((place / "adaptation.json").read_text())
    (place / "adaptation.json").write_text(json.dumps(facts | {"format": 99}))
    with pytest.raises(WrongVersion, match="expected format 1, got 99"):
        predict(bundle, strangers[1], person="ada", folder=tmp_path)
    (place / "adaptation.json").write_text(json.dumps(facts))
    (place / "adaptation.safetensors").write_bytes(b"1234")
    with pytest.raises(CorruptStore):
        predict(bundle, strangers[1], person="ada", folder=tmp_path)
    shutil.rmtree(place)
    (place.parent / "another").mkdir()
    (place.parent / "another" / "adaptation.json").write_text("{}")
    with pytest.raises(NotStored, match="another bundle"):
        load_adaptation(tmp_path, "ada", bundle)


def test_people_lie_beside_the_bundle_never_inside(bundle, strangers):
    place = personalise(bundle, strangers[:1], "a/../b", folder=None).path
    assert place == folder_of_person(folder_beside(bundle.path), "a/../b") / digest_of(bundle)
    assert bundle.path not in place.parents and folder_beside(bundle.path) in place.parents
    shutil.rmtree(folder_beside(bundle.path))


def test_statuses_have_their_order(bundle, strangers):
    segments = segments_for(bundle, strangers[1:2])
    assert set(status_of(segments, personalised=False)) == {Status.NOT_PERSONALISED}
    poor = replace(segments, quality=np.zeros_like(segments.quality))
    assert set(status_of(poor, personalised=True)) == {Status.LOW_QUALITY}
    found = status_of(replace(segments, quality=np.ones_like(segments.quality)), personalised=True)
    assert found[0] is Status.WARMING_UP and found[-1] is not Status.WARMING_UP


def test_entropy_runs_from_certain_to_no_idea():
    p = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]], dtype=np.float32)
    np.testing.assert_allclose(normalised_entropy(p), [0.0, 1.0, 0.4690], atol=1e-4)


def test_an_adaptation_permits_no_more_than_the_recordings_it_was_made_from(bundle, strangers, tmp_path):
    free = replace(bundle, facts={**bundle.facts, "consent": "any"})
    personalise(free, [replace(strangers[0], consent="research")], "ada", folder=tmp_path)
    anything = replace(strangers[1], consent="any")
    assert len(predict(free, anything, use="commercial").spans)
    with pytest.raises(NoConsent, match="adaptation of ada"):
        predict(free, anything, person="ada", folder=tmp_path, use="commercial")
