"""Rules that come first: they tell emotions apart by themselves, stay as fitted, and no training person's tasks meet their own labels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import InvalidConfig
from stf2m.meta.learner import FITTED
from stf2m.model.rules import RuleLayer
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader
from stf2m.tasks.sampling import people_of
from stf2m.training import first_rules as first_rules_module
from stf2m.training.build import build, inputs_of
from stf2m.training.config import TrainConfig
from stf2m.training.first_rules import Examples, fit_rules, groups_of_people, grown, usual_of, ways_to_leaves
from stf2m.training.run import first_rules, train
from stf2m.training.words import facts_of, rules_in_words

SEGMENTS = toy_segments()
SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4}, "steps": 4, "episodes": 2, "warm_up": 2, "centres_at": 2, "validate_every": 2,
    "validation_tasks": 1, "tasks": {"shots": (0, 2), "queries": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def fully_tuned(monkeypatch):
    monkeypatch.setattr("stf2m.training.first_rules.STEPS", 100)


def planted(rows: int = 400, people: int = 5, seed: int = 0, hole: bool = False) -> Examples:
    """The class is the side of input 2 on which a segment lies, relative to the person; inputs 0, 1, 3 are noise."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, 4)).astype(np.float32)
    subjects = rng.integers(0, people, rows)
    labels = np.eye(2, dtype=np.float32)[(inputs[:, 2] > 0).astype(int)]
    inputs[:, 2] *= 2
    present = np.ones_like(inputs)
    if hole:
        present[: rows // 2, 2] = 0
    return Examples(inputs * present, present, labels, subjects)


def layer_with(params: dict[str, torch.Tensor], antecedents: int, kind: Any = "htsk") -> RuleLayer:
    rules, emotions = params["net.rules.verdict"].shape
    layer = RuleLayer(antecedents, rules, 1, emotions, kind)
    layer.load_state_dict({name.removeprefix("net.rules."): value for name, value in params.items()}, strict=False)
    return layer


@torch.no_grad()
def said(layer: RuleLayer, examples: Examples) -> np.ndarray:
    u, seen = torch.from_numpy(examples.inputs), torch.from_numpy(examples.present)
    return layer.spoken(layer.firing(u, seen, torch.zeros(u.shape[1]))).exp().numpy()


@pytest.mark.parametrize("kind", ["htsk", "tsk"])
def test_rules_alone_tell_new_people_apart(kind):
    like = RuleLayer(4, 6, 3, 2, kind)
    params = fit_rules(like, planted(), 0.0, 0)
    assert tuple(params) == FITTED and all(params[n].shape == getattr(like, n.removeprefix("net.rules.")).shape for n in FITTED)
    layer, new = layer_with(params, 4, kind), planted(seed=1)
    answer = said(layer, new)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert (answer.argmax(axis=1) == new.labels.argmax(axis=1)).mean() > 0.93
    share = layer.relevance / layer.relevance.sum(dim=1, keepdim=True)
    assert share.mean(dim=0).argmax() == 2 and share[:, 2].mean() > 0.5


def test_the_same_examples_give_the_same_rules_and_draw_nothing_from_the_common_dice():
    like = RuleLayer(4, 3, 2, 2)
    torch.manual_seed(5)
    one = fit_rules(like, planted(), 0.3, 0)
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    first_rules_module._fitted.clear()
    other = fit_rules(like, planted(), 0.3, 0)
    assert all(torch.equal(one[name], other[name]) for name in FITTED)


def test_learners_on_the_same_people_share_one_fit_and_nothing_else_does(monkeypatch):
    like, fits = RuleLayer(4, 3, 2, 2), []
    monkeypatch.setattr(first_rules_module, "tune", lambda *args: fits.append(args))
    monkeypatch.setattr(first_rules_module, "_fitted", {})
    monkeypatch.setattr(first_rules_module, "REMEMBERED", 7)
    one = fit_rules(like, planted(), 0.3, 0)
    one["net.rules.centre"].zero_()
    again = fit_rules(like, planted(), 0.3, 0)
    assert len(fits) == 1 and again["net.rules.centre"].abs().max() > 0
    others = planted()._replace(subjects=planted().subjects[::-1].copy())
    fit_rules(RuleLayer(4, 3, 2, 2, "tsk"), planted(), 0.3, 0)
    fit_rules(RuleLayer(4, 4, 2, 2), planted(), 0.3, 0)
    fit_rules(like, planted(seed=1), 0.3, 0)
    fit_rules(like, others, 0.3, 0)
    fit_rules(like, planted(), 0.2, 0)
    fit_rules(like, planted(), 0.3, 1)
    fit_rules(like, planted(), 0.3, 0, centre=False)
    assert len(fits) == 8  # the first is the oldest of eight now, and forgotten
    fit_rules(like, planted(), 0.3, 0)
    assert len(fits) == 9


def test_where_no_baseline_is_removed_none_is_presumed():
    examples = planted()
    shifted = examples._replace(inputs=examples.inputs + 3 * examples.subjects[:, None].astype(np.float32))
    like = RuleLayer(4, 3, 2, 2)
    told = [fit_rules(like, shifted, 0.0, 0, centre=c)["net.rules.centre"] for c in (True, False)]
    assert told[0].abs().max() < told[1].abs().max()


def test_every_rule_is_there_where_the_tree_needs_fewer():
    params = fit_rules(RuleLayer(4, 9, 2, 2), planted(rows=40), 0.0, 0)
    assert len(np.unique(params["net.rules.centre"].numpy(), axis=0)) == 9
    assert all(torch.isfinite(value).all() for value in params.values())


def test_a_person_is_centred_on_what_is_present():
    examples = planted(rows=60, hole=True)
    found = usual_of(examples)
    for row in (0, 59):
        own = examples.subjects == examples.subjects[row]
        there = own & (examples.present[:, 2] > 0)
        assert found[row, 2] == pytest.approx(examples.inputs[there, 2].mean(), abs=1e-5)
        assert found[row, 0] == pytest.approx(examples.inputs[own, 0].mean(), abs=1e-5)


def test_ways_are_the_inputs_on_the_decision_paths():
    examples = planted()
    tree = grown(examples.inputs, examples.labels.argmax(axis=1), 6, 0)
    ways, leaf = ways_to_leaves(tree.tree_), tree.apply(examples.inputs)
    path = tree.decision_path(examples.inputs)
    for row in range(0, 400, 17):
        nodes = path.indices[path.indptr[row] : path.indptr[row + 1]]
        assert ways[leaf[row]] == {int(tree.tree_.feature[n]) for n in nodes if n != leaf[row]}


def test_groups_deal_everybody_once():
    groups = groups_of_people(range(11), 3)
    assert sorted(p for group in groups for p in group) == list(range(11)) and max(map(len, groups)) - min(map(len, groups)) <= 1
    assert groups_of_people([7], 0) == [[7]]


def of_toy(segments=SEGMENTS, people=(0, 1, 2)):
    config = TrainConfig.model_validate(SMALL)
    rows = np.flatnonzero(np.isin(segments.subject, people))
    loader = Loader(segments, fit_normaliser(segments, rows, mode="causal"), "emotion")
    net, _, _ = build(config, inputs_of(segments, "emotion"))
    return first_rules(loader, config, net, people_of(segments, "emotion", people))


def test_nobody_trains_on_rules_that_know_their_labels():
    rules, without = of_toy()
    turned = {
        "emotion": np.where(SEGMENTS.subject == 1, (SEGMENTS.targets["emotion"] + 1) % 3, SEGMENTS.targets["emotion"]).astype(np.int16)
    }
    other, others = of_toy(replace(SEGMENTS, targets=turned))
    assert set(without) == {0, 1, 2}
    assert all(torch.equal(without[1][name], others[1][name]) for name in FITTED)
    assert not torch.equal(without[0]["net.rules.centre"], others[0]["net.rules.centre"])
    assert not torch.equal(rules["net.rules.centre"], other["net.rules.centre"])


@pytest.mark.parametrize("learner", ["recurrent", "reptile", "maml"])
def test_training_and_adapting_leave_them_as_they_were_fitted(learner):
    config = TrainConfig.model_validate({**SMALL, "learner": learner, "steps": 2})
    fitted = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)
    rules, _ = of_toy()
    assert all(torch.equal(fitted.params[name], rules[name]) for name in FITTED)
    assert not set(FITTED) & fitted.adapt(SEGMENTS, np.arange(144, 156)).params.keys()


def test_going_on_keeps_the_rules_of_before():
    config = TrainConfig.model_validate(SMALL)
    first = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)
    more = train(SEGMENTS, target="emotion", train_people=[0, 1], validation_people=[3], config=config, start=first)
    assert all(torch.equal(first.params[name], more.params[name]) for name in (*FITTED, "net.voice"))
    assert not torch.equal(first.params["net.classify.weight"], more.params["net.classify.weight"])


def test_rules_learnt_along_without_a_vote_speak_for_what_is_felt_where_they_fire():
    config = TrainConfig.model_validate({**SMALL, "network": {**SMALL["network"], "rules_first": False, "vote": False}})
    fitted = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)
    share = np.zeros((4, 3))
    for person in range(3):
        rows = np.flatnonzero(SEGMENTS.subject == person)
        share += fitted.predict(SEGMENTS, rows[:0], rows).firing.T @ np.eye(3)[SEGMENTS.targets["emotion"][rows]]
    share /= share.sum(axis=0)
    share /= share.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.params["net.rules.verdict"].softmax(dim=1), share, atol=2e-3)
    assert [int(f.verdict.argmax()) for f in facts_of(fitted)] == share.argmax(axis=1).tolist()
    assert all("speaks for emotion " in text for text in rules_in_words(fitted))


def test_one_class_against_the_rest_has_no_rules_that_come_first():
    config = TrainConfig.model_validate(
        {**SMALL, "tasks": {**SMALL["tasks"], "policy": "one_vs_rest"}, "network": {**SMALL["network"], "wide": False}}
    )
    with pytest.raises(InvalidConfig, match="rules that come first know named classes only"):
        train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)


def test_settings_of_before_keep_their_hash():
    before = TrainConfig.model_validate({"network": {"rules_first": False, "vote": False, "signals": True}})
    assert before.hash == "f5189558ac7e" != TrainConfig().hash
