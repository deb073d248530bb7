"""Tasks: deterministic, disjoint, apart, and with views that give nothing away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.toy import toy_segments

from stf2m.core.errors import Leak, NotEnoughLabels
from stf2m.tasks.sampling import TaskSettings, people_of, sample_task
from stf2m.tasks.task import Task

SEGMENTS = toy_segments()
PEOPLE = people_of(SEGMENTS, "emotion", range(4))


@given(
    seed=st.integers(0, 10_000),
    apart=st.sampled_from(["stimulus", "guard", "time"]),
    policy=st.sampled_from(["grid", "free", "one_vs_rest"]),
)
@settings(max_examples=60, deadline=None)
def test_task_is_one_person_disjoint_and_repeatable(seed: int, apart: str, policy: str) -> None:
    drawn = [sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(apart=(apart,), policy=policy), seed) for _ in range(2)]
    task = drawn[0]
    assert (task.support == drawn[1].support).all() and (task.query == drawn[1].query).all()
    rows = np.concatenate([task.support, task.query])
    assert set(SEGMENTS.subject[rows]) == {task.subject}
    assert len(np.unique(rows)) == len(rows)
    assert len(np.unique(SEGMENTS.targets["emotion"][task.query])) > 1


@pytest.mark.parametrize("seed", range(20))
def test_stimulus_apart_shares_no_stimulus_and_no_recording(seed: int) -> None:
    task = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(apart=("stimulus",)), seed)
    for name in ("stimulus", "recording"):
        column = getattr(SEGMENTS, name)
        assert not set(column[task.support]) & set(column[task.query])


@pytest.mark.parametrize("seed", range(20))
def test_guard_keeps_edges_apart_within_a_recording(seed: int) -> None:
    task = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(apart=("guard",), guard=4.0), seed)
    for q in task.query:
        same = task.support[SEGMENTS.recording[task.support] == SEGMENTS.recording[q]]
        gap = np.abs(SEGMENTS.spans[same, 0] - SEGMENTS.spans[q, 0]) - 2.0
        assert (gap >= 4.0 - 1e-9).all()


@pytest.mark.parametrize("seed", range(20))
def test_time_apart_puts_the_support_first(seed: int) -> None:
    task = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(apart=("time",), guard=4.0, shots=(2,)), seed)
    if len(task.support):
        assert SEGMENTS.session_time[task.support].max() + 2.0 + 4.0 <= SEGMENTS.session_time[task.query].min() + 1e-9


def test_presence_says_nothing_under_grid_and_something_under_free() -> None:
    """Under grid every way of a task sees the same modalities; under free the pattern alone tells ways apart."""

    def differs(policy: str) -> bool:
        tasks = [sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(policy=policy, all_views=0.0), s) for s in range(20)]
        return any(len(np.unique(np.concatenate([t.offered_support, t.offered_query]), axis=0)) > 1 for t in tasks)

    assert not differs("grid")
    assert differs("free")


def test_shots_count_per_class_or_in_total() -> None:
    labels = SEGMENTS.targets["emotion"]
    per_class = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=(2,)), 3)
    assert np.bincount(labels[per_class.support]).tolist() == [2, 2, 2]
    total = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=(5,), counting=("total",)), 3)
    assert len(total.support) == 5


def test_support_classes_take_turns() -> None:
    labels = SEGMENTS.targets["emotion"]
    task = sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=(3,)), 5)
    for turn in range(3):
        assert sorted(labels[task.support[3 * turn : 3 * turn + 3]]) == [0, 1, 2]


def test_overlap_is_a_leak() -> None:
    rows, shown = np.array([1, 2]), np.ones((2, 4), dtype=bool)
    with pytest.raises(Leak, match="support and query"):
        Task(0, "grid", (), rows, rows[1:], shown, shown[1:], 0)


def test_nobody_with_two_classes_is_said() -> None:
    with pytest.raises(NotEnoughLabels, match="two classes"):
        people_of(toy_segments(emotions=1), "emotion", range(4))
