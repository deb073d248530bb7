"""The importer of tables: what a mapping says is what a recording holds, on made tables and on the real ones."""

from pathlib import Path

import numpy as np
import pytest

from stf2m.core.errors import (
    InvalidConfig,
    LabelOutOfScale,
    NothingToRead,
    RateContradiction,
    Stf2mError,
    TruncatedFile,
    UnknownColumn,
    UnknownName,
    UnreadableFile,
)
from stf2m.data.datasets import open_dataset
from stf2m.data.keyed import KeyedTable
from stf2m.data.labels import rescale, runs
from stf2m.data.mapping import load_mapping
from stf2m.data.summary import describe_dataset
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
    with pytest.raises(
        LabelOutOfScale, match="label '1' is no emotion of the card and not among names; expected calm-rest, stress, 0 - add"
    ):
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
        ('unit = "uS"', 'unitt = "uS"', InvalidConfig, r"there is no key 'streams\.eda\.unitt' - did you mean unit"),
        ('unit = "uS"\n', "", InvalidConfig, r"the key 'streams\.eda\.unit' is missing"),
        ("[card]", "protocols = []\n[recipe]", InvalidConfig, "this is a study, not the mapping of a data set"),
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


@pytest.mark.parametrize("group", [1, 7, 1000])
@pytest.mark.parametrize("scattered", [False, True])
def test_keyed_rows_equal_a_plain_filter(tmp_path: Path, group: int, scattered: bool):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(3)
    who = np.repeat(["b", "a", "c"], [13, 1, 29])
    clip = np.concatenate([np.arange(n) // 5 for n in (13, 1, 29)])
    order = rng.permutation(43) if scattered else np.arange(43)
    who, clip, value = who[order], clip[order], rng.normal(size=43)
    columns = {"who": pa.array(who).dictionary_encode(), "clip": pa.array(clip, pa.int8()), "value": value}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=group)
    table = KeyedTable(tmp_path / "t.parquet", "{who}/{clip:02d}")
    wanted = {f"{w}/{c:02d}": value[(who == w) & (clip == c)] for w, c in zip(who, clip)}
    assert set(table.spans) == set(wanted) and "d/00" not in table and table.rows("d/00") == 0
    for key in [*wanted, *reversed(list(wanted))]:
        np.testing.assert_array_equal(table.columns(key, ("value",))["value"], wanted[key])
        assert table.row(key)["value"] == wanted[key][0] and table.rows(key) == len(wanted[key])


def test_a_damaged_parquet_file_is_said(tables_folder: Path):
    path = tables_folder / "eda.parquet"
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(60):
        bad = whole.copy()
        for place in rng.integers(4, len(bad) - 8, 12):
            bad[place] ^= 0xFF
        path.write_bytes(bad)
        try:
            for recording in toy(tables_folder).recordings("P01"):
                assert recording.streams["eda"].samples.shape[0] == 1
        except Stf2mError as problem:
            assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("clips.csv", "1,25", "1,fast", "column 'fps' does not hold a number here"),
        ("clips.csv", "1,25", "1,", "column 'fps' does not hold a number here"),
        ("clips.csv", "1,25", "1,0", "'fps' must be above 0"),
        ("rating.csv", "1,1,0,", "1,1,zero,", "column 't' does not hold numbers; got 'zero' in row 1 of P1/1"),
        ("fixations.csv", "P1,1,0,5,1.5", "P1,1,0,5,up", "column 'pitch' does not hold numbers"),
    ],
)
def test_text_for_numbers_is_said(tables_folder: Path, file: str, old: str, new: str, words: str):
    text = (tables_folder / file).read_text()
    (tables_folder / file).write_text(text.replace(old, new, 1))
    with pytest.raises(UnreadableFile, match=words):
        list(toy(tables_folder).recordings("P01"))


def test_runs_cover_what_rows_cover():
    names = ["a", "a", None, "b", "b", "b", "a"]
    onsets = np.array([0.0, 1, 2, 3, 4, 6, 7])
    found = runs(names, onsets, onsets + 1, source="x")
    assert [(a.onset, a.offset, a.emotion) for a in found] == [(0, 2, "a"), (3, 5, "b"), (6, 7, "b"), (7, 8, "a")]
    assert sum(a.offset - a.onset for a in found) == 6


@pytest.mark.parametrize("scale", [(1, 9), (-10, 10), (0, 100), (-1, 1)])
def test_scales_map_ends_and_middle(scale: tuple[int, int]):
    low, high = map(float, scale)
    got, clipped = rescale(np.array([low, (low + high) / 2, high, np.nan]), (low, high), None, "here")
    np.testing.assert_allclose(got, [-1, 0, 1, np.nan], atol=1e-12)
    assert clipped == 0


@pytest.mark.real
@pytest.mark.parametrize("name", ["ceap360vr", "hku956", "ravdess", "stress_predict"])
def test_every_real_set_keeps_its_promises(real_data: Path, name: str):
    data = open_dataset(name, real_data)
    people = data.subjects()
    assert list(people) == sorted(people) and len(set(people)) == len(people)
    recordings = list(data.recordings(people[0]))
    again = list(open_dataset(name, real_data).recordings(people[0]))
    assert len({r.id for r in recordings}) == len(recordings) == len(again)
    assert [r.session_offset for r in recordings] == sorted(r.session_offset for r in recordings)
    for one, two in zip(recordings, again):
        assert one.subject == people[0] and one.dataset == name and one.consent == data.card.consent and one.provenance
        assert set(one.streams) <= {*data.card.modalities} and one.annotations == two.annotations
        for key, stream in one.streams.items():
            assert stream.times[0] >= 0
            np.testing.assert_array_equal(stream.samples, two.streams[key].samples)
        assert {a.emotion for a in one.annotations} - {None} <= set(data.card.emotions)
        assert all(a.onset >= 0 and a.offset <= one.length + 10 for a in one.annotations)


def own_files(folder: Path) -> None:
    """The events, ratings and labels of every recording in files of their own; P07-2 has no events."""
    for name in ("fixations", "rating", "labels"):
        head, *lines = (folder / f"{name}.csv").read_text().splitlines()
        who = head.split(",").index("who" if name == "fixations" else "pid")
        for pid, clip in ((1, 1), (1, 2), (7, 1), (7, 2)):
            mine = [line for line in lines if line.split(",")[who].removeprefix("P") == str(pid) and line.split(",")[who + 1] == str(clip)]
            place = folder / f"P{pid:02d}"
            place.mkdir(exist_ok=True)
            if (name, pid, clip) != ("fixations", 7, 2):
                (place / f"{name}-{clip}.csv").write_text("\n".join([head, *mine]) + "\n")


def test_every_recording_may_have_files_of_its_own(tables_folder: Path):
    whole = {r.id: r for s in toy(tables_folder).subjects() for r in toy(tables_folder).recordings(s)}
    own_files(tables_folder)
    text = (tables_folder / "mapping.toml").read_text()
    for name in ("fixations", "rating", "labels"):
        i = text.index(f'file = "{name}.csv"')
        rest = text[i:].split("\n", 2)
        assert rest[1].startswith("key = ")
        text = text[:i] + f'file = "P{{pid:02d}}/{name}-{{clip}}.csv"\n' + rest[2]
    (tables_folder / "mapping.toml").write_text(text)
    apart = {r.id: r for s in toy(tables_folder).subjects() for r in toy(tables_folder).recordings(s)}
    assert set(apart) == set(whole)
    for name, recording in whole.items():
        other = apart[name]
        assert recording.annotations == other.annotations
        np.testing.assert_array_equal(recording.ratings[0].values, other.ratings[0].values)
        events = set(recording.streams) - set(other.streams)
        assert len(events) == (1 if name == "P07-2" else 0)
        assert any("not in the files of this recording" in note for note in other.provenance) == bool(events)
        for stream in other.streams:
            np.testing.assert_array_equal(recording.streams[stream].samples, other.streams[stream].samples)


def test_a_file_name_made_of_cells_stays_below_the_root(tables_folder: Path):
    edit(tables_folder, 'file = "rating.csv"', 'file = "../{pid}.csv"')
    with pytest.raises(InvalidConfig, match="outside the data root"):
        toy(tables_folder)


def test_the_source_changes_with_every_file_and_with_the_mapping(tables_folder: Path):
    first = toy(tables_folder).source
    assert toy(tables_folder).source == first
    (tables_folder / "rating.csv").write_text((tables_folder / "rating.csv").read_text() + "\n")
    second = toy(tables_folder).source
    edit(tables_folder, "overshoot = [0, 12]", "overshoot = [0, 13]")
    assert len({first, second, toy(tables_folder).source}) == 3


def timed(folder: Path, per: float, rows: int = 40) -> None:
    """The skin conductance has a time column of `per` counts a second and no rate; a second in the middle is one flat line."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "eda.parquet").filter([n < rows for n in pq.read_table(folder / "eda.parquet")["n"].to_pylist()])
    pq.write_table(table.append_column("t", [[n / 4 * per for n in table["n"].to_pylist()]]), folder / "eda.parquet")
    edit(folder, "rate = 4.0", 'time = { column = "t" }')


def test_a_rate_that_nobody_declared_is_estimated(tables_folder: Path):
    timed(tables_folder, 1)
    eda = next(toy(tables_folder).recordings("P01")).streams["eda"]
    assert eda.sample_rate == 4.0 and eda.estimated
    assert not next(toy(tables_folder).recordings("P01")).streams["gaze"].sample_rate


def test_milliseconds_for_seconds_are_refused_without_a_rate_too(tables_folder: Path):
    timed(tables_folder, 1000)
    with pytest.raises(RateContradiction, match=r"eda: 0\.004 Hz is too slow for eda - is the time column in milliseconds"):
        next(toy(tables_folder).recordings("P01"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('file = "fixations.csv"\nkey = "{who}/{clip}"', 'file = "{pid}/fix.csv"', r"files such as 7/fix\.csv, got none for any recording"),
        ('key = "{who}/{clip}"', 'key = "{who}-{clip}"', "expected rows of P7/2, the key of a recording, got rows of P1-1"),
        ('file = "rating.csv"\nkey = "P{pid}/{clip}"', 'file = "{pid}/rate.csv"', r"files such as 7/rate\.csv"),
        ('file = "labels.csv"\nkey = "P{pid}/{clip}"', 'file = "{pid}/labels.csv"', r"files such as 7/labels\.csv"),
    ],
)
def test_a_part_of_the_mapping_that_nobody_has_is_an_error(tables_folder: Path, old: str, new: str, words: str):
    edit(tables_folder, old, new)
    with pytest.raises(NothingToRead, match=words):
        list(toy(tables_folder).recordings("P07"))


def test_a_sensor_on_the_card_that_nobody_has_is_a_warning(tables_folder: Path):
    assert "warning" not in dict(describe_dataset(toy(tables_folder)))
    edit(tables_folder, 'modalities = ["eda", "gaze"]', 'modalities = ["eda", "gaze", "bvp"]')
    assert dict(describe_dataset(toy(tables_folder)))["warning"].startswith("bvp: named on the card and in no recording")


def test_an_emotion_of_the_card_needs_no_entry_in_names(tables_folder: Path):
    text = (tables_folder / "labels.csv").read_text()
    (tables_folder / "labels.csv").write_text(text.replace(",1\n", ",stress\n").replace(",0\n", ",calm-rest\n"))
    edit(tables_folder, 'names = { "0" = "calm-rest", "1" = "stress" }\n', "")
    labels = next(toy(tables_folder).recordings("P01")).annotations
    assert [(a.onset, a.offset, a.emotion) for a in labels] == [(0.0, 4.0, "calm-rest"), (4.0, 8.0, "stress")]
    (tables_folder / "labels.csv").write_text(text.replace(",1\n", ",Stress\n").replace(",0\n", ",calm-rest\n"))
    with pytest.raises(LabelOutOfScale, match="did you mean stress"):
        next(toy(tables_folder).recordings("P01"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            '"1" = "stress"',
            '"1" = "strss"',
            "names lead to 'strss', no emotion of the card; expected calm-rest, stress - did you mean stress",
        ),
        ('emotions = ["calm-rest", "stress"]', "", "labels have an emotion, but the card lists none"),
        (
            'consent = "research"',
            'consent = "withdrawn"',
            "consent 'withdrawn' says nothing .*any, non-commercial, research, unknown, none",
        ),
    ],
)
def test_words_that_nobody_knows_are_refused(tables_folder: Path, old: str, new: str, words: str):
    edit(tables_folder, old, new)
    with pytest.raises(InvalidConfig, match=words):
        toy(tables_folder)


@pytest.mark.parametrize("unit", ["\u00b5S", "\u03bcS"])
def test_micro_in_a_mapping(tables_folder: Path, unit: str):
    edit(tables_folder, 'unit = "uS"', f'unit = "{unit}"')
    assert next(toy(tables_folder).recordings("P01")).streams["eda"].units == ("uS",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('order = "began_ms"', 'order = "began"', r"index\.csv: no column 'began' - did you mean began_ms"),
        ("per = 1000 }", "per = 1 }", "no date in seconds; got 1.6e\\+12 - is it in milliseconds"),
        ("per = 1000 }", "per = 1e-300 }", "no date in seconds"),
    ],
)
def test_an_order_or_a_beginning_that_cannot_be_is_said(tables_folder: Path, old: str, new: str, words: str):
    edit(tables_folder, old, new)
    with pytest.raises((UnknownColumn, UnreadableFile), match=words):
        list(toy(tables_folder).recordings("P01"))
