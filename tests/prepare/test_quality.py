"""Grades: every kind of trouble is seen, and chunked equals whole."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stf2m.prepare.quality import Limits, movement_grade, push_grade, start_grade

LIMITS = Limits(low=0.0, high=10.0, flat=2.0, jump=8.0, settle=1.0, outside=0.2)


def grade(x: np.ndarray) -> np.ndarray:
    return push_grade(start_grade(LIMITS, 4.0, len(x)), x)[1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 80), max_size=8))
def test_chunked_equals_whole(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(5, 3, (2, 80)))
    x[:, rng.random(80) < 0.1] = np.nan
    x[:, 20:40] = 5.0
    state, parts = start_grade(LIMITS, 4.0, 2), []
    for piece in np.split(x, sorted(cuts), axis=1):
        state, part = push_grade(state, piece)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts), grade(x))


def test_good_samples_are_good() -> None:
    assert (grade(np.linspace(1, 9, 50)[None]) == 1).all()


def test_dropout_flat_outside_and_jump() -> None:
    x = np.linspace(4, 5, 60)[None]
    x[0, 5:10] = np.nan
    x[0, 20:40] = 4.5
    found = grade(x)
    assert (found[5:10] == 0).all() and (found[30:40] == 0).all() and found[22] == 1
    x = np.linspace(4, 5, 60)[None]
    x[0, 20] = 11.0
    found = grade(x)
    assert found[20] == np.float32(0.2) and found[22] == np.float32(0.4) and found[30] == 1


def test_movement_lowers_the_grade_and_a_missing_sensor_does_not() -> None:
    found = movement_grade(np.array([0.0, 0.2, 2.0, np.nan], dtype=np.float32))
    assert found[0] == 1 and 0.3 < found[1] < 1 and found[2] == np.float32(0.3) and found[3] == 1
