"""Pupil: blinks leave without a trace, and what is left is described against its own level."""

import numpy as np
import pytest

from stf2m.prepare.modalities.pupil import DESCRIPTORS, PUPIL, SETTLE
from stf2m.prepare.modality import Chunk, Source, Track, Windows


def watch(samples: np.ndarray, rate: float = 30.0, cuts: tuple[float, ...] = (), times: np.ndarray | None = None) -> Track:
    samples = np.atleast_2d(samples)
    times = np.arange(samples.shape[1]) / rate if times is None else times
    eyes = ("left", "right")[: len(samples)]
    state, parts, before = PUPIL.start(Source(eyes, ("mm",) * len(eyes), rate, PUPIL.rate)), [], -np.inf
    for until in (*sorted(cuts), float(times[-1]) + 1 / 30):
        mine = (times >= before) & (times < until)
        state, part = PUPIL.push(state, Chunk(samples[:, mine].astype(np.float32), times[mine], times[mine], until))
        parts.append(part)
        before = max(before, until)
    return Track(np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts]))


def wander(seconds: float = 30.0, rate: float = 30.0, seed: int = 0) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return 4 + 0.4 * np.sin(t / 2) + np.random.default_rng(seed).normal(0, 0.01, len(t))


def described(track: Track, seconds: float = 2.0) -> dict[str, float]:
    samples = round(seconds * PUPIL.rate)
    full = samples + round(PUPIL.context * PUPIL.rate)
    values = track.values[:, -full:]
    usual = np.nanmean(track.values[:, :-samples], axis=1)[None].astype(np.float32)
    return dict(zip((d.name for d in DESCRIPTORS), PUPIL.describe(Windows(values[None], samples, PUPIL.rate, usual))[0].tolist()))


@pytest.mark.parametrize("rate", [15.0, 25.0, 30.0, 60.0])
def test_any_camera_rate_gives_millimetres_on_the_grid(rate: float) -> None:
    track = watch(wander(rate=rate), rate)
    t = np.arange(track.values.shape[1]) / PUPIL.rate
    np.testing.assert_allclose(track.values[0, 30:], (4 + 0.4 * np.sin((t - 0.1) / 2))[30:], atol=0.06)


def test_blinks_are_cut_out_with_the_lid_after_them() -> None:
    samples = wander()
    samples[300:305] = 0.0
    samples[600:603] = np.nan
    size = watch(samples).values[0]
    assert np.isnan(size[150:153]).all() and np.isnan(size[300:303]).all()
    assert np.isfinite(size[156:299]).all()
    assert np.nanmin(size) > 3.4
    assert np.isnan(size[151 : 151 + int(SETTLE * PUPIL.rate)]).all()


def test_a_lid_that_passes_faster_than_any_pupil_is_a_blink() -> None:
    samples = wander()
    samples[450:453] = [2.0, 1.5, 2.5]
    assert np.nanmin(watch(samples).values[0]) > 3.3


def test_one_eye_stands_in_for_the_other() -> None:
    both = np.stack([wander(seed=1), wander(seed=2)])
    both[0, 200:400] = np.nan
    track = watch(both)
    assert np.isfinite(track.values[0, 5:]).all() and (track.quality[40:] == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_chunked_equals_whole_and_nothing_looks_ahead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = wander(seed=seed)
    samples[rng.random(len(samples)) < 0.03] = np.nan
    want = watch(samples)
    got = watch(samples, cuts=tuple(rng.uniform(0, 30, 15)))
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.quality, want.quality)
    samples[451:] = 5.0
    np.testing.assert_array_equal(watch(samples).values[:, :226], want.values[:, :226])


def test_the_first_seconds_adapt_to_the_light() -> None:
    track = watch(wander())
    assert (track.quality[2:30] == 0.5).all() and (track.quality[31:] == 1).all()


def test_no_pupil_at_all() -> None:
    track = watch(np.full(300, np.nan))
    assert np.isnan(track.values).all() and (track.quality == 0).all()


def test_words_follow_the_pupil() -> None:
    t = np.arange(900) / 30
    widening = described(watch(3 + 0.3 * np.maximum(t - 26, 0)))
    assert widening["pupil change"] > 0.3 and widening["pupil trend"] == pytest.approx(0.3, abs=0.02)
    assert widening["pupil size relative to usual"] > 0.5 and widening["pupil swing"] > 0.2
    steady = described(watch(np.full(900, 3.0)))
    assert steady["pupil size"] == pytest.approx(3.0) and abs(steady["pupil change"]) < 1e-6
    assert steady["pupil variation"] < 1e-6 and steady["eyes closed"] == 0
    closing = np.full(900, 3.0)
    closing[870:] = np.nan
    assert described(watch(closing))["eyes closed"] == pytest.approx(0.5, abs=0.07)
