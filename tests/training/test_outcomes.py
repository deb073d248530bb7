"""What rules say of valence and arousal follows from what they speak for, and from what training people who felt so had rated."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.emotions import CIRCUMPLEX, RAVDESS_EMOTIONS, TARGETS, classes_of
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import DescriptorInfo
from stf2m.meta.outer import fuzzy_terms
from stf2m.model.explain import terms_of
from stf2m.training.config import TrainConfig
from stf2m.training.edits import edit_fitted
from stf2m.training.fitted import Fitted
from stf2m.training.outcomes import outcome_labels, terms_of_outcomes
from stf2m.training.run import train
from stf2m.training.words import Scale, facts_of, rules_in_words, sentence

SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4}, "steps": 2, "episodes": 2, "warm_up": 2, "centres_at": 2, "validate_every": 2,
    "validation_tasks": 1, "tasks": {"shots": (0, 2), "queries": 2},
}  # fmt: skip
ALONG = {"rules_first": False, "vote": False}
UNKNOWN = np.full((8, 2), np.nan)


def fitted_to(target: str, **network) -> Fitted:
    config = TrainConfig.model_validate({**SMALL, "network": {**SMALL["network"], **network}})
    segments = toy_segments()
    if target != "emotion":
        segments = replace(
            segments, targets={target: classes_of(TARGETS[target], segments.rating)}, emotions={target: TARGETS[target].emotions}
        )
    return train(segments, target=target, train_people=[0, 1, 2], validation_people=[3], config=config)


def test_terms_are_shares_among_equally_frequent_outcomes_by_hand():
    rating = np.array([[-0.75, 0.25], [-0.25, 0.0], [0.5, 1.0]])  # on 1..9: (2, 6), (4, 5), (7, 9)
    classes = np.array([0, 0, 1])
    found = terms_of_outcomes("emotion", ("a", "b"), classes, rating).numpy()
    # mean memberships Low, Neutral, High of class 0: valence (1 + .5) / 2, (0 + .5) / 2, 0; arousal 0, (.5 + 1) / 2, .5 / 2
    mean = np.array([[[0.75, 0.25, 0.0], [0.0, 0.75, 0.25]], [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]])
    total = mean.sum(axis=0)
    np.testing.assert_allclose(found, np.divide(mean, total, where=total > 0, out=np.zeros_like(mean)), atol=1e-6)
    said = terms_of(torch.tensor([0.25, 0.75]), torch.from_numpy(found)).numpy()
    np.testing.assert_allclose(said[0], np.array([0.25, 0.25, 0.75]) / 1.25, atol=1e-6)
    np.testing.assert_allclose(said[1], np.array([0, 0.25, 0.25 * 0.2 + 0.75 * 0.8]) / 0.9, atol=1e-6)


def test_every_term_is_as_likely_as_any_other_where_a_rule_tells_nothing():
    meaning = terms_of_outcomes("emotion", RAVDESS_EMOTIONS, np.zeros(8, int), UNKNOWN)
    torch.testing.assert_close(terms_of(torch.full((8,), 1 / 8), meaning), torch.full((2, 3), 1 / 3))


def test_emotions_without_ratings_mean_their_place_on_the_circumplex():
    meaning = terms_of_outcomes("emotion", RAVDESS_EMOTIONS, np.zeros(8, int), UNKNOWN)
    want = fuzzy_terms(torch.tensor([CIRCUMPLEX[name] for name in RAVDESS_EMOTIONS]))
    torch.testing.assert_close(meaning, want / want.sum(dim=0))
    angry = terms_of(torch.eye(8)[RAVDESS_EMOTIONS.index("angry")], meaning)
    assert angry[0].argmax() == 0 and angry[1].argmax() == 2


def test_emotions_that_nobody_placed_mean_nothing_and_nothing_is_said_of_them():
    assert not terms_of_outcomes("emotion", ("zest", "joy"), np.array([0, 1]), UNKNOWN[:2]).any()
    one_rated = np.array([[0.5, 0.5], [np.nan, np.nan]])
    assert not terms_of_outcomes("emotion", ("zest", "joy"), np.array([0, 1]), one_rated).any()
    meaning = torch.zeros(2, 2, 3)
    facts = facts_of(fitted_to("emotion"))[0]._replace(verdict=torch.tensor([0.2, 0.8]), terms=terms_of(torch.tensor([0.2, 0.8]), meaning))
    scale = Scale((DescriptorInfo("heart rate", "hr", "bpm"),) * 99, np.ones(99), ("bpm",) * 99, "usual")
    assert sentence(facts, scale, ("zest", "joy")).endswith("THEN speaks for joy (0.80)")


def test_ratings_are_told_apart_by_the_nine_pairs_of_their_terms():
    rating = np.random.default_rng(0).uniform(-1, 1, (7, 2)).astype(np.float32)
    found = outcome_labels("rating", np.zeros(7, int), 1, rating)
    terms = fuzzy_terms(torch.from_numpy(rating)).numpy()
    np.testing.assert_allclose(found.reshape(7, 3, 3), terms[:, 0][:, :, None] * terms[:, 1][:, None, :], atol=1e-6)
    meaning = terms_of_outcomes("rating", ("rated",), np.zeros(7, int), rating)
    back = terms_of(torch.from_numpy(found), meaning).numpy()
    np.testing.assert_allclose(back, terms, atol=1e-5)


@pytest.mark.parametrize("network", [{}, ALONG], ids=["first", "along"])
@pytest.mark.parametrize("target", ["emotion", "rating", "valence3"])
def test_a_trained_rule_says_what_it_speaks_for(target, network):
    fitted = fitted_to(target, **network)
    words, facts = rules_in_words(fitted), facts_of(fitted)
    meaning, count = fitted.params["net.rules.meaning"], {"emotion": 3, "rating": 9, "valence3": 3}[target]
    assert meaning.shape == (count, 2, 3)
    torch.testing.assert_close(meaning.sum(dim=0), torch.ones(2, 3))
    for text, fact in zip(words, facts):
        assert fact.verdict.shape == (count,) and float(fact.verdict.sum()) == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(fact.terms.sum(dim=1), torch.ones(2))
        assert ("speaks for" in text) == (target != "rating")
        assert target != "valence3" or " valence (" not in text.split("speaks for")[0]
        strongest = fact.terms[1]
        assert (f"{('low', 'neutral', 'high')[int(strongest.argmax())]} arousal" in text) == (float(strongest.max()) >= 0.5)


def test_rules_of_ratings_and_without_a_vote_cannot_be_made_to_speak_for_something_else():
    for fitted in (fitted_to("rating"), fitted_to("emotion", **ALONG)):
        axis, term = divmod(int(facts_of(fitted)[0].terms.argmax()), 3)
        wrong = ("low", "high")[int(facts_of(fitted)[0].terms[axis].argmax() == 0)]
        with pytest.raises(InvalidConfig, match="rules of this bundle have no vote: what they speak for changes no answer"):
            edit_fitted(fitted, [f"1: {wrong} {('valence', 'arousal')[axis]}"])
        same = edit_fitted(fitted, [f"1: {('low', 'neutral', 'high')[term]} {('valence', 'arousal')[axis]}"])
        assert torch.equal(same.params["net.rules.verdict"], fitted.params["net.rules.verdict"])
