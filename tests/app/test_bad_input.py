"""Whatever a person gives us wrongly: one clear sentence, an exit code of its own, nothing half-written."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.core import errors
from stf2m.core import files as disk

RUN = CliRunner()

MAPPING = """
[card]
name = "lab"
title = "Two people in a lab"
licence = "MIT"
citation = "nobody"
consent = "research"
modalities = ["eda"]
rating_scale = [1.0, 9.0]
[index]
file = "people.csv"
key = "{pid}"
id = "R{pid}"
subject = "S{pid}"
[streams.eda]
file = "eda.csv"
key = "{pid}"
rate = 4.0
time = { column = "time" }
unit = "uS"
channels = { eda = "eda" }
[[ratings]]
file = "rating.csv"
key = "{pid}"
time = { column = "time" }
valence = "v"
arousal = "a"
scale = [1.0, 9.0]
"""


class Lab:
    """Two people's tables under `root`, to be spoiled."""

    def __init__(self, root: Path):
        self.root, self.mapping, self.store = root, root / "lab.toml", root.parent / "store"
        self.mapping.write_text(MAPPING)
        rng = np.random.default_rng(0)
        self.write("people.csv", "pid", [(1,), (2,)])
        self.eda = [(p, round(0.25 * i, 2), round(2 + rng.random(), 3)) for p in (1, 2) for i in range(240)]
        self.write("eda.csv", "pid,time,eda", self.eda)
        self.rating = [(p, i, 5, 6) for p in (1, 2) for i in range(60)]
        self.write("rating.csv", "pid,time,v,a", self.rating)

    def write(self, name, header, rows):
        (self.root / name).write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")

    def bring_in(self):
        return RUN.invoke(app, ["import", str(self.mapping), str(self.root), str(self.store), "--quiet"])


@pytest.fixture
def lab(tmp_path):
    (tmp_path / "lab").mkdir()
    return Lab(tmp_path / "lab")


def truncated(lab):
    text = (lab.root / "eda.csv").read_text()
    (lab.root / "eda.csv").write_text(text[: len(text) - 12] + "\n1,2")


def wrong_unit(lab):
    lab.write("eda.csv", "pid,time,eda", [(p, t, v * 1000) for p, t, v in lab.eda])


def nan_run(lab):
    lab.write("eda.csv", "pid,time,eda", [(p, t, "nan" if 10 < t < 50 else v) for p, t, v in lab.eda])


def rate_contradicts(lab):
    lab.write("eda.csv", "pid,time,eda", [(p, 2 * t, v) for p, t, v in lab.eda])


def duplicated_time(lab):
    lab.write("eda.csv", "pid,time,eda", [(p, 10.0 if t == 10.25 else t, v) for p, t, v in lab.eda])


def time_runs_back(lab):
    lab.write("eda.csv", "pid,time,eda", [(p, 3.0 if t == 10.25 else t, v) for p, t, v in lab.eda])


def label_outside(lab):
    lab.write("rating.csv", "pid,time,v,a", [(p, t, 11 if t == 7 else v, a) for p, t, v, a in lab.rating])


def unknown_column(lab):
    lab.write("eda.csv", "pid,time,edaa", lab.eda)


def unknown_key(lab):
    lab.mapping.write_text(MAPPING.replace('unit = "uS"', 'unitt = "uS"'))


def unknown_unit(lab):
    lab.mapping.write_text(MAPPING.replace('"uS"', '"microsiemens"'))


def empty_folder(lab):
    for path in lab.root.glob("*.csv"):
        path.unlink()


MATRIX = [
    (truncated, errors.TruncatedFile, "eda.csv"),
    (wrong_unit, errors.WrongUnit, "nS"),
    (nan_run, errors.MissingRun, "eda"),
    (rate_contradicts, errors.RateContradiction, "eda"),
    (duplicated_time, errors.TimesNotIncreasing, "repeat"),
    (time_runs_back, errors.TimesNotIncreasing, "backwards"),
    (label_outside, errors.LabelOutOfScale, "1 to 9"),
    (unknown_column, errors.UnknownColumn, "did you mean edaa"),
    (unknown_key, errors.InvalidConfig, "did you mean unit"),
    (unknown_unit, errors.UnknownName, "microsiemens"),
    (empty_folder, errors.NothingToRead, "people.csv"),
]


def one_sentence(result, kind, words):
    assert result.exit_code == kind.exit_code, (result.exit_code, result.stderr, result.exception)
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1 and result.stderr.startswith("stf2m: ")
    assert words in result.stderr, result.stderr


def test_another_error_other_words_and_no_error_are_no_such_sentence(tmp_path):
    missing = RUN.invoke(app, ["doctor", str(tmp_path / "none.csv")])
    one_sentence(missing, errors.NothingToRead, "none.csv")
    fine = RUN.invoke(app, ["--version"])
    for result, kind, words in (
        (missing, errors.WrongUnit, "none.csv"),
        (missing, errors.NothingToRead, "degF"),
        (fine, errors.WrongUnit, ""),
    ):
        with pytest.raises(AssertionError):
            one_sentence(result, kind, words)


def test_as_it_is_the_lab_is_read(lab):
    result = lab.bring_in()
    assert result.exit_code == 0, result.stderr
    assert RUN.invoke(app, ["prepare", str(lab.store)]).exit_code == 0


@pytest.mark.parametrize(("spoil", "kind", "words"), MATRIX, ids=[row[0].__name__ for row in MATRIX])
def test_bad_files_are_refused_in_one_sentence_and_nothing_half_is_kept(lab, spoil, kind, words):
    spoil(lab)
    one_sentence(lab.bring_in(), kind, words)
    if lab.store.exists():
        assert not json.loads((lab.store / "store.json").read_text())["complete"]
        assert not list((lab.store / "people").glob("*/*.part")) and not [p for p in lab.store.rglob("*") if p.name.endswith(".part")]
        one_sentence(RUN.invoke(app, ["prepare", str(lab.store)]), errors.NotStored, "not finished")


def test_a_file_that_is_no_table(tmp_path):
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    one_sentence(RUN.invoke(app, ["doctor", str(path)]), errors.UnreadableFile, "picture.csv")


def test_the_doctor_goes_on_after_what_is_refused(tmp_path):
    lines = [f"{i / 4},{2 + i % 3},{600 + i % 3},{i}" for i in range(400) if not 40 <= i < 240]
    (tmp_path / "own.csv").write_text("time,eda_uS,hr_bpm,mood\n" + "\n".join(lines) + "\n")
    told = RUN.invoke(app, ["doctor", str(tmp_path / "own.csv"), "--json"])
    (found,) = json.loads(told.stdout)["recordings"]
    mistakes = [finding["sentence"] for finding in found["findings"] if finding["severity"] == "error"]
    assert [text.split(";")[0] for text in mistakes] == [
        "unknown column 'mood'", "eda: samples are missing for 50.0 s from 10.0 s on", "hr: samples are missing for 50.0 s from 10.0 s on",
        "hr: the values cannot be in bpm",
    ]  # fmt: skip
    assert "split the file there" in mistakes[1]
    assert {f["stream"] for f in found["findings"]} >= {"", "eda"} and "hr" not in {f["stream"] for f in found["findings"]}
    assert told.exit_code == errors.UnknownColumn.exit_code and told.stderr.startswith("stf2m: ")


def test_after_mending_the_same_command_finishes(lab):
    good = (lab.root / "eda.csv").read_bytes()
    wrong_unit(lab)
    assert lab.bring_in().exit_code == errors.WrongUnit.exit_code
    (lab.root / "eda.csv").write_bytes(good)
    assert lab.bring_in().exit_code == 0


@pytest.mark.parametrize("command", ["import", "prepare"])
def test_a_full_disk(lab, monkeypatch, command):
    if command == "prepare":
        assert lab.bring_in().exit_code == 0
    before = sorted(p.name for p in lab.store.rglob("*")) if lab.store.exists() else []

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        result = lab.bring_in() if command == "import" else RUN.invoke(app, ["prepare", str(lab.store)])
    one_sentence(result, errors.NoSpace, "nothing was left half-written")
    again = lab.bring_in() if command == "import" else RUN.invoke(app, ["prepare", str(lab.store)])
    assert again.exit_code == 0, again.stderr
    assert not [p for p in lab.store.rglob("*") if p.name.endswith(".part")] and len(list(lab.store.rglob("*"))) > len(before)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def test_a_corrupted_shard(lab):
    assert lab.bring_in().exit_code == 0
    biggest = max((p for p in (lab.store / "people").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    flip(biggest)
    one_sentence(RUN.invoke(app, ["prepare", str(lab.store)]), errors.CorruptStore, str(biggest.parent.name))


def test_a_store_of_another_version(lab):
    assert lab.bring_in().exit_code == 0
    manifest = lab.store / "store.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    one_sentence(RUN.invoke(app, ["prepare", str(lab.store)]), errors.WrongVersion, "format 99")


def test_prepared_signals_of_another_version(lab):
    assert lab.bring_in().exit_code == 0 and RUN.invoke(app, ["prepare", str(lab.store)]).exit_code == 0
    (manifest,) = (lab.store / "prepared").glob("*/manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": 99}))
    one_sentence(RUN.invoke(app, ["prepare", str(lab.store)]), errors.WrongVersion, "99")


@pytest.fixture
def copied(bundle_path, tmp_path):
    return Path(shutil.copytree(bundle_path, tmp_path / "b.stf2m"))


def ask(bundle, recording, *more):
    return RUN.invoke(app, ["predict", str(bundle), str(recording), *map(str, more)])


def test_a_bundle_that_is_old_broken_or_not_there(copied, files, tmp_path):
    one_sentence(ask(tmp_path, files["tuesday"]), errors.NotStored, "no bundle here")
    facts = json.loads((copied / "bundle.json").read_text())
    (copied / "bundle.json").write_text(json.dumps(facts | {"format": 99}))
    one_sentence(ask(copied, files["tuesday"]), errors.WrongVersion, "format 99")
    (copied / "bundle.json").write_text(json.dumps(facts))
    flip(copied / "network.safetensors")
    one_sentence(ask(copied, files["tuesday"]), errors.CorruptStore, "network.safetensors")


def test_what_a_prediction_cannot_be_made_of(bundle_path, files, tmp_path):
    out = tmp_path / "t.csv"
    one_sentence(ask(bundle_path, tmp_path / "none.csv"), errors.NothingToRead, "none.csv")
    one_sentence(ask(bundle_path, files["tuesday"], "--out", tmp_path / "t.xlsx"), errors.UnknownName, ".parquet")
    one_sentence(ask(bundle_path, files["tuesday"], "--person", "eve", "--out", out), errors.NotStored, "'eve'")
    one_sentence(ask(bundle_path, files["tuesday"], "--use", "commercial"), errors.NoConsent, "commercial")
    one_sentence(ask(bundle_path, files["tuesday"], "--use", "selling"), errors.UnknownName, "selling")
    (tmp_path / "head.csv").write_text("time,head_pitch_deg,head_yaw_deg\n" + "".join(f"{i / 5},1,2\n" for i in range(200)))
    one_sentence(ask(bundle_path, tmp_path / "head.csv"), errors.SensorMismatch, "hr or eda or temp")
    assert not out.exists()


def test_labels_that_say_nothing(bundle_path, files, tmp_path):
    late = tmp_path / "late.csv"
    late.write_text("onset,offset,emotion\n0,0.2,high arousal\n")
    words = [str(bundle_path), str(files["monday"]), "--person", "ada", "--people", str(tmp_path / "people"), "--labels"]
    one_sentence(RUN.invoke(app, ["personalise", *words, str(late)]), errors.NotEnoughLabels, "no segment carries a label")
    late.write_text("onset,offset,emotion\n0,2,joy\n")
    one_sentence(RUN.invoke(app, ["personalise", *words, str(late)]), errors.UnknownName, "joy")
    two = [*words, str(late), "--labels", str(late)]
    one_sentence(RUN.invoke(app, ["personalise", *two]), errors.InvalidConfig, "one labels file per recording")
    assert not (tmp_path / "people").exists()


def test_a_bundle_of_somebody_forgotten_says_so(copied, files):
    recording = next(path for path in files.values() if path.suffix == ".csv" and "label" not in path.name)
    assert "removed since" not in ask(copied, recording).stderr
    (copied / "STALE.json").write_text("{}")
    said = ask(copied, recording)
    assert said.exit_code == 0 and "removed since" in said.stderr


def test_a_sensor_that_only_the_card_has_is_said(lab):
    lab.write("rating.csv", "pid,time,v,a", [(p, t, 5 + t % 3, a) for p, t, v, a in lab.rating])
    lab.mapping.write_text(MAPPING.replace('["eda"]', '["eda", "bvp"]'))
    done = RUN.invoke(app, ["import", str(lab.mapping), str(lab.root), str(lab.store)])
    assert done.exit_code == 0 and "warning: bvp: named on the card and in no recording" in done.stderr
    told = RUN.invoke(app, ["doctor", str(lab.store)])
    assert "bvp: named on the card and in no recording" in told.stdout and "0 errors, 1 warning" in told.stdout
    assert "bvp: named on the card" in RUN.invoke(app, ["info", str(lab.store)]).stdout


def test_an_empty_store_and_one_without_findings_are_said_in_words(lab):
    lab.write("rating.csv", "pid,time,v,a", [(p, t, 5 + t % 3, a) for p, t, v, a in lab.rating])
    lab.bring_in()
    told = RUN.invoke(app, ["doctor", str(lab.store)])
    assert told.stdout.strip() == "2 recordings: 0 errors, 0 warnings"
    for person in ("S1", "S2"):
        assert RUN.invoke(app, ["forget", person, "--store", str(lab.store)]).exit_code == 0
    assert RUN.invoke(app, ["doctor", str(lab.store)]).stdout.strip() == f"nobody is stored in {lab.store}: there is nothing to examine"
    assert "nobody is in" in RUN.invoke(app, ["info", str(lab.store)]).stderr


def test_a_name_close_to_a_data_set_is_suggested_without_a_folder(tmp_path):
    one_sentence(RUN.invoke(app, ["info", "ceap360"], env={"STF2M_DATA": None}), errors.UnknownName, "did you mean ceap360vr")
    one_sentence(RUN.invoke(app, ["info", "ceap360vr"], env={"STF2M_DATA": None}), errors.NothingToRead, "no folder given")
    one_sentence(RUN.invoke(app, ["info", str(tmp_path)]), errors.NotStored, "no recording store here")


def test_a_mapping_for_a_study(lab):
    one_sentence(RUN.invoke(app, ["study", str(lab.mapping), "--plan"]), errors.InvalidConfig, "this is the mapping of a data set")
    one_sentence(RUN.invoke(app, ["doctor", str(lab.mapping)]), errors.UnknownName, "import it and examine the store")


def test_a_path_that_may_not_be_read(lab, monkeypatch):
    hidden, opened = lab.root / "own.csv", Path.read_bytes

    def refused(path):
        if path == hidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path)

    hidden.write_text("time,eda_uS\n0,1\n")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(Path, "read_bytes", refused)
    one_sentence(RUN.invoke(app, ["doctor", str(hidden)]), errors.NotAccessible, f"{hidden}: cannot be opened; got Permission denied")


def test_what_cannot_be_written_is_named_as_it_was_asked_for(lab, monkeypatch):
    assert lab.bring_in().exit_code == 0

    def refused(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError) as caught, disk.atomic_file(lab.root / "page.html"):
        pass
    assert caught.value.filename == str(lab.root)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    with pytest.raises(PermissionError) as caught, disk.atomic_file(lab.root / "page.html"):
        pass
    assert caught.value.filename == str(lab.root / "page.html")
