"""A declared grid of networks and learners: methods by name, in cells that share a training, refused in one sentence."""

import re

import numpy as np
import pytest
from tests.evaluation.test_study import SETTINGS, study_of
from tests.evaluation.test_table import rows_of
from tests.toy import toy_segments

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.evaluation import execute
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.results import markdown, matrix, write_results
from stf2m.evaluation.study import Study, cells_of
from stf2m.evaluation.table import tables_of

PAIRS = [["lstm", "finetune"], ["lstm", "frozen"], ["late_fusion", "protonet"]]


def methods(study: Study) -> set[tuple[str, ...]]:
    return {cell.methods for cell in cells_of(study)}


def test_pairs_become_methods_and_share_trainings():
    study = study_of(grid=PAIRS, training={"steps": 4, "network": {"width": 32}})
    assert {("lstm + finetune", "lstm + frozen"), ("late_fusion + protonet",)} <= methods(study)
    assert study.learner_settings("lstm + finetune") == {"learner": "finetune", "steps": 4, "network": {"width": 32, "encoder": "lstm"}}
    assert build(Study, study.model_dump(), where="again") == study


def test_settings_under_the_name_of_a_pair_win():
    own = {"lstm + frozen": {"steps": 9, "network": {"width": 16}}}
    study = study_of(grid=PAIRS, training={"steps": 4}, learners=own)
    assert study.learner_settings("lstm + frozen") == {"learner": "frozen", "steps": 9, "network": {"encoder": "lstm", "width": 16}}
    assert {("lstm + finetune",), ("lstm + frozen",)} <= methods(study)


def test_a_learner_may_stand_under_another_name_with_another_network():
    study = study_of(learners={"recurrent_lstm": {"learner": "recurrent", "network": {"encoder": "lstm"}}, "recurrent": {}})
    assert {("recurrent_lstm",), ("recurrent",)} <= methods(study)
    with pytest.raises(UnknownName, match="no learners entry named 'recurent' - did you mean recurrent"):
        cells_of(study_of(learners={"mine": {"learner": "recurent"}}))


def test_a_study_without_a_grid_keeps_its_hashes():
    learners = {"recurrent": {"steps": 5}}
    base, wider = study_of(learners=learners), study_of(learners=learners, grid=PAIRS)
    assert "grid" not in base.facts() and base.hash == study_of(learners=learners, grid=[]).hash != wider.hash
    assert {cell.settings for cell in cells_of(base)} < {cell.settings for cell in cells_of(wider)}


@pytest.mark.parametrize(
    ("grid", "kind", "words"),
    [
        ([["lsmt", "finetune"]], UnknownName, "no networks entry named 'lsmt' - did you mean lstm"),
        ([["lstm", "finetun"]], UnknownName, "no learners entry named 'finetun' - did you mean finetune"),
        ([PAIRS[0], PAIRS[0]], InvalidConfig, "the pair lstm [+] finetune is named twice"),
        ([["lstm"]], InvalidConfig, r"'grid\.0' is too short; got \['lstm'\]"),
    ],
)
def test_mistakes_in_a_grid_are_said_in_one_sentence(grid, kind, words):
    with pytest.raises(kind, match=words):
        build(Study, {**SETTINGS, "grid": grid}, where="x.toml")


def test_a_grid_stands_at_the_end_and_as_a_matrix():
    rows = rows_of({"recurrent": ("learner", 0.6), "refit": ("baseline", 0.5)}, shots=(0, 4), spread=0.0, noise=0.0)
    for name, mean in (("lstm + anil", 0.4), ("lstm + frozen", 0.3), ("early_fusion + anil", 0.5)):
        more = rows_of({"pair": ("learner", mean)}, shots=(0, 4), spread=0.0, noise=0.0)
        rows += [row | {"method": name} for row in more]
    table = tables_of(rows, "balanced_accuracy")[0]
    assert [line.words for line in table.lines] == ["refit", "recurrent", "lstm + anil", "lstm + frozen", "early fusion + anil"]
    assert "| *networks + learners* |" in markdown(table)
    head, _, first, second = matrix(table, 4).splitlines()
    assert head == "| k = 4 | anil | frozen |"
    assert first == "| lstm | .400 [.400, .400] | .300 [.300, .300] |" and second == "| early fusion | .500 [.500, .500] | · |"
    assert matrix(tables_of(rows_of({"recurrent": ("learner", 0.6)}), "balanced_accuracy")[0], 1) == ""


def test_any_pair_runs_from_a_study_file(monkeypatch, tmp_path):
    segments = toy_segments(people=6, each=32, emotions=2)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    small = {
        "steps": 2, "episodes": 2, "validate_every": 2, "validation_tasks": 1, "tasks": {"shots": [1], "queries": 1},
        "network": {"width": 8, "node_width": 4, "token_rate": 2.0},
    }  # fmt: skip
    study = study_of(
        targets=["emotion"], protocols=[{"name": "new_person", "shots": [0, 2], "draws": 1}], grid=PAIRS, training=small,
        floors=["majority"], baselines=[], views={}, main="lstm + finetune", detailed=[],
    )  # fmt: skip
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    found = {row["method"] for row in rows}
    assert found == {"majority", "lstm + finetune", "lstm + frozen", "late_fusion + protonet"}
    text = write_results(study, rows)
    assert "With k = 2, lstm + finetune reaches" in text and re.search(r"\| late fusion \| · \| · \| [.1]\d", text)
    assert all(np.isfinite(row["balanced_accuracy"]) for row in rows)
