"""Asking for labels: strategies do what their formulas say, and the study asks support recordings only."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, NotEnoughLabels
from stf2m.evaluation import curves
from stf2m.evaluation.asking import NOISE, STRATEGIES, Pool, gain, kernel, need, posterior
from stf2m.evaluation.curves import OURS, area, ask_person, asking_cells, asking_text, comparison, pools_of, run_asking
from stf2m.evaluation.predictor import Plain
from stf2m.evaluation.protocols import make_protocol
from stf2m.evaluation.questioning import Method
from stf2m.evaluation.study import Cell, Study
from stf2m.evaluation.table import tables_of

RNG = np.random.default_rng(0)


def study_of(**changes) -> Study:
    settings = {
        "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 1, "seed": 3,
        "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "floors": ["majority", "nearest_label"],
        "protocols": [{"name": "new_person", "shots": [0, 2], "draws": 2}], "baselines": [], "learners": {"recurrent": {"steps": 2}},
    }  # fmt: skip
    return build(Study, {**settings, **changes}, where="test")


class Nearest(Plain):
    """Answers with the label of the nearest asked descriptor; stands in for a trained learner. Remembers what it was shown."""

    def __init__(self):
        self.asked = []

    def codes(self, segments, rows):
        return np.nan_to_num(segments.descriptors[rows])

    def predict(self, segments, support, query, *, target, support_target=None, modalities=None):
        self.asked.append((support, query))
        p = np.full((len(query), 3), 1 / 3)
        if len(support):
            x = np.nan_to_num(segments.descriptors)
            near = ((x[query][:, None] - x[support][None]) ** 2).sum(axis=2).argmin(axis=1)
            p = 0.1 + 0.7 * np.eye(3)[segments.targets[target][support][near]]
        return p.astype(np.float32)


def pool(count=30, asked=(), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), count)
    return Pool(rng.normal(size=(count, 4)), p, asked, rng.integers(0, 3, classes).astype(float))


def test_no_strategy_asks_twice_and_all_ask_for_everything():
    for name, strategy in STRATEGIES.items():
        asked: list[int] = []
        while len(asked) < 12:
            asked.append(strategy(pool(12, tuple(asked)), RNG))
        assert sorted(asked) == list(range(12)), name


def test_uncertainty_asks_the_least_sure():
    p = np.array([[0.9, 0.1], [0.55, 0.45], [0.5, 0.5], [0.2, 0.8]])
    here = Pool(np.eye(4), p, (), np.zeros(2))
    assert STRATEGIES["uncertainty"](here, RNG) == 2
    assert STRATEGIES["uncertainty"](here._replace(asked=(2,)), RNG) == 1


def test_gain_equals_the_fall_of_the_posterior_variance():
    """The closed form against the posterior computed anew with one more label."""
    here = pool(15, (3, 8))
    before = np.diag(posterior(kernel(here.code), here.asked))
    unsure = -(here.probability * np.log(here.probability)).sum(axis=1) / np.log(3) * here.is_open
    for x in np.flatnonzero(here.is_open):
        after = np.diag(posterior(kernel(here.code), (*here.asked, int(x))))
        assert gain(here)[x] == pytest.approx(float(unsure @ (before - after)))
    assert NOISE > 0


def test_ours_prefers_the_crowd_then_leaves_it_and_fills_classes():
    rng = np.random.default_rng(1)
    crowds = np.concatenate([0.05 * rng.normal(size=(7, 2)), 5.0 + 0.05 * rng.normal(size=(4, 2))])
    here = Pool(crowds, np.full((11, 2), 0.5), (), np.zeros(2))
    first = STRATEGIES[OURS](here, RNG)
    assert first < 7 <= STRATEGIES[OURS](here._replace(asked=(first,)), RNG)
    sure = np.array([[0.7, 0.3], [0.3, 0.7]])
    twins = Pool(np.array([[0.0, 0.0], [9.0, 9.0]]), sure, (), np.array([4.0, 0.0]))
    assert need(twins)[1] > need(twins)[0] and STRATEGIES[OURS](twins, RNG) == 1


def test_the_pool_obeys_the_protocol(make_segments):
    segments = make_segments(3, people=5, recordings=6, length=10)
    protocol = make_protocol({"name": "new_person", "shots": [0, 2], "draws": 2})
    cell = Cell("mood", 0, ("recurrent",), "x")
    usual = {s.draw: s for s in protocol.splits(segments, "mood", 0, 3) if s.shots == 2}
    pools = pools_of(protocol, segments, cell, 0, 3)
    for split in pools:
        np.testing.assert_array_equal(split.query, usual[split.draw].query)
        assert set(usual[split.draw].support) <= set(split.support)
        assert not set(segments.recording[split.support]) & set(segments.recording[split.query])
        for name in STRATEGIES:
            mind = Nearest()
            found = ask_person(mind, segments, "mood", split, name, 7, 3)
            assert [row["shots"] for row, _ in found] == list(range(8))
            for (_, before), (_, after) in pairwise(found):
                assert set(before) < set(after) <= set(split.support)
            for support, query in mind.asked:
                assert not set(support) & set(query) and set(query) >= set(split.query)
    short = ask_person(Nearest(), segments, "mood", pools[0], OURS, 10**4, 3)
    assert len(short) == len(pools[0].support) + 1


def test_a_strategy_sees_no_label_before_it_was_asked(make_segments):
    segments = make_segments(3, people=5, recordings=6, length=10)
    split = pools_of(make_protocol({"name": "new_person", "draws": 1}), segments, Cell("mood", 0, (), "x"), 0, 3)[0]
    for name in STRATEGIES:
        asked = ask_person(Nearest(), segments, "mood", split, name, 5, 3)[-1][1]
        others = np.setdiff1d(np.flatnonzero(segments.subject == 0), asked)
        turned = segments.targets["mood"].copy()
        turned[others] = np.where(turned[others] >= 0, (turned[others] + 1) % 3, -1)
        again = ask_person(Nearest(), replace(segments, targets={"mood": turned}), "mood", split, name, 5, 3)[-1][1]
        np.testing.assert_array_equal(again, asked)


@pytest.fixture
def asked(make_segments, monkeypatch):
    segments = make_segments(3, people=7, recordings=6, length=10, strength=3.0, offset=0.2)
    real = curves.methods_of

    def fake(study, data, world, cell, rows, base, heartbeat):
        return (
            iter([Method("recurrent", "learner", Nearest())])
            if cell.methods == ("recurrent",)
            else real(study, data, world, cell, rows, base, heartbeat)
        )

    monkeypatch.setattr(curves, "methods_of", fake)
    study = study_of()
    return study, [row for cell in asking_cells(study, 6) for row in run_asking(study, segments, cell, 6)]


def test_the_curve_has_every_person_strategy_and_floor(asked):
    study, rows = asked
    assert {row["method"] for row in rows if row["role"] == "learner"} == set(STRATEGIES)
    assert {row["method"] for row in rows if row["role"] == "floor"} == {"majority", "nearest_label"}
    assert {row["person"] for row in rows} == {f"P{i:02d}" for i in range(7)}
    (table,) = tables_of(rows, "balanced_accuracy")
    assert table.shots == tuple(range(7))
    assert np.mean(area(table, OURS)) > 0.5
    text = asking_text(study, rows)
    for piece in ("k = 6", "Over the whole curve representative is", "nearest label", "Mean score over 1 to 6 asked labels"):
        assert piece in text
    assert len(comparison(table)) == 3


def test_what_cannot_be_asked_is_said(make_segments, monkeypatch):
    with pytest.raises(InvalidConfig, match="asking needs a learner"):
        asking_cells(study_of(main="prototypes", baselines=["prototypes"]), 4)
    with pytest.raises(InvalidConfig, match="asking needs classes"):
        asking_cells(study_of(targets=["rating"], primary="ccc_mean"), 4)
    monkeypatch.setattr(
        curves, "methods_of", lambda *a: iter([Method("recurrent", "learner", Nearest())] if a[3].methods == ("recurrent",) else [])
    )
    study = study_of(protocols=[{"name": "completion", "shots": [0, 2]}])
    with pytest.raises(NotEnoughLabels, match="no protocol"):
        run_asking(study, make_segments(3, people=7), asking_cells(study, 4)[0], 4)
    assert {c.settings for c in asking_cells(study, 4)}.isdisjoint(c.settings for c in asking_cells(study, 5))
