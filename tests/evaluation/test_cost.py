"""A study says what it costs before it runs, learns from its first cells, and stops where it may not go on."""

import json

import pytest

from stf2m.app.cli import main
from stf2m.core.config import build
from stf2m.core.errors import OverBudget
from stf2m.evaluation import execute
from stf2m.evaluation.cost import (
    FROM_ROWS,
    MEASURED,
    hours_of_rows,
    keep_seconds,
    plan_lines,
    plan_of,
    plan_words,
    read_seconds,
    seconds_of_rows,
)
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.rows import RowFile
from stf2m.evaluation.study import Study, cells_of, load_study

SETTINGS = {
    "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 1, "main": "prototypes", "detailed": [], "floors": ["majority"],
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "baselines": ["prototypes"],
    "protocols": [{"name": "new_person", "shots": [0, 2], "draws": 1}],
}  # fmt: skip


def study_of(**changes) -> Study:
    return build(Study, {**SETTINGS, **changes}, where="test")


@pytest.fixture
def world(make_segments, monkeypatch):
    segments = make_segments(2, people=7, recordings=4, length=12, offset=2.0)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    return segments


def slow(monkeypatch, seconds):
    """Cells that seem to take so long; returns what was run."""
    ran, real = [], execute._timed

    def timed(study, segments, cell, heartbeat):
        ran.append(cell.methods[0])
        result = real(study, segments, cell, heartbeat)
        result.seconds = seconds[cell.methods[0]]
        return result

    monkeypatch.setattr(execute, "_timed", timed)
    return ran


def test_the_limit_is_no_part_of_any_hash():
    assert [c.settings for c in cells_of(study_of())] == [c.settings for c in cells_of(study_of(max_cpu_hours=1.0))]
    assert study_of().hash == study_of(max_cpu_hours=12.0).hash != study_of(max_cpu_hours=1.0).hash


def test_first_cells_tell_and_the_rest_is_refused(world, tmp_path, monkeypatch):
    study = study_of(max_cpu_hours=2.5)
    ran = slow(monkeypatch, {"floors": 3600.0, "prototypes": 7200.0})
    paths = paths_of(study, runs=tmp_path)
    with pytest.raises(OverBudget, match=r"about 6\.0 CPU-hours; 3\.0 are left, most of it prototypes.*max_cpu_hours = 2\.5"):
        run_study(study, paths, say=lambda _: None)
    assert ran == ["floors", "prototypes"]  # one of each kind, before any second
    with pytest.raises(OverBudget):
        run_study(study, paths, say=lambda _: None)
    assert len(ran) == 2 and len(RowFile(paths.rows).finished()) == 2  # the limit is known now, and what was done is kept
    run_study(study, paths, say=lambda _: None, over_budget=True)
    assert len(ran) == 4
    run_study(study, paths, say=lambda _: None)  # nothing is left, so nothing is refused
    assert OverBudget.exit_code == 43


def test_a_plan_adds_up(world, tmp_path):
    study = study_of()
    paths, cells = paths_of(study, runs=tmp_path), cells_of(study)
    fresh = plan_of(study, cells, cells, [], paths.seconds)
    assert fresh.hours == 0.0 and "CPU-hours are not known before the first cells" in plan_words(fresh)
    assert [cell.methods[0] for cell in fresh.first(cells)] == ["floors", "prototypes", "floors", "prototypes"]
    backwards = fresh.first(cells, rest_backwards=True)
    assert backwards[:2] == fresh.first(cells)[:2] and backwards[2:] == fresh.first(cells)[:1:-1]
    run_study(study, paths, say=lambda _: None)
    assert set(read_seconds(paths.seconds)) == {("floors",), ("prototypes",)}
    keep_seconds(paths.seconds, cells[0], 7200.0)
    plan = plan_of(study, cells, cells[:1], RowFile(paths.rows).read(), paths.seconds)
    kind = plan.kinds[0]
    assert kind.source == MEASURED and kind.cells == 2 and kind.left == 1
    assert plan.hours == pytest.approx(kind.seconds / 3600) and 0.6 < plan.hours < 0.7
    assert plan.first(cells) == cells and len(plan_lines(plan)) == 2
    assert plan.first(cells, rest_backwards=True) == cells[::-1]


def test_rows_tell_what_no_clock_was_kept_for(world, tmp_path):
    study = study_of(floors=["majority", "session_time"])
    paths, cells = paths_of(study, runs=tmp_path), cells_of(study)
    rows = run_study(study, paths, say=lambda _: None)
    found = seconds_of_rows(rows)
    assert set(found) == {("floors",), ("prototypes",)} and all(len(times) == 2 for times in found.values())
    mine = [row for row in rows if row["method"] == "prototypes" and row["fold"] == 0]
    assert found["prototypes",][0] == pytest.approx(mine[0]["fit_seconds"] + sum(row["reply_ms"] for row in mine) / 1000)
    plan = plan_of(study, cells, cells, rows, tmp_path / "none.csv")
    assert {kind.source for kind in plan.kinds} == {FROM_ROWS} and plan.declared == plan.hours > 0


def test_rows_say_what_they_cost():
    """One fit per method and cell, whatever the number of rows, and every answer."""
    row = {"cell": "a", "data": "d", "role": "learner", "method": "anil", "fit_seconds": 3000.0, "reply_ms": 1000.0}
    rows = [row, row, row | {"method": "frozen", "fit_seconds": 0.0}, row | {"cell": "b", "fit_seconds": 597.0, "reply_ms": None}]
    assert hours_of_rows(rows) == pytest.approx((3000 + 597 + 3) / 3600)


def test_the_plan_runs_nothing(root, capsys, tmp_path, monkeypatch):
    words = ["stf2m", "study", str(root / "studies" / "ravdess.toml"), "--plan", "--json", "--rows"]
    count = len(cells_of(load_study(root / "studies" / "ravdess.toml")))
    for rows, left in ((root / "studies" / "results" / "ravdess.csv", False), (tmp_path / "none.csv", True)):
        monkeypatch.setattr("sys.argv", [*words, str(rows)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 0
        said = json.loads(capsys.readouterr().out)
        assert any(kind["left"] for kind in said["kinds"]) is left and sum(kind["cells"] for kind in said["kinds"]) == count
        assert (said["cpu_hours"] > 0.5) is not left and said["max_cpu_hours"] == 12.0
    assert not list(tmp_path.iterdir())
