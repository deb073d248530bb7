"""Gaze: a fixation is known when it ends, and directions go round at 360 degrees."""

import numpy as np
import pytest

from stf2m.prepare.modalities._angles import apart, turn, wrap
from stf2m.prepare.modalities.gaze import AGE, DESCRIPTORS, DURATION, GAZE, PITCH, STALE, YAW
from stf2m.prepare.modality import Chunk, Source, Track, Windows

Fixation = tuple[float, float, float, float]
"""begin s, end s, pitch deg, yaw deg"""


def look(fixations: list[Fixation], until: float, cuts: tuple[float, ...] = (), names: tuple[str, ...] = ("pitch", "yaw")) -> Track:
    table = np.array(fixations, dtype=np.float64).reshape(-1, 4)
    state, parts, before = GAZE.start(Source(names, ("deg", "deg"), 0.0, GAZE.rate)), [], -np.inf
    for end in (*sorted(cuts), until):
        mine = table[(table[:, 1] >= before) & (table[:, 1] < end)]
        places = mine[:, 2:].T.astype(np.float32)
        state, part = GAZE.push(state, Chunk(places if names[0] == "pitch" else places[::-1], mine[:, 0], mine[:, 1], end))
        parts.append(part)
        before = max(before, end)
    return Track(np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts]))


def described(track: Track) -> dict[str, float]:
    samples = round(2.0 * GAZE.rate)
    full = samples + round(GAZE.context * GAZE.rate)
    usual = np.zeros((1, len(GAZE.channels)), np.float32)
    numbers = GAZE.describe(Windows(track.values[None, :, -full:], samples, GAZE.rate, usual))
    return dict(zip((d.name for d in DESCRIPTORS), numbers[0].tolist()))


def every(seconds: float, length: float, yaws: tuple[float, ...] = (0.0,), until: float = 20.0) -> list[Fixation]:
    begins = np.arange(0.0, until - length, seconds)
    return [(b, b + length, 5.0, yaws[i % len(yaws)]) for i, b in enumerate(begins.tolist())]


def test_a_fixation_is_known_when_it_ends_and_then_held() -> None:
    values = look([(1.0, 1.6, -4.0, 170.0)], 3.0).values
    assert np.isnan(values[:, :16]).all()
    np.testing.assert_allclose(values[[PITCH, YAW, DURATION], 16:].T, np.tile([-4.0, 170.0, 0.6], (14, 1)), rtol=1e-6)
    np.testing.assert_allclose(values[AGE, 16:], np.arange(14) / 10, atol=1e-6)


def test_an_old_fixation_is_trusted_less_and_then_not_at_all() -> None:
    track = look([(0.0, 0.5, 0.0, 0.0)], 20.0)
    assert track.quality[10] == 1 and 0 < track.quality[80] < 1 and track.quality[int(STALE * 10) + 10] == 0
    assert np.isnan(track.values[:, int(STALE * 10) + 10 :]).all()


def test_channels_are_found_by_name() -> None:
    fixations = every(1.0, 0.3, (10.0, -20.0))
    np.testing.assert_array_equal(look(fixations, 20.0, names=("yaw", "pitch")).values, look(fixations, 20.0).values)


@pytest.mark.parametrize("seed", range(5))
def test_chunked_equals_whole_and_nothing_looks_ahead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    begins = np.cumsum(rng.uniform(0.4, 2.0, 15))
    fixations = [(b, b + 0.3, *rng.uniform(-60, 60, 2)) for b in begins.tolist()]
    want = look(fixations, 20.0)
    got = look(fixations, 20.0, cuts=tuple(rng.uniform(0, 20, 12)))
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.quality, want.quality)
    earlier = look([f for f in fixations if f[1] <= 10.0], 20.0)
    np.testing.assert_array_equal(earlier.values[:, :101], want.values[:, :101])


def test_missing_and_endless_fixations_do_not_count() -> None:
    track = look([(0.0, 0.3, np.nan, 1.0), (1.0, 40.0, 0.0, 0.0)], 45.0)
    assert np.isnan(track.values).all() and (track.quality == 0).all()


def test_words_follow_the_eyes() -> None:
    busy, calm = described(look(every(0.5, 0.25, (0.0, 40.0)), 20.0)), described(look(every(2.0, 1.0), 20.0))
    assert busy["fixation rate"] == pytest.approx(2.0, abs=0.15) and calm["fixation rate"] == pytest.approx(0.5, abs=0.11)
    assert busy["fixation share"] == pytest.approx(0.5, abs=0.06) and calm["fixation duration"] == pytest.approx(1.0)
    assert busy["gaze shift"] == pytest.approx(39.8, abs=0.5) and calm["gaze shift"] == pytest.approx(0.0, abs=1e-4)
    assert busy["gaze dispersion"] == pytest.approx(20.0, abs=0.5) and calm["gaze dispersion"] < 1e-4
    assert busy["gaze height"] == pytest.approx(5.0)


def test_looking_back_and_forth_over_the_seam_is_a_small_shift() -> None:
    seam = described(look(every(0.5, 0.25, (178.0, -178.0)), 20.0))
    assert seam["gaze shift"] == pytest.approx(4.0, abs=0.1) and seam["gaze dispersion"] == pytest.approx(2.0, abs=0.1)


def test_angles() -> None:
    np.testing.assert_allclose(wrap(np.array([0.0, 190.0, -190.0, 540.0, 180.0])), [0, -170, 170, -180, -180])
    here, there = np.array([0.0, 0.0, 90.0]), np.array([0.0, 90.0, 90.0])
    np.testing.assert_allclose(apart(here, np.array([179.0, 0.0, 0.0]), there, np.array([-179.0, 10.0, 123.0])), [2, 90, 0], atol=1e-5)
    np.testing.assert_allclose(turn(np.array([[170.0, -170.0]]), np.array([[170.0, -170.0]])), [[-10, 10]], atol=1e-9)
