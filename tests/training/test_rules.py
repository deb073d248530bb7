"""A person reads, deletes, edits and locks rules: what was asked happens, nothing else does, and mistakes are said."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.records import DescriptorInfo
from stf2m.meta.learner import KEPT, LOCKED
from stf2m.prepare.recipe import Recipe, SignalRecipe
from stf2m.training.bundle import Bundle, load_bundle, save_bundle, save_edited
from stf2m.training.config import TrainConfig
from stf2m.training.edits import edit_fitted, edit_rules
from stf2m.training.fitted import Fitted
from stf2m.training.grammar import parse_edit
from stf2m.training.run import train
from stf2m.training.words import Scale, clause, facts_of, rules_in_words, scale_of

SEGMENTS = toy_segments()
SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4}, "steps": 4, "episodes": 2, "warm_up": 2, "centres_at": 2, "validate_every": 2,
    "validation_tasks": 1, "tasks": {"shots": (0, 2), "queries": 2},
}  # fmt: skip
ALONG = {**SMALL["network"], "rules_first": False}
"""rules that are learnt along with the network, so that gradients reach them"""
RECIPE = Recipe(signals=SignalRecipe(modalities=("eda", "bvp", "voice", "face")))
RULE_NAMES = ("centre", "raw_width", "raw_shape", "raw_relevance", "consequent", "bias", "verdict")
SUPPORT, QUERY = np.arange(144, 156), np.arange(160, 192)


def fit(start: Fitted | None = None, **changes: Any) -> Fitted:
    config = TrainConfig.model_validate({**SMALL, **changes})
    return train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config, start=start)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit()


@pytest.fixture
def bundle(fitted: Fitted, tmp_path) -> Bundle:
    return load_bundle(save_bundle(tmp_path / "a.stf2m", fitted, RECIPE, {"dataset": "toy", "subjects": ["P0"]}))


# words


def test_words_of_a_person_stand_at_their_shifted_centres(fitted):
    adaptation = fitted.adapt(SEGMENTS, SUPPORT)
    shift = torch.zeros_like(adaptation.memory["centre_shift"])
    shift[: len(fitted.net.owner)] = 2.0
    moved = adaptation._replace(memory=adaptation.memory | {"centre_shift": shift})
    spread = scale_of(fitted).spread
    for rule, (before, after) in enumerate(zip(facts_of(fitted, most=40), facts_of(fitted, moved, most=40))):
        place = dict(zip(after.inputs, after.centres))
        for j, centre in zip(before.inputs, before.centres):
            if j in place:
                assert place[j] == pytest.approx(centre + 2.0, abs=1e-5), rule
    high = facts_of(fitted, moved)[0]
    expected = f"{abs(high.centres[0]) * spread[high.inputs[0]]:.3g} au {'above' if high.centres[0] > 0 else 'below'} usual"
    assert expected in rules_in_words(fitted, moved)[0]
    locked = edit_fitted(fitted, ["lock 1"])
    assert facts_of(locked, moved)[0].centres == facts_of(fitted)[0].centres
    assert facts_of(locked, moved)[1].centres == facts_of(fitted, moved)[1].centres


def test_a_clause_is_in_the_descriptors_unit_and_near_usual_is_said():
    scale = Scale((DescriptorInfo("heart rate", "hr", "bpm"),), np.array([10.0]), ("bpm",), "usual")
    assert clause(scale, 0, 0.8) == "heart rate is 8 bpm above usual (high)"
    assert clause(scale, 0, -0.5) == "heart rate is 5 bpm below usual (low)"
    assert clause(scale, 0, 0.1) == "heart rate is about usual"
    assert clause(scale._replace(usual="average"), 0, 0.1) == "heart rate is about average"


def test_what_no_baseline_stands_against_is_called_average(fitted):
    still = replace(fitted, learner=type(fitted.learner)())
    still.learner.centre = False
    assert scale_of(still).usual == "average" and scale_of(fitted).usual == "usual"


def test_duplicates_and_idle_rules_are_marked(fitted):
    params = {n: v.clone() for n, v in fitted.params.items()}
    for name in RULE_NAMES:
        params[f"net.rules.{name}"][3] = params[f"net.rules.{name}"][1]
    words = rules_in_words(replace(fitted, params=params), use=[0.5, 0.3, 0.0, 0.2])
    assert words[1].endswith("[the same words as rule 4]") and words[3].endswith("[the same words as rule 2]")
    assert words[2].endswith("[never the strongest among the people of the training]") and not words[0].endswith("]")


# deleting


def test_deleting_renormalises_the_firing_over_the_others(fitted):
    before, after = (f.predict(SEGMENTS, SUPPORT[:0], QUERY).firing for f in (fitted, edit_fitted(fitted, ["delete 2"])))
    others = before[:, [0, 2, 3]]
    assert (after[:, 1] == 0).all()
    np.testing.assert_allclose(after[:, [0, 2, 3]], others / others.sum(axis=1, keepdims=True), rtol=1e-4)


def test_restoring_gives_the_same_bundle_back(fitted):
    back = edit_fitted(edit_fitted(fitted, ["delete 2", "lock 1"]), ["restore 2", "unlock 1"])
    assert back.params.keys() == fitted.params.keys()
    assert all(torch.equal(back.params[n], fitted.params[n]) for n in fitted.params)


def test_an_edit_leaves_the_given_bundle_alone(fitted):
    before = fitted.predict(SEGMENTS, SUPPORT, QUERY).probability
    edited = edit_fitted(fitted, ["delete 2", "3: eda 0 > usual + 2 s.d.", "lock 1"])
    changed = edited.predict(SEGMENTS, SUPPORT, QUERY).probability
    rules_in_words(edited)
    np.testing.assert_array_equal(fitted.predict(SEGMENTS, SUPPORT, QUERY).probability, before)
    assert not np.allclose(changed, before) and KEPT not in fitted.params


def test_the_last_rule_cannot_be_deleted(fitted):
    with pytest.raises(InvalidConfig, match=r"no rule would be left; expected at most 3 deleted, got 4"):
        edit_fitted(fitted, [f"delete {n}" for n in (1, 2, 3, 4)])


def test_a_network_without_rules_has_none_to_edit():
    with pytest.raises(InvalidConfig, match="no rules"):
        edit_fitted(fit(steps=0, network={**SMALL["network"], "fuzzy": "mlp"}), ["delete 1"])


# editing


def test_an_antecedent_goes_where_it_was_sent_and_the_consequent_stays(fitted):
    scale = scale_of(fitted)
    amount = 1.5 * float(scale.spread[0])
    edited = edit_fitted(fitted, [f"2: only eda 0 > usual + {amount:.6f} au within {2 * amount / 3:.6f} au"])
    p = edited.params
    assert float(p["net.rules.centre"][1, 0]) == pytest.approx(1.5, abs=1e-4)
    width = torch.nn.functional.softplus(p["net.rules.raw_width"][1, 0]) + 0.2
    assert float(width) == pytest.approx(1.0, abs=1e-4)
    share = torch.sigmoid(p["net.rules.raw_relevance"][1])
    assert float(share[0]) >= 0.9 - 1e-6 and float(share[1:].max()) < 1e-5
    said = [q["net.rules.consequent"][1] @ q["net.rules.centre"][1] + q["net.rules.bias"][1] for q in (fitted.params, p)]
    torch.testing.assert_close(said[0], said[1], atol=1e-4, rtol=1e-4)
    for name in RULE_NAMES:
        torch.testing.assert_close(p[f"net.rules.{name}"][[0, 2, 3]], fitted.params[f"net.rules.{name}"][[0, 2, 3]], rtol=0, atol=0)
    assert rules_in_words(edited)[1].startswith(f"IF eda 0 is {amount:.3g} au above usual (high) THEN")


@pytest.mark.parametrize("emotion", range(3))
def test_a_rule_speaks_for_the_emotion_that_was_asked_for(fitted, emotion):
    assert int(facts_of(edit_fitted(fitted, [f"3: speaks for emotion {emotion}"]))[2].verdict.argmax()) == emotion


@pytest.fixture
def placed(fitted) -> Fitted:
    """Emotion 0 is low, 1 neutral, 2 high in valence, and the other way round in arousal."""
    meaning = torch.stack([torch.eye(3), torch.eye(3).flip(0)], dim=1)
    return replace(fitted, params=fitted.params | {"net.rules.meaning": meaning})


@pytest.mark.parametrize(("terms", "emotion"), [("low valence, high arousal", 0), ("neutral arousal", 1), ("high valence", 2)])
def test_terms_that_were_asked_for_are_said_and_what_is_spoken_for_follows(placed, terms, emotion):
    edited = edit_fitted(placed, [f"3: {terms}"])
    facts = facts_of(edited)[2]
    assert int(facts.verdict.argmax()) == emotion and float(facts.terms[0, emotion]) >= 0.6 - 1e-4
    assert all(part in rules_in_words(edited)[2] for part in terms.split(", "))
    before, after = (f.predict(SEGMENTS, SUPPORT[:0], QUERY) for f in (placed, edited))
    np.testing.assert_array_equal(after.firing, before.firing)
    if int(facts_of(placed)[2].verdict.argmax()) != emotion:
        gain = after.probability[:, emotion] - before.probability[:, emotion]
        assert (gain >= 0).all() and (gain > 0).any()


def test_a_printed_sentence_of_a_sure_rule_says_nothing_new(placed):
    once = edit_fitted(placed, ["3: speaks for emotion 1"])
    again = edit_fitted(once, [f"3: THEN {rules_in_words(once)[2].partition(' THEN ')[2]}"])
    assert torch.equal(once.params["net.rules.verdict"], again.params["net.rules.verdict"])


def test_a_term_that_no_emotion_says_clearly_is_refused_and_others_are_told(placed):
    half = torch.tensor([[0.52, 0.0, 0.48], [0.48, 0.0, 0.52], [0.0, 1.0, 0.0]])
    meaning = torch.stack([half, torch.eye(3)], dim=1)
    vague = replace(placed, params=placed.params | {"net.rules.meaning": meaning})
    assert "high arousal" in rules_in_words(edit_fitted(vague, ["3: high arousal"]))[2]
    assert "low valence" in rules_in_words(edit_fitted(vague, ["3: low valence"]))[2]
    even = torch.tensor([[0.505, 0.0, 0.495], [0.495, 0.0, 0.505], [0.0, 1.0, 0.0]])
    with pytest.raises(InvalidConfig, match="nothing that rule 3 could speak for is like this"):
        edit_fitted(
            replace(placed, params=placed.params | {"net.rules.meaning": torch.stack([even, torch.eye(3)], dim=1)}), ["3: low valence"]
        )


def test_a_wish_that_holds_is_left_as_it_is_where_it_is_sure(placed):
    once = edit_fitted(placed, ["3: low valence"])
    twice = edit_fitted(once, ["3: low valence"])
    torch.testing.assert_close(once.params["net.rules.verdict"], twice.params["net.rules.verdict"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3: low valence, low arousal", "nothing that rule 3 could speak for is like this"),
        ("3: speaks for emotion 2, low valence", "the emotion and the terms contradict"),
    ],
)
def test_wishes_that_no_emotion_meets_are_refused(placed, text, says):
    with pytest.raises(InvalidConfig, match=says):
        edit_fitted(placed, [text])


def test_a_printed_sentence_is_a_valid_edit(fitted):
    scale, words = scale_of(fitted), rules_in_words(fitted)
    for rule, (text, facts) in enumerate(zip(words, facts_of(fitted))):
        edit = parse_edit(f"{rule + 1}: {text}", scale, fitted.inputs.emotions, len(words))
        as_listed = parse_edit(f"{rule + 1}. {text} [locked] [the same words as rule 2]", scale, fitted.inputs.emotions, len(words))
        assert replace(as_listed, text="") == replace(edit, text="")
        assert [a.index for a in edit.antecedents] == list(facts.inputs)
        assert [a.centre for a in edit.antecedents] == pytest.approx([c if abs(c) >= 0.35 else 0.0 for c in facts.centres], rel=0.01)
        said = {(a, int(facts.terms[a].argmax())) for a in (0, 1) if float(facts.terms[a].max()) >= 0.5}
        assert edit.emotion == int(facts.verdict.argmax()) and set(edit.terms) == said


SCALE = Scale(
    (DescriptorInfo("heart rate", "hr", "bpm"), DescriptorInfo("heart rate change", "hr", "bpm"), DescriptorInfo("pause", "voice", "s"),
     DescriptorInfo("pause", "gaze", "s")),
    np.array([10.0, 2.0, 0.5, 1.0]), ("bpm", "bpm", "s", "s"), "usual",
)  # fmt: skip
MOODS = ("joy", "low arousal")


def parse(text: str):
    return parse_edit(text, SCALE, MOODS, 5)


def test_what_says_nothing_asks_for_nothing():
    found = parse("2: IF heart rate is about usual THEN nothing that is sure")
    assert len(found.antecedents) == 1 and found.emotion is None and found.terms == ()


def test_the_grammar_is_read():
    found = parse(
        "2: heart rate > usual + 8 bpm relevance 0.5 and heart rate change < usual, ignore voice pause then speaks for low arousal"
    )
    assert [(a.index, a.centre, a.relevance) for a in found.antecedents] == [(0, 0.8, 0.5), (1, -1.0, None), (2, None, 0.0)]
    assert (found.rule, found.emotion, found.terms) == (1, 1, ())
    assert parse("rule 5: Heart Rate is 5 bpm below usual (low), neutral valence").antecedents[0].centre == -0.5
    assert parse("5: gaze pause = usual within 0.5").antecedents[0].width == 0.5
    assert parse("1: heart rate > usual + 1.5 s.d.").antecedents[0].centre == 1.5
    assert (parse("lock 3").verb, parse("delete rule 3").rule) == ("lock", 2)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("delete 6", InvalidConfig, r"no such rule; expected 1\.\.5, got 6"),
        ("remove 2", InvalidConfig, "not an edit of a rule; expected delete NUMBER, restore NUMBER"),
        ("2: hart rate > usual", UnknownName, "'hart rate'.*did you mean heart rate"),
        ("2: blood > usual", UnknownName, "known: heart rate, heart rate change, pause"),
        ("2: pause > usual", UnknownName, "write voice pause or gaze pause"),
        ("2: heart rate > usual + 8 mm", InvalidConfig, "unit of heart rate; expected bpm or s.d., got mm"),
        ("2: heart rate > usual - 8 bpm", InvalidConfig, "contradict; expected > usual \\+ or < usual -"),
        ("2: heart rate", InvalidConfig, "how heart rate should lie to usual is missing; expected .*> usual \\+ 1 bpm.*, got the end"),
        ("2: heart rate > 80 bpm", InvalidConfig, "got '> 80 bpm' - conditions are relative to the person's usual"),
        ("2: heart rate relevance 3", InvalidConfig, r"relevance; expected 0\.\.1, got 3"),
        ("2: heart rate is 3 bpm", InvalidConfig, 'a side is missing; expected "above usual"'),
        ("2: speaks for jo", UnknownName, "no emotion 'jo'.*did you mean joy"),
        ("2:", InvalidConfig, "not an edit of a rule"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_what_would_do(text, kind, says):
    with pytest.raises(kind, match=says):
        parse(text)


def test_only_needs_an_antecedent(fitted):
    with pytest.raises(InvalidConfig, match="a rule needs an antecedent"):
        edit_fitted(fitted, ["2: only, high arousal"])


# locking


@pytest.mark.parametrize("learner", ["recurrent", "anil", "maml", "finetune"])
def test_adapting_leaves_a_locked_rule_as_it_is(learner):
    free = fit(steps=0, learner="frozen" if learner == "finetune" else learner, network=ALONG)
    if learner == "finetune":
        free = free.with_learner(TrainConfig.model_validate({**SMALL, "steps": 0, "learner": "finetune", "network": ALONG}))
    locked = edit_fitted(free, ["lock 2"])
    changed = locked.adapt(SEGMENTS, SUPPORT).params
    moved = [n for n in RULE_NAMES if f"net.rules.{n}" in changed]
    assert moved == (list(RULE_NAMES) if learner in ("maml", "finetune") else [])
    for name in moved:
        now, before = changed[f"net.rules.{name}"], locked.params[f"net.rules.{name}"]
        assert torch.equal(now[1], before[1]), name
        assert not torch.equal(now, before), name
    assert LOCKED not in changed and KEPT not in changed


def test_the_tasks_shift_moves_no_centre_of_a_locked_rule(fitted):
    layer, shift = fitted.load().rules, torch.ones(fitted.net.antecedents)
    own = {"locked": torch.tensor([0.0, 1.0, 0.0, 0.0])}
    u, seen = torch.randn(5, fitted.net.antecedents), torch.ones(5, fitted.net.antecedents)
    with torch.no_grad():
        moved = torch.func.functional_call(layer, own, (u, seen, shift)).firing
        by_hand = {"centre": layer.centre + shift * torch.tensor([1.0, 0.0, 1.0, 1.0]).unsqueeze(1)}
        torch.testing.assert_close(moved, torch.func.functional_call(layer, by_hand, (u, seen, 0 * shift)).firing)


def test_training_goes_on_around_locked_and_deleted_rules():
    fitted = fit(network=ALONG)
    edited = edit_fitted(fitted, ["lock 2", "delete 4"])
    more = fit(edited, seed=1, network=ALONG)
    assert more.facts["best_step"] > 0 and torch.equal(more.params[KEPT], edited.params[KEPT])
    for name in RULE_NAMES:
        now, before = more.params[f"net.rules.{name}"], edited.params[f"net.rules.{name}"]
        assert torch.equal(now[1], before[1]), name
        assert not torch.equal(now[0], before[0]), name
    assert (more.predict(SEGMENTS, SUPPORT, QUERY).firing[:, 3] == 0).all()
    np.testing.assert_array_equal(more.normaliser.descriptors, fitted.normaliser.descriptors)


def test_training_goes_on_only_in_the_same_network(fitted):
    with pytest.raises(InvalidConfig, match=r"begins with another network; expected meta\.prototypes"):
        fit(fitted, network={**SMALL["network"], "rules": 5})
    with pytest.raises(InvalidConfig, match="normalisation; expected causal, got train_stats"):
        fit(fitted, normalisation="train_stats")


# bundles


def test_an_edited_bundle_is_a_new_one_whose_card_says_so(bundle, tmp_path):
    edited = edit_rules(bundle, ["delete 3", "2: eda 0 > usual + 1 s.d., speaks for emotion 1", "lock 1"])
    assert edited.path is None and "sha256" not in edited.facts
    back = load_bundle(save_edited(tmp_path / "b.stf2m", edited))
    card = (tmp_path / "b.stf2m" / "card.md").read_text()
    assert back.facts["edits"] == ["delete 3", "2: eda 0 > usual + 1 s.d., speaks for emotion 1", "lock 1"]
    assert back.facts["edited_from"] == bundle.facts["sha256"]["network.safetensors"][:12] and "- `delete 3`" in card
    assert back.rules[2].endswith("[deleted]") and back.rules[0].endswith("[locked]") and back.rules == edited.rules
    assert back.facts["sha256"]["network.safetensors"] != bundle.facts["sha256"]["network.safetensors"]
    for one, two in zip(*(b.fitted.predict(SEGMENTS, SUPPORT, QUERY) for b in (edited, back))):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(InvalidConfig, match="lies here already"):
        save_edited(bundle.path, edited)
    assert load_bundle(save_edited(tmp_path / "c.stf2m", edit_rules(back, ["restore 3"]))).facts["edits"][-1] == "restore 3"


def test_bundles_without_edits_have_no_masks(bundle):
    assert not {KEPT, LOCKED} & bundle.fitted.params.keys()
    assert bundle.facts["format"] == 3


def test_what_a_person_makes_a_rule_speak_for_moves_the_answer(fitted):
    rows, before = QUERY, fitted.predict(SEGMENTS, SUPPORT[:0], QUERY)
    rule = int(before.firing.mean(axis=0).argmax())
    now = int(fitted.params["net.rules.verdict"][rule].argmax())
    other = (now + 1) % 3
    edited = edit_fitted(fitted, [f"{rule + 1}: speaks for emotion {other}"])
    after = edited.predict(SEGMENTS, SUPPORT[:0], rows)
    np.testing.assert_array_equal(after.firing, before.firing)
    lit = before.firing.argmax(axis=1) == rule
    assert (after.probability[lit, other] > before.probability[lit, other]).all()
    assert (after.probability[lit, now] < before.probability[lit, now]).all()
