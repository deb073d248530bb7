"""Statistics come from where the mode allows, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.toy import toy_segments

from stf2m.core.errors import CorruptStore, InvalidConfig, NotEnoughLabels, SensorMismatch, UnknownName
from stf2m.core.records import Recording, Segments
from stf2m.prepare.cut import cut
from stf2m.prepare.normalise import Normaliser, add_people, fit_normaliser, standardise_descriptors, standardise_signals
from stf2m.prepare.prepared import prepared_from
from stf2m.prepare.recipe import CutRecipe, SignalRecipe
from stf2m.prepare.windows import read_windows

MODES = ("causal", "train_stats", "transductive")


@pytest.fixture
def segments(invent: Callable[..., Recording]) -> Segments:
    people = [invent(name, 0) for name in ("anna", "bo", "cy")]
    return cut(prepared_from(people, SignalRecipe(modalities=("eda", "acc"))), CutRecipe())


def rows_of(segments: Segments, *codes: int) -> np.ndarray:
    return np.flatnonzero(np.isin(segments.subject, codes))


def test_training_rows_have_mean_0_and_deviation_1(segments: Segments) -> None:
    rows = rows_of(segments, 0, 1)
    fitted = fit_normaliser(segments, rows)
    z = (segments.descriptors[rows] - fitted.descriptors[0]) / fitted.descriptors[1]
    np.testing.assert_allclose(np.nanmean(z, axis=0), 0.0, atol=2e-3)
    np.testing.assert_allclose(np.nanstd(z, axis=0), 1.0, atol=2e-3)
    x = standardise_signals(fitted, segments, rows, "eda")
    np.testing.assert_allclose(np.nanmean(x, axis=(0, 2)), 0.0, atol=1e-3)
    np.testing.assert_allclose(np.nanstd(x, axis=(0, 2)), 1.0, atol=1e-2)


@pytest.mark.parametrize("mode", MODES[:2])
def test_the_query_does_not_enter(segments: Segments, mode: str) -> None:
    train = rows_of(segments, 0, 1)
    other = segments.descriptors.copy()
    other[rows_of(segments, 2)] = 1e6
    here, there = (fit_normaliser(s, train, mode) for s in (segments, replace(segments, descriptors=other)))
    np.testing.assert_array_equal(here.descriptors, there.descriptors)


def test_transductive_centres_every_person(segments: Segments) -> None:
    fitted = fit_normaliser(segments, rows_of(segments, 0), "transductive")
    for person in range(3):
        z = standardise_descriptors(fitted, segments, rows_of(segments, person))
        assert np.abs(np.nanmean(z, axis=0)).max() < 0.2
        x = standardise_signals(fitted, segments, rows_of(segments, person), "acc")
        assert np.abs(np.nanmean(x, axis=(0, 2))).max() < 0.05


def test_a_stranger_must_be_added_to_transductive_statistics(segments: Segments, invent: Callable[..., Recording]) -> None:
    fitted = fit_normaliser(segments, rows_of(segments, 0), "transductive")
    new = cut(prepared_from([invent("dan", 0)], SignalRecipe(modalities=("eda", "acc"))), CutRecipe())
    with pytest.raises(UnknownName, match="dan"):
        standardise_descriptors(fitted, new, np.arange(len(new)))
    wider = add_people(fitted, new)
    assert wider.people == ("anna", "bo", "cy", "dan")
    assert np.isfinite(standardise_signals(wider, new, np.arange(3, 9), "eda")[:, :, -8:]).all()


def test_clipped_and_missing_stays_missing(segments: Segments) -> None:
    wild = segments.descriptors.copy()
    wild[0, 0], wild[1, 1] = 1e9, np.nan
    fitted = fit_normaliser(segments, np.arange(len(segments)))
    z = standardise_descriptors(fitted, replace(segments, descriptors=wild), np.arange(len(segments)))
    assert z[0, 0] == 5.0 and np.isnan(z[1, 1]) and z.dtype == np.float32


def test_a_constant_or_unknown_descriptor_does_no_harm(segments: Segments) -> None:
    flat = segments.descriptors.copy()
    flat[:, 0], flat[:, 1] = 3.0, np.nan
    fitted = fit_normaliser(replace(segments, descriptors=flat), np.arange(len(segments)))
    np.testing.assert_allclose(fitted.descriptors[:, :2], [[3.0, np.nan], [1.0, np.nan]])


@pytest.mark.parametrize("mode", MODES)
def test_arrays_there_and_back(segments: Segments, mode: str) -> None:
    fitted = fit_normaliser(segments, rows_of(segments, 0, 1), mode)
    arrays = fitted.to_arrays()
    assert all(isinstance(a, np.ndarray) and a.dtype.kind in "iuf" for a in arrays.values())
    again, rows = Normaliser.from_arrays(arrays), np.arange(len(segments))
    assert again.mode == mode and again.people == fitted.people
    np.testing.assert_array_equal(standardise_descriptors(again, segments, rows), standardise_descriptors(fitted, segments, rows))
    np.testing.assert_array_equal(standardise_signals(again, segments, rows, "acc"), standardise_signals(fitted, segments, rows, "acc"))


def test_reading_leaves_the_store_as_it_is(segments: Segments) -> None:
    before = segments.signals["eda"].copy()
    standardise_signals(fit_normaliser(segments, np.arange(9)), segments, np.arange(9), "eda")
    np.testing.assert_array_equal(segments.signals["eda"], before)
    assert read_windows(segments, np.array([3]), "eda").flags.owndata


def test_wishes_that_cannot_be_met_are_said(segments: Segments) -> None:
    with pytest.raises(InvalidConfig):
        fit_normaliser(segments, np.arange(3), "peeking")
    with pytest.raises(NotEnoughLabels):
        fit_normaliser(segments, np.arange(0))
    with pytest.raises(SensorMismatch):
        standardise_signals(fit_normaliser(segments, np.arange(3)), segments, np.arange(3), "bvp")
    with pytest.raises(CorruptStore):
        Normaliser.from_arrays({"mode": np.array([0])})


def past_by_hand(values: np.ndarray, subject: np.ndarray, time: np.ndarray, weight: float) -> np.ndarray:
    out = values.copy()
    for i in range(len(values)):
        earlier = values[(subject == subject[i]) & (time < time[i])]
        for j in range(values.shape[1]):
            known = earlier[np.isfinite(earlier[:, j]), j]
            out[i, j] -= known.sum() / (len(known) + weight)
    return out


def test_the_own_past_is_a_baseline_that_never_looks_ahead():
    segments = replace(toy_segments(), past=3.0)
    rng = np.random.default_rng(0)
    segments.descriptors[rng.random(segments.descriptors.shape) < 0.1] = np.nan
    rows = np.arange(len(segments))
    normaliser = fit_normaliser(segments, rows[:100])
    plain = standardise_descriptors(normaliser, replace(segments, past=0.0), rows)
    found = standardise_descriptors(normaliser, segments, rows)
    np.testing.assert_allclose(found, past_by_hand(plain, segments.subject, segments.session_time, 3.0), atol=1e-4)
    some = rng.permutation(rows)[:20]
    np.testing.assert_array_equal(standardise_descriptors(normaliser, segments, some), found[some])
    # what comes later changes nothing
    later = replace(segments, descriptors=np.where((segments.session_time >= 20)[:, None], 99.0, segments.descriptors).astype(np.float32))
    before = segments.session_time < 20
    assert before.any() and not before.all()
    np.testing.assert_array_equal(standardise_descriptors(normaliser, later, rows[before]), found[before])


def test_train_stats_refuses_the_own_past():
    segments = replace(toy_segments(), past=3.0)
    with pytest.raises(InvalidConfig, match=r"train_stats knows nothing of the new person.*past = 0"):
        fit_normaliser(segments, np.arange(10), "train_stats")


def test_where_the_order_of_recordings_is_unknown_the_past_is_the_recording():
    segments = replace(toy_segments(), past=3.0)
    lost = replace(segments, session_time=segments.spans[:, 0].copy())
    rows = np.arange(len(segments))
    normaliser = fit_normaliser(segments, rows)
    plain = standardise_descriptors(normaliser, replace(segments, past=0.0), rows)
    found = standardise_descriptors(normaliser, lost, rows)
    np.testing.assert_allclose(found, past_by_hand(plain, segments.recording, segments.spans[:, 0], 3.0), atol=1e-4)


def test_what_was_never_measured_is_missing_for_everybody():
    segments = toy_segments()
    values = segments.descriptors.copy()
    values[segments.subject < 3, 4] = np.nan
    rows = np.flatnonzero(segments.subject < 3)
    found = standardise_descriptors(fit_normaliser(replace(segments, descriptors=values), rows), segments, np.arange(len(segments)))
    assert np.isnan(found[:, 4]).all() and np.isfinite(np.delete(found, 4, axis=1)).all()
