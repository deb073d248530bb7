"""A study fits calibration on validation people, judges it on test people, and still reads what earlier versions wrote."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from stf2m.core.config import build
from stf2m.core.errors import CorruptStore
from stf2m.evaluation import execute, questioning, work
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.calibrating import CALIBRATED, calibrate, fit_for, measure_calibrated
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.metrics import accuracy, ece
from stf2m.evaluation.predictor import Plain, Reply
from stf2m.evaluation.protocols import make_protocol
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import table_csv, write_results
from stf2m.evaluation.rows import COLUMNS, LATER, RowFile
from stf2m.evaluation.selective import SHARES, aurc, measure_selective, risk_curve
from stf2m.evaluation.study import Study, cells_of
from stf2m.training.temperature import cool

PROTOCOLS = [{"name": "new_person", "shots": [0, 2], "draws": 2}]


def study_of(**changes) -> Study:
    settings = {
        "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 3, "seed": 3, "main": "prototypes",
        "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "protocols": PROTOCOLS,
        "detailed": ["prototypes"], "floors": ["majority", "session_time"], "controls": ["shuffled_labels"], "baselines": ["prototypes"], "views": {"eda": ["eda"]},
    }  # fmt: skip
    return build(Study, {**settings, **changes}, where="test")


class Boaster(Plain):
    """Right three times in four, by chance and not by looking; says it with far too much confidence."""

    def reply(self, segments, support, query, *, target, support_target=None, modalities=None):
        rng = np.random.default_rng([len(support), int(query[0])])
        truth = np.maximum(segments.targets[target][query], 0)
        said = np.where(rng.random(len(query)) < 0.75, truth, (truth + 1) % 3)
        p = np.full((len(query), 3), 0.005, np.float32)
        p[np.arange(len(query)), said] = 0.99
        rating = segments.rating[query] + 0.3 * rng.normal(size=(len(query), 2))
        return Reply(p, np.clip(rating, -1, 1).astype(np.float32))


@pytest.fixture
def people(make_segments):
    return make_segments(4, people=10, recordings=6, length=30)


@pytest.fixture(scope="module")
def rows(make_segments, tmp_path_factory):
    segments = make_segments(2, people=11, recordings=4, length=14, offset=2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "open_segments", lambda *_: segments)
        patch.setitem(BASELINES, "prototypes", Boaster)
        return run_study(study_of(), paths_of(study_of(), runs=tmp_path_factory.mktemp("rows")), say=lambda _: None)


def test_the_confident_liar_is_cooled_and_covered(people):
    protocol = make_protocol({"name": "new_person", "shots": [0, 2], "draws": 2})
    splits = lambda who: [s for p in who for s in protocol.splits(people, "mood", p, 0)]  # noqa: E731
    found = calibrate(Boaster(), people, "mood", splits(range(4)))
    assert [fit.shots for fit in found.fits] == [0, 2] and found.fits[1].labels == 6
    scores = []
    for split in splits(range(4, 10)):
        fit, reply = fit_for(found, split.shots), Boaster().reply(people, split.support, split.query, target="mood")
        assert fit is not None and fit.temperature > 2
        scores.append(measure_calibrated(fit, people.targets["mood"][split.query], reply, people.rating[split.query]))
    mean = {name: np.mean([score[name] for score in scores]) for name in CALIBRATED}
    assert mean["nll_calibrated"] < 0.8 * mean["nll"] and mean["ece_calibrated"] < 0.1
    assert mean["coverage_segments"] > 0.85 and 1 < mean["size_segments"] <= 3
    assert abs(mean["coverage_valence_segments"] - 0.9) < 0.04 and 0.6 < mean["width_valence_segments"] < 1.2
    assert mean["coverage_valence_people"] >= mean["coverage_valence_segments"]
    assert fit_for(found, 7) is None and fit_for(None, 0) is None


def test_rows_carry_calibration_where_it_can_be_honest(rows):
    for row in rows:
        own = row["role"] == "baseline" and row["view"] == "all" and not row["control"]
        assert (row["temperature"] is not None) == own
        assert (row["aurc"] is not None) == (own or (row["role"] in ("floor", "oracle") and not row["note"]))
        if own:
            assert 0 <= row["coverage_people"] <= 1 <= row["size_people"] <= 3
            assert row["least_segments"] <= row["coverage_segments"] + 1e-6


def test_calibration_never_sees_test_people(make_segments, monkeypatch):
    """Labels of test people can change without changing a temperature or a threshold at k = 0."""
    world = make_segments(2, people=11, recordings=4, length=14)
    study = study_of(floors=[], protocols=[{"name": "new_person", "shots": [0], "draws": 1}])
    cell = cells_of(study)[0]
    fold = work.fold_of(study, world, cell)
    turned = world.targets["mood"].copy()
    test = np.isin(world.subject, fold.test) & (turned >= 0)
    turned[test] = (turned[test] + 1) % 3
    fits = []
    monkeypatch.setattr(questioning, "measure_calibrated", lambda fit, *_: fits.append(fit) or {})
    for segments in (world, replace(world, targets={"mood": turned})):
        work.run_cell(study, segments, cell)
    half = len(fits) // 2
    assert half and fits[:half] == fits[half:]


def test_temperature_changes_no_ordinary_score():
    rng = np.random.default_rng(0)
    p, truth = rng.dirichlet(np.ones(4), 300).astype(np.float32), rng.integers(0, 4, 300)
    for t in (0.3, 4.0):
        assert accuracy(truth, cool(p, t)) == accuracy(truth, p)
        assert ece(truth, cool(p, t)) != pytest.approx(ece(truth, p))


def test_no_validation_people_no_calibration(make_segments, monkeypatch, tmp_path):
    segments = make_segments(2, people=6, recordings=4, length=14)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    monkeypatch.setitem(BASELINES, "prototypes", Boaster)
    study = study_of(validation_people=0, floors=["majority"])
    found = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    assert {row["temperature"] for row in found} == {None} and any(row["aurc"] is not None for row in found)
    assert "surest 20 %" in write_results(study, found) and "*people*" not in write_results(study, found)


def test_rows_of_earlier_versions_still_read_and_grow(rows, tmp_path):
    old = tmp_path / "old.csv"
    names = [name for name in COLUMNS if name not in LATER]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    old.write_text(text.getvalue(), encoding="utf-8")
    found = RowFile(old).read()
    assert [{name: row[name] for name in names} for row in found] == [{name: row[name] for name in names} for row in rows]
    assert all(row[name] is None for row in found for name in LATER)
    study = study_of()
    assert "How far to trust" not in write_results(study, found) and not report_of(study, found).tables[0].trust
    before = write_results(study, found)
    RowFile(old).repair()
    assert tuple(old.read_text().splitlines()[0].split(",")) == COLUMNS
    assert RowFile(old).read() == found and write_results(study, RowFile(old).read()) == before
    part = [name for name in names if name != "kappa"]
    old.write_text(",".join(part) + "\n", encoding="utf-8")
    with pytest.raises(CorruptStore, match="columns"):
        RowFile(old).read()


def test_the_report_says_how_far_to_trust(rows):
    study = study_of()
    text = write_results(study, rows)
    for piece in (
        "#### How far to trust the answers",
        "75% of new people",
        "| k | method | ECE | after |",
        "surest 20 %",
        "valence coverage *people*",
    ):
        assert piece in text, piece
    assert "coverage_people" in table_csv(study, rows)
    (table,) = report_of(study, rows).tables
    own = [one for one in table.trust if one.is_main]
    assert [one.k for one in own] == [0, 2] and all(len(one.coverage) == len(table.people) and len(one.curve) == 5 for one in own)
    assert {one.role for one in table.trust} == {"baseline", "floor"} and all(
        not one.coverage for one in table.trust if one.role == "floor"
    )


def test_the_curve_equals_its_definition_and_ties_are_taken_in_any_order():
    rng = np.random.default_rng(1)
    p, truth = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    order = np.argsort(-p.max(axis=1))
    wrong = (p.argmax(axis=1) != truth)[order]
    np.testing.assert_allclose(risk_curve(truth, p), [wrong[: n + 1].mean() for n in range(50)])
    found = measure_selective(truth, p)
    assert found["aurc"] == pytest.approx(aurc(truth, p)) and found["accuracy_at_40"] == pytest.approx(1 - wrong[:20].mean())
    flat = np.tile([0.5, 0.3, 0.2], (50, 1))
    assert aurc(truth, flat) == pytest.approx((truth != 0).mean())
    np.testing.assert_allclose([measure_selective(truth, flat)[f"accuracy_at_{s}"] for s in SHARES], (truth == 0).mean())
    perfect = np.eye(3)[truth] * 0.9 + 0.1 / 3
    assert aurc(truth, perfect) == 0.0
    assert measure_selective(np.append(truth, -1), np.vstack([p, p[:1]])) == found
