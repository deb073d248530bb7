"""Others moved in time: the mixture by hand, nothing from the future or from own labels, and a gain where plans are shifted."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.test_context import retold

from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.context import VIEWS, of_the_session
from stf2m.evaluation.crowd import hearers, said
from stf2m.evaluation.floors import FLOORS, USUAL
from stf2m.evaluation.informed import Informed
from stf2m.evaluation.metrics import balanced_accuracy
from stf2m.evaluation.moved import BETA, Way, best_way, fit_moved
from stf2m.evaluation.plan import fit_reader, places_of
from stf2m.evaluation.protocols import FirstMinutes, Fold

FOLD = Fold((0, 1, 2, 3), (4,), (5,))
WAY = Way(30.0, 2.0)


def moved_of(segments, *, fold=FOLD, with_times=True, target="mood"):
    hears = hearers(fold, len(segments.subjects))
    return fit_moved(segments, target, of_the_session(segments), hears, fold.train, with_times=with_times)


def question(segments, person=5, every=4):
    rows = np.flatnonzero((segments.subject == person) & (segments.targets["mood"] >= 0))
    support = rows[::every]
    number = places_of(segments, "mood", of_the_session(segments).time, FOLD.train).number
    read = np.random.default_rng(0).dirichlet(np.ones(number), int((segments.subject == person).sum()))
    return support, said(segments, "mood")[support], np.setdiff1d(rows, support), read


def place_by_hand(segments, row):
    """Twice the number of changes of label before `row`, and one more in the second half of its stretch; -1 = none."""
    time, label = of_the_session(segments).time, segments.targets["mood"]
    mine = sorted(np.flatnonzero((segments.subject == segments.subject[row]) & (label >= 0)), key=lambda r: time[r])
    if row not in mine:
        return -1
    at = mine.index(row)
    first, last = at, at
    while first and label[mine[first - 1]] == label[row]:
        first -= 1
    while last + 1 < len(mine) and label[mine[last + 1]] == label[row]:
        last += 1
    changes = sum(label[a] != label[b] for a, b in pairwise(mine[: first + 1]))
    return 2 * changes + (at - first >= (last - first + 1) / 2)


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
                there = [(place_by_hand(segments, nearest(j, time[r] - s)), p) for r, p in heard]
                log += BETA * sum(np.log(max(p[c], 1e-3) if 0 <= c < len(p) else 1 / len(p)) for c, p in there)
                total += np.exp(log) * voice[nearest(j, time[q] - s)]
                weights += np.exp(log)
        out.append(total / weights)
    return np.array(out)


def calm(segments):
    """Labels that last: each is said three times."""
    label = np.repeat(segments.targets["mood"][::3], 3)[: len(segments)]
    return dataclasses.replace(segments, targets={"mood": label})


def test_the_mixture_is_the_sum_over_every_other_and_every_move_by_hand(make_segments):
    segments = calm(make_segments(2, people=6, recordings=2, length=8, classes=3, unlabelled=0.2))
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
    track = moved.track(segments, 5)
    later[time[track] > now] = np.roll(read, 1, axis=1)[time[track] > now]
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
    assert bool(predictor.plan) == is_moved
    if is_moved:
        assert predictor.plan and predictor.plan.way.sigma >= 80 and predictor.plan.way.miss == 3.0
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
    assert predictor.plan is None
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


def test_the_floor_is_the_mixture_without_signals(make_segments):
    segments, train = planned(make_segments, 150.0), list(range(8))
    floor = FLOORS["moved_sessions"](balanced=False)
    floor.fit(segments, "mood", train, (8, 9, 10), 0)
    support, told, query, _ = question(segments, person=12, every=9)
    moved = moved_of(segments, fold=Fold(tuple(train), (8, 9, 10), ()))
    want = moved.answer(segments, support, told, query, floor.way)[:, :2]
    np.testing.assert_allclose(floor.predict(segments, support, query, target="mood"), want, atol=1e-6)
    louder = dataclasses.replace(segments, descriptors=10 * segments.descriptors)
    np.testing.assert_array_equal(*(floor.predict(s, support, query, target="mood") for s in (segments, louder)))
    assert floor.on_demand and "moved_sessions" not in USUAL and floor.way.sigma >= 80


# the reader of places


def test_places_are_halves_of_stretches_and_end_where_the_plan_of_most_ends(make_segments):
    segments = calm(make_segments(5, people=6, recordings=2, length=12, unlabelled=0.15))
    time = of_the_session(segments).time
    places = places_of(segments, "mood", time, FOLD.train)
    whole = [place_by_hand(segments, row) for row in range(len(segments))]
    longest = np.median([max(p for p, s in zip(whole, segments.subject) if s == person) // 2 + 1 for person in FOLD.train])
    assert places.number == 2 * int(longest)
    np.testing.assert_array_equal(places.of, [p if p < places.number else -1 for p in whole])


def test_without_a_plan_that_people_share_the_classes_are_read(make_segments):
    segments = make_segments(5, people=6, recordings=5, length=16)
    places = places_of(segments, "mood", of_the_session(segments).time, FOLD.train)
    assert places.number == len(segments.emotions["mood"])
    np.testing.assert_array_equal(places.of, segments.targets["mood"])


def reader_of(segments, train=tuple(range(8))):
    moved = moved_of(segments, fold=Fold(train, (8, 9, 10), ()))
    return fit_reader(segments, moved.places, [moved.track(segments, p) for p in train]), moved


def test_a_reader_knows_the_past_and_the_sensors_that_it_is_offered_and_no_more(make_segments):
    segments = planned(make_segments, 150.0)
    reader, moved = reader_of(segments)
    track = moved.track(segments, 12)
    whole = reader.read(segments, track)
    np.testing.assert_allclose(whole.sum(axis=1), 1.0, atol=1e-9)
    changed = segments.descriptors.copy()
    changed[track[50:]] += 3.0
    np.testing.assert_array_equal(reader.read(dataclasses.replace(segments, descriptors=changed), track)[:50], whole[:50])
    gone = segments.modalities[0]
    absent = segments.present.copy()
    absent[track, 0] = False
    others = [name for name in segments.modalities if name != gone]
    unseen = reader.read(dataclasses.replace(segments, present=absent), track)
    np.testing.assert_array_equal(reader.read(segments, track, others), unseen)
    assert np.abs(unseen - whole).max() > 1e-3
    told = dataclasses.replace(segments, targets={"mood": np.where(segments.subject == 12, 1, segments.targets["mood"]).astype(np.int16)})
    np.testing.assert_array_equal(reader_of(told)[0].weights, reader.weights)


def test_of_labelled_segments_the_labels_speak_and_of_the_others_the_signals(make_segments):
    segments, train = planned(make_segments, 150.0), list(range(8))
    predictor = Informed(BASELINES["prototypes"](), ("clock", "label_times"))
    predictor.fit(segments, "mood", train, (8, 9, 10), 0)
    support, told, query, _ = question(segments, person=12, every=9)
    assert predictor.plan and predictor.plan.reader
    moved, way, reader = predictor.plan
    track = moved.track(segments, 12)
    read = reader.read(segments, track)
    read[np.isin(track, support)] = 1 / moved.places.number
    found = predictor.ask(segments, support, query, "mood").found[:, :2]
    np.testing.assert_allclose(found, moved.answer(segments, support, told, query, way, read)[:, :2], atol=1e-9)
    assert np.abs(found - moved.answer(segments, support, told, query, way)[:, :2]).max() > 0.01
