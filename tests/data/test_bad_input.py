"""What people hand in that cannot be used: one clear sentence and one error class each; and never anything else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stf2m.core.errors import (
    LabelOutOfScale,
    MissingRun,
    NothingToRead,
    RateContradiction,
    Stf2mError,
    TimesNotIncreasing,
    TruncatedFile,
    UnknownColumn,
    UnknownName,
    UnreadableFile,
    WrongUnit,
)
from stf2m.core.records import Recording
from stf2m.data.files import load_json
from stf2m.data.keyed import KeyedTable
from stf2m.data.readers import READERS, read
from stf2m.data.readers.csv import read_csv
from stf2m.data.readers.empatica import read_sensor


def table(header: str, rows, end: str = "\n") -> bytes:
    lines = [header, *(",".join("" if v is None else str(v) for v in row) for row in rows)]
    return ("\n".join(lines) + end).encode()


def seconds(n: int = 60, value: object = 1.0):
    return [(i / 4, value) for i in range(n)]


BAD = {
    "truncated row": (table("time,eda_uS,hr_bpm", [(0, 1, 60), (1, 1, 60)]) + b"2,1", TruncatedFile, "last row is incomplete"),
    "truncated row with a break": (table("time,eda_uS,hr_bpm", [(0, 1, 60), (1, 1, 60), (2, 1)]), TruncatedFile, "last row is incomplete"),
    "short row inside": (table("time,eda_uS", [(0, 1), (1,), (2, 1)]), UnreadableFile, "another number of columns"),
    "wrong unit": (table("time,temp_degC", seconds(value=90.5)), WrongUnit, "are they in degF"),
    "skin conductance in nS": (table("time,eda_uS", seconds(value=800)), WrongUnit, "are they in nS"),
    "acceleration in 1/64 g": (table("time,acc_x_g,acc_y_g,acc_z_g", [(i / 32, 31, -40, 40) for i in range(90)]), WrongUnit, "are they in g/64"),
    "acceleration in m/s2": (table("time,acc_x_g,acc_y_g,acc_z_g", [(i / 32, 0.2, 0.1, 9.8) for i in range(90)]), WrongUnit, "are they in m/s2"),
    "intervals in ms": (table("time,ibi_s", [(i, 800) for i in range(20)]), WrongUnit, "are they in ms"),
    "run of NaN": (table("time,eda_uS", [(i / 4, "nan" if 40 <= i < 240 else 1) for i in range(400)]), MissingRun, "missing for 50.0 s from 10.0 s"),
    "run of empty cells": (table("time,eda_uS", [(i / 4, None if 40 <= i < 240 else 1) for i in range(400)]), MissingRun, "missing for 50.0 s"),
    "all missing": (table("time,eda_uS,hr_bpm", [(i, 1, "nan") for i in range(9)]), MissingRun, "every sample is missing"),
    "all empty": (table("time,eda_uS,hr_bpm", [(i, 1, None) for i in range(9)]), MissingRun, "every sample is missing"),
    "rate": (table("time,eda_uS@8Hz", seconds()), RateContradiction, "expected 8 Hz, got 4 Hz"),
    "milliseconds": (table("time,bvp_au", [(i * 15.625, 1.5 + i % 7) for i in range(90)]), RateContradiction, "must be in seconds"),
    "repeated time": (table("time,eda_uS", [(0, 1), (1, 1), (1, 1), (2, 1)]), TimesNotIncreasing, "1 time stamps repeat"),
    "time backwards": (table("time,eda_uS", [(0, 1), (2, 1), (1, 1), (3, 1)]), TimesNotIncreasing, "run backwards"),
    "missing time": (table("time,eda_uS", [(0, 1), (None, 1), (2, 1)]), UnreadableFile, "row 2"),
    "label": (table("time,eda_uS,valence_1..9,arousal_1..9", [(i, 1, 5, 9.5) for i in range(9)]), LabelOutOfScale, "expected 1 to 9, got 9.5"),
    "label on another scale": (table("time,eda_uS,valence,arousal", [(i, 1, 5, 5) for i in range(9)]), LabelOutOfScale, "expected -1 to 1"),
    "unknown modality": (table("time,edaa_uS", seconds()), UnknownColumn, "did you mean eda"),
    "unknown unit": (table("time,eda_us", seconds()), UnknownColumn, "did you mean uS"),
    "no unit": (table("time,eda", seconds()), UnknownColumn, "ends in no known unit"),
    "bad rate": (table("time,eda_uS@fast", seconds()), UnknownColumn, "declares no rate"),
    "no time": (table("Time,eda_uS", seconds()), UnknownColumn, "no column 'time' - did you mean Time"),
    "no time and foreign names": (table("Zeit,Leitwert", seconds()), UnknownColumn, "no column 'time' - add a column time.* through a mapping"),
    "twice": (table("time,eda_uS,eda_uS", [(0, 1, 1)]), UnknownColumn, "appears twice"),
    "two units in one stream": (table("time,acc_x_g,acc_y_m/s2", [(i, 0, 0) for i in range(9)]), UnknownColumn, "differ in modality or unit"),
    "two scales": (table("time,eda_uS,valence,arousal_1..9", [(i, 1, 0, 5) for i in range(9)]), UnknownColumn, "one scale"),
    "no signal": (table("time,valence", seconds(value=0)), NothingToRead, "no column holds a signal"),
    "modality in capitals": (table("time,EDA_uS", seconds()), UnknownColumn, "did you mean eda"),
    "text for a number": (table("time,eda_uS", [(0, 1), (1, "high"), (2, 1)]), UnreadableFile, "got 'high' in column 'eda_uS', line 3"),
    "text for a time": (table("time,eda_uS", [(0, 1), ("10:00", 1)]), UnreadableFile, "got '10:00' in column 'time', line 3 - times are seconds"),
    "too large": (table("time,eda_uS", seconds(value=1e300)), WrongUnit, r"no value is a usable number; .*got 1e\+300"),
    "t for time": (table("t,eda_uS", seconds()), UnknownColumn, "if it is the time in seconds, call it time"),
    "empty": (b"", NothingToRead, "empty"),
    "blank": (b"\n \n", NothingToRead, "empty"),
    "only a header": (b"time,eda_uS\n", NothingToRead, "no rows"),
    "binary": (b"time,eda_uS\n\0\0\0\1", UnreadableFile, "not a text file"),
    "not UTF-8": (b"time,\xff\xfe_uS\n0,1\n", UnreadableFile, "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(tmp_path: Path, case: str):
    content, error, words = BAD[case]
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        read(tmp_path / "a.csv")
    assert type(caught.value) is error
    assert "a.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_every_kind_of_bad_input_has_its_own_exit_code():
    kinds = {error for _, error, _ in BAD.values()}
    assert len({kind.exit_code for kind in kinds}) == len(kinds) >= 9


def test_longest_gap_may_be_widened(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(BAD["run of NaN"][0])
    assert read(tmp_path / "a.csv", longest_gap=60.0).streams["eda"].samples.shape == (1, 400)
    assert read(tmp_path / "a.csv", longest_gap=None).streams["eda"].samples.shape == (1, 400)


def test_folders_and_names(tmp_path: Path):
    with pytest.raises(NothingToRead, match="an empty folder"):
        read(tmp_path)
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(NothingToRead, match=r"a folder with a\.docx"):
        read(tmp_path)
    with pytest.raises(UnknownName, match=r"\.csv"):
        read(tmp_path / "a.docx")
    with pytest.raises(NothingToRead, match="no such file or folder"):
        read(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", NothingToRead, "empty"),
        (b"hello\n", UnreadableFile, "start and a rate"),
        (b"1644231372.0\nfast\n0.1\n", UnreadableFile, "start and a rate"),
        (b"1644231372.0\n0.0\n0.1\n", UnreadableFile, "start and a rate"),
        (b"1644231372.0\n4.0\n", NothingToRead, "no rows"),
        (b"1644231372.0\n4.0\n0.1\nx\n0.2\n", UnreadableFile, "not a number"),
    ],
)
def test_bad_e4_files(tmp_path: Path, content: bytes, error: type[Exception], words: str):
    (tmp_path / "EDA.csv").write_bytes(content)
    with pytest.raises(error, match=words):
        read(tmp_path)


def test_truncated_e4_file(tmp_path: Path, e4_folder):
    folder = e4_folder()
    data = (folder / "ACC.csv").read_bytes()
    (folder / "ACC.csv").write_bytes(data[:-4])
    with pytest.raises(TruncatedFile, match="last row"):
        read(folder)
    (folder / "ACC.csv").write_bytes(data[:-1])
    found = read(folder)
    assert found.streams["acc"].samples.shape[1] == 639 and any("acc: the file does not end" in note for note in found.provenance)


def test_bad_sound(tmp_path: Path):
    import soundfile

    (tmp_path / "a.wav").write_bytes(b"RIFFnonsense")
    with pytest.raises(UnreadableFile, match="decoded"):
        read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", np.zeros(16000), 16000)
    whole = (tmp_path / "b.wav").read_bytes()
    (tmp_path / "b.wav").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedFile, match="stops early"):
        read(tmp_path / "b.wav")
    soundfile.write(tmp_path / "c.flac", np.random.default_rng(0).uniform(-1, 1, 16000), 16000)
    whole = (tmp_path / "c.flac").read_bytes()
    (tmp_path / "c.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((TruncatedFile, UnreadableFile)):
        read(tmp_path / "c.flac")
    soundfile.write(tmp_path / "d.wav", np.zeros(0), 16000)
    with pytest.raises(NothingToRead, match="no samples"):
        read(tmp_path / "d.wav")


def test_bad_parquet_and_json(tmp_path: Path, tables_folder: Path):
    whole = (tables_folder / "eda.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:-20])
    with pytest.raises(TruncatedFile, match="no end"):
        read(tmp_path / "a.parquet")
    with pytest.raises(TruncatedFile, match="no end"):
        KeyedTable(tmp_path / "a.parquet", "{pid}").spans  # noqa: B018
    (tmp_path / "b.parquet").write_bytes(b"not a table at all")
    with pytest.raises(UnreadableFile, match="not a Parquet file"):
        read(tmp_path / "b.parquet")
    (tmp_path / "a.json").write_text('{"VideoInfo": [{"VideoID": "V1"')
    with pytest.raises(TruncatedFile, match="stops in the middle"):
        load_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{]}")
    with pytest.raises(UnreadableFile, match="not valid JSON"):
        load_json(tmp_path / "a.json")


QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS = st.sampled_from(
    ["time", "eda_uS", "hr_bpm", "acc_x_g", "acc_y_g", "temp_degF", "bvp_au@64Hz", "gaze_available_s", "gaze_pitch_deg", "left:eda_uS", "voice_level",
     "valence", "arousal", "valence_1..9", "emotion", "ibi_ms", "x", "", "time_s", "a:b:c", "eda__uS", "face_AU01_r_au"]
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(["", "nan", "inf", "-inf", "1e400", "1", "0", "-1", "5.5", "x", '"', "1,2", "\r", "1e300", "true"]),
    st.floats(-100, 100).map(lambda v: f"{v:.3f}"),
    st.integers(0, 20).map(str),
)


def only_our_errors(path: Path, suffix: str) -> bool:
    """Whether it could be read; fails for any other error, and for what is no sound recording."""
    try:
        found = READERS[suffix](path)
    except Stf2mError as problem:
        assert "\n" not in str(problem) and problem.exit_code > 1
        return False
    assert isinstance(found, Recording) and found.streams
    for stream in found.streams.values():
        assert not np.isinf(stream.samples).any() and (np.diff(stream.times) > 0).all()
    return True


def test_a_trace_a_second_line_and_a_recording_of_nothing_are_not_our_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def reader(found: Recording | Exception):
        def read_as(path: Path) -> Recording:
            if isinstance(found, Exception):
                raise found
            return found

        return read_as

    (tmp_path / "a.csv").write_bytes(table("time,eda_uS", seconds()))
    whole = read_csv(tmp_path / "a.csv")
    only_our_errors(tmp_path / "a.csv", ".csv")
    eda = whole.streams["eda"]
    endless = replace(whole, streams={"eda": replace(eda, samples=np.full_like(eda.samples, np.inf))})
    for found, kind in ((ValueError("x"), ValueError), (UnreadableFile("one\ntwo"), AssertionError), (endless, AssertionError)):
        monkeypatch.setitem(READERS, ".csv", reader(found))
        with pytest.raises(kind):
            only_our_errors(tmp_path / "a.csv", ".csv")


@QUIET
@given(
    names=st.lists(FIELDS, min_size=1, max_size=5),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=12),
    times=st.booleans(),
    end=st.booleans(),
)
def test_fuzzed_tables(tmp_path: Path, names: list[str], rows: list[list[str]], times: bool, end: bool):
    if times:
        names = ["time", *(n for n in names if n != "time")]
        rows = [[str(i / 4), *row, *[""] * len(names)][: len(names)] for i, row in enumerate(rows)]
    path = tmp_path / "f.csv"
    path.write_bytes(("\n".join([",".join(names), *(",".join(row) for row in rows)]) + ("\n" if end else "")).encode())
    only_our_errors(path, ".csv")


def test_fuzzed_tables_of_known_columns(tmp_path: Path):
    """Most tables of `test_fuzzed_tables` are refused for a column; some of these are read."""
    were_read = []

    @QUIET
    @given(
        names=st.lists(st.sampled_from(["eda_uS", "left:eda_uS", "bvp_au", "emotion", "valence", "arousal"]), min_size=1, unique=True),
        rows=st.lists(st.lists(st.sampled_from(["1", "0.5", "0.75", "nan", ""]), min_size=6, max_size=6), min_size=1, max_size=12),
    )
    def look(names: list[str], rows: list[list[str]]):
        lines = [",".join(["time", *names]), *(",".join([str(i / 4), *row[: len(names)]]) for i, row in enumerate(rows))]
        (tmp_path / "f.csv").write_text("\n".join(lines) + "\n")
        were_read.append(only_our_errors(tmp_path / "f.csv", ".csv"))

    look()
    assert any(were_read)


@QUIET
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".parquet", ".wav", ".flac"]))
def test_fuzzed_bytes(tmp_path: Path, content: bytes, suffix: str):
    (tmp_path / f"f{suffix}").write_bytes(content)
    only_our_errors(tmp_path / f"f{suffix}", suffix)


@QUIET
@given(
    cut=st.integers(0, 600), junk=st.binary(max_size=20), file=st.sampled_from(["EDA.csv", "ACC.csv", "HR.csv", "IBI.csv", "tags_S03.csv"])
)
def test_fuzzed_e4(tmp_path_factory: pytest.TempPathFactory, e4_text: dict[str, bytes], cut: int, junk: bytes, file: str):
    folder = tmp_path_factory.mktemp("e4")
    for name, content in e4_text.items():
        (folder / name).write_bytes(content[:cut] + junk + content[cut:] if name == file else content)
    only_our_errors(folder, "e4")


@pytest.fixture
def e4_text(e4_folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in e4_folder("S03", seconds=12).iterdir()}


@QUIET
@given(content=st.text(alphabet="0123456789.,-\n eE+x", max_size=120))
def test_fuzzed_sensor_text(tmp_path: Path, content: str):
    (tmp_path / "EDA.csv").write_text(content)
    try:
        found = read_sensor(tmp_path / "EDA.csv", ("eda",))
    except Stf2mError as problem:
        assert "\n" not in str(problem)
    else:
        assert found.rate > 0 and found.samples.shape[0] == 1


def test_reader_gives_no_warning_for_huge_numbers(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(table("time,eda_uS", [(i, 1e300 if i == 3 else 1) for i in range(9)]))
    found = read_csv(tmp_path / "a.csv")
    assert np.isnan(found.streams["eda"].samples[0, 3]) and any("infinite" in note for note in found.provenance)


def test_a_cell_of_a_parquet_table_is_named(tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = ["x" if i == 7 else "1" for i in range(20)]
    pq.write_table(pa.table({"time": [i / 4 for i in range(20)], "eda_uS": cells}), tmp_path / "a.parquet")
    with pytest.raises(UnreadableFile, match="column 'eda_uS' does not hold numbers; got 'x' in row 8"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("unit", ["\u00b5S", "\u03bcS", "uS"])
def test_micro_is_written_in_three_ways(tmp_path: Path, unit: str):
    (tmp_path / "a.csv").write_bytes(table(f"time,eda_{unit}", seconds()))
    assert read(tmp_path / "a.csv").streams["eda"].units == ("uS",)
