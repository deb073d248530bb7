"""Floors say what their words say, know nothing of signals, and tell where they are not defined."""

import dataclasses

import numpy as np
import pytest

from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.metrics import accuracy
from stf2m.evaluation.protocols import Completion


def fitted(name, segments, *, balanced=False):
    floor = FLOORS[name](balanced=balanced)
    floor.fit(segments, "mood", [0, 1, 2], [3], 0)
    return floor


def split_of(segments, person=4, shots=5):
    return next(s for s in Completion(shots=(shots,)).splits(segments, "mood", person, 0))


@pytest.mark.parametrize("name", sorted(FLOORS))
@pytest.mark.parametrize("balanced", [True, False])
def test_every_floor_answers_without_signals(make_segments, name, balanced):
    segments = make_segments(1, people=5, recordings=4, length=15)
    floor = fitted(name, segments, balanced=balanced)
    split = split_of(segments)
    reply = floor.reply(segments, split.support, split.query, target="mood")
    assert reply.probability.shape == (len(split.query), 3)
    assert np.allclose(reply.probability.sum(1), 1, atol=1e-5)
    assert reply.rating is not None and np.isfinite(reply.rating).all()
    blind = dataclasses.replace(segments, descriptors=np.full_like(segments.descriptors, np.nan), signals={})
    other = fitted(name, blind, balanced=balanced).predict(blind, split.support, split.query, target="mood")
    assert (other == reply.probability).all()


@pytest.mark.parametrize("name", sorted(n for n, f in FLOORS.items() if not f.is_oracle))
def test_only_oracles_see_the_labels_of_the_query(make_segments, name):
    segments = make_segments(1, people=5, recordings=4, length=15)
    split = split_of(segments)
    said = fitted(name, segments).predict(segments, split.support, split.query, target="mood")
    hidden = segments.targets["mood"].copy()
    hidden[split.query] = (hidden[split.query] + 1) % 3
    changed = dataclasses.replace(
        segments, targets={"mood": hidden}, rating=np.where(np.isin(np.arange(len(segments)), split.query)[:, None], 0, segments.rating)
    )
    assert (fitted(name, changed).predict(changed, split.support, split.query, target="mood") == said).all()


def test_majorities(make_segments):
    segments = make_segments(2, people=5)
    labels = segments.targets["mood"]
    split = split_of(segments)
    others = labels[(segments.subject < 4) & (labels >= 0)]
    said = fitted("majority", segments).predict(segments, split.support, split.query, target="mood").argmax(1)
    assert (said == np.bincount(others).argmax()).all()
    said = fitted("support_majority", segments).predict(
        segments, split.support, split.query, target="mood", support_target=np.array([2, 2, 2, 0, 1])
    )
    assert (said.argmax(1) == 2).all()


def world_of_the_clip(make_segments):
    """The label is decided by clip and second."""
    segments = make_segments(0, people=5, recordings=3, stimuli=3, unlabelled=0.0, length=12)
    label = ((segments.stimulus + segments.spans[:, 0] // 6) % 3).astype(np.int16)
    return dataclasses.replace(segments, targets={"mood": label})


def test_same_second_finds_a_world_of_the_clip(make_segments):
    segments = world_of_the_clip(make_segments)
    rows = np.flatnonzero((segments.subject == 4) & np.isin(segments.stimulus, segments.stimulus[(segments.subject < 4)]))
    known = rows[segments.stimulus[rows] >= 0]
    said = fitted("same_second", segments).predict(segments, rows[:0], known, target="mood")
    assert accuracy(segments.targets["mood"][known], said) == 1.0


def test_time_floors_find_a_world_of_the_clock(make_segments):
    segments = make_segments(0, people=5, recordings=3, unlabelled=0.0, length=30)
    segments = dataclasses.replace(
        segments, targets={"mood": (segments.session_time // 40 % 2).astype(np.int16)}, emotions={"mood": ("a", "b")}
    )
    split = split_of(segments, shots=6)
    truth = segments.targets["mood"][split.query]
    for name in ("session_time", "time_and_nearest"):
        assert accuracy(truth, fitted(name, segments).predict(segments, split.support, split.query, target="mood")) > 0.9


def test_nearest_label_is_the_nearest(make_segments):
    segments = make_segments(3, people=5, recordings=2, length=20)
    split = split_of(segments)
    said = fitted("nearest_label", segments).predict(segments, split.support, split.query, target="mood").argmax(1)
    for row, label in zip(split.query, said, strict=True):
        gap = np.abs(segments.session_time[split.support] - segments.session_time[row])
        assert label == segments.targets["mood"][split.support[gap.argmin()]]


def test_oracles(make_segments):
    segments = make_segments(4, people=5, recordings=2, length=20, unlabelled=0.0)
    rows = np.flatnonzero(segments.subject == 4)
    labels = segments.targets["mood"]
    said = fitted("previous_label", segments).predict(segments, rows[:0], rows, target="mood").argmax(1)
    inner = np.flatnonzero(segments.spans[rows, 0] > 0)
    assert (said[inner] == labels[rows[inner] - 1]).all()
    said = fitted("recording_mean", segments).predict(segments, rows[:0], rows, target="mood").argmax(1)
    assert (said[:20] == np.bincount(labels[rows[:20]]).argmax()).all()


def test_floors_say_where_they_are_not_defined(make_segments):
    takes = make_segments(0, length=1, stimuli=0)
    takes = dataclasses.replace(takes, session_time=np.zeros(len(takes)), present=np.ones_like(takes.present))
    reasons = {name: kind().reason(takes, "mood") for name, kind in FLOORS.items()}
    assert reasons["same_stimulus"] == "no stimulus is known"
    assert all(reasons[name] for name in FLOORS if name not in ("majority", "support_majority"))
    rich = make_segments(1, people=5)
    assert [name for name, kind in FLOORS.items() if kind().reason(rich, "mood")] == ["length_only"]


def test_balanced_floors_are_stronger_under_balanced_accuracy(make_segments):
    segments = make_segments(0, people=5, stimuli=2, recordings=6, unlabelled=0.0)
    rng = np.random.default_rng(0)
    rare = np.where(segments.stimulus == 1, rng.random(len(segments)) < 0.45, rng.random(len(segments)) < 0.05).astype(np.int16)
    segments = dataclasses.replace(segments, targets={"mood": rare}, emotions={"mood": ("usual", "rare")})
    rows = np.flatnonzero(segments.stimulus == 1)
    rows = rows[segments.subject[rows] == segments.subject[rows[0]]]
    said = [fitted("same_stimulus", segments, balanced=b).predict(segments, rows[:0], rows, target="mood") for b in (True, False)]
    assert said[0].argmax(1).sum() > said[1].argmax(1).sum()
