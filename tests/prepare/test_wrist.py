"""Wrist modalities find what was put in; NeuroKit2 is the second opinion on pulses."""

from collections.abc import Callable

import numpy as np
import pytest

from stf2m.core.errors import InvalidRecord
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modalities.eda import rises
from stf2m.prepare.modalities.ibi import successive
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows


def track(name: str, samples: np.ndarray, rate: float, times: np.ndarray | None = None) -> tuple[Modality, Track]:
    modality = MODALITIES[name]
    x = np.atleast_2d(samples).astype(np.float32)
    t = np.arange(x.shape[1]) / rate if times is None else times
    source = Source(tuple("xyz"[: len(x)]), (modality.unit,) * len(x), 0.0 if times is not None else rate, modality.rate)
    return modality, modality.push(modality.start(source), Chunk(x, t, t, float(t[-1]) + (1 / rate if rate else 0.0)))[1]


def described(modality: Modality, found: Track, window: float = 2.0) -> dict[str, np.ndarray]:
    samples = round(window * modality.rate)
    full = samples + round(modality.context * modality.rate)
    starts = np.arange(0, found.values.shape[1] - full, samples)
    values = np.stack([found.values[:, s : s + full] for s in starts])
    usual = np.stack([np.nanmean(found.values[:, : s + full - samples], axis=1) for s in starts]).astype(np.float32)
    numbers = modality.describe(Windows(values, samples, modality.rate, usual))
    return {info.name: numbers[:, i] for i, info in enumerate(modality.descriptors)}


@pytest.mark.parametrize("bpm", [48, 75, 110, 160])
def test_pulse_rate_within_3_bpm_of_a_simulated_pulse(bpm: int) -> None:
    simulate = pytest.importorskip("neurokit2").ppg_simulate
    wave = simulate(
        duration=80, sampling_rate=64, heart_rate=bpm, frequency_modulation=0.0, ibi_randomness=0.02, drift=0.3,
        motion_amplitude=0.02, powerline_amplitude=0, random_state=1,
    )  # fmt: skip
    modality, found = track("bvp", 50 * wave, 64.0)
    rate = described(modality, found)["pulse rate"][5:]
    assert np.abs(rate - bpm).max() < 3
    assert found.quality[20 * 64 :].mean() > 0.95


def test_pulse_rate_agrees_with_neurokit_on_a_changing_rate() -> None:
    neurokit = pytest.importorskip("neurokit2")
    t = np.arange(120 * 64) / 64
    bpm = 70 + 15 * np.sin(2 * np.pi * t / 60)
    phase = 2 * np.pi * np.cumsum(bpm / 60) / 64
    wave = np.sin(phase) + 0.35 * np.sin(2 * phase + 0.8) + np.random.default_rng(0).normal(0, 0.05, len(t))
    _, found = track("bvp", wave, 64.0)
    peaks = neurokit.ppg_findpeaks(neurokit.ppg_clean(wave, sampling_rate=64), sampling_rate=64)["PPG_Peaks"]
    theirs = np.interp(t, peaks[1:] / 64 + 0.35, 60 * 64 / np.diff(peaks))
    ours = 60 / found.values[1]
    late = slice(20 * 64, 115 * 64)
    assert np.median(np.abs(ours[late] - theirs[late])) < 1.0
    assert np.abs(ours[late] - theirs[late]).max() < 5


def test_noise_is_not_a_pulse() -> None:
    _, found = track("bvp", np.random.default_rng(0).normal(0, 10, 64 * 60), 64.0)
    assert found.quality[10 * 64 :].mean() < 0.75
    _, flat = track("bvp", np.zeros(64 * 20), 64.0)
    assert (flat.quality[64:] == 0).all() and np.isnan(flat.values[1]).all()


def test_pulse_variability_and_height_are_seen() -> None:
    def pulse(jitter: float, size: float) -> dict[str, np.ndarray]:
        gaps = 0.8 + jitter * np.resize([1.0, -1.0], 120)
        beats = np.cumsum(gaps)
        t = np.arange(60 * 64) / 64
        wave = sum(np.exp(-(((t - b) / 0.12) ** 2)) for b in beats)
        return described(*track("bvp", size * wave, 64.0))

    steady, jittery, large = pulse(0.0, 10), pulse(0.05, 10), pulse(0.0, 20)
    name = "pulse beat-to-beat variability"
    assert np.nanmedian(steady[name]) < 15 < 60 < np.nanmedian(jittery[name]) < 140
    np.testing.assert_allclose(np.nanmedian(large["pulse height"]) / np.nanmedian(steady["pulse height"]), 2.0, rtol=0.05)


def test_skin_conductance_parts_sum_to_the_level_and_responses_are_counted() -> None:
    t = np.arange(4 * 120) / 4
    level = 3.0 + 0.0 * t
    for onset in (30, 50, 70, 90):
        level += 0.4 * np.clip((t - onset) / 2, 0, 1) * np.exp(-np.clip(t - onset - 2, 0, None) / 5)
    modality, found = track("eda", level, 4.0)
    np.testing.assert_allclose(found.values.sum(axis=0)[8:100], 3.0, atol=1e-3)
    said = described(modality, found)
    assert said["skin conductance responses"].max() == pytest.approx(5.0, abs=0.1)  # one in a window of 12 s
    rising = int((31 - 10) / 2)
    assert said["skin conductance trend"][rising] > 0.3 and said["skin conductance change"][rising] > 0.02
    assert said["skin conductance relative to usual"][rising] > 0
    assert said["skin conductance responses"][:8].max() == 0


def test_rises_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    level = np.cumsum(rng.normal(0, 0.02, (20, 60)), axis=1)
    counts, sizes = rises(level, 0.02)
    for row, count, size in zip(level, counts, sizes):
        climbs, climb = [], 0.0
        for step in [*np.diff(row), -1.0]:
            if step > 0:
                climb += step
            else:
                climbs.append(climb)
                climb = 0.0
        kept = [c for c in climbs if c >= 0.02]
        assert count == len(kept) and size == pytest.approx(sum(kept))


def test_temperature_trend_is_in_degrees_per_minute() -> None:
    t = np.arange(4 * 180) / 4
    said = described(*track("temp", 32 + 0.3 * t / 60, 4.0))
    np.testing.assert_allclose(said["skin temperature trend"][20:], 0.3, rtol=0.01)
    assert (said["skin temperature relative to usual"][5:] > 0).all()


def test_an_electrode_in_the_air_and_a_cold_band_are_poor() -> None:
    assert track("eda", np.random.default_rng(0).uniform(0.0, 0.03, 200), 4.0)[1].quality.max() < 0.5
    assert track("temp", 21 + np.random.default_rng(0).normal(0, 0.05, 200), 4.0)[1].quality.max() < 0.5


def test_movement_and_posture() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(32 * 60) / 32
    still = np.array([[0.0], [0.0], [1.0]]) + rng.normal(0, 0.003, (3, len(t)))
    moving = still + (t > 30) * 0.3 * np.sin(2 * np.pi * 3 * t)
    said = described(*track("acc", moving, 32.0))
    half = len(said["movement"]) // 2
    assert said["movement"][: half - 4].max() < -35 < -15 < said["movement"][half + 2 :].min()
    assert said["resting share"][: half - 4].min() > 0.95
    turned = np.where(t < 30, [[0.0], [0.0], [1.0]], [[1.0], [0.0], [0.0]]) + rng.normal(0, 0.003, (3, len(t)))
    posture = described(*track("acc", turned, 32.0))
    assert abs(posture["arm tilt along"][3]) < 2 and posture["arm tilt along"][-1] > 85
    assert posture["arm posture away from usual"][-1] > 40 > 2 > posture["arm posture away from usual"][3]
    with pytest.raises(InvalidRecord):
        MODALITIES["acc"].start(Source(("x",), ("g",), 32.0, 32.0))


def test_beat_intervals_hold_age_and_expire() -> None:
    t = np.array([1.0, 1.8, 2.6, 3.4])
    modality = MODALITIES["ibi"]
    x = np.array([[0.8, 0.8, 5.0, 0.9]], dtype=np.float32)
    _, found = modality.push(modality.start(Source(("ibi",), ("s",), 0.0, 4.0)), Chunk(x, t, t, 20.0))
    np.testing.assert_allclose(found.values[0, 4:15], [0.8] * 10 + [0.9], rtol=1e-6)
    assert found.values[1, 7] == pytest.approx(0.75) and np.isnan(found.values[:, :4]).all()
    assert found.quality[5] == 1 and np.isnan(found.values[0, -4:]).all() and found.quality[-1] == 0


def test_successive_differences_skip_holes() -> None:
    interval = np.array([[0.8, 0.8, 0.9, 0.9, 0.9, 1.0]])
    new = np.array([[True, False, True, False, False, True]])
    step, pair = successive(interval, new, 2)
    np.testing.assert_array_equal(pair, [[False, False, True, False, False, False]])
    np.testing.assert_allclose(step[0, 2], 0.1)


def test_heart_rate_passes_and_leaps_are_doubted(invent_stream: Callable) -> None:
    rate = np.full(60, 70.0)
    rate[30:] = 120.0
    _, found = track("hr", rate, 1.0)
    np.testing.assert_array_equal(found.values[0], rate)
    assert found.quality[30] < 0.5 and found.quality[20] == 1 and found.quality[35] == 1
    _, sparse = track("hr", np.array([60.0, 61.0]), 0.0, times=np.array([1.0, 20.0]))
    assert np.isfinite(sparse.values[0, 1:7]).all() and np.isnan(sparse.values[0, 8:20]).all()
