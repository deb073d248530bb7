"""Filters: chunked equals whole, missing samples are held, constants pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt, sosfilt_zi, sosfreqz

from stf2m.prepare.filters import bandpass, highpass, hold, lowpass, push_filter, start_filter

DESIGNS = [lowpass(1.0, rate=4.0), bandpass(0.5, 8.0, rate=64.0), highpass(0.5, rate=32.0, order=3)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, 2), cuts=st.lists(st.integers(0, 700), max_size=12))
def test_chunked_equals_whole(seed: int, which: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 700)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[0, : rng.integers(0, 300)] = np.nan
    _, whole = push_filter(start_filter(DESIGNS[which], 3), x)
    state, parts = start_filter(DESIGNS[which], 3), []
    for piece in np.split(x, sorted(cuts), axis=1):
        state, part = push_filter(state, piece)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "edges", "rate"), [
    ("lowpass", (1.0,), 4.0), ("lowpass", (0.05,), 4.0), ("highpass", (0.5,), 32.0), ("bandpass", (0.5, 8.0), 64.0), ("bandpass", (0.5, 27.0), 64.0),
])  # fmt: skip
def test_designs_and_answers_equal_scipy(kind: str, edges: tuple[float, ...], rate: float, order: int) -> None:
    ours = {"lowpass": lowpass, "highpass": highpass, "bandpass": bandpass}[kind](*edges, rate=rate, order=order)
    theirs = butter(order, edges if len(edges) > 1 else edges[0], kind, fs=rate, output="sos")
    (_, here), (_, there) = (sosfreqz(sos, 400) for sos in (ours, theirs))
    np.testing.assert_allclose(here, there, atol=1e-11)
    x = 5 + np.random.default_rng(0).normal(size=(2, 1500))
    want, _ = sosfilt(theirs, x, axis=-1, zi=sosfilt_zi(theirs)[:, None, :] * x[:, :1])
    np.testing.assert_allclose(push_filter(start_filter(ours, 2), x)[1], want, atol=1e-9)


def test_a_constant_passes_a_lowpass_from_the_first_sample() -> None:
    out = push_filter(start_filter(DESIGNS[0], 1), np.full((1, 50), 7.0))[1]
    np.testing.assert_allclose(out, 7.0, rtol=1e-12)


def test_missing_samples_are_missing_and_held_inside() -> None:
    x = np.full((1, 40), 3.0)
    x[0, 10:20] = np.nan
    out = push_filter(start_filter(DESIGNS[0], 1), x)[1]
    assert np.isnan(out[0, 10:20]).all()
    np.testing.assert_allclose(out[0, 20:], 3.0, rtol=1e-12)


def test_hold_keeps_what_came_before() -> None:
    x = np.array([[np.nan, 1.0, np.nan], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(hold(x, np.array([5.0, np.nan])), [[5.0, 1.0, 1.0], [np.nan] * 3])


def test_an_empty_chunk_changes_nothing() -> None:
    state = start_filter(DESIGNS[0], 2)
    after, out = push_filter(state, np.zeros((2, 0)))
    assert out.shape == (2, 0) and after is state


@pytest.mark.parametrize("cutoff", [3.0, 30.0])
def test_cutoffs_above_half_the_rate_are_held_below_it(cutoff: float) -> None:
    np.testing.assert_array_equal(lowpass(cutoff, rate=4.0), lowpass(1.8, rate=4.0))


def test_channels_that_begin_at_different_times_do_not_disturb_each_other() -> None:
    x = np.random.default_rng(0).normal(size=(3, 700))
    x[0, :5] = np.nan
    state, parts = start_filter(DESIGNS[0], 3), []
    for piece in np.split(x, [636, 641], axis=1):
        state, part = push_filter(state, piece)
        parts.append(part)
    alone = [push_filter(start_filter(DESIGNS[0], 1), row[None])[1] for row in x]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), np.concatenate(alone))
