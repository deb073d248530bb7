"""Descriptors with a memory: weighted means by hand, nothing from later, nothing from elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from tests.toy import toy_segments

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.world import hide
from stf2m.prepare.memory import with_memory
from stf2m.prepare.recipe import CutRecipe

SCALES = (5.0, 20.0)


@pytest.fixture
def segments() -> Segments:
    found = toy_segments()
    rng = np.random.default_rng(0)
    gaps = rng.random(found.descriptors.shape) < 0.1
    return replace(found, descriptors=np.where(gaps, np.nan, found.descriptors).astype(np.float32))


def level_by_hand(segments: Segments, half_life: float, *, across: bool) -> np.ndarray:
    owner = [segments.modalities.index(info.modality) for info in segments.descriptor_infos]
    clock = segments.session_time if across else segments.spans[:, 0]
    out = np.full(segments.descriptors.shape, np.nan)
    for i in range(len(segments)):
        sitting = segments.subject == segments.subject[i] if across else segments.recording == segments.recording[i]
        seen = sitting & (clock < clock[i])
        seen[i] = True
        weight = 0.5 ** ((clock[i] - clock[seen]) / half_life)
        for j in np.flatnonzero(segments.present[i, owner]):
            values = segments.descriptors[seen, j].astype(np.float64)
            known = np.isfinite(values)
            if weight[known].sum() > 1e-3:
                out[i, j] = (weight[known] * values[known]).sum() / weight[known].sum()
    return out


@pytest.mark.parametrize("across", [True, False])
def test_levels_and_changes_are_weighted_means_of_what_came_before(segments: Segments, across: bool) -> None:
    if not across:  # the recordings of a person begin together: their order is unknown
        segments = replace(segments, session_time=segments.spans[:, 0].copy())
    assert segments.has_session_clock == across
    found, width = with_memory(segments, SCALES), segments.descriptors.shape[1]
    fast, slow = (level_by_hand(segments, h, across=across) for h in SCALES)
    np.testing.assert_array_equal(found.descriptors[:, :width], segments.descriptors)
    np.testing.assert_allclose(found.descriptors[:, width : 2 * width], fast, atol=1e-4)
    np.testing.assert_allclose(found.descriptors[:, 2 * width :], fast - slow, atol=1e-4)


def test_the_future_changes_nothing_bit_for_bit(segments: Segments) -> None:
    later = segments.session_time >= 20
    assert later.any() and not later.all()
    other = replace(segments, descriptors=np.where(later[:, None], np.float32(99), segments.descriptors))
    first, second = with_memory(segments, SCALES), with_memory(other, SCALES)
    np.testing.assert_array_equal(first.descriptors[~later], second.descriptors[~later])


def test_nobody_remembers_anybody_else(segments: Segments) -> None:
    mine = segments.subject == 0
    other = replace(segments, descriptors=np.where(mine[:, None], segments.descriptors, np.float32(7)))
    np.testing.assert_array_equal(with_memory(segments, SCALES).descriptors[mine], with_memory(other, SCALES).descriptors[mine])


def test_an_absent_sensor_has_no_memory(segments: Segments) -> None:
    present = segments.present.copy()
    present[::3, 0] = False
    found = with_memory(replace(segments, present=present), SCALES)
    of_it = [info.modality == segments.modalities[0] for info in found.descriptor_infos[segments.descriptors.shape[1] :]]
    remembered = found.descriptors[:, segments.descriptors.shape[1] :]
    assert np.isnan(remembered[::3][:, of_it]).all() and np.isfinite(remembered[1::3][:, of_it]).any()


def test_what_is_hidden_is_not_remembered(segments: Segments) -> None:
    remembering = with_memory(segments, SCALES)
    rows = np.flatnonzero(segments.recording % 2 == 0)
    blind = replace(segments, descriptors=np.where((segments.recording % 2 == 0)[:, None], np.float32(np.nan), segments.descriptors))
    shown = np.flatnonzero(segments.recording % 2)
    hidden = hide(remembering, rows)
    np.testing.assert_array_equal(hidden.descriptors[shown], with_memory(blind, SCALES).descriptors[shown])
    assert np.isnan(hidden.descriptors[rows]).all() and not np.array_equal(hidden.descriptors, remembering.descriptors, equal_nan=True)


def test_names_are_distinct_and_words_follow(segments: Segments) -> None:
    infos = with_memory(segments, (5.0, 20.0, 60.0)).descriptor_infos
    assert len({(info.modality, info.name) for info in infos}) == len(infos) == 4 * len(segments.descriptor_infos)
    first = segments.descriptor_infos[0].name
    assert [info.name for info in infos if first in info.name][:2] == [first, f"{first} (last 5 s)"]
    assert infos[-1].name.endswith("(20 s over 60 s)") and infos[-1].low == "falling"


@pytest.mark.parametrize("wrong", [(0.0, 5.0), (5.0, 5.0), (9.0, 5.0), (-1.0,)])
def test_half_lives_increase(wrong: tuple[float, ...]) -> None:
    with pytest.raises(InvalidConfig, match="half-lives must be over 0 s and increase"):
        build(CutRecipe, {"memory": wrong}, where="toy")


def test_a_recipe_without_memory_keeps_its_hash() -> None:
    assert "memory" not in CutRecipe().facts() and CutRecipe(memory=(5.0,)).hash != CutRecipe().hash
