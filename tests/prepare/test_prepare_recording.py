"""One recording through all its modalities, whole and live."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from stf2m.core.errors import SensorMismatch, UnknownName, WrongUnit
from stf2m.core.records import Recording, Stream
from stf2m.prepare.modality import Chunk
from stf2m.prepare.recipe import SignalRecipe
from stf2m.prepare.run import prepare_recording
from stf2m.prepare.session import push_session, source_of, start_session

ALL = ("eda", "bvp", "hr", "temp", "acc", "ibi")
RECIPE = SignalRecipe(modalities=ALL)


def test_live_chunks_equal_the_whole(invent: Callable[..., Recording]) -> None:
    recording = invent("anna", 0, 40.0, ALL)
    whole = prepare_recording(recording, RECIPE)
    state = start_session({n: (s.modality, source_of(s, RECIPE)) for n, s in recording.streams.items()}, RECIPE)
    parts: dict[str, list] = {name: [] for name in recording.streams}
    before = -np.inf
    for until in [0.3, 1.0, 7.77, 20.0, 33.1, recording.length]:
        chunks = {}
        for name, s in recording.streams.items():
            mine = (s.times >= before) & (s.times < until)
            chunks[name] = Chunk(s.samples[:, mine], s.times[mine], s.times[mine], until)
        before = until
        state, tracks = push_session(state, chunks)
        for name, track in tracks.items():
            parts[name].append(track)
    for name in recording.streams:
        np.testing.assert_array_equal(np.concatenate([p.values for p in parts[name]], axis=1), whole.tracks[name].values)
        np.testing.assert_array_equal(np.concatenate([p.quality for p in parts[name]]), whole.tracks[name].quality)


def test_movement_of_the_wrist_lowers_the_pulse_quality(invent: Callable[..., Recording]) -> None:
    calm = invent("anna", 0, 40.0, ("bvp", "acc"))
    shaken = calm.streams["acc"].samples.copy()
    shaken[:, 640:960] += np.random.default_rng(0).normal(0, 0.6, (3, 320)).astype(np.float32)
    moved = replace(calm, streams={**calm.streams, "acc": replace(calm.streams["acc"], samples=shaken)})
    quiet, noisy = (prepare_recording(r, RECIPE).tracks["bvp"].quality for r in (calm, moved))
    assert noisy[21 * 64 : 29 * 64].mean() < 0.5 < 0.8 < quiet[21 * 64 : 29 * 64].mean()
    np.testing.assert_array_equal(noisy[: 20 * 64], quiet[: 20 * 64])


def test_the_better_of_two_wrists_is_taken_and_named(invent: Callable[..., Recording]) -> None:
    one = invent("anna", 0, 40.0, ("eda", "bvp"))
    torn = one.streams["eda"].samples.copy()
    torn[:, 40:] = np.nan
    two = replace(one, streams={"left eda": replace(one.streams["eda"], samples=torn), "right eda": one.streams["eda"]})
    prepared = prepare_recording(two, RECIPE)
    np.testing.assert_array_equal(prepared.tracks["eda"].values, prepare_recording(one, RECIPE).tracks["eda"].values)
    assert "stream right eda taken" in prepared.provenance[-1] and "left eda" in prepared.provenance[-1]


def test_units_are_converted(invent: Callable[..., Recording]) -> None:
    one = invent("anna", 0, 20.0, ("temp",))
    stream = one.streams["temp"]
    fahrenheit = replace(stream, samples=(stream.samples * 9 / 5 + 32).astype(np.float32), units=("degF",))
    want, got = (prepare_recording(replace(one, streams={"t": s}), RECIPE).tracks["temp"].values for s in (stream, fahrenheit))
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("degC", 10.0), ("uS", 1.0)])
def test_impossible_units_are_refused(invent: Callable[..., Recording], unit: str, factor: float) -> None:
    one = invent("anna", 0, 20.0, ("temp",))
    stream = replace(one.streams["temp"], samples=one.streams["temp"].samples * np.float32(factor), units=(unit,))
    with pytest.raises(WrongUnit, match="temp"):
        prepare_recording(replace(one, streams={"t": stream}), RECIPE)


def test_a_static_stream_is_one_value_known_when_it_is_known() -> None:
    beats = Stream(
        "ibi", np.array([[0.8]], dtype=np.float32), np.array([3.0]), 0.0, ("ibi",), ("s",), available=np.array([4.0]), static=True
    )
    pulse = Stream("hr", np.full((1, 10), 60, dtype=np.float32), np.arange(10.0), 1.0, ("hr",), ("bpm",))
    prepared = prepare_recording(Recording("r", "d", "s", "1", {"ibi": beats, "hr": pulse}), RECIPE)
    track = prepared.tracks["ibi"]
    assert track.static and track.available == 4.0 and track.values.shape == (2, 1) and track.values[0, 0] == np.float32(0.8)


def test_recordings_and_recipes_that_do_not_meet_are_refused(invent: Callable[..., Recording]) -> None:
    one = invent("anna", 0, 10.0, ("eda",))
    with pytest.raises(SensorMismatch):
        prepare_recording(one, SignalRecipe(modalities=("bvp",)))
    with pytest.raises(UnknownName, match="eda"):
        prepare_recording(one, SignalRecipe(modalities=("edda",)))
