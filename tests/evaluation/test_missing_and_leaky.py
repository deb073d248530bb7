"""A sensor that is taken away is one that was never there; a leaky score never stands alone."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.strategies import irregular_segments

from stf2m.app.studies import tables_as_json
from stf2m.core.config import build
from stf2m.core.errors import UnknownName
from stf2m.evaluation import execute
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.learned import Learned
from stf2m.evaluation.protocols import LiteratureRandom, MissingModality, conceal, folds
from stf2m.evaluation.report import render
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import table_csv, write_results
from stf2m.evaluation.study import Study
from stf2m.prepare.memory import with_memory
from stf2m.training.config import TrainConfig

SETTINGS = {
    "name": "small", "dataset": "irregular", "targets": ["mood"], "folds": 2, "validation_people": 1, "seed": 3, "main": "prototypes",
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "baselines": ["prototypes"], "detailed": ["prototypes"],
    "floors": ["majority", "nearest_label", "presence_only"], "controls": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def people():
    return irregular_segments(4, people=7, recordings=20, stimuli=4, length=12, sensors=3, change=0.1, gaps=0.0, absent=0.1)


def rows_of(people, tmp_path, monkeypatch, **protocol):
    study = build(Study, {**SETTINGS, "protocols": [{"draws": 1, **protocol}]}, where="test")
    monkeypatch.setattr(execute, "open_segments", lambda *_: people)
    monkeypatch.setattr(BASELINES["prototypes"], "options", {})
    return study, run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)


@pytest.mark.parametrize("kind", ["refit", "prototypes", "recurrent"])
def test_dropped_on_both_sides_equals_not_offered(people, kind):
    config = TrainConfig(learner="recurrent", steps=2, episodes=2, validate_every=2, centres_at=1)
    predictor = Learned(config) if kind == "recurrent" else BASELINES[kind]()
    predictor.fit(people, "mood", [0, 1, 2, 3], [4], 0)
    splits = [s for s in MissingModality(shots=(0, 2), draws=1).splits(people, "mood", 5, 0) if s.lost is not None]
    assert {split.view for split in splits} == {f"with {m} dropped" for m in people.modalities}
    for split in splits:
        others = [m for m in people.modalities if m not in split.view]
        gone = predictor.predict(conceal(people, split), split.support, split.query, target="mood")
        masked = predictor.predict(people, split.support, split.query, target="mood", modalities=others)
        whole = predictor.predict(people, split.support, split.query, target="mood")
        np.testing.assert_allclose(gone, masked, atol=2e-6)
        assert np.abs(gone - whole).max() > 1e-4


def test_alone_equals_the_others_dropped_and_one_side_leaves_the_other(people):
    name = people.modalities[1]
    alone = next(s for s in MissingModality(how="alone", modalities=(name,), shots=(2,)).splits(people, "mood", 5, 0) if s.lost is not None)
    assert conceal(people, alone).present[alone.query].any(axis=0).tolist() == [m == name for m in people.modalities]
    query = next(
        s for s in MissingModality(side="query", modalities=(name,), shots=(2,)).splits(people, "mood", 5, 0) if s.lost is not None
    )
    seen = conceal(people, query)
    assert (seen.present[query.support] == people.present[query.support]).all() and not seen.present[query.query, 1].any()
    assert query.view == f"with {name} dropped in the query"
    with pytest.raises(UnknownName, match="pupil"):
        list(MissingModality(modalities=("pupil",)).splits(people, "mood", 5, 0))


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_losses_come_in_bursts_of_the_declared_share(share):
    one = irregular_segments(0, people=1, recordings=1, length=600, gaps=0.0, unlabelled=0.0)
    protocol = MissingModality(how="degraded", share=share, burst=10.0)
    lost = protocol._in_bursts(one, 0, np.random.default_rng(0))
    assert len(one) > 200 and abs(lost.mean() - share) < 0.03
    runs = np.diff(np.flatnonzero(np.diff(lost.astype(int))))
    assert runs.min() >= 4  # of 2 s: a burst of 10 s begins anywhere in a window


def test_rows_say_what_was_missing_and_sensorless_floors_are_asked_once(people, tmp_path, monkeypatch):
    study, rows = rows_of(people, tmp_path, monkeypatch, name="missing_modality", shots=[0, 2], side="query")
    views = {f"with {m} dropped in the query" for m in people.modalities}
    said = lambda method: {row["view"] for row in rows if row["method"] == method}  # noqa: E731
    assert said("prototypes") == said("presence_only") == {"all", *views} and said("majority") == {"all"}
    assert len({row["card"] for row in rows}) == 1
    text = write_results(study, rows)
    assert "| prototypes, with eda dropped in the query |" in text and "leaky" not in text


def test_a_leaky_score_never_stands_alone(people, tmp_path, monkeypatch):
    study, rows = rows_of(people, tmp_path, monkeypatch, name="literature_random", shots=[0])
    text = write_results(study, rows)
    lines = [line for line in text.splitlines() if line.startswith("| prototypes |")]
    assert len(lines) == 1 and "*leaky*; minus floor " in lines[0]
    assert "### mood: literature random, leaky" in text and "- *Leaky*: neighbours" in text and "LEAKY" in text
    told = tables_as_json(study, rows)
    assert all(fact["leaky"] and np.isfinite(fact["minus_floor"]) for fact in told)
    table = list(csv.DictReader(io.StringIO(table_csv(study, rows))))
    assert {line["leaky"] for line in table} == {"leaky"} and all(line["minus_floor"] for line in table)
    page = render(report_of(study, rows)).split("<script")[0]
    assert "people, partly met in training (leaky)" in page and "never met" not in page
    assert page.count("leaky; minus floor") == 1 and "mood · literature random, leaky" in page
    gap = next(fact["minus_floor"] for fact in told if fact["method"] == "prototypes")
    scores = {
        method: np.mean([r["balanced_accuracy"] for r in rows if r["method"] == method]) for method in ("prototypes", "nearest_label")
    }
    assert gap == pytest.approx(scores["prototypes"] - scores["nearest_label"], abs=1e-9)


def test_the_leak_is_open_to_floors_as_well(people, tmp_path, monkeypatch):
    """Moods last, so a neighbour's label tells most of what there is to tell, without any signal and without any support."""
    _, rows = rows_of(people, tmp_path, monkeypatch, name="literature_random", shots=[0])
    score = {m: np.mean([r["accuracy"] for r in rows if r["method"] == m]) for m in ("majority", "nearest_label")}
    assert score["nearest_label"] > score["majority"] + 0.2 and score["nearest_label"] > 0.75
    world = LiteratureRandom(draws=1).world(people, "mood", folds(range(7), 2, 3, 1)[0], 0)
    assert set(world.fold.test) <= set(world.fold.train)


@pytest.mark.parametrize("how", ["degraded", "dropped"])
@pytest.mark.parametrize("side", ["support", "query", "both"])
def test_what_was_lost_is_not_remembered(people, how, side):
    """The remembered levels of every row that is shown are those of a recording that never had the lost samples."""
    remembering = with_memory(people, (20.0, 100.0))
    protocol = MissingModality(how=how, side=side, shots=(2,), draws=1, burst=4.0)
    asked = [split for split in protocol.splits(remembering, "mood", 5, 0) if split.lost is not None]
    assert asked
    for split in asked:
        shown = conceal(remembering, split)
        owner = np.array([people.modalities.index(info.modality) for info in people.descriptor_infos])
        blind = replace(
            people, present=people.present & ~split.lost, descriptors=np.where(split.lost[:, owner], np.nan, people.descriptors)
        )
        mine = people.subject == 5
        np.testing.assert_array_equal(shown.descriptors[mine], with_memory(blind, (20.0, 100.0)).descriptors[mine])
        np.testing.assert_array_equal(shown.descriptors[~mine], remembering.descriptors[~mine])
    if side == "both":
        rest = np.setdiff1d(np.flatnonzero(mine), np.concatenate([asked[0].support, asked[0].query]))
        assert asked[0].lost[rest].any()
