"""The doctor finds what was done to a recording, with the right figure, and finds nothing in a healthy one."""

import time
from dataclasses import replace

import numpy as np
import pytest

from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.doctor import check_contact, describe_dataset, examine, longest_run
from stf2m.data.synthetic.world import PEOPLE

CALM = PEOPLE.model_copy(
    update={"bursts_per_minute": 0.0, "off_wrist": 0.0, "blinks_per_minute": 0.0, "missing_person": 0.0, "missing_recording": 0.0}
)


@pytest.fixture(scope="module")
def healthy() -> Recording:
    return next(SyntheticDataset(1, 1, 60, world=CALM).recordings("P01"))


def with_stream(recording, name, **changes):
    return replace(recording, streams={**recording.streams, name: replace(recording.streams[name], **changes)})


def said(recording, name, *severities):
    """Sentences about one stream, of the given severities."""
    return [f.sentence for f in examine(recording) if f.stream == name and f.severity in (severities or ("error", "warning"))]


def damaged(recording, name, start, stop, value):
    """The recording with `value` in every channel of a stream between two times (s)."""
    stream = recording.streams[name]
    samples = stream.samples.copy()
    samples[:, (stream.times >= start) & (stream.times < stop)] = value
    return with_stream(recording, name, samples=samples)


def test_a_healthy_recording_has_no_warnings_and_one_line_per_stream(healthy):
    found = examine(healthy)
    assert not [f for f in found if f.severity in ("error", "warning")]
    assert {f.stream for f in found if f.severity == "ok"} == set(healthy.streams)
    assert any("32 Hz" in f.sentence and f.stream == "acc" for f in found)


@pytest.mark.parametrize(("rate", "severity"), [(3.8, "warning"), (2.0, "error"), (4.05, "")])
def test_a_rate_that_contradicts_the_times(healthy, rate, severity):
    changed = with_stream(healthy, "eda", sample_rate=rate)
    text = said(changed, "eda", severity or "none")
    assert bool(text) == bool(severity)
    if text:
        assert f"declared {rate:g} Hz, measured 4 Hz" in text[0]


def test_a_clock_that_drifts(healthy):
    times = healthy.streams["bvp"].times * 1.005
    assert "0.30 s late after 60 s" in said(with_stream(healthy, "bvp", times=times), "bvp")[0]
    assert not said(with_stream(healthy, "bvp", times=healthy.streams["bvp"].times * 1.0005), "bvp")


def test_gaps_in_the_times_are_no_drift(healthy):
    stream = healthy.streams["bvp"]
    keep = ~((stream.times >= 20) & (stream.times < 28))
    text = said(with_stream(healthy, "bvp", samples=stream.samples[:, keep], times=stream.times[keep]), "bvp")
    assert len(text) == 1
    assert "1 gap, 8.00 s in all; the longest lasts 8.00 s from 20.0 s on" in text[0]


def test_missing_samples(healthy):
    assert "longest run lasts 10.00 s from 30.0 s" in said(damaged(healthy, "pupil", 30, 40, np.nan), "pupil")[0]
    assert "longest run lasts 0.20 s" in said(damaged(healthy, "pupil", 30, 30.2, np.nan), "pupil", "note")[0]
    assert "every sample is missing" in said(damaged(healthy, "pupil", 0, 60, np.nan), "pupil", "error")[0]


def test_many_implausible_values_ask_for_another_unit(healthy):
    stream = healthy.streams["eda"]
    values = np.where(np.arange(stream.samples.shape[1]) % 5 < 2, 800.0, 40.0).astype(np.float32)[None]
    assert said(with_stream(healthy, "eda", samples=values), "eda")[0] == "40.0% of eda lies outside 0 to 100 uS; are they in nS?"


def test_flat_lines(healthy):
    assert "5.0 s from 10.0 s" in said(damaged(healthy, "bvp", 10, 15.02, 3.0), "bvp")[0]
    assert "all axes: no movement for 25" in said(damaged(healthy, "acc", 10, 35.05, 0.25), "acc")[0]
    still = healthy.streams["acc"].samples.copy()
    still[0] = 0.25
    assert not said(with_stream(healthy, "acc", samples=still), "acc")


def test_clipping(healthy):
    samples = healthy.streams["bvp"].samples
    clipped = np.minimum(samples, np.quantile(samples, 0.9))
    text = said(with_stream(healthy, "bvp", samples=clipped), "bvp")
    assert len(text) == 1
    assert "looks clipped: 10.0% of the samples sit at the largest value" in text[0]


def test_units_that_cannot_be(healthy):
    assert (
        "cannot be in degC: its median is"
        in said(with_stream(healthy, "temp", samples=healthy.streams["temp"].samples + 60), "temp", "error")[0]
    )
    fahrenheit = healthy.streams["temp"].samples * 1.8 + 32
    assert not said(with_stream(healthy, "temp", samples=fahrenheit, units=("degF",)), "temp")
    assert "outside 25 to 240 bpm" in said(damaged(healthy, "hr", 10, 15, 300.0), "hr", "warning")[0]


def test_a_band_that_was_taken_off(healthy):
    assert "probably off the wrist for 15 s (below 0.05 uS)" in said(damaged(healthy, "eda", 40, 55, 0.01), "eda")[0]
    temp = healthy.streams["temp"]
    cooling = 24 + (temp.samples - 24) * np.exp(-np.maximum(temp.times - 20, 0) / 25).astype(np.float32)
    assert "below 28 degC and cooling" in said(with_stream(healthy, "temp", samples=cooling), "temp")[0]
    world = CALM.model_copy(update={"off_wrist": 1.0})
    for recording in SyntheticDataset(4, 1, 120, world=world).recordings("P02"):
        assert "off the wrist" in said(recording, "eda")[0]


def test_streams_that_begin_late_or_end_early(healthy):
    assert said(healthy, "hr", "note") == ["begins 5.0 s after the first stream"]
    stream = healthy.streams["eda"]
    cut = with_stream(healthy, "eda", samples=stream.samples[:, :100], times=stream.times[:100])
    assert "ends 35.0 s before the last stream" in said(cut, "eda", "warning")


def test_labels(healthy):
    values, times = healthy.ratings[0].values, healthy.ratings[0].times
    assert "covers" in said(healthy, "rating self", "note")[0]
    still = replace(healthy, ratings=(Rating("self", np.zeros_like(values), times, (1, 9), 7),))
    assert (
        "100% exactly neutral; 7 values lay beyond the scale and were clipped; it never moves" in said(still, "rating self", "warning")[0]
    )
    none = replace(healthy, ratings=(Rating("self", np.full_like(values, np.nan), times, (1, 9)),))
    assert said(none, "rating self", "error") == ["every value is missing"]
    half = values.copy()
    half[:, : int(0.6 * len(times))] = np.nan
    assert "covers 40%" in said(replace(healthy, ratings=(Rating("self", half, times, (1, 9)),)), "rating self", "warning")[0]
    assert said(replace(healthy, ratings=()), "", "note") == ["no ratings and no labels: fit for prediction only"]
    late = replace(healthy, annotations=(Annotation(50, 70, "sad"), Annotation(0, 10, "sad")))
    assert "1 of 2 labels reach beyond" in said(late, "", "warning")[0]


def test_the_worst_comes_first_and_odd_streams_are_survived(healthy):
    events = Stream("ibi", np.ones((1, 2), np.float32), np.array([1.0, 2.5]), 0.0, ("ibi",), ("s",))
    static = Stream("face", np.ones((3, 1), np.float32), np.zeros(1), 0.0, ("a", "b", "c"), ("au",) * 3, np.ones(1), static=True)
    empty = Stream("eda", np.zeros((1, 0), np.float32), np.zeros(0), 4.0, ("eda",), ("uS",))
    single = Stream("temp", np.full((1, 1), 33, np.float32), np.zeros(1), 4.0, ("temp",), ("degC",))
    found = examine(replace(healthy, streams={**healthy.streams, "ibi": events, "face": static, "eda": empty, "temp": single}))
    ranks = [("error", "warning", "note", "ok").index(f.severity) for f in found]
    assert ranks == sorted(ranks)
    assert "one value of 3 channels" in next(f.sentence for f in found if f.stream == "face")


def test_the_longest_run():
    assert longest_run(np.array([False, True, True, False, True, True, True])) == (4, 7)
    assert longest_run(np.zeros(3, bool)) == (0, 0)
    assert longest_run(np.zeros(0, bool)) == (0, 0)


def test_an_hour_takes_well_under_a_second(healthy):
    times = np.arange(3600 * 64) / 64
    long = Stream("bvp", np.sin(7 * times, dtype=np.float64)[None].astype(np.float32), times, 64.0, ("bvp",), ("au",))
    start = time.perf_counter()
    examine(replace(healthy, streams={"bvp": long}))
    assert time.perf_counter() - start < 1


def test_a_data_set_in_rows():
    rows = dict(describe_dataset(SyntheticDataset(2, 3, 20, world=CALM)))
    assert rows["people"] == "2"
    assert rows["recordings"].startswith("6 (2.0 min, 20 s each")
    assert rows["sensor acc"] == "32 Hz, in 6 of 6 recordings"
    assert rows["rated time"].startswith(("1.", "2."))
    assert rows["licence"] == "MIT (generated)"


class OnePerson:
    """A data set of given recordings of P01."""

    def __init__(self, *recordings, **card):
        self.found, self.card = recordings, SyntheticDataset(1).card.model_copy(update=card)

    def subjects(self):
        return ("P01",)

    def recordings(self, subject):
        return iter(self.found)


def test_named_labels_are_counted(healthy):
    labelled = (replace(healthy, ratings=(), annotations=(Annotation(0, 60, emotion),)) for emotion in ("sad", "happy", "sad"))
    rows = dict(describe_dataset(OnePerson(*labelled)))
    assert rows["labels per emotion"] == "sad 2, happy 1"
    assert "rated time" not in rows


def test_a_summary_says_which_rates_were_estimated(healthy):
    shaky = [with_stream(healthy, "acc", sample_rate=rate, estimated=True) for rate in (31.914, 31.871)]
    rows = dict(describe_dataset(OnePerson(healthy, *shaky)))
    assert rows["sensor acc"] == "about 31.9 Hz, estimated / 32 Hz, in 3 of 3 recordings"
    fast = with_stream(healthy, "acc", sample_rate=44100.0, estimated=True)
    assert dict(describe_dataset(OnePerson(fast)))["sensor acc"].startswith("about 44100 Hz, estimated, in")


def test_a_summary_says_the_scale_of_ratings_and_where_recordings_have_another(healthy):
    rows = dict(describe_dataset(OnePerson(healthy)))
    assert rows["rating scale"] == "-1 to 1" and "warning" not in rows
    rows = dict(describe_dataset(OnePerson(healthy, rating_scale=(1.0, 9.0))))
    assert rows["rating scale"] == "1 to 9"
    assert (
        rows["warning"]
        == "ratings of recordings go from -1 to 1, the card says 1 to 9: correct rating_scale under [card] or the scale of the ratings"
    )
    assert "rating scale" not in dict(describe_dataset(OnePerson(replace(healthy, ratings=()), rating_scale=None)))


@pytest.mark.parametrize("seconds", [2, 5, 9, 30])
def test_a_short_temperature_is_examined_too(seconds):
    count = 4 * seconds
    stream = Stream("temp", np.full((1, count), 25.0, np.float32), np.arange(count) / 4, 4.0, ("temp",), ("degC",))
    assert isinstance(list(check_contact(stream)), list)


def test_an_estimated_rate_is_not_called_declared(healthy):
    guessed = with_stream(healthy, "eda", estimated=True)
    assert next(f.sentence for f in examine(guessed) if f.stream == "eda" and f.severity == "ok").startswith("an estimated 4 Hz, ")
    flat = damaged(guessed, "eda", 10, 40, 0.5)
    assert "no movement for 29" in said(flat, "eda", "warning")[0]
    assert said(flat, "eda", "note") == ["its rate, an estimated 4 Hz, follows from the times; nobody declared one"]
    uneven = said(with_stream(guessed, "eda", sample_rate=3.8), "eda", "warning")[0]
    assert uneven == "its steps are uneven: an estimated 3.8 Hz on average, 4 Hz by the middle step (+5.3%)"


def test_labels_that_contradict_each_other(healthy):
    labels = (Annotation(0, 5, "calm"), Annotation(5, 9, "sad"), Annotation(7, 8, "happy"), Annotation(7.5, 8, "happy"))
    assert said(replace(healthy, annotations=labels), "", "warning") == [
        "2 labels contradict another of the same time and source: from 7.0 to 8.0 s 'self' says 'sad' and 'happy'"
    ]
    others = (Annotation(0, 5, "calm"), Annotation(0, 5, "sad", source="rater"), Annotation(1, 2, "calm"), Annotation(5, 6, "sad"))
    assert not said(replace(healthy, annotations=others), "", "warning")
    levels = (Annotation(0, 5, "calm", 0.5, -0.5), Annotation(2, 3, None, -0.5))
    assert "'calm', valence 0.5, arousal -0.5 and valence -0.5" in said(replace(healthy, annotations=levels), "", "warning")[0]
