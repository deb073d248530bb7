"""Metrics equal scikit-learn; statistics keep their promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from stf2m.evaluation.metrics import accuracy, balanced_accuracy, ccc, ece, kappa, macro_f1, mae, measure, measure_ratings, pearson
from stf2m.evaluation.statistics import holm, interval, paired


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(2, 60), classes=st.integers(2, 8))
def test_class_metrics_equal_scikit_learn(seed, count, classes):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    probability = rng.dirichlet(np.ones(classes), count).astype(np.float32)
    said = probability.argmax(1)
    assert accuracy(truth, probability) == pytest.approx(reference.accuracy_score(truth, said))
    assert balanced_accuracy(truth, probability) == pytest.approx(
        reference.recall_score(truth, said, average="macro", labels=np.unique(truth))
    )
    assert macro_f1(truth, probability) == pytest.approx(reference.f1_score(truth, said, average="macro"))
    if len(np.union1d(truth, said)) > 1:
        assert kappa(truth, probability) == pytest.approx(reference.cohen_kappa_score(truth, said))


def test_kappa_of_one_class_is_zero():
    assert kappa(np.zeros(4, int), np.eye(2)[[0, 0, 0, 0]]) == 0.0


def test_rating_metrics():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    assert pearson(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert mae(a, b) == pytest.approx(reference.mean_absolute_error(a, b))
    for shift, scale in ((0.0, 1.0), (0.7, 1.0), (-0.4, 0.5)):
        said = scale * (0.6 * a + 0.8 * b) + shift
        spread = np.cov(a, said, ddof=0)
        assert ccc(a, said) == pytest.approx(2 * spread[0, 1] / (spread[0, 0] + spread[1, 1] + (a.mean() - said.mean()) ** 2))
    # by hand: means 2 and 3, variances 2/3 and 2/3, covariance 2/3: 2 * 2/3 / (4/3 + 1) = 4/7
    assert ccc(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])) == pytest.approx(4 / 7)
    assert ccc(a, a) == pytest.approx(1.0) and ccc(a, -a) == pytest.approx(-1.0, abs=0.2)
    assert ccc(a, a + 3) < 0.4 and ccc(np.ones(4), np.ones(4)) == 0.0 and pearson(a, np.ones(50)) == 0.0


def test_ece_knows_the_confident_liar():
    truth = np.zeros(100, int)
    sure = np.tile([0.9, 0.1], (100, 1))
    assert ece(truth, sure) == pytest.approx(0.1)
    assert ece(truth, sure[:, ::-1]) == pytest.approx(0.9)


def test_unlabelled_rows_and_missing_ratings_do_not_count():
    truth = np.array([0, 1, -1])
    assert measure(truth, np.eye(2, dtype=np.float32)[[0, 1, 0]])["accuracy"] == 1.0
    assert measure_ratings(np.full((4, 2), np.nan), np.zeros((4, 2))) == {}
    assert measure_ratings(np.random.default_rng(0).normal(size=(9, 2)), np.zeros((9, 2)))["ccc_valence"] == 0.0


def test_interval_covers_and_shrinks():
    rng = np.random.default_rng(0)
    small, large = interval(rng.normal(size=10)), interval(rng.normal(size=400))
    assert large.high - large.low < small.high - small.low and small.low < small.mean < small.high
    assert interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0, 1.0, 2)
    assert interval(np.array([])).people == 0


def test_paired_difference_sees_what_unpaired_would_not():
    rng = np.random.default_rng(0)
    person = rng.normal(size=20)
    gain = paired(person + 0.2 + 0.05 * rng.normal(size=20), person, comparisons=4)
    assert gain.is_above and gain.p < 0.001 and gain.effect > 2
    assert not paired(person, person).is_above and paired(person, person).p == 1.0
    wide, narrow = paired(person, -person, comparisons=10), paired(person, -person)
    assert wide.low < narrow.low


def test_holm_equals_the_textbook():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == pytest.approx([1.0, 1.0])
