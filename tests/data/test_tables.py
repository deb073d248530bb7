"""The importer of tables: what a mapping says is what a recording holds, on made tables and on the real ones."""

from pathlib import Path

import numpy as np
import pytest

from stf2m.core.errors import InvalidConfig, LabelOutOfScale, NothingToRead, TruncatedFile, UnknownColumn, UnknownName
from stf2m.data.datasets import open_dataset
from stf2m.data.mapping import load_mapping
from stf2m.data.tables import TablesDataset
from stf2m.data.templates import fill


def toy(folder: Path) -> TablesDataset:
    return TablesDataset(load_mapping(folder / "mapping.toml"), folder)


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "mapping.toml").read_text()
    assert old in text
    (folder / "mapping.toml").write_text(text.replace(old, new))


def test_keys_sides_constants_and_order(tables_folder: Path):
    data = toy(tables_folder)
    assert data.subjects() == ("P01", "P07")
    first, second = data.recordings("P07")
    assert (first.id, second.id) == ("P07-2", "P07-1"), "clip 2 began earlier"
    assert (first.order, second.order) == (0, 1)
    assert (first.session_offset, second.session_offset) == (0.0, 90.0)
    assert first.stimulus == "clip 2" and first.consent == "research"
    assert first.provenance[0] == "clip 2 at 30 frames/s, at home"
    assert first.started is not None and first.started.timestamp() == pytest.approx(1_599_999_827.0)


def test_scattered_rows_are_gathered_in_file_order(tables_folder: Path):
    for pid, subject in ((1, "P01"), (7, "P07")):
        for recording in toy(tables_folder).recordings(subject):
            clip = int(recording.id[-1])
            eda = recording.streams["eda"]
            np.testing.assert_allclose(eda.samples[0], pid + clip / 10 + np.arange(40) / 1000, rtol=1e-6)
            np.testing.assert_allclose(eda.times, np.arange(40) / 4)


def test_events_are_known_when_they_end(tables_folder: Path):
    recording = next(r for r in toy(tables_folder).recordings("P01") if r.stimulus == "clip 1")
    gaze = recording.streams["gaze"]
    np.testing.assert_allclose(gaze.times, np.array([0, 12, 30]) / 25)
    assert gaze.available is not None
    np.testing.assert_allclose(gaze.available, (np.array([0, 12, 30]) + 6) / 25)
    assert gaze.sample_rate == 0


def test_declared_overshoot_is_clipped_and_counted(tables_folder: Path):
    recording = next(toy(tables_folder).recordings("P07"))
    rating = recording.ratings[0]
    assert rating.clipped == 4 and rating.source_scale == (1.0, 9.0)  # one arousal of 11, valence at 1, 2 and 8 s
    assert rating.values[1, 3] == 1.0 and rating.values[1, 0] == -1.0
    assert any("clipped" in note for note in recording.provenance)


def test_undeclared_overshoot_is_an_error(tables_folder: Path):
    edit(tables_folder, "overshoot = [0, 12]\n", "")
    with pytest.raises(LabelOutOfScale, match="expected 1 to 9"):
        list(toy(tables_folder).recordings("P07"))


def test_labels_per_second_become_runs(tables_folder: Path):
    labels = next(toy(tables_folder).recordings("P01")).annotations
    assert [(a.onset, a.offset, a.emotion) for a in labels] == [(0.0, 4.0, "calm-rest"), (4.0, 8.0, "stress")]


def test_unnamed_label_is_an_error(tables_folder: Path):
    edit(tables_folder, ', "1" = "stress"', "")
    with pytest.raises(LabelOutOfScale, match="label '1' is not declared"):
        list(toy(tables_folder).recordings("P01"))


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ('eda = "uS" }', 'eda = "uSS" }', UnknownColumn, "did you mean uS"),
        ('key = "P{pid}/{clip}"\nid', 'key = "P{pidd}/{clip}"\nid', UnknownColumn, "did you mean pid"),
        ('stimulus = "clip {clip}"', 'stimulus = "clip {clipp}"', UnknownColumn, "did you mean clip"),
        ('file = "eda.parquet"', 'file = "edda.parquet"', NothingToRead, "no such file"),
        ('file = "eda.parquet"', 'file = "../eda.parquet"', InvalidConfig, "outside the data root"),
        ('unit = "uS"', 'unit = "uSiemens"', UnknownName, "unknown unit"),
        ('order = "began_ms"', 'ordr = "began_ms"', InvalidConfig, "did you mean order"),
        ("rate = 4.0", 'rate = 4.0\ncount = "fps"', TruncatedFile, "expected 30 rows"),
        ('id = "P{pid:02d}-{clip}"', 'id = "P{pid.real}"', InvalidConfig, "may only name columns"),
        ('id = "P{pid:02d}-{clip}"', 'id = "P{pid:zz}"', InvalidConfig, "template"),
    ],
)
def test_a_wrong_mapping_is_explained(tables_folder: Path, old: str, new: str, error: type[Exception], words: str):
    edit(tables_folder, old, new)
    with pytest.raises(error, match=words):
        list(toy(tables_folder).recordings("P01"))


def test_unknown_person_and_missing_root(tables_folder: Path, tmp_path: Path):
    with pytest.raises(UnknownName, match="P01, P07"):
        list(toy(tables_folder).recordings("P02"))
    with pytest.raises(NothingToRead, match="no such folder"):
        open_dataset(str(tables_folder / "mapping.toml"), tmp_path / "nowhere")


def test_a_mapping_file_opens_as_a_data_set(tables_folder: Path):
    assert open_dataset(str(tables_folder / "mapping.toml"), tables_folder).card.name == "toy"


def test_template_takes_whole_floats_as_integers():
    assert fill("S{pid:02d}", {"pid": np.float64(3.0)}, "here") == "S03"


@pytest.mark.real
def test_ceap360vr_as_it_lies(real_data: Path):
    data = open_dataset("ceap360vr", real_data)
    recordings = [r for s in data.subjects() for r in data.recordings(s)]
    assert len(data.subjects()) == 24 and len(recordings) == 192
    first = next(r for r in recordings if r.id == "P01-V1")
    assert first.streams["pupil"].sample_rate == 25 and first.streams["pupil"].samples.shape == (1, 1500)
    assert all(r.streams["pupil"].samples.shape == (1, 1800) for r in recordings if r.stimulus != "V1")
    assert all(set(r.streams) == {"pupil", "head", "gaze"} and len(r.ratings) == 1 and not r.annotations for r in recordings)
    head, gaze = first.streams["head"], first.streams["gaze"]
    assert head.available is not None and gaze.available is not None
    np.testing.assert_allclose(head.times[:2], [0.1, 0.3])
    np.testing.assert_allclose(head.available - head.times, 0.1)
    assert (gaze.available - gaze.times > 0.1).all()
    assert first.ratings[0].source_scale == (1.0, 9.0)
    assert [r.stimulus for r in data.recordings("P01")] == [f"V{n}" for n in (1, 3, 4, 2, 6, 5, 7, 8)]


@pytest.mark.real
def test_stress_predict_as_it_lies(real_data: Path):
    data = open_dataset("stress_predict", real_data)
    assert len(data.subjects()) == 26
    unlabelled = next(data.recordings("S01"))
    assert unlabelled.annotations == () and any("labels" in note for note in unlabelled.provenance)
    found = next(data.recordings("S03"))
    assert found.streams["hr"].times[0] == 10.0 and found.streams["bvp"].times[0] == 0.0
    assert found.annotations[0].onset == 9.0 and {a.emotion for a in found.annotations} == {"calm-rest", "stress"}
    assert len(found.annotations) == 7 and found.annotations[1].onset == 562.0
    assert np.median(np.linalg.norm(found.streams["acc"].samples, axis=0)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.real
def test_hku956_as_it_lies(real_data: Path):
    data = open_dataset("hku956", real_data)
    recordings = [r for s in data.subjects() for r in data.recordings(s)]
    assert len(data.subjects()) == 22 and len(recordings) == 682
    assert all("ibi" not in r.streams and any(note.startswith("ibi:") for note in r.provenance) for r in recordings)
    for r in recordings:
        lengths = {round(s.length, 6) for s in r.streams.values()}
        assert lengths == {r.annotations[0].offset}
    songs = [(r.subject, r.stimulus) for r in recordings]
    assert len(songs) - len(set(songs)) == 25


@pytest.mark.real
def test_ravdess_as_it_lies(real_data: Path):
    data = open_dataset("ravdess", real_data)
    assert len(data.subjects()) == 18
    takes = list(data.recordings("A07"))
    assert len(takes) == 59 and "03-01-03-01-02-02-07" not in {r.id for r in takes}
    kept = next(r for r in takes if r.id == "03-01-03-01-02-01-07")
    assert "03-01-03-01-02-02-07 is the same recording and was left out" in kept.provenance
    face, voice = kept.streams["face"], kept.streams["voice"]
    assert face.static and face.samples.shape == (35, 1) and face.available is not None
    assert face.available[0] == pytest.approx(voice.length) and voice.sample_rate == 16000
    assert {r.stimulus for r in takes} == {"sentence 1", "sentence 2"} and kept.annotations[0].emotion == "happy"
