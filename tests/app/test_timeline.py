"""Timelines on disk say the same in every format, and arrive whole or not at all."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from stf2m.app.printed import remarks, rules_once, summary, table_of, withheld
from stf2m.app.timeline import check_format, to_rows, top_rules, write_timeline
from stf2m.core.errors import NoSpace, UnknownName
from stf2m.core.prediction import Prediction, Status


@pytest.fixture
def prediction():
    probability = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]], dtype=np.float32)
    firing = np.array([[0.8, 0.15, 0.05], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]], dtype=np.float32)
    return Prediction(
        recording="r1", subject="ada", spans=np.array([[0.0, 2.0], [2.0, 4.0], [4.0, 6.0]]), emotions=("low", "high"), probability=probability,
        valence=np.array([0.1, -0.2, np.nan], dtype=np.float32), arousal=np.array([0.3, 0.4, np.nan], dtype=np.float32),
        uncertainty=np.array([0.5, 0.4, 1.0], dtype=np.float32), abstained=np.array([False, False, True]),
        status=(Status.OK, Status.OK, Status.LOW_QUALITY), modalities=("eda", "hr"),
        modality_weight=np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]], dtype=np.float32), firing=firing, rules=("if a", "if b", "if c"),
    )  # fmt: skip


def test_the_strongest_rules_come_first_and_weak_ones_stay_away(prediction):
    assert top_rules(prediction, 0) == ["if a (fires 0.80)", "if b (fires 0.15)"]
    assert top_rules(prediction, 1) == ["if c (fires 0.40)", "if a (fires 0.30)", "if b (fires 0.30)"]


def test_the_three_formats_agree(prediction, tmp_path):
    import pyarrow.parquet as pq

    for suffix in (".csv", ".parquet", ".json"):
        write_timeline(prediction, tmp_path / f"t{suffix}")
    rows = to_rows(prediction)
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == rows
    assert json.loads((tmp_path / "t.json").read_text())["segments"] == rows
    with (tmp_path / "t.csv").open(newline="") as handle:
        read = list(csv.DictReader(handle))
    for text, row in zip(read, rows, strict=True):
        assert list(text) == list(row)
        assert float(text["probability low"]) == row["probability low"]
        assert text["valence"] == ("" if row["valence"] is None else str(row["valence"]))
        assert text["rules"] == " | ".join(row["rules"])


def test_json_explains_every_status_that_occurs(prediction, tmp_path):
    write_timeline(prediction, tmp_path / "t.json")
    statuses = json.loads((tmp_path / "t.json").read_text())["statuses"]
    assert statuses == {str(s): s.sentence for s in (Status.OK, Status.LOW_QUALITY)}


def test_another_suffix_is_refused_before_any_work(tmp_path):
    with pytest.raises(UnknownName, match=r"\.csv, \.parquet, \.json"):
        check_format(tmp_path / "t.xlsx")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_a_full_disk_leaves_the_old_file(prediction, tmp_path, monkeypatch, suffix):
    import errno
    import os

    path = tmp_path / f"t{suffix}"
    path.write_text("old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoSpace, match="nothing was left half-written"):
        write_timeline(prediction, path)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_a_terminal_gets_one_short_line_per_segment_and_every_rule_once(prediction):
    columns, rows = table_of(prediction)
    assert columns[-2:] == ("status", "rule") and [row[-1] for row in rows] == ["1 (0.80)", "3 (0.40)", "1 (1.00)"]
    assert rows[0][:3] == ("0.0-2.0", "low", "0.70") and rows[2][1] == "(low)"
    assert "status" not in table_of(replace(prediction, status=(Status.OK,) * 3))[0]
    assert rules_once(prediction).splitlines()[1:3] == ["rule 1 (2): if a", "rule 3 (1): if c"]
    assert rules_once(replace(prediction, rules=(), firing=prediction.firing[:, :0])) == ""


def test_what_is_withheld_says_why_and_what_to_do(prediction):
    assert "1 of 3 answers are withheld" in withheld(prediction) and "`abstained`" in withheld(prediction)
    assert (
        "1 withheld as too uncertain (likeliest: 1 low)" in summary(prediction)
        and withheld(replace(prediction, abstained=np.zeros(3, bool))) == ""
    )
    sets = replace(prediction, possible=np.array([[True, False], [False, True], [True, True]]))
    assert "both emotions are possible" in withheld(sets) and any("p says" in remark for remark in remarks(sets))
    assert [row[3] for row in table_of(sets)[1]] == ["low", "high", "any"]
