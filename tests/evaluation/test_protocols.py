"""Splits count as their protocol says, and say what is missing; what holds for all protocols is in test_promises.py."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.strategies import irregular_segments

from stf2m.core.errors import InvalidConfig, Leak, NotEnoughLabels, UnknownName
from stf2m.evaluation.protocols import Completion, FirstMinutes, NewPerson, Split, check_split, folds, make_protocol
from stf2m.evaluation.protocols.first_minutes import first_block_end
from stf2m.evaluation.protocols.split import labelled_rows


def all_splits(protocol, segments, seed=3):
    return [s for p in range(len(segments.subjects)) for s in protocol.splits(segments, "mood", p, seed)]


def test_new_person_counts_per_class_and_marks_what_is_short(make_segments):
    segments = make_segments(1, recordings=6, length=10)
    labels = segments.targets["mood"]
    for split in all_splits(NewPerson(shots=(3, 40)), segments):
        for c in range(3):
            count = int((labels[split.support] == c).sum())
            assert count <= split.shots
            assert (c in split.short) == (0 < count < split.shots)
            assert (c in split.missing) == (count == 0)


def test_completion_counts_in_total(make_segments):
    segments = make_segments(1, recordings=3, length=30)
    assert {len(s.support) for s in all_splits(Completion(shots=(0, 5)), segments)} == {0, 5}


def test_named_stimuli_stand_on_their_sides(make_segments):
    segments = make_segments(2, recordings=8)
    for split in all_splits(NewPerson(support_stimuli=("clip0",), query_stimuli=("clip2",), shots=(0, 1)), segments):
        assert set(segments.stimulus[split.support]) <= {0}
        assert set(segments.stimulus[split.query]) == {2}
    with pytest.raises(UnknownName, match="clip9"):
        all_splits(NewPerson(support_stimuli=("clip9",)), segments)
    with pytest.raises(InvalidConfig, match="both sides"):
        make_protocol({"name": "new_person", "support_stimuli": ["a"], "query_stimuli": ["a"]})


def test_first_minutes_uses_nothing_from_after_the_cut(make_segments):
    segments = make_segments(3, recordings=1, length=200, people=3)
    end = segments.session_time + 2.0
    for protocol in (FirstMinutes(shots=(0, 3)), FirstMinutes(shots=(0, 3), cut=3.0)):
        found = all_splits(protocol, segments)
        assert found
        for split in found:
            if len(split.support):
                assert end[split.support].max() + 4.0 <= segments.session_time[split.query].min() + 1e-9
            if protocol.cut == 3.0:
                assert end[split.support].max(initial=0) <= 180.0


def test_first_block_ends_with_the_first_run_of_the_rarer_class():
    labels = np.array([0, 0, 1, 1, -1, 1, 0, 1, 0, 0])
    rows = np.flatnonzero(labels >= 0)
    assert first_block_end(labels, rows, np.arange(10.0) + 1) == 6.0
    assert first_block_end(labels, rows[:2], np.arange(10.0) + 1) == np.inf


def test_absent_classes_are_marked(make_segments):
    segments = make_segments(3, recordings=1, length=60)
    labels = np.where(segments.session_time < 60, 0, segments.targets["mood"]).astype(np.int16)
    segments = dataclasses.replace(segments, targets={"mood": labels})
    for split in all_splits(FirstMinutes(shots=(2,), cut=1.0), segments):
        assert split.missing == (1, 2)


def test_leaks_are_refused(make_segments):
    segments = make_segments(0, stimuli=2)
    rows = labelled_rows(segments, "mood", 0)
    none = rows[:0]
    with pytest.raises(Leak, match="counted in the score"):
        check_split(Split(0, "x", 1, 0, rows[:3], rows[2:]), segments)
    with pytest.raises(Leak, match="another person"):
        check_split(Split(1, "x", 1, 0, none, rows), segments)
    with pytest.raises(Leak, match="too near"):
        check_split(Split(0, "x", 1, 0, rows[:1], rows[1:]), segments, guard=4.0)
    with pytest.raises(Leak, match="recording stands"):
        check_split(Split(0, "x", 1, 0, rows[:1], rows[1:]), segments, new_recordings=True)
    assert Leak.exit_code == 51


@settings(max_examples=40, deadline=None)
@given(people=st.integers(5, 30), count=st.integers(2, 8), seed=st.integers(0, 99), validation=st.integers(0, 2))
def test_folds_are_disjoint_and_test_everybody_once(people, count, seed, validation):
    try:
        found = folds(range(people), count, seed, validation)
    except NotEnoughLabels:
        assert people - -(-people // min(count, people)) - validation < 2
        return
    assert sorted(p for fold in found for p in fold.test) == list(range(people))
    for fold in found:
        assert sorted(fold.train + fold.validation + fold.test) == list(range(people))
        assert len(fold.validation) == validation
    assert found == folds(list(range(people))[::-1], count, seed, validation)


def test_too_few_people_meet_advice_that_can_help():
    for people, validation, advice in (
        (0, 0, "choose a target that people have labels of"),
        (1, 1, "add people"),
        (4, 2, "use fewer validation people"),
    ):
        with pytest.raises(NotEnoughLabels, match=advice):
            folds(range(people), 2, 0, validation)


def test_a_card_changes_with_its_settings():
    cards = [NewPerson().card, NewPerson(support_share=0.3).card, Completion().card, FirstMinutes().card, FirstMinutes(cut=10.0).card]
    assert len({card.hash for card in cards}) == len(cards)
    assert all(card.words.endswith(".") for card in cards)


def test_first_minutes_need_to_know_when_recordings_began():
    people = irregular_segments(4, people=3, recordings=6, length=12)
    lost = dataclasses.replace(people, session_time=people.spans[:, 0].copy())
    with pytest.raises(InvalidConfig, match="when in the session"):
        list(FirstMinutes(shots=(0, 1), cut=0.5).splits(lost, "mood", 0, 0))
