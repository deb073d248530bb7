"""The publishers' own layouts: equal to the tidy copies where both have something."""

from pathlib import Path

import numpy as np
import pytest

from stf2m.core.errors import LabelOutOfScale, NothingToRead, UnknownColumn, UnknownName, UnreadableFile
from stf2m.core.records import Recording
from stf2m.data.datasets import DATASETS, open_dataset
from stf2m.data.datasets.ravdess import RavdessFolders, take_of

FILE_SETS = sorted(set(DATASETS) - {"synthetic"})


def assert_same(one: Recording, two: Recording, *, labels: bool = True) -> int:
    """Same samples, times and labels on the streams that both have; returns their number."""
    assert (one.id, one.subject, one.stimulus, one.consent, one.dataset) == (two.id, two.subject, two.stimulus, two.consent, two.dataset)
    shared = sorted(one.streams.keys() & two.streams.keys())
    for name in shared:
        a, b = one.streams[name], two.streams[name]
        np.testing.assert_array_equal(a.samples, b.samples, err_msg=f"{one.id} {name}")
        np.testing.assert_allclose(a.times, b.times, rtol=0, atol=1e-9)
        assert (a.sample_rate, a.channels, a.units, a.static, a.available is None) == (
            b.sample_rate,
            b.channels,
            b.units,
            b.static,
            b.available is None,
        )
        if a.available is not None and b.available is not None:
            np.testing.assert_allclose(a.available, b.available, rtol=0, atol=1e-9)
    if labels:
        assert len(one.annotations) == len(two.annotations) and len(one.ratings) == len(two.ratings)
        for x, y in zip(one.annotations, two.annotations):
            assert (x.emotion, x.valence, x.arousal, x.source) == (y.emotion, y.valence, y.arousal, y.source)
            np.testing.assert_allclose([x.onset, x.offset], [y.onset, y.offset], atol=1e-9)
        for r, s in zip(one.ratings, two.ratings):
            np.testing.assert_allclose(r.values, s.values, atol=1e-6)
            np.testing.assert_allclose(r.times, s.times, atol=5e-6)  # the tidy copy keeps seconds as float32
    return len(shared)


@pytest.mark.real
@pytest.mark.parametrize(("name", "folder", "streams"), [("ceap360vr", "CEAP-360VR", 2), ("hku956", "HKU956", 4)])
def test_genuine_equals_tidy(real_data: Path, name: str, folder: str, streams: int):
    tidy, genuine = open_dataset(name, real_data), open_dataset(name, real_data / "upstream_layouts" / folder)
    assert tidy.card == genuine.card
    for subject in genuine.subjects():
        wanted = {r.id: r for r in tidy.recordings(subject)}
        found = list(genuine.recordings(subject))
        assert found and all(assert_same(wanted[r.id], r) == streams for r in found)


@pytest.mark.real
def test_genuine_e4_folders_equal_tidy(real_data: Path, tmp_path: Path):
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    upstream = real_data / "upstream_layouts" / "Stress-Predict"
    tidy, bare = open_dataset("stress_predict", real_data), open_dataset("stress_predict", upstream)
    assert bare.subjects() == ("S01", "S03")
    (tmp_path / "Raw_data").symlink_to(upstream / "Raw_data")
    (tmp_path / "Processed_data").mkdir()
    labels = pq.read_table(real_data / "stress_predict" / "hr_rsp_binary_1hz.parquet")
    pc.write_csv(labels, tmp_path / "Processed_data" / "Improved_All_Combined_hr_rsp_binary.csv")
    full = open_dataset("stress_predict", tmp_path)
    for subject in bare.subjects():
        wanted, plain, labelled = (next(d.recordings(subject)) for d in (tidy, bare, full))
        assert assert_same(wanted, plain, labels=False) == 5 and assert_same(wanted, labelled) == 5
        assert "ibi" in plain.streams and not plain.annotations and "labels" in plain.provenance[-1]
        assert plain.started == wanted.started


@pytest.mark.real
def test_actor_folders_equal_tidy(real_data: Path, tmp_path: Path):
    import soundfile

    flac = real_data / "ravdess" / "flac"
    names = [f"03-01-{e:02d}-01-02-{r:02d}-07" for e in (1, 3, 6) for r in (1, 2)]
    (tmp_path / "Actor_07").mkdir()
    for name in names:
        wave, rate = soundfile.read(flac / f"{name}.flac", dtype="int16")
        soundfile.write(tmp_path / "Actor_07" / f"{name}.wav", wave, rate)
    (tmp_path / "Actor_07" / f"01{names[0][2:]}.mp4").write_bytes(b"")
    genuine = open_dataset("ravdess", tmp_path)
    assert genuine.subjects() == ("A07",)
    wanted = {r.id: r for r in open_dataset("ravdess", real_data).recordings("A07")}
    found = list(genuine.recordings("A07"))
    assert [r.id for r in found] == sorted(set(names) - {"03-01-03-01-02-02-07"})
    assert all(assert_same(wanted[r.id], r) == 1 for r in found)
    assert any(".mp4" in note and "not read" in note for note in found[0].provenance)
    assert any("same recording" in note for note in found[2].provenance)


def test_ravdess_with_openface_tables(tmp_path: Path):
    import soundfile

    from stf2m.data.readers.openface import INTENSITIES, PRESENCES

    (tmp_path / "Actor_02").mkdir()
    (tmp_path / "tables").mkdir()
    stem = "03-01-05-02-01-02-02"
    soundfile.write(tmp_path / "Actor_02" / f"{stem}.wav", np.zeros(48000 * 3) + 0.01, 48000)
    header = ",".join(["frame", "timestamp", "confidence", *INTENSITIES, *PRESENCES])
    rows = [",".join([str(n + 1), f"{n / 30:.3f}", "0.9", *["0.5"] * 17, *["1"] * 18]) for n in range(90)]
    (tmp_path / "tables" / f"01{stem[2:]}.csv").write_text("\n".join([header, *rows]) + "\n")
    recording = next(open_dataset("ravdess", tmp_path).recordings("A02"))
    assert set(recording.streams) == {"voice", "face"} and recording.streams["face"].sample_rate == 30
    assert recording.annotations[0].emotion == "angry" and recording.stimulus == "sentence 1"
    assert recording.streams["voice"].samples.shape == (1, 48000) and any("resampled" in n for n in recording.provenance)


def test_take_names():
    assert take_of("03-01-08-02-02-01-24") == ("surprised", "strong", 2, 1, 24)
    assert take_of("03-02-08-02-02-01-24") is None and take_of("01-01-08-02-02-01-24") is None


def test_ceap360vr_questionnaire_gives_the_order(tmp_path: Path):
    import json

    def save(kind: str, content: dict) -> None:
        path = tmp_path / kind
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    videos = {"V1": 1_000_000_200_000, "V2": 1_000_000_000_000}
    save("1_Stimuli/VideoInfo.json", {"VideoInfo": [{"VideoID": v, "FrameRate": 25} for v in videos]})
    rows = [{"TimeStamp": n / 8, "Valence": 5, "Arousal": 9} for n in range(80)]
    save("3_AnnotationData/Transformed/P5_Annotation_TransData.json", {
        "ContinuousAnnotation_TransData": [{"ParticipantID": "P5", "Video_Annotation_TransData": [{"VideoID": v, "TimeStamp_Valence_Arousal": rows} for v in videos]}]
    })  # fmt: skip
    save("4_BehaviorData/Frame/P5_Behavior_FrameData.json", {
        "Behavior_FrameData": [{"ParticipantID": "P5", "Video_Behavior_FrameData": [{"VideoID": v, "HM": [], "LPD": [{"PD": 3.5}] * 250} for v in videos]}]
    })  # fmt: skip
    times = [{"VideoID": v, "Start_End_TimeStamp": [{"UnixTimeStamp": t}, {"UnixTimeStamp": t + 60_000}]} for v, t in videos.items()]
    save(
        "2_QuestionnaireData/P5_Questionnaire_Data.json",
        {"QuestionnaireData": [{"ParticipantID": "P5", "Video_SAMRating_VideoTime_Data": times}]},
    )
    first, second = open_dataset("ceap360vr", tmp_path).recordings("P05")
    assert (first.stimulus, second.stimulus) == ("V2", "V1") and (first.session_offset, second.session_offset) == (0.0, 200.0)
    assert first.streams["pupil"].samples.shape == (1, 250) and first.streams["pupil"].sample_rate == 25
    assert (first.ratings[0].values.T == [0.0, 1.0]).all()


@pytest.mark.parametrize("name", FILE_SETS)
def test_a_folder_without_the_data_set_is_said(tmp_path: Path, name: str):
    with pytest.raises(NothingToRead, match="an empty folder"):
        open_dataset(name, tmp_path)
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(NothingToRead, match=r"holiday\.jpg"):
        open_dataset(name, tmp_path)
    with pytest.raises(NothingToRead, match="no such folder"):
        open_dataset(name, tmp_path / "nowhere")


def test_unknown_names_meet_their_neighbours(tmp_path: Path, e4_folder):
    with pytest.raises(UnknownName, match="did you mean ravdess"):
        open_dataset("ravdes", tmp_path)
    folder = e4_folder("S03", parent=tmp_path / "Raw_data")
    with pytest.raises(UnknownName, match="S03"):
        list(open_dataset("stress_predict", folder.parent.parent).recordings("S99"))


def test_actors_are_sorted(tmp_path: Path):
    for actor in (10, 2):
        (tmp_path / f"Actor_{actor:02d}").mkdir()
        (tmp_path / f"Actor_{actor:02d}" / f"03-01-01-01-01-01-{actor:02d}.wav").write_bytes(b"")
    assert RavdessFolders(tmp_path).subjects() == ("A02", "A10")


def test_a_json_of_another_shape_is_said(tmp_path: Path):
    (tmp_path / "1_Stimuli").mkdir()
    folder = tmp_path / "3_AnnotationData" / "Transformed"
    folder.mkdir(parents=True)
    (tmp_path / "1_Stimuli" / "VideoInfo.json").write_text('{"VideoInfo": [{"VideoID": "V1", "FrameRate": 25}]}')
    for text in (
        "[]",
        "{}",
        '{"a": []}',
        '{"a": [{"Video_x": [{"VideoID": "V1"}]}]}',
        '{"a": [{"Video_x": [{"VideoID": "V1", "t": [{"TimeStamp": 1}]}]}]}',
    ):
        (folder / "P1_Annotation_TransData.json").write_text(text)
        with pytest.raises((UnreadableFile, NothingToRead, UnknownColumn)) as caught:
            list(open_dataset("ceap360vr", tmp_path).recordings("P01"))
        assert "\n" not in str(caught.value)


def test_hku956_rows_are_checked(tmp_path: Path):
    signals = tmp_path / "1. physiological signals" / "hku1" / "BVP"
    signals.mkdir(parents=True)
    (signals / "0_5.csv").write_text("1.5\n-2.0\n" * 64)
    header = "participant_id,song_no,song_id,valence_rating,valence,arousal_rating,arousal,play_duration\n"
    (tmp_path / "3. AV_ratings.csv").write_text(header + "hku1,0,5,,x,-5,negative,2\nhku1,1,6,1,x,1,y,2\n")
    (found,) = open_dataset("hku956", tmp_path).recordings("hku1")
    assert found.annotations[0].valence is None and found.annotations[0].arousal == -0.5 and set(found.streams) == {"bvp"}
    assert "eda: not in the files of this recording" in found.provenance
    (tmp_path / "3. AV_ratings.csv").write_text(header + "hku1,0,5,3,x,-50,negative,2\n")
    with pytest.raises(LabelOutOfScale, match="expected -10 to 10"):
        open_dataset("hku956", tmp_path).subjects()
    (tmp_path / "3. AV_ratings.csv").write_text(header + "hku1,zero,5,3,x,-5,negative,2\n")
    with pytest.raises(UnreadableFile, match="song_no"):
        open_dataset("hku956", tmp_path).subjects()
