"""What is expected of a person: dense Gaussian conditioning by hand, no leak, the crowd at k = 0, and a gain where people differ."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.test_context import retold

from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.crowd import said
from stf2m.evaluation.expected import fit_expected
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.informed import START, Asked, Informed, joined
from stf2m.evaluation.kriging import Parts, correct, fit_parts, gaps_of
from stf2m.evaluation.metrics import balanced_accuracy
from stf2m.evaluation.predictor import Plain, Reply, training_rows
from stf2m.evaluation.protocols import Completion, Fold, World
from stf2m.evaluation.study import cells_of
from stf2m.evaluation.work import methods_of

FOLD = Fold((0, 1, 2, 3), (4,), (5,))
BOTH = ("stimulus", "label_times")
KNOWN = Parts(person=0.1, recording=0.2, near=0.4, far=0.15, width=7.0, far_width=60.0, noise=0.3)


def by_hand(segments, i, j):
    same = float(segments.recording[i] == segments.recording[j])
    within = abs(segments.spans[i, 0] - segments.spans[j, 0])
    between = abs(segments.session_time[i] - segments.session_time[j])
    return 0.1 + 0.2 * same + 0.4 * same * np.exp(-within / 7.0) + 0.15 * np.exp(-between / 60.0)


def test_kriging_is_conditioning_of_a_dense_gaussian_by_hand(make_segments):
    """The joint covariance of all segments of a person, inverted as a whole: what is known moves what is not by -P_qq^-1 P_qs."""
    segments = make_segments(1, people=6, recordings=3, length=5)
    rows = np.flatnonzero(segments.subject == 5)
    support, query = rows[[0, 3, 8]], np.setdiff1d(rows, rows[[0, 3, 8]])
    left = np.random.default_rng(0).normal(size=(3, 2))
    order = np.concatenate([support, query])
    joint = np.array([[by_hand(segments, i, j) for j in order] for i in order])
    joint[:3, :3] += 0.3 * np.eye(3)
    precision = np.linalg.inv(joint + 1e-12 * np.eye(len(order)))
    want = -np.linalg.solve(precision[3:, 3:], precision[3:, :3] @ left)
    np.testing.assert_allclose(correct(KNOWN, segments, support, left, query), want, atol=1e-6)


def test_the_covariance_is_found_again(make_segments):
    segments = make_segments(3, people=40, recordings=6, length=12, hop=4.0)
    left, rows = np.zeros((len(segments), 1)), np.arange(len(segments))
    truth, rng = KNOWN._replace(far=0.0, width=8.0), np.random.default_rng(1)
    for person in range(40):
        mine = rows[segments.subject == person]
        full = truth.covariance(gaps_of(segments, mine, mine)) + truth.noise * np.eye(len(mine))
        left[mine, 0] = np.linalg.cholesky(full) @ rng.normal(size=len(mine))
    found = fit_parts(segments, rows, left, with_times=True)
    assert found.width == pytest.approx(8.0, abs=8.0) and found.noise == pytest.approx(0.3, abs=0.12)
    assert found.near == pytest.approx(0.4, abs=0.15) and found.recording == pytest.approx(0.2, abs=0.1)
    timeless = fit_parts(segments, rows, left, with_times=False)
    assert timeless.near == timeless.far == 0 and timeless.recording > 0.25 and timeless.person < 0.25
    nobody = fit_parts(segments, rows, np.full_like(left, np.nan), with_times=True)
    assert nobody[:4] == (0, 0, 0, 0) and nobody.noise > 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), classes=st.integers(2, 3), person=st.integers(0, 5))
def test_no_label_of_the_query_of_the_person_or_of_a_test_person_enters(make_segments, seed, classes, person):
    segments = make_segments(seed, people=6, classes=classes, unlabelled=0.2)
    other = retold(segments, person, seed)
    before, after = (fit_expected(s, "mood", BOTH, FOLD.train, FOLD.validation) for s in (segments, other))
    mine, train = segments.subject == person, np.isin(segments.subject, FOLD.train)
    if person not in FOLD.train:  # a training person's labels may choose the kernel
        assert before.parts == after.parts
        for rows in (mine, train):
            np.testing.assert_array_equal(before.mean[rows], after.mean[rows])
            np.testing.assert_array_equal(before.usual[rows], after.usual[rows])
    if person in FOLD.test:
        assert np.array_equal(before.mean, after.mean) and np.array_equal(before.usual, after.usual)
        rows = np.flatnonzero(mine & (segments.targets["mood"] >= 0))
        support, query = rows[::3], np.setdiff1d(rows, rows[::3])
        told = said(segments, "mood")[support]
        np.testing.assert_array_equal(before.answer(segments, support, told, query), after.answer(other, support, told, query))


def test_without_labels_the_others_alone_speak_and_shares_sum_to_one(make_segments):
    """The stimulus is met by all, each second apart: what is expected at k = 0 is the plain mean over the others' answers there."""
    segments = make_segments(3, people=6, stimuli=2, recordings=3, unlabelled=0.0, hop=20.0)
    rng, second = np.random.default_rng(0), (segments.spans[:, 0] // 20).astype(int)
    usual = rng.integers(0, 3, (4, 8))[segments.stimulus, second]
    label = np.where(rng.random(len(segments)) < 0.9, usual, rng.integers(0, 3, len(segments)))
    segments = dataclasses.replace(segments, targets={"mood": label.astype(np.int16)})
    expected = fit_expected(segments, "mood", ("stimulus",), FOLD.train, FOLD.validation)
    rows, nobody = np.flatnonzero((segments.subject == 5) & (segments.stimulus >= 0)), np.zeros(0, np.int64)
    voice, found = said(segments, "mood"), expected.answer(segments, nobody, np.zeros((0, 5)), rows)
    for row, told in zip(rows, found):
        there = (segments.subject < 5) & (segments.stimulus == segments.stimulus[row]) & (second == second[row])
        people = [voice[there & (segments.subject == p)].mean(axis=0) for p in np.unique(segments.subject[there])]
        if people:
            np.testing.assert_allclose(told, np.mean(people, axis=0), atol=1e-5)
    mine = training_rows(segments, "mood", [5])
    moved = expected.answer(segments, mine[:4], voice[mine[:4]], mine)
    np.testing.assert_allclose(moved[:, :3].sum(axis=1), 1.0, atol=1e-9)
    assert np.isfinite(expected.lift(moved, mine)).all()


def test_what_nobody_said_is_the_usual_and_unrated_labels_say_nothing_of_ratings(make_segments):
    segments = make_segments(1, people=6)
    alone = np.flatnonzero(segments.subject == 5)
    stimulus = np.where(segments.subject == 5, 99, segments.stimulus).astype(np.int32)
    segments = dataclasses.replace(segments, stimulus=stimulus, stimuli=tuple(f"clip {i}" for i in range(100)))
    expected = fit_expected(segments, "mood", ("stimulus",), FOLD.train, FOLD.validation)
    assert np.ptp(expected.mean[alone], axis=0).max() < 1e-12 and np.isfinite(expected.mean).all()
    support = training_rows(segments, "mood", [5])[:3]
    told = said(segments, "mood")[support]
    told[:, 3:] = np.nan
    found = expected.answer(segments, support, told, alone)
    np.testing.assert_array_equal(found[:, 3:], expected.mean[alone][:, 3:])


def test_ratings_without_classes_follow_the_persons_own(make_segments):
    """Everybody rates a clip alike but for an offset of the person: two labels tell it."""
    segments = make_segments(2, people=12, recordings=6, stimuli=6, unlabelled=0.0)
    rng, clip = np.random.default_rng(0), (segments.recording % 6).astype(np.int32)
    curve, offset = rng.uniform(-0.5, 0.5, (6, 2))[clip], rng.uniform(-0.4, 0.4, (12, 2))[segments.subject]
    segments = dataclasses.replace(
        segments, stimulus=clip, rating=(curve + offset).astype(np.float32), targets={"rating": np.zeros(len(segments), np.int16)},
        emotions={"rating": ("rating",)}, stimuli=tuple(f"clip {i}" for i in range(6)),
    )  # fmt: skip
    expected = fit_expected(segments, "rating", ("stimulus",), range(9), (9,))
    rows = np.flatnonzero(segments.subject == 11)
    support, query = rows[[0, 20]], rows[24:]
    told, truth = said(segments, "rating")[support], segments.rating[query]
    wrong = [np.abs(expected.answer(segments, s, told[: len(s)], query)[:, 1:] - truth).mean() for s in (support, support[:0])]
    assert wrong[0] < 0.5 * wrong[1]
    assert not expected.lift(expected.mean[query], query).any()


def differing_world(make_segments):
    """Everybody meets the same six clips; in some recordings a person feels the contrary of the others, from begin to end."""
    segments = make_segments(4, people=16, recordings=6, length=24, classes=2, unlabelled=0.0, strength=0.0)
    rng, clip = np.random.default_rng(0), (segments.recording % 6).astype(np.int32)
    usual = np.array([0, 1, 0, 1, 0, 1])[clip]
    label = np.where((rng.random(16 * 6) < 0.3)[segments.recording], 1 - usual, usual)
    label = np.where(rng.random(len(label)) < 0.02, 1 - label, label).astype(np.int16)
    return dataclasses.replace(segments, targets={"mood": label}, stimulus=clip, stimuli=tuple(f"clip {i}" for i in range(6)))


def test_own_labels_correct_the_others_where_people_differ_by_recording(make_segments):
    segments, protocol = differing_world(make_segments), Completion(shots=(0, 18), draws=2, context=BOTH)
    predictor, floor = Informed(BASELINES["prototypes"](), BOTH), FLOORS["same_second"](balanced=True)
    scores = {"told": {}, "floor": {}}
    for name, one in (("told", predictor), ("floor", floor)):
        one.fit(segments, "mood", list(range(10)), (10, 11, 12), 0)
        one.tune(segments, "mood", [s for p in (10, 11, 12) for s in protocol.splits(segments, "mood", p, 0)])
        for split in (s for p in (13, 14, 15) for s in protocol.splits(segments, "mood", p, 0)):
            p = one.predict(segments, split.support, split.query, target="mood")
            scores[name].setdefault(split.shots, []).append(balanced_accuracy(segments.targets["mood"][split.query], p))
    told, usual = ({k: np.mean(v) for k, v in found.items()} for found in scores.values())
    assert told[0] == pytest.approx(usual[0], abs=0.05) and 1 - told[18] < 0.6 * (1 - usual[18]), (told, usual)
    split = next(s for s in protocol.splits(segments, "mood", 13, 0) if s.shots)
    labels, right = segments.targets["mood"][split.support], segments.targets["mood"][split.query]
    both = [predictor.predict(segments, split.support, split.query, target="mood", support_target=g) for g in (labels, 1 - labels)]
    assert balanced_accuracy(right, both[0]) > balanced_accuracy(right, both[1]) + 0.2


def test_the_two_sides_are_joined_by_hand():
    said_ = Reply(np.array([[0.8, 0.2]], np.float32), np.array([[0.4, 0.0]], np.float32))
    asked = Asked(np.array([0]), said_, np.array([[0.3, 0.7, -0.2, 0.2]]), np.log(np.array([[0.3 / 0.5, 0.7 / 0.5]])))
    found = joined(asked, {"inside": 0.5, "felt": 0.25})
    odds = 0.5 * np.log(0.8 / 0.2) + np.log(0.3 / 0.7)
    np.testing.assert_allclose(found.probability[0, 0], 1 / (1 + np.exp(-odds)), atol=1e-6)
    np.testing.assert_allclose(np.asarray(found.rating), [[0.25, 0.05]], atol=1e-6)
    silent = joined(asked._replace(lift=np.zeros((1, 2))), START | {"inside": 1.0, "felt": 0.0})
    np.testing.assert_allclose(silent.probability, said_.probability, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(silent.rating), np.asarray(said_.rating))


def test_under_context_every_method_is_informed_and_floors_and_other_protocols_are_not(make_segments):
    from tests.evaluation.test_study import study_of

    plain = {"name": "completion", "shots": [0, 5], "draws": 1}
    study = study_of(protocols=[plain, {**plain, "context": ["stimulus", "label_times"]}], learners={"anil": {}}, views={}, controls=[])
    segments, found = make_segments(2, people=7), set()
    for cell in cells_of(study):
        for method in methods_of(study, segments, World(segments, FOLD), cell, [], {}, None):
            found.add((method.role, getattr(method.predictor, "context", ()) if isinstance(method.predictor, Informed) else None))
    assert found == {("floor", None), ("oracle", None), *((role, context) for role in ("baseline", "learner") for context in (None, BOTH))}


def test_what_a_predictor_can_do_beside_answering_it_still_can():
    class Explains(Plain):
        rules = ("if it rains, sad",)

    assert Informed(Explains(), BOTH).rules == Explains.rules
    assert not hasattr(Informed(Plain(), BOTH), "rules") and not hasattr(Informed(Explains(), BOTH), "needs_support")
