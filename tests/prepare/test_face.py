"""Face: action units by name, frame by frame or one mean per take."""

import csv
from pathlib import Path

import numpy as np
import pytest

from stf2m.core.errors import UnknownColumn
from stf2m.prepare.modalities.face import CHANNELS, DESCRIPTORS, FACE, INTENSITIES
from stf2m.prepare.modality import Chunk, Source, Windows


def see(samples: np.ndarray, times: np.ndarray, channels: tuple[str, ...], until: float, rate: float = 30.0, cuts: tuple[float, ...] = ()):
    state, parts, before = FACE.start(Source(channels, ("au",) * len(channels), rate, FACE.rate)), [], -np.inf
    for end in (*sorted(cuts), until):
        mine = (times >= before) & (times < end)
        state, part = FACE.push(state, Chunk(samples[:, mine].astype(np.float32), times[mine], times[mine], end))
        parts.append(part)
        before = end
    return np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts])


def test_a_take_mean_is_known_at_its_end_and_holds() -> None:
    take = np.linspace(0.0, 1.0, len(CHANNELS))[:, None]
    values, quality = see(take, np.array([3.3]), CHANNELS, 5.0, rate=0.0)
    assert np.isnan(values[:, :33]).all() and (quality[:33] == 0).all()
    np.testing.assert_allclose(values[:, 33:], np.repeat(take, 17, axis=1), rtol=1e-6)
    assert (quality[33:] == 1).all()


def test_channels_are_found_by_name_whatever_their_order() -> None:
    samples = np.array([[0.5], [2.0]])
    values, quality = see(samples, np.zeros(1), ("AU12_c", "AU04_r"), 0.05, rate=0.0)
    assert values[CHANNELS.index("AU04_r"), 0] == 2.0 and values[CHANNELS.index("AU12_c"), 0] == 0.5
    assert np.isfinite(values[:, 0]).sum() == 2 and quality[0] == 1


def test_no_action_unit_is_an_error_in_words() -> None:
    with pytest.raises(UnknownColumn, match="AUxx_r"):
        FACE.start(Source(("smile",), ("au",), 30.0, 10.0))


def test_impossible_values_are_missing_and_presences_stay_shares() -> None:
    times = np.arange(90) / 30
    samples = np.full((2, 90), [[7.0], [1.0]])
    values, quality = see(samples, times, ("AU01_r", "AU01_c"), 3.0)
    assert np.isnan(values[CHANNELS.index("AU01_r")]).all()
    assert (values[CHANNELS.index("AU01_c"), 5:] <= 1.0).all() and (quality[5:] == 0.5).all()


def test_frames_chunked_equal_the_whole_and_see_nothing_later() -> None:
    rng, times = np.random.default_rng(0), np.arange(300) / 30
    samples = rng.uniform(0, 1, (len(CHANNELS), 300))
    samples[:, 100:120] = np.nan
    want = see(samples, times, CHANNELS, 10.0)
    got = see(samples, times, CHANNELS, 10.0, cuts=tuple(rng.uniform(0, 10, 12)))
    np.testing.assert_array_equal(got[0], want[0])
    np.testing.assert_array_equal(got[1], want[1])
    samples[:, times > 5.0] = 0.0
    np.testing.assert_array_equal(see(samples, times, CHANNELS, 10.0)[0][:, :51], want[0][:, :51])


def test_descriptors_are_means_in_human_words_and_their_logarithms() -> None:
    names = [d.name for d in DESCRIPTORS]
    assert len(names) == 70 and all(d.readable for d in DESCRIPTORS[:35]) and not any(d.readable for d in DESCRIPTORS[35:])
    assert names[:3] == ["inner brow raiser", "outer brow raiser", "brow lowerer"] and "lip corner puller seen" in names
    assert names[35:] == [f"trace of {name}" for name in names[:35]]
    values = np.arange(len(CHANNELS), dtype=np.float32)[None, :, None]
    numbers = FACE.describe(Windows(values, 1, 10.0, np.full((1, len(CHANNELS)), np.nan, np.float32)))
    np.testing.assert_array_equal(numbers[0, :35], values[0, :, 0])
    np.testing.assert_allclose(2.0 ** numbers[0, 35:], values[0, :, 0] + 0.02, rtol=1e-5)
    assert names.index("lip corner puller") == INTENSITIES.index("AU12_r")


def test_the_real_table_has_our_channels(real_data: Path) -> None:
    with (real_data / "ravdess" / "face_action_units.csv").open() as file:
        row = next(csv.DictReader(file))
    assert tuple(row)[2:] == CHANNELS
    take = np.array([[float(row[name])] for name in CHANNELS])
    values, _ = see(take, np.array([3.0]), CHANNELS, 3.2, rate=0.0)
    np.testing.assert_allclose(values[:, -1], take[:, 0], rtol=1e-6)
