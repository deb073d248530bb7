"""Training: resumed = uninterrupted, chosen on validation people, bundles that come back the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import CorruptStore, InvalidConfig, Leak, SensorMismatch, UnknownName, WrongVersion
from stf2m.core.records import Segments
from stf2m.prepare.recipe import Recipe, SignalRecipe
from stf2m.training.bundle import card_text, check_sensors, load_bundle, save_bundle
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.optimise import groups_of_kinds
from stf2m.training.run import train

SEGMENTS = toy_segments()
SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4, "signals": True}, "steps": 8, "episodes": 3, "warm_up": 2, "centres_at": 3,
    "validate_every": 4, "checkpoint_every": 2, "validation_tasks": 1, "tasks": {"shots": (0, 1, 2), "queries": 2},
}  # fmt: skip
RECIPE = Recipe(signals=SignalRecipe(modalities=("eda", "bvp", "voice", "face")))


def config(**changes: Any) -> TrainConfig:
    return TrainConfig.model_validate({**SMALL, **changes})


def fit(segments: Segments = SEGMENTS, out: Path | None = None, **changes: Any) -> Fitted:
    return train(segments, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config(**changes), out=out)


class Killed(BaseException):
    """What stops a run in the middle."""


@pytest.mark.parametrize("moment", [1, 3, 5, 7])
def test_resumed_equals_uninterrupted(tmp_path: Path, moment: int) -> None:
    def stop(facts: dict[str, float]) -> None:
        if facts["step"] == moment:
            raise Killed

    whole = fit(out=tmp_path / "whole")
    with pytest.raises(Killed):
        train(
            SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config(), out=tmp_path / "cut", progress=stop
        )
    resumed = fit(out=tmp_path / "cut")
    assert all(torch.equal(whole.params[name], resumed.params[name]) for name in whole.params)
    lines = [[json.loads(x) for x in (tmp_path / d / "log.jsonl").read_text().splitlines()] for d in ("whole", "cut")]
    for a, b in zip(*lines, strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}


def test_finished_training_is_read_not_repeated(tmp_path: Path) -> None:
    steps = []
    first = fit(out=tmp_path)
    again = train(
        SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config(), out=tmp_path, progress=steps.append
    )
    assert not steps
    assert all(torch.equal(first.params[name], again.params[name]) for name in first.params)


def test_other_settings_do_not_resume_this_checkpoint(tmp_path: Path) -> None:
    fit(out=tmp_path)
    other = fit(out=tmp_path, seed=1)
    assert not torch.equal(other.params["net.classify.weight"], fit().params["net.classify.weight"])


def test_corrupted_checkpoint_is_said(tmp_path: Path) -> None:
    fit(out=tmp_path)
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CorruptStore, match="checkpoint"):
        fit(out=tmp_path)


@pytest.mark.parametrize("learner", ["recurrent", "protonet", "siamese", pytest.param("reptile", marks=pytest.mark.slow)])
def test_learns_the_toy_people(learner: str) -> None:
    """Descriptors carry the class; a few dozen steps must beat chance by far on a person who was never seen."""
    easy = toy_segments(signal=4.0)
    fitted = fit(easy, learner=learner, steps=60, validate_every=30, rate=5e-3, centres_at=10)
    rows = np.flatnonzero(easy.subject == 3)
    support, query = rows[easy.stimulus[rows] < 2][:12], rows[easy.stimulus[rows] >= 2]
    found = fitted.predict(easy, support, query).probability.argmax(axis=1)
    assert (found == easy.targets["emotion"][query]).mean() > 0.7


def test_step_sizes_per_coordinate_do_not_shrink_as_weights_do() -> None:
    groups, names = groups_of_kinds({"meta.alpha.net.mix.1.weight": torch.ones(3, 3), "net.mix.1.weight": torch.ones(3, 3)}, (), 0.05, 3.0)
    kept = [group["weight_decay"] for group in groups for _ in group["params"]]
    assert dict(zip(names, kept)) == {"meta.alpha.net.mix.1.weight": 0.0, "net.mix.1.weight": 0.05}


def test_a_learner_that_needs_its_support_falls_when_labels_are_shuffled() -> None:
    facts = fit(toy_segments(signal=4.0, personal=True), learner="protonet", steps=60, rate=5e-3, tasks={"shots": (4,), "queries": 2}).facts
    assert facts["validation"] > facts["validation_shuffled"] + 0.2


def test_no_person_on_both_sides() -> None:
    with pytest.raises(Leak, match="training and in validation"):
        train(SEGMENTS, target="emotion", train_people=[0, 1], validation_people=[1], config=config())


def test_support_and_query_stay_apart() -> None:
    with pytest.raises(Leak, match="share"):
        fit(steps=0).predict(SEGMENTS, np.array([1, 2]), np.array([2, 3]))


def test_query_rows_do_not_influence_each_other_or_the_support() -> None:
    """Answers of one segment stay when other query segments are asked for as well: nothing is fitted on the query."""
    fitted, support = fit(), np.arange(6)
    alone = fitted.predict(SEGMENTS, support, np.array([20])).probability
    together = fitted.predict(SEGMENTS, support, np.arange(10, 30)).probability[10:11]
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_finetune_shares_the_training_of_frozen() -> None:
    frozen = fit(learner="frozen")
    tuned = frozen.with_learner(config(learner="finetune"))
    assert tuned.params is frozen.params
    with pytest.raises(Leak, match="training of their own"):
        frozen.with_learner(config(learner="anil"))


def test_one_vs_rest_answers_every_class() -> None:
    fitted = fit(
        tasks={"policy": "one_vs_rest", "shots": (1, 2), "queries": 2}, network={**SMALL["network"], "wide": False, "rules_first": False}
    )
    answer = fitted.predict(SEGMENTS, np.arange(9), np.arange(10, 20))
    assert answer.probability.shape == (10, 3)
    np.testing.assert_allclose(answer.probability.sum(axis=1), 1, atol=1e-5)


def test_hidden_modality_changes_the_answer_and_its_weight_is_zero() -> None:
    answer = fit().predict(SEGMENTS, np.arange(6), np.arange(10, 20), modalities=("eda", "bvp"))
    assert (answer.modality_weight[:, 2:] == 0).all()


def test_unknown_learner_and_option_name_their_neighbours() -> None:
    with pytest.raises(UnknownName, match="recurrent"):
        fit(learner="recurent")
    with pytest.raises(InvalidConfig, match="it takes: steps"):
        fit(learner="anil", options={"stepps": 3})


def test_bundle_comes_back_with_the_same_answers(tmp_path: Path) -> None:
    fitted = fit()
    path = save_bundle(
        tmp_path / "people.stf2m", fitted, RECIPE, {"dataset": "toy", "consent": "non-commercial", "people": 4, "subjects": ["P0"]}
    )
    bundle = load_bundle(path)
    a, b = (f.predict(SEGMENTS, np.arange(6), np.arange(10, 20)) for f in (fitted, bundle.fitted))
    for one, two in zip(a, b):
        np.testing.assert_array_equal(one, two)
    assert bundle.recipe == RECIPE and len(bundle.rules) == 4
    card = (path / "card.md").read_text()
    assert "non-commercial" in card and "Art. 5(1)(f)" in card
    assert all(rule.startswith("IF ") and " THEN " in rule for rule in bundle.rules)


def test_bundle_of_another_version_and_damaged_bundle_are_said(tmp_path: Path) -> None:
    path = save_bundle(tmp_path / "b.stf2m", fit(steps=0), RECIPE, {"dataset": "toy"})
    weights = path / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptStore, match=r"network\.safetensors"):
        load_bundle(path)
    facts = json.loads((path / "bundle.json").read_text())
    (path / "bundle.json").write_text(json.dumps(facts | {"format": 99}))
    with pytest.raises(WrongVersion, match="format 99"):
        load_bundle(path)


def test_bundle_refuses_foreign_sensors_in_words(tmp_path: Path) -> None:
    bundle = load_bundle(save_bundle(tmp_path / "b.stf2m", fit(steps=0), RECIPE, {"dataset": "toy"}))
    assert check_sensors(bundle, ("bvp", "eeg"), where="monday.csv") == ("bvp",)
    with pytest.raises(SensorMismatch, match=r"monday.csv.*expected eda or bvp.*got eeg"):
        check_sensors(bundle, ("eeg",), where="monday.csv")


def without_labels_of(emotion: int) -> Segments:
    """The toy people, none of whom has a label of this emotion."""
    target = SEGMENTS.targets["emotion"]
    return replace(SEGMENTS, targets={"emotion": np.where(target == emotion, -1, target).astype(np.int16)})


@pytest.mark.parametrize("policy", ["grid", "one_vs_rest"])
def test_a_class_that_nobody_labelled_is_answered_only_where_the_persons_labels_teach_it(policy: str) -> None:
    changes: dict[str, Any] = {"tasks": {**SMALL["tasks"], "policy": policy}}
    if policy == "one_vs_rest":
        changes["network"] = {**SMALL["network"], "wide": False, "rules_first": False}
    fitted = fit(without_labels_of(2), **changes)
    assert fitted.untaught == ("emotion 2",)
    rows = np.flatnonzero(SEGMENTS.subject == 3)
    labels = SEGMENTS.targets["emotion"][rows]
    others, everything = rows[:20][labels[:20] != 2], rows[:20]
    for support in (rows[:0], others):
        said = fitted.predict(SEGMENTS, support, rows[20:]).probability
        np.testing.assert_array_equal(said[:, 2], 0)
        np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert (fitted.predict(SEGMENTS, everything, rows[20:]).probability[:, 2] > 0).all()
    lied = fitted.predict(SEGMENTS, others, rows[20:], support_target=np.full(len(others), 2)).probability
    assert (lied[:, 2] > 0).all()
    if policy == "grid":
        for support, is_taught in ((others, False), (everything, True)):
            kept = fitted.score(fitted.adapt(SEGMENTS, support), SEGMENTS, rows[20:]).probability
            np.testing.assert_array_equal(kept, fitted.predict(SEGMENTS, support, rows[20:]).probability)
            assert (kept[:, 2] > 0).all() == is_taught


def test_what_a_bundle_was_never_taught_comes_back_and_stays_until_somebody_teaches_it(tmp_path: Path) -> None:
    fitted = fit(without_labels_of(2))
    facts = {"dataset": "toy", "licence": "MIT", "consent": "research", "people": 4, "subjects": list(SEGMENTS.subjects)}
    loaded = load_bundle(save_bundle(tmp_path / "b", fitted, RECIPE, facts))
    assert loaded.fitted.untaught == ("emotion 2",) and loaded.facts["untaught"] == ["emotion 2"]
    assert loaded.fitted.with_learner(loaded.fitted.config).untaught == ("emotion 2",)
    assert "emotion 0, emotion 1; emotion 2 only for a person" in (tmp_path / "b" / "card.md").read_text()
    on = {"target": "emotion", "train_people": [0, 1, 2], "validation_people": [3], "config": config(steps=1), "start": loaded.fitted}
    assert train(SEGMENTS, **on).untaught == ()
    assert train(without_labels_of(1), **on).untaught == ()  # the bundle was taught emotion 1, the training on emotion 2
    assert fit().untaught == ()


def test_a_card_promises_ratings_only_where_somebody_rated() -> None:
    card = {"target": "emotion", "learner": "recurrent", "emotions": ["joy", "fear"], "version": "0", "torch": "2", "format": 3}
    assert "- answers: joy, fear; valence and arousal in -1..1\n" in card_text({**card, "rated": True}, ())
    assert "- answers: joy, fear; nothing of valence and arousal, because nobody rated them\n" in card_text({**card, "rated": False}, ())
    rating = card_text({**card, "target": "rating", "emotions": ["rated"], "rated": True}, ())
    assert "- answers: valence and arousal in -1..1\n" in rating


def test_votes_of_annotators_teach_a_class_as_well() -> None:
    segments = without_labels_of(2)
    votes = np.where(segments.targets["emotion"][:, None] >= 0, np.eye(3, dtype=np.float32)[segments.targets["emotion"]], 0)
    voted = votes * 0.75 + np.where(votes.any(axis=1, keepdims=True), np.array([0, 0, 0.25], np.float32), 0)
    assert fit(replace(segments, votes={"emotion": voted.astype(np.float32)})).untaught == ()
    assert fit(replace(segments, votes={"emotion": votes.astype(np.float32)})).untaught == ("emotion 2",)


def test_train_stats_centres_on_nothing_and_comes_back_so(tmp_path: Path) -> None:
    fitted = fit(normalisation="train_stats", steps=4)
    again = load_bundle(save_bundle(tmp_path / "b.stf2m", fitted, RECIPE, {"dataset": "toy"})).fitted
    for one in (fitted, again):
        memory = one.adapt(SEGMENTS, np.arange(150, 160)).memory
        assert all((memory[name] == 0).all() for name in ("usual_parts", "usual_u", "offset"))
    assert fit(steps=4).adapt(SEGMENTS, np.arange(150, 160)).memory["offset"].abs().max() > 0


def test_train_stats_resumes_as_well(tmp_path: Path) -> None:
    whole = fit(normalisation="train_stats")
    with pytest.raises(Killed):
        train(
            SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config(normalisation="train_stats"),
            out=tmp_path, progress=lambda facts: (_ for _ in ()).throw(Killed) if facts["step"] == 5 else None,
        )  # fmt: skip
    resumed = fit(out=tmp_path, normalisation="train_stats")
    assert all(torch.equal(whole.params[name], resumed.params[name]) for name in whole.params)


def test_given_labels_are_all_that_is_told_of_the_support() -> None:
    """A control that permutes labels must not be told the truth by the ratings of the same segments."""
    fitted = fit(steps=2)
    support, query = np.arange(150, 158), np.arange(160, 170)
    given = np.roll(SEGMENTS.targets["emotion"][support], 1)
    rated = replace(SEGMENTS, rating=np.random.default_rng(0).uniform(-1, 1, SEGMENTS.rating.shape).astype(np.float32))
    other = replace(SEGMENTS, rating=-rated.rating)
    one, two = (fitted.predict(segments, support, query, support_target=given) for segments in (rated, other))
    np.testing.assert_array_equal(one.probability, two.probability)
    np.testing.assert_array_equal(one.rating, two.rating)
    own, flipped = (fitted.predict(segments, support, query) for segments in (rated, other))
    assert not np.array_equal(own.rating, flipped.rating)


@pytest.mark.parametrize("learner", ["recurrent", "protonet", "maml"])
def test_a_sensor_that_no_question_has_is_not_learnt_from_either(learner: str) -> None:
    """Labels shown with both views and questions with one: the person is read from what both sides have, as baselines do it."""
    fitted, support, query = fit(learner=learner), np.arange(6), np.arange(10, 20)
    present = SEGMENTS.present.copy()
    present[query, SEGMENTS.modalities.index("voice")] = False
    lost, others = replace(SEGMENTS, present=present), [m for m in SEGMENTS.modalities if m != "voice"]
    found, asked = fitted.predict(lost, support, query), fitted.predict(lost, support, query, modalities=others)
    np.testing.assert_array_equal(found.probability, asked.probability)
    present[query[0], SEGMENTS.modalities.index("voice")] = True
    some = fitted.predict(replace(SEGMENTS, present=present.copy()), support, query)
    assert np.abs(some.probability[1:] - found.probability[1:]).max() > 1e-7


def without_eda(segments: Segments, people: list[int]) -> Segments:
    """The same segments where these people wore no eda sensor."""
    gone = np.isin(segments.subject, people)
    columns = [d.modality == "eda" for d in segments.descriptor_infos]
    present, descriptors = segments.present.copy(), segments.descriptors.copy()
    present[gone, segments.modalities.index("eda")] = False
    descriptors[np.ix_(gone, columns)] = np.nan
    return replace(segments, present=present, descriptors=descriptors)


@pytest.mark.parametrize("signals", [False, True])
def test_a_sensor_that_no_training_person_wore_reads_as_absent(signals: bool) -> None:
    worn_by_the_last = without_eda(SEGMENTS, [0, 1, 2])
    fitted = fit(worn_by_the_last, network={**SMALL["network"], "signals": signals})
    mine = np.flatnonzero(SEGMENTS.subject == 3)
    support, query = mine[:6], mine[12:]
    for known in (support[:0], support):
        worn = fitted.predict(worn_by_the_last, known, query)
        absent = fitted.predict(without_eda(SEGMENTS, [0, 1, 2, 3]), known, query)
        np.testing.assert_array_equal(worn.probability, absent.probability)
        assert (worn.modality_weight[:, SEGMENTS.modalities.index("eda")] == 0).all()
    assert all(np.isfinite(text.numpy()).all() for text in fitted.params.values())


def test_other_data_do_not_resume_this_checkpoint(tmp_path: Path) -> None:
    fit(out=tmp_path)
    rotated = replace(SEGMENTS, targets={"emotion": ((SEGMENTS.targets["emotion"] + 1) % 3).astype(np.int16)})
    again, fresh = fit(rotated, out=tmp_path), fit(rotated)
    assert all(torch.equal(again.params[name], fresh.params[name]) for name in fresh.params)


def test_tasks_apart_in_time_need_to_know_the_order() -> None:
    lost = replace(SEGMENTS, session_time=SEGMENTS.spans[:, 0].copy())
    with pytest.raises(InvalidConfig, match="places in the session are unknown"):
        fit(lost, tasks={**SMALL["tasks"], "apart": ("time",)})
