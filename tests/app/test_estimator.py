"""The estimator keeps scikit-learn's promises, and its answers are those of the straight line."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from stf2m.app.estimator import PersonalClassifier
from stf2m.core.consent import narrowest
from stf2m.core.errors import NoConsent, NotEnoughLabels, NothingToRead


@pytest.fixture(scope="module")
def fitted(world):
    people = [r for p in world.subjects()[:5] for r in world.recordings(p)]
    return PersonalClassifier(modalities=("hr", "eda"), steps=6, lag=1.0).fit(people)


def test_parameters_survive_cloning():
    model = PersonalClassifier(window=4.0, steps=7)
    assert clone(model).get_params() == model.get_params()
    assert clone(model).set_params(steps=9).steps == 9


def test_before_fitting_it_refuses(strangers):
    with pytest.raises(NotFittedError):
        PersonalClassifier().predict(strangers)
    with pytest.raises(NothingToRead):
        PersonalClassifier().fit([])
    with pytest.raises(NotEnoughLabels, match="at least 3"):
        PersonalClassifier(steps=1).fit(strangers)


def test_rows_are_segments_and_sum_to_one(fitted, strangers):
    p = fitted.predict_proba(strangers[1:])
    assert p.shape == (len(fitted.segments(strangers[1:])), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert set(fitted.predict(strangers[1:])) <= set(fitted.classes_)
    assert 0 <= fitted.score(strangers[1:]) <= 1


def test_adapting_changes_answers_and_forgetting_restores_them(fitted, strangers):
    before = fitted.predict_proba(strangers[1:])
    after = fitted.adapt(strangers[:1]).predict_proba(strangers[1:])
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(fitted.forget().predict_proba(strangers[1:]), before)


def test_the_same_seed_gives_the_same_model(fitted, world, strangers):
    people = [r for p in world.subjects()[:5] for r in world.recordings(p)]
    again = clone(fitted).fit(people)
    np.testing.assert_array_equal(again.predict_proba(strangers[:1]), fitted.predict_proba(strangers[:1]))


def test_consent_is_held_in_fitting_adapting_and_answering(fitted, strangers):
    withdrawn = [replace(recording, consent="none") for recording in strangers]
    for use in (PersonalClassifier(steps=1).fit, fitted.adapt, fitted.predict_proba):
        with pytest.raises(NoConsent, match="withdrawn"):
            use(withdrawn)
    with pytest.raises(NoConsent, match="expected commercial"):
        clone(fitted).set_params(use="commercial").fit(strangers)


def test_the_narrowest_consent_holds_for_what_is_made_together():
    assert narrowest(["any", "non-commercial"]) == "non-commercial"
    assert narrowest(["research", "any", "none"]) == "none" and narrowest([]) == "unknown"
