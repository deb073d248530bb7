"""What every registered modality promises, whoever wrote it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stf2m.core.records import Stream
from stf2m.core.units import CONVERT
from stf2m.prepare.clocks import grid_count
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

NAMES = sorted(MODALITIES)
LENGTH = 60.0
CLEAR = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def source_of(modality: Modality, stream: Stream) -> Source:
    return Source(stream.channels, stream.units, stream.sample_rate, modality.rate)


def length_of(stream: Stream) -> float:
    return float(stream.times[-1]) + (1 / stream.sample_rate if stream.sample_rate else 1.0)


def whole(modality: Modality, stream: Stream, shift: float = 0.0) -> Track:
    times = stream.times + shift
    known = times if stream.available is None else stream.available + shift
    chunk = Chunk(stream.samples, times, known, length_of(stream) + shift)
    return modality.push(modality.start(source_of(modality, stream)), chunk)[1]


def chunked(modality: Modality, stream: Stream, cuts: list[float]) -> Track:
    state, parts, before = modality.start(source_of(modality, stream)), [], -np.inf
    end = length_of(stream)
    for until in [*sorted(cuts), end]:
        mine = (stream.times >= before) & (stream.times < until)
        before = max(before, until)
        state, part = modality.push(state, Chunk(stream.samples[:, mine], stream.times[mine], stream.times[mine], until))
        assert part.values.shape[1] == len(part.quality)
        parts.append(part)
    return Track(np.concatenate([p.values for p in parts], axis=1), np.concatenate([p.quality for p in parts]))


def windows_of(modality: Modality, track: Track, seconds: float = 2.0) -> Windows:
    samples = max(round(seconds * modality.rate), 1)
    full = min(samples + round(modality.context * modality.rate), track.values.shape[1])
    starts = np.arange(0, track.values.shape[1] - full + 1, samples)
    values = np.stack([track.values[:, s : s + full] for s in starts])
    finite = np.isfinite(track.values)
    sums, counts = np.cumsum(np.where(finite, track.values, 0), axis=1), np.cumsum(finite, axis=1)
    before = starts + full - samples
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)[:, before].T
    return Windows(values, samples, modality.rate, usual.astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
@CLEAR
@given(seed=st.integers(0, 1000), shares=st.lists(st.floats(0, 1), max_size=10), holes=st.booleans(), on_samples=st.booleans())
def test_chunked_equals_whole(
    invent_stream: Callable[..., Stream], name: str, seed: int, shares: list[float], holes: bool, on_samples: bool
) -> None:
    rng, modality = np.random.default_rng(seed), MODALITIES[name]
    stream = invent_stream(name, LENGTH, rng)
    if holes:
        stream.samples[:, rng.random(stream.samples.shape[1]) < 0.05] = np.nan
        stream.samples[:, len(stream.times) // 3 : len(stream.times) // 2] = np.nan
    end = length_of(stream)
    cuts = [float(stream.times[int(s * (len(stream.times) - 1))]) if on_samples else s * end for s in shares]
    want, got = whole(modality, stream), chunked(modality, stream, cuts)
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.quality, want.quality)


@pytest.mark.parametrize("name", NAMES)
def test_track_is_float32_on_the_grid_and_graded(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    stream = invent_stream(name, LENGTH, np.random.default_rng(1))
    before = stream.samples.copy(), stream.times.copy()
    track = whole(modality, stream)
    assert track.values.dtype == np.float32 and track.quality.dtype == np.float32
    assert track.values.shape == (len(modality.channels), grid_count(length_of(stream), modality.rate))
    assert ((track.quality >= 0) & (track.quality <= 1)).all()
    np.testing.assert_array_equal(stream.samples, before[0])
    np.testing.assert_array_equal(stream.times, before[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_later_recording_is_the_same_later(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    stream = invent_stream(name, LENGTH, np.random.default_rng(2))
    shift = 8.0
    here, there = whole(modality, stream), whole(modality, stream, shift)
    late = round(shift * modality.rate)
    count = min(here.values.shape[1], there.values.shape[1] - late)
    np.testing.assert_allclose(there.values[:, late : late + count], here.values[:, :count], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(there.quality[late : late + count], here.quality[:count], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_looks_ahead(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    stream = invent_stream(name, LENGTH, np.random.default_rng(3))
    want = whole(modality, stream)
    now = float(stream.times[len(stream.times) // 2])
    stream.samples[:, stream.times > now] *= 0.7
    got, known = whole(modality, stream), grid_count(now, modality.rate)
    np.testing.assert_array_equal(got.values[:, :known], want.values[:, :known])
    np.testing.assert_array_equal(got.quality[:known], want.quality[:known])


@pytest.mark.parametrize("name", NAMES)
def test_descriptors_are_finite_on_good_input_and_missing_without(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    stream = invent_stream(name, LENGTH, np.random.default_rng(4))
    windows = windows_of(modality, whole(modality, stream))
    kept = windows.values.copy()
    numbers = modality.describe(windows)
    assert numbers.shape == (len(windows.values), len(modality.descriptors)) and numbers.dtype == np.float32
    np.testing.assert_array_equal(windows.values, kept)
    good = np.isfinite(windows.values).all(axis=(1, 2))
    assert not np.isinf(numbers).any()
    if good.any() and not modality.one_node:
        assert np.isfinite(numbers[good]).mean() > 0.95
    absent = Windows(np.full_like(windows.values, np.nan), windows.samples, windows.rate, np.full_like(windows.usual, np.nan))
    assert np.isnan(modality.describe(absent)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_window_is_described_alone_as_among_others(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    windows = windows_of(modality, whole(modality, invent_stream(name, LENGTH, np.random.default_rng(5))))
    together = modality.describe(windows)
    alone = modality.describe(windows._replace(values=windows.values[1:2], usual=windows.usual[1:2]))
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_chunk_and_an_empty_recording_are_fine(invent_stream: Callable[..., Stream], name: str) -> None:
    modality = MODALITIES[name]
    stream = invent_stream(name, 10.0, np.random.default_rng(6))
    nothing = Chunk(stream.samples[:, :0], stream.times[:0], stream.times[:0], 3.0)
    _, track = modality.push(modality.start(source_of(modality, stream)), nothing)
    assert track.values.shape == (len(modality.channels), grid_count(3.0, modality.rate))
    assert (track.quality == 0).all()


def test_names_are_unique_and_words_are_said() -> None:
    infos = [d for m in MODALITIES.values() for d in m.descriptors]
    assert len({d.name for d in infos}) == len(infos)
    for key, modality in MODALITIES.items():
        assert key == modality.name and modality.unit in CONVERT and modality.channels
        assert all(d.modality == key and d.unit and d.low and d.high for d in modality.descriptors)
