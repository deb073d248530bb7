"""Contours, harmonics, consonants and timbre of utterances whose answer is known."""

import numpy as np
import pytest
from numpy.polynomial import legendre

from stf2m.prepare.modalities._contour import CALM, CONTOUR, contour_numbers, orders
from stf2m.prepare.modalities._harmonics import HARMONICS, harmonic_numbers
from stf2m.prepare.modalities._mel import BANDS, band_centres, band_widths
from stf2m.prepare.modalities._prosody import CONSONANTS, PITCH, consonant_numbers, pitch_numbers
from stf2m.prepare.modalities._timbre import TIMBRE, cepstra, timbre_numbers
from stf2m.prepare.modalities._utterance import Utterance, utterance
from stf2m.prepare.modalities.voice import VOICE
from stf2m.prepare.modality import Chunk, Source

RATE, FRAMES = 50.0, 200


def spoken(audio: np.ndarray) -> Utterance:
    times = np.arange(len(audio)) / 16000
    chunk = Chunk(audio[None].astype(np.float32), times, times, len(audio) / 16000)
    found = utterance(VOICE.push(VOICE.start(Source(("mono",), ("level",), 16000.0, RATE)), chunk)[1].values, RATE)
    assert found is not None
    return found


def harmonics(hertz: float, strength: dict[int, float], seconds: float = 1.0) -> np.ndarray:
    """Sines at multiples of `hertz` with these amplitudes, 0.3 s of near silence on both sides."""
    t = np.arange(int(seconds * 16000)) / 16000
    tone = sum(a * np.sin(2 * np.pi * n * hertz * t) for n, a in strength.items())
    out = np.random.default_rng(0).normal(0, 1e-5, len(t) + 9600)
    out[4800:-4800] += 0.05 * np.asarray(tone)
    return out


def vowel(hertz: float, formants: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Harmonics of a source falling 12 dB an octave through resonances (Hz, bandwidth Hz)."""
    strength = {}
    for n in range(1, int(7000 / hertz)):
        s = 2j * np.pi * n * hertz
        gain = 1.0 + 0j
        for centre, width in formants:
            pole = -np.pi * width + 2j * np.pi * centre
            gain *= abs(pole) ** 2 / ((s - pole) * (s - np.conj(pole)))
        strength[n] = float(abs(gain)) / n**2
    return harmonics(hertz, strength)


def named(names: dict[str, tuple[str, str, str]], numbers: list[float]) -> dict[str, float]:
    return dict(zip(names, numbers, strict=True))


def invented(**changes: np.ndarray) -> Utterance:
    flat, every = np.zeros(FRAMES), np.ones(FRAMES, dtype=bool)
    mel = np.full((FRAMES, BANDS), -40.0)
    whole = {
        "mel": mel,
        "pitch": flat,
        "periodicity": flat + 0.9,
        "level": flat - 30,
        "centroid": flat + 3,
        "active": every,
        "voiced": every,
    }
    return Utterance(RATE, **{"before": np.zeros(0), "after": np.zeros(0), **whole, **changes})


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_an_order_comes_back_from_its_polynomial(order: int) -> None:
    t = np.linspace(-1, 1, FRAMES)
    values = 7.0 + 3.0 * legendre.legval(t, np.eye(6)[order])
    found = orders(values, np.ones(FRAMES, dtype=bool), 5)
    share = 1 / (2 * order + 1)  # the mean square of the polynomial, against which the penalty stands
    want = np.zeros(5)
    want[order - 1] = 3.0 * share / (share + CALM)
    np.testing.assert_allclose(found, want, atol=0.06)


def test_masked_frames_do_not_bend_a_contour_and_few_frames_have_none() -> None:
    t, mask = np.linspace(-1, 1, FRAMES), np.ones(FRAMES, dtype=bool)
    mask[60:120] = False
    values = np.where(mask, 2 * t, np.nan)
    np.testing.assert_array_equal(orders(values, mask, 3), orders(np.where(mask, values, 99.0), mask, 3))
    assert orders(values, mask, 3)[0] == pytest.approx(2 * (1 / 3) / (1 / 3 + CALM), abs=0.1)
    assert np.isnan(orders(values, np.arange(FRAMES) < 6, 3)).all()


def test_contours_are_named_by_where_they_bend() -> None:
    t = np.linspace(-1, 1, FRAMES)
    arch = named(
        CONTOUR, contour_numbers(invented(pitch=-3 * t**2, level=-30 + np.sin(np.pi * t), centroid=3 + t, periodicity=0.8 - 0.1 * t))
    )
    assert arch["bend of pitch"] < -1 and abs(arch["wave of pitch"]) < 0.1
    assert arch["wave of loudness"] < -0.5, "sin(pi t) dips early and peaks late"
    assert arch["drift of brightness"] > 0.8 and arch["drift of periodicity"] < -0.08
    assert abs(arch["bend of loudness"]) < 0.05 and abs(arch["double bend of loudness"]) < 0.05


def test_widths_are_those_of_flat_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 64000)
    mel = spoken(np.concatenate([np.zeros(4800), noise, np.zeros(4800)])).mel[10:-10]
    density = 10 * np.log10((10 ** (mel / 10)).mean(axis=0) / band_widths())
    np.testing.assert_allclose(density, 10 * np.log10(0.05**2 / 8000), atol=0.6)


@pytest.mark.parametrize("hertz", [180.0, 220.0, 300.0])
def test_the_first_harmonic_stands_over_the_second_and_third(hertz: float) -> None:
    found = named(HARMONICS, harmonic_numbers(spoken(harmonics(hertz, {1: 1.0, 2: 0.5, 3: 0.25}))))
    assert found["first over second harmonic"] == pytest.approx(6.0, abs=2.5)
    assert found["first over third harmonic"] == pytest.approx(12.0, abs=3.0)
    assert found["first over second harmonic variation"] < 1.0
    louder = named(HARMONICS, harmonic_numbers(spoken(harmonics(hertz, {1: 1.0, 2: 1.0, 3: 0.25}))))
    assert found["first over second harmonic"] - louder["first over second harmonic"] == pytest.approx(6.0, abs=1.0)


def test_a_formant_inside_a_range_weakens_the_first_harmonic_against_it() -> None:
    open_, closed = (
        named(HARMONICS, harmonic_numbers(spoken(vowel(200.0, ((first, 80.0), (1500.0, 120.0), (2600.0, 160.0))))))
        for first in (700.0, 250.0)
    )
    assert open_["first harmonic over the peak at 300-1000 Hz"] < closed["first harmonic over the peak at 300-1000 Hz"] - 8
    ringing = named(HARMONICS, harmonic_numbers(spoken(vowel(200.0, ((700.0, 80.0), (1500.0, 120.0), (2600.0, 40.0))))))
    assert ringing["first harmonic over the peak at 2-3.5 kHz"] < open_["first harmonic over the peak at 2-3.5 kHz"] - 5
    assert ringing["variation over the peak at 2-3.5 kHz"] < 1.0


def test_without_voice_there_are_no_harmonics() -> None:
    nothing = invented(voiced=np.zeros(FRAMES, dtype=bool), pitch=np.full(FRAMES, np.nan))
    assert np.isnan(harmonic_numbers(nothing)).all() and np.isnan(pitch_numbers(nothing)).all()
    numbers = named(TIMBRE, timbre_numbers(nothing))
    assert np.isnan(numbers["cepstral shape 1"]) and np.isnan(numbers["cepstral shape 0 at high pitch"])
    assert np.isfinite(numbers["average spectrum 01"]) and np.isfinite(numbers["spectrum of consonants 01"])


def test_clarity_runs_from_its_lowest_to_its_highest_tenth() -> None:
    periodicity = np.linspace(0.6, 0.99, FRAMES)
    found = named(PITCH, pitch_numbers(invented(periodicity=periodicity, pitch=np.zeros(FRAMES))))
    decibel = [10 * np.log10(p / (1 - p)) for p in np.percentile(periodicity, [10, 90])]
    np.testing.assert_allclose([found["lowest voice clarity"], found["highest voice clarity"]], decibel, atol=0.02)


def test_consonants_and_what_is_heard_around_speech() -> None:
    voiced = np.arange(FRAMES) < 120
    level, centroid = np.where(voiced, -30.0, -42.0), np.where(voiced, 3.0, 5.0)
    u = invented(voiced=voiced, level=level, centroid=centroid, before=np.array([0.0] * 9 + [20.0]), after=np.full(5, 9.0))
    found = named(CONSONANTS, consonant_numbers(u))
    assert found["consonants over vowels"] == -12 and found["brightness of consonants"] == 5 and found["brightness of vowels"] == 3
    assert found["sound before speech"] == 2 and found["loudest sound before speech"] == 20
    assert np.isnan(found["sound after speech"]), "five frames are too few"


def test_a_breath_before_the_words_is_heard() -> None:
    still = harmonics(200.0, {1: 1.0, 2: 0.5})
    gasp = still.copy()
    gasp[1600:3200] += np.random.default_rng(1).normal(0, 1.5e-4, 1600)
    quiet, breathing = (named(CONSONANTS, consonant_numbers(spoken(audio))) for audio in (still, gasp))
    assert breathing["loudest sound before speech"] > quiet["loudest sound before speech"] + 15
    assert breathing["sound after speech"] == pytest.approx(quiet["sound after speech"], abs=1.0)


def test_cepstra_are_orthonormal_and_find_their_own_shape() -> None:
    basis = cepstra()[:, 1:]
    np.testing.assert_allclose(basis.T @ basis, np.eye(12), atol=1e-12)
    swing = np.sin(np.arange(FRAMES))[:, None]
    found = named(TIMBRE, timbre_numbers(invented(mel=-40 + (5 + 2 * swing) * basis[:, 2], pitch=np.zeros(FRAMES))))
    assert found["cepstral shape 3"] == pytest.approx(5.0, abs=0.05) and found["cepstral movement 3"] == pytest.approx(2**0.5, abs=0.02)
    assert abs(found["cepstral shape 2"]) < 1e-9 and found["cepstral movement 4"] < 1e-9


def test_the_spectrum_at_high_pitch_is_told_apart() -> None:
    pitch = np.linspace(0.0, 12.0, FRAMES)
    mel = -40 + 3.0 * (pitch >= np.percentile(pitch, 200 / 3))[:, None] * cepstra()[:, 1]
    found = named(TIMBRE, timbre_numbers(invented(mel=mel, pitch=pitch)))
    assert found["cepstral shape 1 at high pitch"] == pytest.approx(2.0, abs=0.05), "3 in the highest third against 1 on average"
    assert abs(found["cepstral shape 2 at high pitch"]) < 1e-9


def test_averages_of_bands_are_averages_of_power() -> None:
    mel = np.full((FRAMES, BANDS), -60.0)
    mel[:, 4] = -20.0
    voiced = np.arange(FRAMES) < 100
    mel[~voiced, 4] = -60.0
    found = named(TIMBRE, timbre_numbers(invented(mel=mel, voiced=voiced, pitch=np.where(voiced, 0.0, np.nan))))
    assert found["average spectrum 03"] == pytest.approx(-20 - 10 * np.log10(4), abs=0.01), "half of the frames, half of the pair"
    assert found["average spectrum 10"] == pytest.approx(-60, abs=0.01)
    np.testing.assert_allclose([found[f"spectrum of consonants {band:02d}"] for band in range(1, 14)], 0.0, atol=1e-9)
    assert band_centres()[4] < 400
