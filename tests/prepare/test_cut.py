"""Windows, labels and descriptors of prepared recordings."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stf2m.core.errors import InvalidConfig, NothingToRead, UnknownName
from stf2m.core.records import Annotation, Rating, Recording, Segments, Stream
from stf2m.prepare.cut import cut, read_windows
from stf2m.prepare.labels import annotated_rating, majority_emotion, mean_rating, overlap
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modality import Windows
from stf2m.prepare.prepared import Prepared, prepared_from
from stf2m.prepare.recipe import CutRecipe, SignalRecipe

SIGNALS = SignalRecipe(modalities=("eda", "bvp", "acc"))


@pytest.fixture
def prepared(invent: Callable[..., Recording]) -> Prepared:
    return prepared_from([invent("anna", 0), invent("anna", 1), invent("bo", 0)], SIGNALS)


def test_segments_are_an_index_over_the_signals(prepared: Prepared) -> None:
    segments = cut(prepared, CutRecipe(window=2.0, hop=1.0, targets=("emotion", "valence2", "quadrant")))
    assert len(segments) == 3 * 39 and segments.modalities == ("eda", "bvp", "acc")
    assert segments.signals is prepared.signals
    assert segments.present.all() and segments.subjects == ("anna", "bo") and segments.stimuli == ("clip 0", "clip 1")
    np.testing.assert_allclose(segments.session_time[:2], [0.0, 1.0])
    assert segments.session_time[39] == 100.0
    rows = np.array([0, 5, 38, 39, 60])
    for axis, info in enumerate(segments.infos):
        windows = read_windows(segments, rows, info.modality)
        assert windows.shape == (5, len(info.channels), info.samples) and windows.dtype == np.float32
        end = segments.bounds[0, axis, 1]
        np.testing.assert_array_equal(windows[2], prepared.signals[info.modality][:, end - info.samples : end])
        assert np.isnan(windows[0, :, : -info.window]).all() and np.isfinite(windows[0, 0, -info.window :]).all()
        assert np.isnan(windows[3, :, : -info.window]).all(), "the context of a first window is not the recording before"


def test_descriptors_see_the_window_its_context_and_the_past(prepared: Prepared) -> None:
    segments = cut(prepared, CutRecipe(window=2.0))
    row = np.array([12])
    first = 0
    for info in segments.infos:
        modality, values = MODALITIES[info.modality], read_windows(segments, row, info.modality)
        past = prepared.signals[info.modality][:, : round(24.0 * info.rate)].astype(np.float64)
        usual = np.nanmean(past, axis=1)[None].astype(np.float32)
        want = modality.describe(Windows(values, info.window, info.rate, usual))
        got = segments.descriptors[row, first : first + want.shape[1]]
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
        first += want.shape[1]


def test_descriptors_do_not_depend_on_the_chunks(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    want = cut(prepared, CutRecipe()).descriptors
    monkeypatch.setattr("stf2m.prepare.windows.CHUNK_BYTES", 40_000)
    np.testing.assert_allclose(cut(prepared, CutRecipe()).descriptors, want, rtol=1e-5)


def test_what_comes_later_changes_nothing_earlier(invent: Callable[..., Recording]) -> None:
    one = invent("anna", 0)
    streams = {n: replace(s, samples=np.where(s.times > 20.0, s.samples * np.float32(1.5), s.samples)) for n, s in one.streams.items()}
    here, there = (cut(prepared_from([r], SIGNALS), CutRecipe()) for r in (one, replace(one, streams=streams)))
    early = here.spans[:, 1] <= 20.0
    np.testing.assert_array_equal(here.descriptors[early], there.descriptors[early])
    assert not np.array_equal(here.descriptors[~early], there.descriptors[~early], equal_nan=True)


def test_labels_follow_the_lag(prepared: Prepared) -> None:
    segments = cut(prepared, CutRecipe(window=1.0, lag=3.0, targets=("emotion", "valence2")))
    anna = segments.recording == 0
    stressed = segments.targets["emotion"][anna]
    np.testing.assert_array_equal(stressed, [0] * 17 + [1] * 20 + [-1] * 3)
    assert segments.emotions["emotion"] == ("calm-rest", "stress")
    rating = segments.rating[anna, 0]
    want = [0.8 * np.sin(np.arange(i + 3, i + 4, 0.1) / 6).mean() for i in range(37)]
    np.testing.assert_allclose(rating[:37], want, atol=1e-5)
    assert np.isnan(rating[37:]).all() and (segments.targets["valence2"][anna][37:] == -1).all()
    np.testing.assert_array_equal(segments.targets["valence2"][anna][:37], np.array(want) >= 0)


def test_whole_takes_end_with_the_take(invent: Callable[..., Recording]) -> None:
    takes = prepared_from([invent("anna", 0, 3.0), invent("anna", 1, 9.5)], SIGNALS)
    segments = cut(takes, CutRecipe(window="recording", longest=6.0))
    np.testing.assert_allclose(segments.spans, [[0.0, 3.0], [3.5, 9.5]])
    assert segments.present.all()
    eda = read_windows(segments, np.arange(2), "eda")
    np.testing.assert_array_equal(eda[0, :, -12:], takes.signals["eda"][:, :12])
    assert np.isnan(eda[0, :, :-12]).all() and segments.infos[0].window == 24


def test_static_values_are_present_once_they_are_known() -> None:
    beats = Stream(
        "ibi", np.array([[0.8]], dtype=np.float32), np.array([5.0]), 0.0, ("ibi",), ("s",), available=np.array([6.0]), static=True
    )
    pulse = Stream("hr", np.full((1, 10), 60, dtype=np.float32), np.arange(10.0), 1.0, ("hr",), ("bpm",))
    one = prepared_from([Recording("r", "d", "s", "1", {"ibi": beats, "hr": pulse})], SignalRecipe(modalities=("hr", "ibi")))
    segments = cut(one, CutRecipe(window=2.0))
    np.testing.assert_array_equal(segments.present[:, 1], [False, False, True, True, True])
    assert segments.infos[1].static and segments.infos[1].samples == 1
    windows = read_windows(segments, np.arange(5), "ibi")
    assert np.isnan(windows[:2]).all() and (windows[2:, 0, 0] == np.float32(0.8)).all()
    assert np.isnan(segments.descriptors[:2, -6]).all() and np.isfinite(segments.descriptors[2:, -6]).all()
    assert cut(one, CutRecipe(window=2.0, whole_take_static=True)).present[:, 1].all()


def test_a_missing_modality_is_absent(invent: Callable[..., Recording]) -> None:
    both = prepared_from([invent("anna", 0), invent("bo", 0, modalities=("eda",))], SIGNALS)
    segments = cut(both, CutRecipe())
    bo = segments.subject == 1
    np.testing.assert_array_equal(segments.present[bo].any(axis=0), [True, False, False])
    assert (segments.quality[bo][:, 1:] == 0).all()
    assert np.isnan(read_windows(segments, np.flatnonzero(bo), "bvp")).all()
    assert np.isnan(segments.descriptors[bo][:, len(MODALITIES["eda"].descriptors) :]).all()


def test_half_of_a_window_must_be_measured(invent: Callable[..., Recording]) -> None:
    one = invent("anna", 0, modalities=("eda",))
    samples = one.streams["eda"].samples.copy()
    samples[:, 81:89] = np.nan
    torn = replace(one, streams={"eda": replace(one.streams["eda"], samples=samples)})
    segments = cut(prepared_from([torn], SIGNALS), CutRecipe(window=2.0))
    np.testing.assert_array_equal(np.flatnonzero(~segments.present[:, 0]), [10])
    assert 0.5 < segments.quality[11, 0] < 0.95


def test_wishes_that_cannot_be_met_are_said(prepared: Prepared) -> None:
    with pytest.raises(NothingToRead, match="window"):
        cut(prepared, CutRecipe(window=100.0))
    with pytest.raises(UnknownName, match="valence2"):
        cut(prepared, CutRecipe(targets=("valense2",)))
    with pytest.raises(InvalidConfig):
        cut(prepared, CutRecipe(window=-1.0))


def test_overlap_against_the_plain_sum() -> None:
    rng = np.random.default_rng(0)
    onset = rng.uniform(0, 50, 30)
    offset, weight = onset + rng.uniform(0.1, 9, 30), rng.uniform(0, 1, 30)
    spans = np.sort(rng.uniform(0, 60, (40, 2)), axis=1)
    cross = np.minimum(spans[:, 1:], offset) - np.maximum(spans[:, :1], onset)
    np.testing.assert_allclose(overlap(spans, onset, offset, weight), (np.maximum(cross, 0) * weight).sum(axis=1), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(level=st.floats(-1, 1), rate=st.sampled_from([0.2, 1.0, 8.5, 30.0]), window=st.floats(0.5, 5.0))
def test_a_constant_rating_is_its_own_mean(level: float, rate: float, window: float) -> None:
    times = np.arange(0, 60, 1 / rate)
    rating = Rating("self", np.full((2, len(times)), level, dtype=np.float32), times, (1.0, 9.0))
    begin = np.arange(0, 50, window)
    found = mean_rating([rating, rating], np.stack([begin, begin + window], axis=1), 0.5)
    np.testing.assert_allclose(found, np.float32(level), atol=1e-5)


def test_annotations_give_ratings_and_majorities() -> None:
    labels = (Annotation(0, 3, "joy", 0.5, -0.5), Annotation(3, 10, "fear", -0.5, 0.5), Annotation(10, 11, "other"))
    spans = np.array([[0.0, 4.0], [2.0, 6.0], [8.0, 20.0], [1.0, 5.0]])
    np.testing.assert_array_equal(majority_emotion(labels, spans, ("fear", "joy"), 0.5), [1, 0, -1, 0])
    np.testing.assert_allclose(annotated_rating(labels, spans, 0.5)[:, 0], [0.25, -0.25, np.nan, 0.0], atol=1e-6)


def test_annotated_ratings_fill_in_where_there_is_no_curve(invent: Callable[..., Recording]) -> None:
    one = replace(invent("anna", 0), ratings=(), annotations=(Annotation(0.0, 40.0, None, 0.6, -0.2),))
    segments: Segments = cut(prepared_from([one], SIGNALS), CutRecipe(targets=("valence2", "arousal2")))
    np.testing.assert_allclose(segments.rating, [[0.6, -0.2]] * 20, atol=1e-6)
    assert (segments.targets["valence2"] == 1).all() and (segments.targets["arousal2"] == 0).all()


def test_other_descriptors_are_another_key_and_the_same_signals(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cut(prepared, CutRecipe()).recipe_hash
    assert before == f"{SIGNALS.hash}-{CutRecipe().hash}", "version 1 leaves keys of earlier results alone"
    monkeypatch.setitem(MODALITIES, "eda", replace(MODALITIES["eda"], descriptor_version=3))
    assert cut(prepared, CutRecipe()).recipe_hash == f"{before}-eda3"


def test_named_emotions_are_grouped_by_where_they_stand(invent: Callable[..., Recording]) -> None:
    """Two annotators: classes and votes of a grouping are those of "emotion", summed over the emotions of a group by hand."""
    said = [("sad", "happy", "calm", "surprised", "boredom"), ("angry", "happy", "sad", "sad", "boredom")]
    annotations = tuple(
        Annotation(onset=4.0 * i, offset=4.0 * i + 4.0, emotion=name, source=who)
        for who, names in zip("ab", said)
        for i, name in enumerate(names)
    )
    recording = replace(invent("anna", 0), annotations=annotations, ratings=())
    recipe = CutRecipe(window=4.0, targets=("emotion", "named_valence3", "named_arousal2"))
    segments = cut(prepared_from([recording], SIGNALS), recipe)
    names, low, high = np.array(segments.emotions["emotion"]), 0, 2
    group = {"sad": low, "angry": low, "surprised": 1, "calm": high, "happy": high, "boredom": -1}
    emotion = segments.targets["emotion"][:5]
    assert segments.emotions["named_valence3"] == ("low valence", "neutral valence", "high valence")
    np.testing.assert_array_equal(segments.targets["named_valence3"][:5], [group[name] for name in names[emotion]])
    np.testing.assert_allclose(segments.votes["named_valence3"][:4], [[1, 0, 0], [0, 0, 1], [0.5, 0, 0.5], [0.5, 0.5, 0]], atol=1e-6)
    np.testing.assert_allclose(segments.votes["named_arousal2"][:2], [[0.5, 0.5], [0, 1]], atol=1e-6)
    assert segments.targets["named_valence3"][4] == -1 and not segments.votes["named_valence3"][4].any()
