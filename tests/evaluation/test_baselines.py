"""Baselines: the optimiser equals scikit-learn, personal labels help where people differ, and nothing leaks."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SkRidge
from tests.evaluation.strategies import irregular_segments

from stf2m.core.errors import InvalidConfig
from stf2m.evaluation.baselines import BASELINES, BoostedTrees, Prototypes, Ridge, WeightedRefit, make_baseline
from stf2m.evaluation.baselines.choose import choose
from stf2m.evaluation.baselines.logistic import apply_logistic, balanced_weights, fit_logistic
from stf2m.evaluation.metrics import balanced_accuracy, measure_ratings
from stf2m.evaluation.protocols import NewPerson


def test_logistic_regression_equals_scikit_learn():
    rng = np.random.default_rng(0)
    x, y, weight = rng.normal(size=(300, 7)), rng.integers(0, 3, 300), rng.uniform(0.5, 3, 300)
    ours = apply_logistic(fit_logistic(x, y, weight, classes=3, strength=5.0), x)
    reference = LogisticRegression(C=0.2, tol=1e-8, max_iter=2000).fit(x, y, sample_weight=weight)
    assert np.abs(ours - reference.predict_proba(x)).max() < 2e-3


def test_a_warm_start_changes_the_time_only():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 5)), rng.integers(0, 4, 200)
    cold = fit_logistic(x, y, np.ones(200), classes=4, strength=3.0)
    warm = fit_logistic(x, y, np.ones(200), classes=4, strength=3.0, start=rng.normal(size=cold.shape))
    assert np.abs(apply_logistic(cold, x) - apply_logistic(warm, x)).max() < 5e-3


def test_balanced_weights():
    weights = balanced_weights(np.array([0, 0, 0, 2]), 3)
    assert weights.sum() == pytest.approx(4) and weights[3] == pytest.approx(3 * weights[0])


def test_choose_walks_to_the_best_and_ignores_crumbs():
    options = {"a": (0, 1, 2, 3), "b": (0, 1, 2)}
    assert choose(lambda s: s["a"] - (s["b"] - 1) ** 2, options, {"a": 0, "b": 0}) == {"a": 3, "b": 1}
    assert choose(lambda s: 0.001 * s["a"], options, {"a": 0, "b": 0}) == {"a": 0, "b": 0}


def run(name, segments, shots, *, shuffled=False):
    predictor = BASELINES[name]()
    predictor.fit(segments, "mood", list(range(6)), [6, 7], 0)
    protocol = NewPerson(shots=(0, shots), draws=2)
    predictor.tune(segments, "mood", [s for p in (6, 7) for s in protocol.splits(segments, "mood", p, 0)])
    rng, found = np.random.default_rng(0), {0: [], shots: []}
    for person in range(8, len(segments.subjects)):
        for split in protocol.splits(segments, "mood", person, 0):
            labels = segments.targets["mood"]
            given = rng.permutation(labels[split.support]) if shuffled else None
            said = predictor.predict(segments, split.support, split.query, target="mood", support_target=given)
            assert np.allclose(said.sum(1), 1, atol=1e-5) and said.dtype == np.float32
            found[split.shots].append(balanced_accuracy(labels[split.query], said))
    return [float(np.mean(v)) for v in found.values()]


@pytest.mark.parametrize("name", sorted(BASELINES.keys() - {"context_alone"}))
def test_own_labels_help_where_people_differ(make_segments, name):
    segments = make_segments(3, people=12, recordings=6, offset=3.0, strength=1.0, classes=3)
    none, four = run(name, segments, 4)
    assert four > none + 0.05
    assert run(name, segments, 4, shuffled=True)[1] < four + 0.02  # the person's offset survives a shuffle


@pytest.mark.parametrize("kind", [WeightedRefit, Prototypes, Ridge, BoostedTrees])
def test_nothing_of_the_new_person_but_the_support_is_used(make_segments, kind):
    segments = make_segments(5, people=6)
    split = next(s for s in NewPerson(shots=(2,)).splits(segments, "mood", 5, 0))
    rest = (segments.subject == 5) & ~np.isin(np.arange(len(segments)), np.r_[split.support, split.query[:1]])
    changed = dataclasses.replace(segments, descriptors=np.where(rest[:, None], 99, segments.descriptors).astype(np.float32))
    said = []
    for world in (segments, changed):
        predictor = kind()
        predictor.fit(world, "mood", [0, 1, 2, 3], [4], 0)
        said.append(predictor.predict(world, split.support, split.query[:1], target="mood"))
    assert (said[0] == said[1]).all()


def test_a_view_uses_its_own_descriptors_only(make_segments):
    segments = make_segments(5, people=6)
    split = next(s for s in NewPerson(shots=(2,)).splits(segments, "mood", 5, 0))
    other = [j for j, info in enumerate(segments.descriptor_infos) if info.modality != "eda"]
    noise = segments.descriptors.copy()
    noise[:, other] = np.random.default_rng(0).normal(size=(len(noise), len(other)))
    said = []
    for world in (segments, dataclasses.replace(segments, descriptors=noise)):
        predictor = WeightedRefit()
        predictor.fit(world, "mood", [0, 1, 2, 3], [4], 0)
        said.append(predictor.predict(world, split.support, split.query, target="mood", modalities=("eda",)))
    assert (said[0] == said[1]).all()


def test_missing_classes_and_missing_sensors_are_survived(make_segments):
    segments = make_segments(5, people=6)
    segments = dataclasses.replace(segments, descriptors=np.where(np.arange(6) == 2, np.nan, segments.descriptors).astype(np.float32))
    split = next(s for s in NewPerson(shots=(3,)).splits(segments, "mood", 5, 0))
    only = split.support[segments.targets["mood"][split.support] == 1]
    for kind in (WeightedRefit, Prototypes, Ridge, BoostedTrees):
        predictor = kind()
        predictor.fit(segments, "mood", [0, 1, 2, 3], [4], 0)
        for support in (only, only[:0]):
            assert np.isfinite(predictor.predict(segments, support, split.query, target="mood")).all()


def fitted(kind, segments, people=(0, 1, 2, 3)):
    predictor = kind()
    predictor.fit(segments, "mood", list(people), [4], 0)
    return predictor


def test_ridge_equals_scikit_learn_with_the_person_weighted(make_segments):
    segments = make_segments(5, people=6)
    split = next(s for s in NewPerson(shots=(2,)).splits(segments, "mood", 5, 0))
    ours = fitted(Ridge, segments)
    settings = {"strength": 7.0, "weight": 3.0, "scale": 1.0, "centre": None}
    told = segments.rating[split.support]
    said = ours._rate(segments, split.support, segments.targets["mood"][split.support], told, split.query, settings, None)
    x = np.concatenate([ours.x, ours.read(segments, split.support)])
    y = segments.rating[np.concatenate([ours.rows, split.support])]
    reference = SkRidge(alpha=7.0).fit(x, y, sample_weight=np.r_[np.ones(len(ours.rows)), np.full(len(split.support), 3.0)])
    assert np.abs(said - np.clip(reference.predict(ours.read(segments, split.query)), -1, 1)).max() < 1e-6


def test_ridge_rates_and_its_ratings_follow_the_person(make_segments):
    """Valence follows the class in this world; the person's labels and ratings bring the answers nearer."""
    segments = make_segments(3, people=12, recordings=6, offset=3.0, strength=1.0)
    predictor = Ridge()
    predictor.fit(segments, "mood", list(range(6)), [6, 7], 0)
    protocol = NewPerson(shots=(0, 6), draws=1)
    predictor.tune(segments, "mood", [s for p in (6, 7) for s in protocol.splits(segments, "mood", p, 0)])
    found = {0: [], 6: []}
    for person in range(8, 12):
        for split in protocol.splits(segments, "mood", person, 0):
            reply = predictor.reply(segments, split.support, split.query, target="mood")
            assert reply.rating is not None and np.abs(reply.rating).max() <= 1
            found[split.shots].append(measure_ratings(segments.rating[split.query], reply.rating)["ccc_valence"])
    assert np.mean(found[6]) > max(np.mean(found[0]) + 0.05, 0.3)


def test_without_ratings_ridge_answers_classes_only(make_segments):
    segments = make_segments(5, people=6)
    silent = dataclasses.replace(segments, rating=np.full_like(segments.rating, np.nan))
    split = next(s for s in NewPerson(shots=(2,)).splits(silent, "mood", 5, 0))
    assert fitted(Ridge, silent).reply(silent, split.support, split.query, target="mood").rating is None
    partly = dataclasses.replace(segments, rating=np.where(segments.subject[:, None] == 5, np.nan, segments.rating).astype(np.float32))
    reply = fitted(Ridge, partly).reply(partly, split.support, split.query, target="mood")
    assert reply.rating is not None and np.isfinite(reply.rating).all()


def test_ridge_answers_a_target_without_classes(make_segments):
    segments = make_segments(3, people=8, recordings=6, strength=2.0)
    rated = np.isfinite(segments.rating).all(axis=1)
    targets = {"rating": np.where(rated, 0, -1).astype(np.int16)}
    segments = dataclasses.replace(segments, targets=targets, emotions={"rating": ("rated",)})
    with pytest.raises(InvalidConfig, match="has no classes"):
        WeightedRefit().fit(segments, "rating", [0, 1, 2, 3, 4], [5], 0)
    predictor = Ridge()
    predictor.fit(segments, "rating", [0, 1, 2, 3, 4], [5], 0)
    rows = np.flatnonzero(segments.subject == 7)
    support, query = rows[:12], rows[12:]
    straight = predictor.reply(segments, support, query, target="rating").rating
    turned = predictor.reply(segments, support, query, target="rating", support_target=support[::-1].copy()).rating
    assert straight is not None and turned is not None and np.abs(straight - turned).max() > 0.01
    assert measure_ratings(segments.rating[query], straight)["ccc_valence"] > 0.4


def test_boosted_trees_tell_missing_from_usual(make_segments):
    """A class that shows in nothing but a missing sensor is found by trees, and by no baseline that puts the mean there."""
    segments = make_segments(5, people=6, strength=0.0, offset=0.0, classes=2)
    gone = segments.targets["mood"] == 1
    segments = dataclasses.replace(segments, descriptors=np.where((np.arange(6) < 3) & gone[:, None], np.nan, 0.1 * segments.descriptors))
    split = next(s for s in NewPerson(shots=(2,)).splits(segments, "mood", 5, 0))
    truth = segments.targets["mood"][split.query]
    score = lambda kind: balanced_accuracy(truth, fitted(kind, segments).predict(segments, split.support[:0], split.query, target="mood"))  # noqa: E731
    assert score(BoostedTrees) > 0.8 and score(WeightedRefit) < 0.8


def test_boosted_trees_count_the_support_as_weighted(make_segments):
    """The heavier the person's rows, the more their labels say against everybody else's; without a refit they say nothing."""
    segments = make_segments(5, people=6, strength=3.0, offset=0.0, unlabelled=0.0, length=16)
    split = next(s for s in NewPerson(shots=(8,)).splits(segments, "mood", 5, 0))
    turned = (segments.targets["mood"][split.support] + 1) % 3
    trees = fitted(BoostedTrees, segments)
    truth = segments.targets["mood"][split.query]
    found = []
    for weight in (None, 1000.0):
        trees.chosen = {len(split.support): {"weight": weight, "centre": None}}
        said = trees.predict(segments, split.support, split.query, target="mood", support_target=turned)
        found.append(((said.argmax(1) == truth).mean(), (said.argmax(1) == (truth + 1) % 3).mean()))
    assert found[0][0] > 0.7 and found[0][1] < 0.2 and found[1][1] > found[0][1] + 0.2
    assert len(trees.memory) == 2  # one forest for everybody, and the edges


@pytest.mark.parametrize("name", ["refit", "prototypes", "refit_and_prototypes", "boosted_trees", "ridge"])
def test_every_part_of_a_baseline_stands_on_the_recipes_numbers(name):
    made = make_baseline(name, "transductive")
    assert {part.normalisation for part in getattr(made, "parts", (made,))} == {"transductive"}


@pytest.mark.parametrize("name", ["refit", "prototypes", "boosted_trees", "ridge"])
def test_under_train_stats_nothing_of_the_new_person_is_a_statistic(name):
    people = irregular_segments(4, people=6, recordings=8, stimuli=4, length=12)
    made = make_baseline(name, "train_stats")
    made.fit(people, "mood", [0, 1, 2, 3], [4], 0)
    assert set(made.options.get("centre", (None,))) == {None} and made.start.get("centre") is None
