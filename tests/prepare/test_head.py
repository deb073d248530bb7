"""Head: speed and range, with yaw that goes round at 360 degrees."""

import numpy as np
import pytest

from stf2m.prepare.modalities.head import DESCRIPTORS, HEAD, PITCH, SPEED, YAW, unroll
from stf2m.prepare.modality import Chunk, Source, Track, Windows


def move(pitch: np.ndarray, yaw: np.ndarray, rate: float = 5.0, cuts: tuple[float, ...] = (), late: float = 0.0) -> Track:
    times = np.arange(len(yaw)) / rate
    known = times + late
    state, parts, before = HEAD.start(Source(("pitch", "yaw"), ("deg", "deg"), rate, HEAD.rate)), [], -np.inf
    for until in (*sorted(cuts), len(yaw) / rate):
        mine = (known >= before) & (known < until)
        samples = np.stack([pitch, yaw])[:, mine].astype(np.float32)
        state, part = HEAD.push(state, Chunk(samples, times[mine], known[mine], until))
        parts.append(part)
        before = max(before, until)
    return Track(np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts]))


def round_about(yaw: np.ndarray) -> np.ndarray:
    return (yaw + 180) % 360 - 180


def described(track: Track, seconds: float = 2.0) -> dict[str, float]:
    samples = round(seconds * HEAD.rate)
    full = samples + round(HEAD.context * HEAD.rate)
    usual = np.nanmean(track.values[:, :-samples], axis=1)[None].astype(np.float32)
    numbers = HEAD.describe(Windows(track.values[None, :, -full:], samples, HEAD.rate, usual))
    return dict(zip((d.name for d in DESCRIPTORS), numbers[0].tolist()))


@pytest.mark.parametrize("rate", [5.0, 4.0, 30.0])
def test_a_turn_over_the_seam_is_smooth(rate: float) -> None:
    t = np.arange(int(30 * rate)) / rate
    track = move(np.zeros(len(t)), round_about(40.0 * t), rate)
    np.testing.assert_allclose(np.diff(track.values[YAW, 15:]), 8.0, atol=0.05)
    np.testing.assert_allclose(track.values[SPEED, 15:], 40.0, atol=0.3)


def test_unroll_carries_its_turns() -> None:
    yaw = round_about(np.cumsum(np.random.default_rng(0).uniform(-100, 120, 200)))
    whole, last, turns = unroll(yaw, np.full(1, np.nan), 0.0)
    first = unroll(yaw[:77], np.full(1, np.nan), 0.0)
    second = unroll(yaw[77:], first[1], first[2])
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), whole)
    assert second[2] == turns and second[1] == last
    assert (np.abs(np.diff(whole)) <= 180).all()


@pytest.mark.parametrize("seed", range(5))
def test_chunked_equals_whole_and_nothing_looks_ahead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pitch, yaw = rng.normal(0, 20, 200), round_about(np.cumsum(rng.normal(0, 40, 200)))
    yaw[50:60], pitch[100] = np.nan, 400.0
    want = move(pitch, yaw, late=0.1)
    got = move(pitch, yaw, late=0.1, cuts=tuple(rng.uniform(0, 40, 15)))
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.quality, want.quality)
    yaw[101:], pitch[101:] = 0.0, 0.0
    np.testing.assert_array_equal(move(pitch, yaw, late=0.1).values[:, :101], want.values[:, :101])


def test_missing_and_impossible_directions_are_missing() -> None:
    pitch, yaw = np.zeros(50), np.zeros(50)
    pitch[20:25], yaw[30] = 200.0, np.nan
    track = move(pitch, yaw)
    assert np.isnan(track.values[PITCH, 20:25]).all() and (track.quality[20:25] == 0).all() and track.quality[30] == 0
    assert np.isnan(track.values[SPEED, 20:26]).all() and (track.quality[26:30] == 1).all()


def test_words_follow_the_head() -> None:
    t = np.arange(150) / 5
    still = described(move(np.full(150, -10.0), np.full(150, 90.0)))
    assert still["head still"] == 1 and still["head speed"] == 0 and still["head height"] == pytest.approx(-10)
    assert still["head range left and right"] == 0
    burst = described(move(np.zeros(150), round_about(np.where(t > 28, 60 * (t - 28), 0.0) + 170)))
    assert burst["head speed"] > 50 and burst["head speed relative to usual"] > 50 and burst["head still"] < 0.2
    assert burst["head turn"] == pytest.approx(60, abs=3) and burst["head range left and right"] == pytest.approx(108, abs=13)
    nod = described(move(10 * np.sin(2 * np.pi * t), np.zeros(150)))
    assert nod["head range up and down"] == pytest.approx(19, abs=1) and nod["fastest head movement"] > 40
