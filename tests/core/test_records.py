"""Records refuse what contradicts itself, in one sentence that says where."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stf2m.core.errors import InvalidRecord, TimesNotIncreasing, UnknownName
from stf2m.core.records import Annotation as Label
from stf2m.core.records import DescriptorInfo, Rating, Recording, Segments, SignalInfo, Stream


def a_stream(count=8, rate=4.0, **changes):
    times = np.arange(count) / rate
    kept = {
        "modality": "eda",
        "samples": np.ones((1, count), np.float32),
        "times": times,
        "sample_rate": rate,
        "channels": ("eda",),
        "units": ("uS",),
    }
    return Stream(**{**kept, **changes})


@given(st.integers(1, 50), st.sampled_from([1.0, 4.0, 64.0]), st.floats(-5, 5))
def test_length_runs_to_the_end_of_the_last_sample(count, rate, start):
    stream = a_stream(count, rate, times=start + np.arange(count) / rate)
    assert stream.length == pytest.approx(count / rate)
    assert Recording("r", "d", "s", "1", {"eda": stream}).length == pytest.approx(start + count / rate)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=12))
def test_times_must_increase(times):
    array = np.array(times)
    good = bool((np.diff(array) > 0).all())
    if good:
        a_stream(len(times), times=array)
        return
    bad = int(np.flatnonzero(~(np.diff(array) > 0))[0]) + 1
    with pytest.raises(TimesNotIncreasing, match=f"the first at sample {bad}"):
        a_stream(len(times), times=array)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modality": "gsr"}, "unknown modality"),
        ({"samples": np.ones(8, np.float32)}, "float32"),
        ({"times": np.arange(7) / 4}, "one time per sample"),
        ({"channels": ("a", "b")}, "one name and unit per channel"),
        ({"units": ()}, "one name and unit per channel"),
        ({"available": np.arange(8) / 4 - 1}, "known before it is measured"),
        ({"available": np.zeros(3)}, "known before it is measured"),
    ],
)
def test_a_stream_refuses_what_contradicts_itself(changes, words):
    with pytest.raises(InvalidRecord, match=words) as caught:
        a_stream(**changes)
    assert str(caught.value).startswith("stream ")


def test_an_unknown_unit_names_the_known_ones():
    with pytest.raises(UnknownName, match=r"known units: .*degC.*uS"):
        a_stream(units=("siemens",))


def test_missing_samples_and_empty_streams_are_fine():
    assert np.isnan(a_stream(samples=np.full((1, 8), np.nan, np.float32)).samples).all()
    empty = a_stream(0, samples=np.zeros((1, 0), np.float32), times=np.zeros(0))
    assert empty.length == 0
    assert Recording("r", "d", "s", "1", {"eda": empty}).length == 0


def test_records_are_frozen_and_say_what_they_are():
    stream = a_stream()
    with pytest.raises(FrozenInstanceError):
        stream.modality = "bvp"
    assert repr(stream) == "Stream(eda, 1 ch, 4 Hz, 2.0 s)"
    assert repr(Recording("r", "d", "s", "1", {"eda": stream})) == "Recording(r, s, eda, 2 s)"
    with pytest.raises(InvalidRecord, match="at least one stream"):
        Recording("r", "d", "s", "1", {})


@given(st.floats(-1, 1, width=32), st.floats(1.0625, 3, width=32))
def test_ratings_live_in_minus_one_to_one(inside, outside):
    Rating("self", np.array([[inside], [np.nan]], np.float32), np.zeros(1), (1.0, 9.0))
    for value in (outside, -outside):
        with pytest.raises(InvalidRecord, match="declare the source scale"):
            Rating("self", np.array([[inside], [value]], np.float32), np.zeros(1), (1.0, 9.0))


def test_ratings_need_two_rows_and_increasing_times():
    with pytest.raises(InvalidRecord, match=r"expected \(2, 3\)"):
        Rating("self", np.zeros((3, 2), np.float32), np.arange(3.0), (1.0, 9.0))
    with pytest.raises(TimesNotIncreasing):
        Rating("self", np.zeros((2, 2), np.float32), np.zeros(2), (1.0, 9.0))
    Rating("self", np.zeros((2, 0), np.float32), np.zeros(0), (1.0, 9.0))


def test_annotations_last_and_stay_on_the_scale():
    Label(0.0, 1.0, "sad", -1.0, 1.0)
    with pytest.raises(InvalidRecord, match="ends before it begins"):
        Label(1.0, 1.0, "sad")
    for value in (1.5, float("nan")):
        with pytest.raises(InvalidRecord, match=r"outside -1\.\.1"):
            Label(0.0, 1.0, arousal=value)


def segments(count=3):
    return Segments(
        signals={"eda": np.zeros((1, 12), np.float32)},
        infos=(SignalInfo("eda", rate=4.0, samples=8, window=4, channels=("eda",)),),
        starts=np.zeros((count, 1), np.int64), bounds=np.array([[[0, 12]]]), present=np.ones((count, 1), bool),
        quality=np.ones((count, 1), np.float32), descriptors=np.zeros((count, 1), np.float32),
        descriptor_infos=(DescriptorInfo("level", "eda", "uS"),), targets={"arousal2": np.zeros(count, np.int16)},
        emotions={"arousal2": ("low", "high")}, rating=np.zeros((count, 2), np.float32), spans=np.zeros((count, 2)),
        session_time=np.zeros(count), subject=np.zeros(count, np.int32), recording=np.zeros(count, np.int32),
        stimulus=np.zeros(count, np.int32), subjects=("a",), recordings=("r",), stimuli=("s",), recipe_hash="x", dataset="d",
    )  # fmt: skip


def test_segments_agree_on_their_number():
    good = segments()
    assert (len(good), good.modalities) == (3, ("eda",))
    for name in ("starts", "present", "quality", "descriptors", "rating", "session_time", "subject", "recording", "stimulus"):
        with pytest.raises(InvalidRecord, match=f"segments: {name}; expected 3 rows, got 2"):
            replace(good, **{name: getattr(good, name)[:2]})
    with pytest.raises(InvalidRecord, match="arousal2"):
        replace(good, targets={"arousal2": np.zeros(4, np.int16)})
    with pytest.raises(InvalidRecord, match="one name per descriptor"):
        replace(good, descriptor_infos=())
