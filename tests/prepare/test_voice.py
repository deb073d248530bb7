"""Voice: bands, pitch and words for how something is said."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stf2m.core.errors import RateContradiction
from stf2m.prepare.modalities._mel import BANDS, band_centres, mel_bank
from stf2m.prepare.modalities._pitch import candidates, follow, start_path
from stf2m.prepare.modalities.voice import BLOCK, CHANNELS, DESCRIPTORS, VOICE
from stf2m.prepare.modality import Chunk, Source, Track, Windows

PITCH, PERIODICITY, LEVEL = BANDS, BANDS + 1, BANDS + 2


def hear(audio: np.ndarray, sample_rate: float = 16000.0, shift: float = 0.0, cuts: tuple[float, ...] = ()) -> Track:
    times = shift + np.arange(len(audio)) / sample_rate
    state, parts, before = VOICE.start(Source(("mono",), ("level",), sample_rate, VOICE.rate)), [], -np.inf
    for until in (*sorted(cuts), shift + len(audio) / sample_rate):
        mine = (times >= before) & (times < until)
        state, part = VOICE.push(state, Chunk(audio[None, mine].astype(np.float32), times[mine], times[mine], until))
        parts.append(part)
        before = until
    return Track(np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts]))


def tone(hertz: float | np.ndarray, seconds: float = 2.0, sample_rate: float = 16000.0, harmonics: int = 8) -> np.ndarray:
    """A voice-like sum of harmonics, 1 / n strong."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, t.shape)) / sample_rate
    return 0.1 * sum(np.sin(n * phase) / n for n in range(1, harmonics + 1))


def sentence(hertz: float = 120.0, loud: float = 1.0, syllables: float = 4.0, seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Syllables of a tone between two silences."""
    t = np.arange(int(seconds * 16000)) / 16000
    spoken = (t > 0.5) & (t < seconds - 0.5)
    swell = np.clip(np.sin(np.pi * syllables * t) ** 2, 0.01, None) * spoken
    return loud * (swell * tone(hertz, seconds) + np.random.default_rng(seed).normal(0, 1e-5, len(t)))


def described(audio: np.ndarray) -> dict[str, float]:
    values = hear(audio).values[None]
    numbers = VOICE.describe(Windows(values, values.shape[2], VOICE.rate, np.full(values.shape[:2], np.nan, np.float32)))
    return dict(zip((d.name for d in DESCRIPTORS), numbers[0].tolist(), strict=True))


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.floats(0.0, 2.5), max_size=30), gap=st.booleans())
def test_chunked_equals_whole_bit_for_bit(cuts: list[float], gap: bool) -> None:
    audio = sentence(seconds=2.5)
    if gap:
        audio[16000:18000] = np.nan
    whole, pieces = hear(audio), hear(audio, cuts=tuple(cuts))
    np.testing.assert_array_equal(pieces.values, whole.values)
    np.testing.assert_array_equal(pieces.quality, whole.quality)


def test_twenty_millisecond_chunks_equal_the_whole() -> None:
    audio = sentence(seconds=2.0)
    np.testing.assert_array_equal(hear(audio, cuts=tuple(np.arange(0.02, 2.0, 0.02))).values, hear(audio).values)


@pytest.mark.parametrize("frame", [20, BLOCK - 1, BLOCK, 73])
def test_a_frame_sees_nothing_later(frame: int) -> None:
    audio = sentence(seconds=2.0)
    before = hear(audio).values
    audio[frame * 320 + 1 :] = np.random.default_rng(1).normal(0, 0.3, len(audio) - frame * 320 - 1)
    after = hear(audio).values
    np.testing.assert_array_equal(after[:, : frame + 1], before[:, : frame + 1])
    assert not np.array_equal(after[:, frame + 1], before[:, frame + 1])


@pytest.mark.parametrize("hertz", [80.0, 110.0, 180.0, 240.0, 330.0, 480.0])
def test_pitch_of_a_tone(hertz: float) -> None:
    found = hear(tone(hertz)).values[:, 5:]
    assert np.isfinite(found[PITCH]).mean() > 0.95
    assert abs(np.median(2.0 ** found[PITCH]) / hertz - 1) < 0.01
    assert np.median(found[PERIODICITY]) > 0.95


def test_pitch_follows_a_glide_without_octave_jumps() -> None:
    glide = np.linspace(120.0, 360.0, 32000)
    pitch = hear(tone(glide)).values[PITCH, 5:]
    wanted = np.log2(glide[(np.arange(5, 5 + len(pitch)) * 320 - 320).clip(0)])
    assert np.abs(pitch - wanted).max() < 0.05


def test_noise_has_no_pitch_and_silence_is_the_floor() -> None:
    noise = hear(np.random.default_rng(0).normal(0, 0.1, 32000)).values[:, 5:]
    assert np.isfinite(noise[PITCH]).mean() < 0.1
    silent = hear(np.zeros(16000)).values[:, 5:]
    assert np.isnan(silent[PITCH]).all()
    np.testing.assert_allclose(silent[:BANDS], -110.0)
    np.testing.assert_allclose(silent[LEVEL], -110.0)


def test_the_path_prefers_small_steps_over_the_strongest_peak() -> None:
    pitch = np.tile([np.log2(200.0), np.log2(100.0), 0.0, 0.0, 0.0], (20, 1))
    strength = np.tile([0.9, 0.85, 0.0, 0.0, 0.0], (20, 1))
    strength[10] = [0.85, 0.97, 0, 0, 0]
    _, found, _ = follow(start_path(), pitch, strength)
    np.testing.assert_allclose(found[2:], np.log2(200.0))


def test_level_in_decibels_and_gain() -> None:
    audio = np.sqrt(2.0) * 0.1 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    one, two = hear(audio).values[:, 10:], hear(2 * audio).values[:, 10:]
    np.testing.assert_allclose(one[LEVEL], -20.0, atol=0.1)
    np.testing.assert_allclose(two[LEVEL] - one[LEVEL], 20 * np.log10(2.0), atol=1e-3)
    assert abs(int(one[:BANDS].mean(axis=1).argmax()) - int(np.abs(band_centres() - 1000).argmin())) <= 1


@pytest.mark.parametrize("rate", [8000.0, 22050.0, 44100.0, 48000.0])
def test_other_sample_rates_give_the_same_numbers(rate: float) -> None:
    want, got = hear(tone(150.0))[0][:, 10:90], hear(tone(150.0, sample_rate=rate), sample_rate=rate)[0][:, 10:90]
    heard = band_centres() < 1200  # the tone has nothing above
    np.testing.assert_allclose(got[:BANDS][heard].mean(axis=1), want[:BANDS][heard].mean(axis=1), atol=2.0)
    np.testing.assert_allclose(got[PITCH], want[PITCH], atol=0.01)
    np.testing.assert_allclose(got[LEVEL], want[LEVEL], atol=0.2)


def test_missing_audio_is_missing_frames_with_no_quality() -> None:
    audio = sentence(seconds=2.0)
    audio[16000:24000] = np.nan
    track = hear(audio)
    assert np.isnan(track.values[:, 53:75]).all() and (track.quality[53:75] == 0).all()
    assert np.isfinite(track.values[LEVEL, 10:50]).all() and (track.quality[10:50] == 1).all()


def test_clipped_audio_is_graded_down_and_lost_samples_are_bridged() -> None:
    loud = np.clip(40 * tone(150.0), -1, 1)
    assert hear(loud).quality[10:].max() < 0.5
    holes = tone(150.0)
    holes[::800] = np.nan
    np.testing.assert_allclose(hear(holes).values[LEVEL, 5:], hear(tone(150.0)).values[LEVEL, 5:], atol=0.2)


def test_several_channels_are_averaged() -> None:
    audio = tone(150.0)
    state = VOICE.start(Source(("left", "right"), ("level", "level"), 16000.0, 50.0))
    times = np.arange(len(audio)) / 16000
    _, both = VOICE.push(state, Chunk(np.stack([audio, audio]).astype(np.float32), times, times, 2.0))
    np.testing.assert_array_equal(both.values, hear(audio).values)


def test_frames_of_features_are_not_audio() -> None:
    with pytest.raises(RateContradiction, match="8000 Hz"):
        VOICE.start(Source(("mfcc",), ("level",), 100.0, 50.0))


def test_mel_filters_are_triangles_that_cover_the_range() -> None:
    bank = mel_bank(16000.0, 1024)
    hertz = np.arange(513) * 16000 / 1024
    covered = (hertz > band_centres()[3]) & (hertz < band_centres()[-1])
    np.testing.assert_allclose(bank.sum(axis=1)[covered], 1.0, atol=1e-9)
    assert (bank.sum(axis=0) > 0).all() and bank.max() <= 1.0


def test_candidates_of_silence_are_none() -> None:
    pitch, strength = candidates(np.zeros((3, 513)), 640, 16000.0)
    assert (strength == 0).all() and (pitch == 0).all()


def test_words_follow_the_voice() -> None:
    low, high = described(sentence(110.0)), described(sentence(220.0))
    assert high["pitch"] - low["pitch"] == pytest.approx(12.0, abs=0.3)
    assert low["pitch"] == pytest.approx(12 * np.log2(1.1), abs=0.3)
    assert described(sentence(syllables=6.0))["speech tempo"] > described(sentence(syllables=3.0))["speech tempo"] + 1
    assert described(sentence(seconds=4.0))["speaking time"] > low["speaking time"] + 0.8
    rising = described(sentence(np.linspace(100, 200, 48000)))
    assert rising["pitch trend"] > 3 and rising["pitch range"] > low["pitch range"] + 3


def test_a_quiet_take_is_described_like_a_loud_one() -> None:
    loud, quiet = described(sentence()), described(sentence(loud=0.05))
    assert loud["loudness"] - quiet["loudness"] == pytest.approx(26.0, abs=0.5)
    for name in (
        "pitch",
        "speech tempo",
        "pause share",
        "loudness range",
        "speaking time",
        "bend of loudness",
        "first over second harmonic",
    ):
        assert quiet[name] == pytest.approx(loud[name], abs=0.15), name


def test_padding_on_the_left_changes_nothing_and_silence_says_nothing() -> None:
    values = hear(sentence()).values
    padded = np.concatenate([np.full((len(CHANNELS), 100), np.nan, np.float32), values], axis=1)
    usual = np.full((1, len(CHANNELS)), np.nan, np.float32)
    plain = VOICE.describe(Windows(values[None], values.shape[1], 50.0, usual))
    np.testing.assert_array_equal(VOICE.describe(Windows(padded[None], padded.shape[1], 50.0, usual)), plain)
    silent = np.repeat(hear(np.zeros(48000)).values[None], 2, axis=0)
    assert np.isnan(VOICE.describe(Windows(silent, silent.shape[2], 50.0, np.repeat(usual, 2, axis=0)))).all()


def test_readable_words_come_first_and_bands_are_for_networks() -> None:
    readable = [d.readable for d in DESCRIPTORS]
    assert readable == sorted(readable, reverse=True) and sum(readable) >= 70 and readable.count(False) == 20 + 13 + 8 + 12 + 9
    assert not any(d.readable for d in DESCRIPTORS if d.name.startswith(("average spectrum", "spectrum of", "cepstral")))
    assert len({d.name for d in DESCRIPTORS}) == len(DESCRIPTORS)


def test_real_voices_are_loud_enough_and_women_speak_higher(real_data: Path) -> None:
    import soundfile

    def median_pitch(actor: int) -> float:
        files = sorted((real_data / "ravdess" / "flac").glob(f"03-01-01-*-{actor:02d}.flac"))
        return float(np.median([described(soundfile.read(file, dtype="float32")[0])["pitch"] for file in files]))

    men, women = [median_pitch(actor) for actor in (1, 7, 9)], [median_pitch(actor) for actor in (2, 6, 8)]
    assert min(men) > -6 and max(men) < min(women) and max(women) < 20


def test_voice_is_heard_much_faster_than_it_is_spoken() -> None:
    import time

    audio = np.tile(sentence(), 10)
    began = time.process_time()
    hear(audio)
    assert time.process_time() - began < 30.0 / 50, "at least 50 times real time, on the slowest machine"
