"""Temperature and conformal thresholds keep the promises that are written at them."""

import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from stf2m.training.calibration import FEWEST, KINDS, Calibration, Fit, Heard, fit_calibration
from stf2m.training.conformal import (
    group_thresholds,
    intervals,
    lac_scores,
    of_truth,
    person_quantiles,
    person_threshold,
    prediction_sets,
    threshold,
)  # fmt: skip
from stf2m.training.temperature import COLDEST, HOTTEST, cool, fit_temperature, nll


def answers(rng, count, classes=3, sharp=2.0):
    """Probabilities and truths drawn from them: perfectly calibrated."""
    z = sharp * rng.normal(size=(count, classes))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return p, (p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)


def in_band(hits: int, repeats: int, chance: float) -> bool:
    """Within the exact binomial 99.9 % band."""
    return bool(binom.ppf(0.0005, repeats, chance) <= hits <= binom.ppf(0.9995, repeats, chance))


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_the_true_temperature_is_found(truth):
    p, y = answers(np.random.default_rng(0), 20_000)
    told = cool(p, 1 / truth)
    found = fit_temperature(y, told)
    assert found == pytest.approx(truth, rel=0.04)
    reference = minimize_scalar(lambda t: nll(y, cool(told, np.exp(t))), bounds=(-3, 3), method="bounded", options={"xatol": 1e-9})
    assert found == pytest.approx(np.exp(reference.x), rel=1e-4)
    assert nll(y, cool(told, found)) <= nll(y, told) + 1e-12


def test_temperature_leaves_every_answer_as_it_is():
    p, _ = answers(np.random.default_rng(1), 500, classes=8)
    for t in (COLDEST, 0.7, 3.0, HOTTEST):
        cooled = cool(p.astype(np.float32), t)
        np.testing.assert_array_equal(cooled.argmax(axis=1), p.argmax(axis=1))
        np.testing.assert_allclose(cooled.sum(axis=1), 1.0)
    np.testing.assert_allclose(cool(p, 1.0), p)


def test_a_temperature_without_a_root_ends_at_its_bound():
    p, y = answers(np.random.default_rng(2), 300)
    assert fit_temperature(p.argmax(axis=1), p) == pytest.approx(COLDEST)
    assert fit_temperature(p.argmin(axis=1), p) == pytest.approx(HOTTEST)
    weight = np.where(p.argmax(axis=1) == y, 0.0, 1.0)
    assert fit_temperature(y, p, weight) == pytest.approx(HOTTEST)


@pytest.mark.parametrize("kind", ["lac", "interval"])
@pytest.mark.parametrize(("count", "level"), [(19, 0.9), (57, 0.8)])
def test_coverage_of_exchangeable_segments_is_the_promised_one(kind, count, level):
    rng = np.random.default_rng(3)
    repeats, exact = 2000, math.ceil((count + 1) * level - 1e-9) / (count + 1)
    p, y = answers(rng, repeats * (count + 1))
    p = cool(p, 0.4)  # badly calibrated answers must be covered all the same
    scores = {
        "lac": lambda: of_truth(lac_scores(p), y),
        "interval": lambda: np.abs(rng.normal(size=len(p)) - 0.3),
    }[kind]().reshape(repeats, count + 1)
    hits = sum(row[-1] <= threshold(row[:-1], level) for row in scores)
    assert in_band(hits, repeats, exact)
    assert not in_band(hits, repeats, exact - 0.06)


def test_thresholds_equal_plain_numpy():
    rng = np.random.default_rng(4)
    scores, groups = rng.normal(size=83), rng.integers(0, 3, 83)
    for level in (0.5, 0.8, 0.9, 0.95):
        assert threshold(scores, level) == np.quantile(np.append(scores, np.inf), level, method="inverted_cdf")
        each = [np.quantile(np.append(scores[groups == g], np.inf), level, method="inverted_cdf") for g in range(3)]
        np.testing.assert_array_equal(group_thresholds(scores, groups, 3, level), each)
        np.testing.assert_array_equal(person_quantiles(scores, groups, level), each)
    assert threshold(scores[:8], 0.9) == math.inf and threshold(scores[:9], 0.9) == scores[:9].max()
    assert threshold(scores[:0], 0.5) == math.inf and group_thresholds(scores, groups, 4, 0.9)[3] == math.inf


def test_groups_are_covered_where_one_threshold_for_all_fails():
    rng = np.random.default_rng(7)
    repeats, count, level, spread = 1000, 60, 0.9, np.array([1.0, 4.0])
    exact = math.ceil((count // 2 + 1) * level - 1e-9) / (count // 2 + 1)
    hits = np.zeros((2, 2))
    for _ in range(repeats):
        groups = np.arange(count) % 2
        scores, new = spread[groups] * np.abs(rng.normal(size=count)), spread * np.abs(rng.normal(size=2))
        hits += [new <= threshold(scores, level), new <= group_thresholds(scores, groups, 2, level)]
    assert hits[0, 1] / repeats < level - 0.05 < level + 0.05 < hits[0, 0] / repeats
    assert in_band(int(hits[1, 0]), repeats, exact) and in_band(int(hits[1, 1]), repeats, exact)


def test_intervals_of_groups_cover_each_group():
    rng = np.random.default_rng(8)
    groups = rng.integers(0, 2, 4000)
    said = rng.uniform(-0.5, 0.5, 4000)
    true = np.clip(said + np.array([0.05, 0.3])[groups] * rng.normal(size=4000), -1, 1)
    half = group_thresholds(np.abs(said - true)[:2000], groups[:2000], 2, 0.9)
    found = intervals(said[2000:], half[groups[2000:]])
    inside = (found[:, 0] <= true[2000:]) & (true[2000:] <= found[:, 1])
    for g in (0, 1):
        assert inside[groups[2000:] == g].mean() == pytest.approx(0.9, abs=0.03)
    assert found.min() >= -1 and found.max() <= 1 and half[1] > 3 * half[0]


@pytest.mark.parametrize(("people", "share", "exact"), [(4, 0.9, 0.8), (9, 0.8, 0.8), (12, 0.9, 12 / 13)])
def test_whole_people_are_covered_as_promised_and_a_segment_threshold_fails_them(people, share, exact):
    rng = np.random.default_rng(9)
    repeats, each, level = 600, 30, 0.9
    who = np.repeat(np.arange(people), each)
    whole, segments, kept = 0, 0, 0.0
    for _ in range(repeats):
        scale = np.exp(0.8 * rng.normal(size=people + 1))  # people whose answers are right in different measure
        scores = scale[:, None] * np.abs(rng.normal(size=(people + 1, each)))
        limit, kept = person_threshold(scores[:-1].ravel(), who, level, share)
        whole += (scores[-1] <= limit).mean() >= level
        segments += (scores[-1] <= threshold(scores[:-1].ravel(), level)).mean() >= level
    assert kept == pytest.approx(exact)
    assert whole >= binom.ppf(0.0005, repeats, exact)
    assert whole <= binom.ppf(0.9995, repeats, exact + 0.05)  # `level` is reached a little more often than the quantile is exceeded
    assert segments < whole and segments / repeats < 0.75


def test_a_set_is_never_empty_and_holds_all_where_nothing_is_known():
    p, _ = answers(np.random.default_rng(10), 40)
    assert (prediction_sets(lac_scores(p), -1.0).sum(axis=1) == 1).all()
    assert prediction_sets(lac_scores(p), math.inf).all()
    mixed = prediction_sets(lac_scores(p), np.array([math.inf, -1.0, -1.0]))
    assert mixed[:, 0].all()


def heard(rng, people=4, each=200, ratings=True):
    p, y = answers(rng, people * each)
    said = rng.uniform(-0.6, 0.6, (len(y), 2))
    true = np.clip(said + 0.2 * rng.normal(size=said.shape), -1, 1)
    return Heard(np.repeat(np.arange(people), each), y, cool(p, 0.5), said if ratings else None, true)


def test_a_fit_says_plain_numbers_and_covers_like_people():
    rng = np.random.default_rng(11)
    fit, new = fit_calibration(heard(rng), shots=1, labels=3), heard(rng)
    assert fit is not None and fit.temperature == pytest.approx(2.0, rel=0.15)
    assert (fit.people, fit.segments, fit.share) == (4, 800, 0.8)
    again = Calibration.model_validate(json.loads(Calibration(level=0.9, fits=(fit,)).model_dump_json())).fits[0]
    assert again == fit
    for kind in KINDS:
        inside = fit.sets_of(new.probability, kind)[np.arange(800), new.truth].mean()
        assert 0.86 < inside < (0.94 if kind != "people" else 0.97)
        for i, axis in enumerate(("valence", "arousal")):
            assert new.rating is not None
            found = fit.interval(axis, new.rating[:, i], new.probability, kind)
            assert found is not None
            assert 0.86 < ((found[:, 0] <= new.rated[:, i]) & (new.rated[:, i] <= found[:, 1])).mean() < 0.97


def test_what_cannot_be_fitted_is_not_fitted():
    rng = np.random.default_rng(12)
    everything, n = heard(rng, ratings=False), FEWEST - 1
    few = Heard(everything.person[:n], everything.truth[:n], everything.probability[:n], None, everything.rated[:n])
    assert fit_calibration(few, shots=0, labels=0) is None
    fit = fit_calibration(heard(rng, ratings=False), shots=0, labels=0)
    assert fit is not None and fit.interval("valence", np.zeros(2), np.ones((2, 3)) / 3, "people") is None
    lonely = heard(rng, people=1, each=30)
    one = fit_calibration(lonely._replace(truth=np.where(lonely.truth == 2, 1, lonely.truth)), shots=0, labels=0)
    assert one is not None and one.sets["class"][2] is None and one.share == 0.5
    assert one.sets_of(lonely.probability, "class")[:, 2].all()


def test_one_emotion_is_never_undecided_and_two_are_when_both_are_possible():
    fit = Fit(shots=0, labels=0, people=3, segments=99, temperature=1.0, share=0.75, sets={"people": (0.6,)})
    assert not fit.is_undecided(np.ones((3, 1))).any()
    assert fit.is_undecided(np.array([[0.55, 0.45], [0.7, 0.3]])).tolist() == [True, False]
    assert fit.is_undecided(np.array([[0.45, 0.44, 0.11], [0.8, 0.1, 0.1]])).tolist() == [True, False]


def test_the_fit_of_fewer_labels_is_used_between_two():
    fits = [Fit(shots=k, labels=n, people=3, segments=99, temperature=1.0, share=0.75, sets={}) for k, n in ((0, 0), (1, 2), (5, 10))]
    found = Calibration(level=0.9, fits=tuple(fits))
    assert [found.after(n).shots for n in (0, 1, 2, 9, 10, 400)] == [0, 0, 1, 1, 5, 5]
