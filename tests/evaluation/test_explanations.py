"""Figures of rules: a planted structure is found, exactly where it must be exact; chance levels are near chance."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import InvalidConfig, NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.evaluation.evidence import evidence
from stf2m.evaluation.explanations import Evidence, correlations, fidelity, log_loss, match_rules, rule_figures
from stf2m.evaluation.learned import Learned
from stf2m.evaluation.protocols.split import Split, labelled_rows
from stf2m.evaluation.rescore import rescore
from stf2m.evaluation.rule_study import study_rules, variants_of, write_rule_study
from stf2m.evaluation.study import Study
from stf2m.evaluation.timeline import Timeline, timeline_of
from stf2m.meta import LEARNERS
from stf2m.meta.learner import KEPT, LOCKED
from stf2m.prepare.recipe import Recipe, SignalRecipe
from stf2m.training.config import TrainConfig
from stf2m.training.edits import edit_fitted
from stf2m.training.fitted import Fitted
from stf2m.training.run import train
from stf2m.training.words import facts_of

SMALL = {"width": 12, "node_width": 6, "rules": 3, "directions": 0, "signals": False}
ABOVE, BELOW, NEVER = 0, 1, 2


def people_of_one_rule() -> Segments:
    """Emotion 1 exactly where the first descriptor is above its mean."""
    segments = toy_segments(people=5, each=48, emotions=2)
    first = segments.descriptors[:, 0]
    return replace(segments, targets={"emotion": (first > first.mean()).astype(np.int16)})


SEGMENTS = people_of_one_rule()


ALONG = {"rules_first": False, "vote": False}
"""rules that were not fitted first, so that a test can plant them"""


def untrained(**network: Any) -> Fitted:
    config = TrainConfig.model_validate({"learner": "frozen", "steps": 0, "network": {**SMALL, **ALONG, "wide": False, **network}})
    return train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[], config=config)


def planted() -> Fitted:
    """A network that is its rules: one fires above the mean, one below, one never; the head reads nothing but the firing."""
    fitted = untrained()
    params = {name: value.clone() for name, value in fitted.params.items()}
    p = {
        name: params[f"net.rules.{name}"] for name in ("centre", "raw_width", "raw_relevance", "sharpness", "consequent", "bias", "verdict")
    }
    p["raw_relevance"].fill_(-14.0)[:, 0] = 6.0
    p["centre"].zero_()[:, 0] = torch.tensor([2.0, -2.0, 60.0])
    p["raw_width"].fill_(2.0)
    p["sharpness"].fill_(5.0)
    p["consequent"].zero_()
    p["bias"].zero_()
    p["verdict"].copy_(torch.tensor([[-3.0, 3.0], [3.0, -3.0], [0.0, 0.0]]))
    mean = fitted.normaliser.descriptors[0, 0]
    p["centre"][:2, 0] += float((SEGMENTS.descriptors[:, 0].mean() - mean) / fitted.normaliser.descriptors[1, 0])
    params["net.classify.weight"].zero_()[:, -3:] = torch.tensor([[-1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
    params["net.classify.bias"].zero_()
    return replace(fitted, params=params)


def splits(people: tuple[int, ...] = (3, 4)) -> list[Split]:
    found = []
    for person in people:
        rows = labelled_rows(SEGMENTS, "emotion", person)
        found.append(Split(person, "by hand", 0, 0, rows[:0], rows))
    return found


@pytest.fixture(scope="module")
def found() -> list[Evidence]:
    return evidence(planted(), SEGMENTS, splits())


def test_a_planted_rule_is_found(found):
    figures = rule_figures(found, [int(f.verdict.argmax()) for f in facts_of(planted())])
    assert figures[ABOVE].precision > 0.97 and figures[BELOW].precision > 0.97
    assert figures[ABOVE].strongest == pytest.approx(np.mean([p.truth.mean() for p in found]), abs=0.03)
    assert figures[ABOVE].base == pytest.approx(np.mean([p.truth.mean() for p in found]))
    assert figures[NEVER].strongest == 0 and figures[NEVER].people == 0 and np.isnan(figures[NEVER].precision)
    assert facts_of(planted())[ABOVE].inputs == (0,) and facts_of(planted())[ABOVE].told > 0.99


def test_deleting_the_only_informative_rule_hurts(found):
    helps = rule_figures(found, [1, 0, 0])[ABOVE]
    assert helps.accuracy.mean == pytest.approx(0.5, abs=0.03) and helps.log_loss.mean > 0.1
    assert not helps.accuracy.is_above  # two people prove nothing, however much it hurts both


def test_deleting_a_rule_that_never_fires_changes_nothing_exactly(found):
    for one in found:
        assert (one.firing[:, NEVER] == 0).all()
        np.testing.assert_array_equal(one.without[NEVER], one.probability)
    idle = rule_figures(found, [1, 0, 0])[NEVER]
    assert idle.accuracy.mean == idle.accuracy.low == idle.log_loss.mean == 0


def test_a_network_that_is_its_rules_has_fidelity_one(found):
    agreement = fidelity(found, 3)
    assert agreement["rules"].plain.mean == agreement["rules"].balanced.mean == 1.0
    assert agreement["constant"].balanced.mean == pytest.approx(0.5)
    assert agreement["tree"].plain.mean > 0.9


def test_rules_that_all_say_the_same_have_the_fidelity_of_a_constant():
    fitted = planted()
    alike = replace(fitted, params={**fitted.params, "net.rules.verdict": torch.tensor([[1.0, 0.0]]).repeat(3, 1)})
    found = evidence(alike, SEGMENTS, splits())
    for one in found:
        assert one.alone is not None
        np.testing.assert_allclose(one.alone - one.alone[0], 0, atol=1e-5)
    assert fidelity(found, 3)["rules"].balanced.mean <= 0.5


@pytest.mark.parametrize("learner", ["recurrent", "protonet", "finetune"])
def test_the_parts_of_an_adapted_network_are_heard(learner):
    config = TrainConfig.model_validate({"learner": "frozen" if learner == "finetune" else learner, "steps": 0, "network": SMALL})
    fitted = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[], config=config)
    if learner == "finetune":
        fitted = fitted.with_learner(config.model_copy(update={"learner": "finetune"}))
    rows = labelled_rows(SEGMENTS, "emotion", 3)
    (one,) = evidence(fitted, SEGMENTS, [Split(3, "by hand", 5, 0, rows[:10], rows[12:])])
    assert one.alone is not None and one.alone.shape == one.probability.shape
    np.testing.assert_allclose(one.probability, fitted.predict(SEGMENTS, rows[:10], rows[12:]).probability, atol=1e-6)
    assert not fitted.net._forward_hooks


def test_deleted_rules_have_no_effect_to_measure():
    (one, _) = evidence(edit_fitted(planted(), ["delete 3"]), SEGMENTS, splits())
    assert np.isnan(one.without[NEVER]).all() and np.isfinite(one.without[:NEVER]).all()
    (lonely, _) = evidence(edit_fitted(planted(), ["delete 3", "delete 2"]), SEGMENTS, splits())
    assert np.isnan(lonely.without).all()
    assert rule_figures([lonely], [1, 0, 0])[ABOVE].accuracy.people == 0


def test_a_network_without_rules_cannot_be_examined():
    with pytest.raises(InvalidConfig, match="no rules to examine"):
        evidence(untrained(fuzzy="none"), SEGMENTS, splits())


def test_log_loss_by_hand():
    p = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    assert log_loss(np.array([0, 1, 0]), p) == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 3)


def test_rules_are_matched_whatever_their_order():
    rng = np.random.default_rng(0)
    firing = [rng.dirichlet(np.ones(6) * 0.4, size=80) for _ in range(3)]
    order = np.array([3, 0, 5, 1, 4, 2])
    match = match_rules(firing, [part[:, order] for part in firing])
    assert match.correlation == pytest.approx(1.0)
    assert all(order[b] == a for a, b in match.pairs)
    assert match.shuffled < 0.2
    other = match_rules(firing, [rng.dirichlet(np.ones(6) * 0.4, size=80) for _ in range(3)])
    assert abs(other.correlation - other.shuffled) < 0.1


def test_a_rule_that_never_varies_correlates_with_nothing():
    rng = np.random.default_rng(0)
    a = np.c_[rng.random(50), np.zeros(50)]
    np.testing.assert_allclose(correlations(a, a), [[1, 0], [0, 0]], atol=1e-9)
    np.testing.assert_allclose(correlations(a[:, :1], -a[:, :1]), [[-1]])


def test_scoring_again_stands_beside_floors_and_sees_the_harm():
    fitted = planted()
    result = rescore(fitted, edit_fitted(fitted, ["delete 1"]), SEGMENTS, splits())
    score = {(line.name, line.shots): line.score.mean for line in result.lines}
    assert score["before", 0] > 0.97 and score["after", 0] == pytest.approx(0.5)
    assert score["majority", 0] == pytest.approx(0.5) and result.change[0].mean < -0.4
    same = rescore(fitted, edit_fitted(fitted, ["delete 3"]), SEGMENTS, splits())
    assert same.change[0].mean == same.change[0].low == 0


def study(**changes: Any) -> Study:
    recipe = Recipe(signals=SignalRecipe(modalities=("eda", "bvp", "voice", "face")))
    protocols = ({"name": "new_person", "shots": (0, 2), "draws": 1},)
    return Study(
        **{"name": "toy", "dataset": "toy", "recipe": recipe, "folds": 4, "validation_people": 1, "protocols": protocols, **changes}
    )


def test_no_training_of_a_rule_study_meets_the_test_people():
    segments = toy_segments(people=9)
    made, count, test = variants_of(study(), segments, "emotion", 0, 2)
    assert count == 3 and len(made) == 5 and len({v.seed for v in made}) == 3
    for variant in made:
        sides = [set(variant.train), set(variant.validation), set(test)]
        assert sum(map(len, sides)) == len(set().union(*sides)) == 9
    with pytest.raises(NotEnoughLabels, match="three groups"):
        variants_of(study(folds=2), segments, "emotion", 0, 0)


@pytest.mark.slow
def test_a_rule_study_is_written_and_goes_on_where_it_was(tmp_path):
    segments = toy_segments(people=6, emotions=2)
    config = TrainConfig.model_validate(
        {
            "learner": "protonet",
            "steps": 1,
            "episodes": 1,
            "validation_tasks": 1,
            "network": SMALL,
            "tasks": {"shots": (0, 2), "queries": 2},
        }
    )
    first = study_rules(study(folds=3), segments, "emotion", config, seeds=1, folder=tmp_path)
    assert {name: len(m) for name, m in first.stability.items()} == {"folds": 1, "seeds": 1} and first.people == 2
    text, numbers = write_rule_study(first, study(folds=3), "emotion", "protonet", tmp_path)
    facts = json.loads(numbers.read_text())
    assert facts["stability"]["folds"][0]["correlation"] == pytest.approx(first.stability["folds"][0].correlation, abs=1e-5)
    assert len(facts["trainings"]) == 3 and "shuffled" in text.read_text() and "the rules alone" in text.read_text()
    again = study_rules(study(folds=3), segments, "emotion", config, seeds=1, folder=tmp_path)
    assert again.stability == first.stability


def test_a_timeline_tells_the_rules_in_the_persons_own_words():
    config = TrainConfig.model_validate({"learner": "recurrent", "steps": 0, "network": SMALL})
    learned = Learned(config)
    learned.fitted = (train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[], config=config),)
    layer = {name: value for name, value in learned.fitted[0].params.items() if name.startswith("meta.reading.decide.centre_shift")}
    for name, value in layer.items():  # the reader now moves every centre up
        learned.fitted[0].params[name] = value + (2.0 if name.endswith("bias") else 0.0)
    rows = labelled_rows(SEGMENTS, "emotion", 3)
    asked = [Split(3, "by hand", k, 0, rows[:k], rows[12:]) for k in (0, 8)]
    line = timeline_of(SEGMENTS, "emotion", learned, asked, setting="by hand", rules=learned.rules)
    general, own = line.answers
    assert general.words is None and own.words == list(learned.words(SEGMENTS, rows[:8])) != line.rules
    assert Timeline.from_json(json.loads(json.dumps(line.to_json()))) == line
    older = line.to_json()
    for answer in older["answers"]:
        del answer["words"]
    assert Timeline.from_json(older).answers[1].words is None


@pytest.mark.parametrize("learner", sorted(set(LEARNERS) - {"finetune"}))
def test_every_learner_leaves_locked_rules_alone_and_misses_deleted_ones(learner):
    config = TrainConfig.model_validate({"learner": learner, "steps": 0, "network": SMALL})
    fitted = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[], config=config)
    edited = edit_fitted(fitted, ["lock 2", "delete 3"])
    rows = labelled_rows(SEGMENTS, "emotion", 3)
    adaptation = edited.adapt(SEGMENTS, rows[:10])
    for name, value in adaptation.params.items():
        if name.startswith("net.rules."):
            assert name not in (KEPT, LOCKED)
            assert value.ndim == 0 or torch.equal(value[1], edited.params[name][1]), name
    assert (edited.score(adaptation, SEGMENTS, rows[12:]).firing[:, 2] == 0).all()
