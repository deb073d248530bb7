"""Others moved in time: the mixture by hand, nothing from the future or from own labels, and a gain where plans are shifted."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from tests.evaluation.test_context import retold

from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.context import VIEWS, of_the_session
from stf2m.evaluation.crowd import hearers, said
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.informed import Informed
from stf2m.evaluation.metrics import balanced_accuracy
from stf2m.evaluation.moved import BETA, Way, best_way, fit_moved
from stf2m.evaluation.predictor import Plain
from stf2m.evaluation.protocols import FirstMinutes, Fold

FOLD = Fold((0, 1, 2, 3), (4,), (5,))
WAY = Way(30.0, 2.0)


def moved_of(segments, *, fold=FOLD, with_times=True, target="mood"):
    hears = hearers(fold, len(segments.subjects))
    return fit_moved(segments, target, of_the_session(segments), hears, with_times=with_times)


def question(segments, person=5, every=4):
    rows = np.flatnonzero((segments.subject == person) & (segments.targets["mood"] >= 0))
    support = rows[::every]
    read = np.random.default_rng(0).dirichlet(np.ones(len(segments.emotions["mood"])), int((segments.subject == person).sum()))
    return support, said(segments, "mood")[support], np.setdiff1d(rows, support), read


def by_hand(segments, support, told, query, read, way):
    """One query after another, one state after another."""
    time, label, voice = of_the_session(segments).time, segments.targets["mood"], said(segments, "mood")
    moves = np.linspace(-2.5, 2.5, 41) * way.sigma
    track = sorted(np.flatnonzero(segments.subject == segments.subject[query[0]]), key=lambda r: time[r])

    def nearest(j, when):
        mine = np.flatnonzero((segments.subject == j) & (label >= 0))
        return mine[np.abs(time[mine] - when).argmin()]

    out = []
    for q in query:
        total, weights = np.zeros(voice.shape[1]), 0.0
        for j in range(5):
            for s in moves:
                log = -0.5 * (s / way.sigma) ** 2
                log -= way.miss * sum(label[nearest(j, time[i] - s)] != t[:-2].argmax() for i, t in zip(support, told))
                heard = [(r, p) for r, p in zip(track, read) if time[r] <= time[q]]
                log += BETA * sum(np.log(max(p[label[nearest(j, time[r] - s)]], 1e-3)) for r, p in heard)
                total += np.exp(log) * voice[nearest(j, time[q] - s)]
                weights += np.exp(log)
        out.append(total / weights)
    return np.array(out)


def test_the_mixture_is_the_sum_over_every_other_and_every_move_by_hand(make_segments):
    segments = make_segments(2, people=6, recordings=2, length=8, classes=3, unlabelled=0.2)
    # times that no move meets exactly, so that nearest is nearest in both
    segments = dataclasses.replace(segments, session_time=segments.session_time + np.random.default_rng(1).uniform(0, 0.4, len(segments)))
    support, told, query, read = question(segments)
    found = moved_of(segments).answer(segments, support, told, query, WAY, read)
    np.testing.assert_allclose(found, by_hand(segments, support, told, query, read, WAY), atol=1e-9)
    np.testing.assert_allclose(found[:, :3].sum(axis=1), 1.0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), person=st.integers(0, 5))
def test_neither_the_future_nor_own_labels_nor_a_test_persons_enter(make_segments, seed, person):
    segments = make_segments(seed, people=6, unlabelled=0.2)
    moved, (support, told, query, read) = moved_of(segments), question(segments)
    before = moved.answer(segments, support, told, query, WAY, read)
    if person == 5:
        np.testing.assert_array_equal(before, moved_of(retold(segments, person, seed)).answer(segments, support, told, query, WAY, read))
    time = moved.moments.time
    now = np.median(time[query])
    later = read.copy()
    later[time[moved.track(segments, query)] > now] = np.roll(read, 1, axis=1)[time[moved.track(segments, query)] > now]
    after, past = moved.answer(segments, support, told, query, WAY, later), time[query] <= now
    np.testing.assert_array_equal(before[past], after[past])
    one_by_one = np.concatenate([moved.answer(segments, support, told, query[i : i + 1], WAY, read) for i in range(len(query))])
    np.testing.assert_allclose(one_by_one, before, atol=1e-12)
    blind = moved_of(segments, with_times=False)
    np.testing.assert_array_equal(
        blind.answer(segments, support, told, query, WAY), blind.answer(segments, support[:0], told[:0], query, WAY)
    )


def planned(make_segments, spread):
    """Everybody goes through calm, stress, calm, stress, calm in one session; people start the first stress `spread` s apart."""
    segments = make_segments(3, people=14, recordings=1, length=90, classes=2, unlabelled=0.0, strength=0.6, hop=10.0)
    begin = 200.0 + spread * np.linspace(-1, 1, 14)[np.random.default_rng(0).permutation(14)][segments.subject]
    since = segments.spans[:, 0] - begin
    label = ((since >= 0) & (since < 150)) | ((since >= 400) & (since < 600))
    return dataclasses.replace(segments, targets={"mood": label.astype(np.int16)}, session_time=segments.spans[:, 0].astype(float))


@pytest.mark.parametrize(("spread", "is_moved"), [(150.0, True), (0.0, False)])
def test_others_are_moved_where_people_run_apart_and_then_tell_much_more(make_segments, spread, is_moved):
    segments, train, validation = planned(make_segments, spread), list(range(8)), (8, 9, 10)
    context = ("clock", "label_times")
    predictor, floor = Informed(BASELINES["prototypes"](), context), FLOORS["session_time"](balanced=True)
    for one in (predictor, floor):
        one.fit(segments, "mood", train, validation, 0)
    assert bool(predictor.way) == is_moved
    if is_moved:
        assert predictor.way and predictor.way.sigma >= 80 and predictor.way.miss == 3.0
        protocol, scores = FirstMinutes(shots=(5,), draws=2), {"moved": [], "floor": []}
        for split in (s for p in (11, 12, 13) for s in protocol.splits(segments, "mood", p, 0)):
            for name, one in (("moved", predictor), ("floor", floor)):
                p = one.predict(segments, split.support, split.query, target="mood")
                scores[name].append(balanced_accuracy(segments.targets["mood"][split.query], p))
        assert np.mean(scores["moved"]) > 0.9 and np.mean(scores["moved"]) > np.mean(scores["floor"]) + 0.1, scores


def test_without_a_clock_in_the_context_and_without_others_nobody_is_moved(make_segments):
    segments = make_segments(1, people=6)
    predictor = Informed(BASELINES["prototypes"](), ("stimulus",))
    predictor.fit(segments, "mood", FOLD.train, FOLD.validation, 0)
    assert predictor.moved is None and predictor.way is None
    alone = moved_of(segments, fold=Fold((0,), (), (5,)))
    assert best_way(alone, segments, (0,), VIEWS["clock"].moves, lambda *_: np.zeros((1, 5))) is None


def test_ratings_without_classes_are_moved_by_their_distance(make_segments):
    """Two others who rate one ramp, one of them late; the person's labels say that it is the early one that fits."""
    segments = make_segments(2, people=3, recordings=1, length=40, unlabelled=0.0, hop=10.0)
    time = segments.spans[:, 0] / 400
    late = np.where(segments.subject == 1, 0.5, 0.0)
    rating = np.stack([time - late, np.zeros_like(time)], axis=1).astype(np.float32)
    segments = dataclasses.replace(
        segments, rating=rating, targets={"rating": np.zeros(len(segments), np.int16)}, emotions={"rating": ("rated",)},
        session_time=segments.spans[:, 0].astype(float),
    )  # fmt: skip
    moved = moved_of(segments, fold=Fold((0, 1), (), (2,)), target="rating")
    rows = np.flatnonzero(segments.subject == 2)
    told = said(segments, "rating")[rows[::4]]
    wrong = [
        np.abs(moved.answer(segments, rows[: len(t)], t, rows[20:], Way(20.0, 30.0))[:, 1] - rating[rows[20:], 0]).mean()
        for t in (told[:0], said(segments, "rating")[rows[:10]])
    ]
    assert wrong[1] < 0.3 * wrong[0]


class Reads(Plain):
    """Says of every row what its descriptors say, and refuses to be asked what it was told, as learners do."""

    def predict(self, segments, support, query, *, target, support_target=None, modalities=None):
        assert not np.isin(query, support).any() and "clock" not in (modalities or ())
        return softmax(np.nan_to_num(segments.descriptors[query][:, : len(segments.emotions[target])]), axis=1)


def test_signals_are_read_of_unlabelled_rows_alone_without_the_view_of_the_clock(make_segments):
    segments, train = planned(make_segments, 150.0), list(range(8))
    predictor = Informed(Reads(), ("clock", "label_times"))
    predictor.fit(segments, "mood", train, (8, 9, 10), 0)
    support, told, query, _ = question(segments, person=12, every=9)
    assert predictor.way and predictor.moved
    read = np.full((len(support) + len(query), 2), 0.5)
    track = predictor.moved.track(segments, query)
    unknown = ~np.isin(track, support)
    read[unknown] = Reads().predict(segments, support, track[unknown], target="mood")
    found = predictor.ask(segments, support, query, "mood").found
    np.testing.assert_allclose(found[:, :2], predictor.moved.answer(segments, support, told, query, predictor.way, read)[:, :2], atol=1e-6)
    silent = predictor.moved.answer(segments, support, told, query, predictor.way)
    assert np.abs(found[:, :2] - silent[:, :2]).max() > 0.01
