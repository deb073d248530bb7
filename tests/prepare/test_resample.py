"""The grid: clocks, resampling and events are causal, and chunked equals whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stf2m.prepare.clocks import examine, grid_count, grid_counts, snap
from stf2m.prepare.events import push_events, start_events
from stf2m.prepare.resample import push_resampler, start_resampler


def irregular(seed: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Jittered times with gaps and a late start, and two channels with missing samples."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 2) * rng.integers(0, 2) + (np.arange(120) + rng.integers(0, 2) * rng.uniform(-0.3, 0.3, 120)) / rate
    t = np.round(t, 3) if rng.random() < 0.3 else t
    t = np.unique(t[(t >= 0) & (rng.random(120) > 0.1)])
    x = rng.normal(size=(2, len(t)))
    x[0, rng.random(len(t)) < 0.1] = np.nan
    return t, x


def pieces(t: np.ndarray, x: np.ndarray, cuts: list[float], end: float):
    before = -np.inf
    for until in [*sorted(cuts), end]:
        mine = (t >= before) & (t < until)
        before = max(before, until)
        yield x[:, mine], t[mine], until


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000), source=st.sampled_from([1.0, 4.0, 25.0, 29.97, 64.0]), rate=st.sampled_from([1.0, 4.0, 30.0, 64.0]),
    shares=st.lists(st.floats(0, 1), max_size=8), on_samples=st.booleans(),
)  # fmt: skip
def test_chunked_equals_whole(seed: int, source: float, rate: float, shares: list[float], on_samples: bool) -> None:
    t, x = irregular(seed, source)
    end = float(t[-1]) + 1 / source
    cuts = [float(t[int(s * (len(t) - 1))]) if on_samples else s * end for s in shares]
    _, whole = push_resampler(start_resampler(source, rate, 2), x, t, end)
    _, value, age = push_events(start_events(rate, 2), x, t, end)
    grid, events = start_resampler(source, rate, 2), start_events(rate, 2)
    out, values, ages = [], [], []
    for part, times, until in pieces(t, x, cuts, end):
        grid, one = push_resampler(grid, part, times, until)
        events, two, three = push_events(events, part, times, until)
        out, values, ages = [*out, one], [*values, two], [*ages, three]
    np.testing.assert_array_equal(np.concatenate(out, axis=1), whole)
    np.testing.assert_array_equal(np.concatenate(values, axis=1), value)
    np.testing.assert_array_equal(np.concatenate(ages), age)
    assert whole.shape[1] == grid_count(end, rate)


@pytest.mark.parametrize(("source", "rate"), [(64.0, 64.0), (25.0, 4.0), (4.0, 30.0)])
def test_nothing_looks_ahead(source: float, rate: float) -> None:
    t, x = irregular(3, source)
    end, now = float(t[-1]), float(t[60])
    _, whole = push_resampler(start_resampler(source, rate, 2), x, t, end)
    other = x.copy()
    other[:, t > now] = 99.0
    _, changed = push_resampler(start_resampler(source, rate, 2), other, t, end)
    known = grid_count(now, rate)
    np.testing.assert_array_equal(whole[:, :known], changed[:, :known])


def test_the_same_rate_passes_through() -> None:
    x = np.random.default_rng(0).normal(size=(1, 100))
    t = np.arange(100) / 4.0
    np.testing.assert_array_equal(push_resampler(start_resampler(4.0, 4.0, 1), x, t, 25.0)[1], x)


def test_millisecond_time_stamps_lose_no_sample() -> None:
    x = np.arange(300.0)[None]
    t = np.round(np.arange(300) / 30.0, 3)
    np.testing.assert_array_equal(push_resampler(start_resampler(30.0, 30.0, 1), x, t, 10.0)[1], x)


def test_a_slower_source_is_interpolated_one_period_late() -> None:
    t = np.arange(50) / 2.0
    out = push_resampler(start_resampler(2.0, 8.0, 1), t[None], t, 25.0)[1][0]
    want = np.arange(200) / 8.0 - 0.5
    np.testing.assert_allclose(out[8:], want[8:], atol=1e-9)


def test_a_faster_source_does_not_alias() -> None:
    t = np.arange(64 * 60) / 64.0
    fast, slow = np.sin(2 * np.pi * 3.9 * t), np.sin(2 * np.pi * 0.2 * t)
    out = push_resampler(start_resampler(64.0, 4.0, 2), np.stack([fast, slow]), t, 60.0)[1][:, 20:]
    assert out[0].std() < 0.05 and out[1].std() > 0.65


def test_a_silence_is_missing() -> None:
    t = np.concatenate([np.arange(0, 5, 0.25), np.arange(10, 15, 0.25)])
    out = push_resampler(start_resampler(4.0, 4.0, 1), np.ones((1, len(t))), t, 15.0)[1][0]
    assert np.isnan(out[21:40]).all() and np.isfinite(out[:20]).all() and np.isfinite(out[40:]).all()


def test_events_hold_from_the_moment_they_are_known() -> None:
    _, value, age = push_events(start_events(4.0, 1), np.array([[5.0, 6.0]]), np.array([0.6, 1.5]), 2.5)
    np.testing.assert_array_equal(value[0], [np.nan] * 3 + [5.0] * 3 + [6.0] * 4)
    np.testing.assert_allclose(age[3:7], [0.15, 0.4, 0.65, 0.0])


@given(until=st.floats(-1, 4000), rate=st.sampled_from([1.0, 4.0, 25.0, 30.0, 32.0, 50.0, 64.0]))
def test_grid_counts_agree(until: float, rate: float) -> None:
    count = grid_count(until, rate)
    assert grid_counts(np.array([until]), rate)[0] == count
    assert count == 0 or (count - 1) / rate < until + 6e-4
    assert count / rate >= until - 6e-4


@given(st.lists(st.floats(0, 100), min_size=2, max_size=50), st.sampled_from([4.0, 30.0, 64.0]))
def test_snapping_keeps_order(times: list[float], rate: float) -> None:
    ordered = np.sort(np.array(times))
    assert (np.diff(snap(ordered, rate)) >= 0).all()


def test_examine_finds_drift_and_gaps() -> None:
    t = np.concatenate([np.arange(400) * 0.2502, 130 + np.arange(100) * 0.2502])
    report = examine(t, 4.0)
    assert report.measured_rate == pytest.approx(1 / 0.2502, rel=1e-6)
    assert report.drift == pytest.approx(498 * 0.0002, rel=1e-6)
    assert report.gaps.shape == (1, 2)
    assert len(examine(np.zeros(1), 4.0).gaps) == 0
