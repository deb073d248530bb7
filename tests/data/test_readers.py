"""A person's own files: what was written is what is read, and names, rates and clocks mean what they say."""

from pathlib import Path

import numpy as np
import pytest

from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.data.readers import read
from stf2m.data.readers.csv import read_csv
from stf2m.data.readers.names import parse_column
from stf2m.data.readers.openface import INTENSITIES, PRESENCES, read_openface
from stf2m.data.streams import regular, usual_step
from stf2m.data.writers import write_csv


def stream(
    modality: str, samples: np.ndarray, rate: float, unit: str, *, start: float = 0.0, channels: tuple[str, ...] = (), **more
) -> Stream:
    data = np.atleast_2d(samples).astype(np.float32)
    times = more.pop("times") if "times" in more else regular(data.shape[1], rate, start)
    return Stream(modality, data, times, rate, channels or (modality,), (unit,) * len(data), **more)


@pytest.fixture
def rich() -> Recording:
    """Several rates, two wrists, lost samples, events, a static stream, sound, a rating and named emotions."""
    rng = np.random.default_rng(1)
    lost = rng.uniform(0.5, 2, 80).astype(np.float32)
    lost[10:14] = np.nan
    streams = {
        "eda": stream("eda", lost, 4.0, "uS"),
        "left": stream("eda", rng.uniform(0.5, 2, 80), 4.0, "uS"),
        "bvp": stream("bvp", rng.normal(size=1280), 64.0, "au"),
        "acc": stream("acc", rng.normal(0, 0.5, (3, 640)), 32.0, "g", channels=("x", "y", "z")),
        "hr": stream("hr", rng.uniform(60, 80, 10), 1.0, "bpm", start=10.0),
        "ibi": stream("ibi", [0.8, 0.9, 0.85], 0.0, "s", times=np.array([3.1, 4.0, 4.85])),
        "gaze": stream(
            "gaze",
            rng.normal(size=(2, 2)),
            0.0,
            "deg",
            times=np.array([1.0, 5.0]),
            channels=("pitch", "yaw"),
            available=np.array([1.4, 7.0]),
        ),
        "face": stream(
            "face",
            [[1.0], [0.25]],
            0.0,
            "au",
            times=np.array([20.0]),
            channels=("AU01_r", "AU12_r"),
            static=True,
            available=np.array([20.0]),
        ),
        "voice": stream("voice", rng.uniform(-1, 1, 16000), 16000.0, "level"),
    }
    rating = Rating("self", rng.uniform(-1, 1, (2, 50)).astype(np.float32), regular(50, 2.5), (1.0, 9.0))
    labels = (Annotation(0.5, 4.25, emotion="happy"), Annotation(4.25, 8.0, emotion="sad"), Annotation(12.0, 13.0, emotion="happy"))
    return Recording("r", "own", "me", "1", streams, ratings=(rating,), annotations=labels)


def test_written_is_read(rich: Recording, tmp_path: Path):
    files = write_csv(rich, tmp_path / "monday.csv")
    assert [f.name for f in files] == ["monday.csv", "monday.wav"]
    back = read(tmp_path / "monday.csv", subject="ann")
    assert back.subject == "ann" and set(back.streams) == set(rich.streams)
    for name, wanted in rich.streams.items():
        got = back.streams[name]
        np.testing.assert_array_equal(got.samples, wanted.samples, err_msg=name)
        np.testing.assert_array_equal(got.times, wanted.times, err_msg=name)
        assert (got.modality, got.sample_rate, got.channels, got.units, got.static) == (
            wanted.modality, wanted.sample_rate, wanted.channels, wanted.units, wanted.static,
        )  # fmt: skip
    np.testing.assert_array_equal(back.streams["gaze"].available, rich.streams["gaze"].available)
    np.testing.assert_array_equal(back.ratings[0].values, rich.ratings[0].values)
    assert [(a.onset, a.offset, a.emotion) for a in back.annotations] == [(a.onset, a.offset, a.emotion) for a in rich.annotations]


def test_a_span_of_valence_comes_back_as_a_rating(tmp_path: Path):
    eda = stream("eda", np.ones(40), 4.0, "uS")
    label = Annotation(0.0, 5.0, valence=0.5, arousal=-0.25)
    write_csv(Recording("r", "own", "me", "1", {"eda": eda}, annotations=(label,)), tmp_path / "a.csv")
    rating = read(tmp_path / "a.csv").ratings[0]
    assert rating.times[-1] < 5.0 and (rating.values.T == [0.5, -0.25]).all()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("eda_uS", ("eda", "eda", "eda", "uS", None)),
        ("acc_x_g", ("acc", "acc", "x", "g", None)),
        ("bvp_au@64Hz", ("bvp", "bvp", "bvp", "au", 64.0)),
        ("left:eda_uS@4", ("left", "eda", "eda", "uS", 4.0)),
        ("face_AU01_r_au", ("face", "face", "AU01_r", "au", None)),
        ("acc_z_m/s2", ("acc", "acc", "z", "m/s2", None)),
    ],
)
def test_column_names(name: str, parts: tuple):
    assert parse_column(name)[1:] == parts


def write(path: Path, header: str, rows) -> Path:
    path.write_text(header + "\n" + "".join(",".join("" if v is None else str(v) for v in row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("rate", "digits"), [(64, 3), (4, 2), (1, 0), (30, 3), (256, 4), (0.2, 1)])
def test_rate_is_guessed_from_rounded_times(tmp_path: Path, rate: float, digits: int):
    file = write(tmp_path / "a.csv", "time,temp_degC", [(f"{n / rate:.{digits}f}", 32.5) for n in range(400)])
    assert read(file).streams["temp"].sample_rate == pytest.approx(rate, rel=1e-9)


def test_units_are_converted_and_said(tmp_path: Path):
    file = write(tmp_path / "a.csv", "time,temp_degF,eda_nS", [(n, 90.5, 800) for n in range(20)])
    found = read(file)
    np.testing.assert_allclose(found.streams["temp"].samples, 32.5, atol=1e-4)
    np.testing.assert_allclose(found.streams["eda"].samples, 0.8, rtol=1e-6)
    assert found.streams["temp"].units == ("degC",) and "temp: converted from degF to degC" in found.provenance


def test_unix_times_become_a_start(tmp_path: Path):
    file = write(tmp_path / "a.csv", "time,temp_degC", [(1_600_000_000 + n, 32.5) for n in range(20)])
    found = read(file)
    assert found.streams["temp"].times[0] == 0.0 and found.started is not None and found.started.timestamp() == 1_600_000_000
    assert any("unix" in note for note in found.provenance)


def test_semicolons_and_decimal_commas(tmp_path: Path):
    (tmp_path / "a.csv").write_text(
        "﻿time;eda_uS\r\n" + "".join(f"{n / 4:.2f};0,{n + 10}\r\n".replace(".", ",") for n in range(20)), "utf-8"
    )
    eda = read(tmp_path / "a.csv").streams["eda"]
    assert eda.sample_rate == 4.0 and eda.samples[0, 0] == np.float32(0.10)


def test_short_gaps_are_bridged_as_missing(tmp_path: Path):
    file = write(tmp_path / "a.csv", "time,eda_uS", [(n / 4, 1.0) for n in range(80) if not 20 <= n < 28])
    found = read(file)
    eda = found.streams["eda"]
    assert eda.samples.shape == (1, 80) and np.isnan(eda.samples[0, 20:28]).all() and np.isfinite(eda.samples).sum() == 72
    np.testing.assert_allclose(eda.times, np.arange(80) / 4)
    assert any("8 samples" in note for note in found.provenance)


def test_repair_drops_what_runs_backwards(tmp_path: Path):
    times = [0, 1, 2, 2, 3, 1.5, 4, 5, 6]
    file = write(tmp_path / "a.csv", "time,hr_bpm,valence", [(t, 60 + i, 0.1) for i, t in enumerate(times)])
    found = read(file, repair=True)
    np.testing.assert_array_equal(found.streams["hr"].times, [0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(found.streams["hr"].samples[0], [60, 61, 62, 64, 66, 67, 68])
    assert any("2 samples" in note for note in found.provenance)


def test_a_last_line_without_break_is_left_out(tmp_path: Path):
    (tmp_path / "a.csv").write_text("time,eda_uS\n" + "".join(f"{n},1.25\n" for n in range(10)) + "10,1.2")
    found = read(tmp_path / "a.csv")
    assert found.streams["eda"].samples.shape == (1, 10) and any("left out" in note for note in found.provenance)


def test_parquet_reads_like_csv(rich: Recording, tmp_path: Path):
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    write_csv(rich, tmp_path / "a.csv")
    pq.write_table(pc.read_csv(tmp_path / "a.csv"), tmp_path / "a.parquet")
    one, two = read(tmp_path / "a.csv"), read(tmp_path / "a.parquet")
    for name in one.streams:
        np.testing.assert_array_equal(one.streams[name].times, two.streams[name].times)


def test_e4_folder(e4_folder):
    found = read(e4_folder(seconds=20))
    assert set(found.streams) == {"bvp", "eda", "temp", "acc", "hr", "ibi"}
    assert found.streams["hr"].times[0] == 10.0 and found.streams["bvp"].samples.shape == (1, 1280)
    np.testing.assert_allclose(found.streams["acc"].samples[:, 0], np.array([-2, 43, 47]) / 64)
    np.testing.assert_allclose(found.streams["ibi"].times, [3.5, 4.3125, 9.0])
    assert "button pressed at 4.5, 9.0 s (no label)" in found.provenance
    assert found.started is not None and found.started.timestamp() == 1_644_231_372


@pytest.mark.parametrize(("rate", "channels", "suffix"), [(16000, 1, ".flac"), (48000, 2, ".wav"), (44100, 1, ".wav")])
def test_sound_becomes_16_khz_mono(tmp_path: Path, rate: int, channels: int, suffix: str):
    import soundfile

    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(tmp_path / f"a{suffix}", np.repeat(tone[:, None], channels, axis=1), rate)
    found = read(tmp_path / f"a{suffix}")
    voice = found.streams["voice"]
    assert voice.sample_rate == 16000 and abs(voice.samples.shape[1] - 16000) <= 1
    wanted = 0.5 * np.sin(2 * np.pi * 440 * voice.times)
    assert np.abs(voice.samples[0, 500:-500] - wanted[500:-500]).max() < 1e-3
    assert any("resampled" in note for note in found.provenance) == (rate != 16000)


def openface(path: Path, frames: int = 90, lost: tuple[int, ...] = ()) -> Path:
    names = [
        "frame",
        " timestamp",
        " confidence",
        " success",
        " gaze_angle_x",
        " pose_Rx",
        " pose_Ry",
        " pose_Rz",
        *(f" {n}" for n in INTENSITIES + PRESENCES),
    ]
    rows = [(n + 1, f"{n / 30:.3f}", 0.1 if n in lost else 0.98, 1, 0.2, 0.1, -0.2, 0, *([1.5] * 17), *([1] * 18)) for n in range(frames)]
    return write(path, ",".join(names), rows)


def test_openface_table(tmp_path: Path):
    streams, notes = read_openface(openface(tmp_path / "f.csv", lost=(4, 5)))
    face, head = streams["face"], streams["head"]
    assert face.samples.shape == (35, 90) and face.sample_rate == 30 and not face.static
    assert np.isnan(face.samples[:, 4:6]).all() and np.isfinite(face.samples).sum() == 35 * 88
    np.testing.assert_allclose(head.samples[:, 0], np.degrees([0.1, -0.2]), rtol=1e-5)
    assert face.quality is not None and face.quality[0, 0] == np.float32(0.98)
    assert any("2 of 90 frames" in n for n in notes) and any("gaze" in n for n in notes)


@pytest.mark.parametrize("begin", [0.0, -3.5, 1_700_000_000.0])
def test_when_a_sample_became_known_is_on_the_same_clock_as_the_sample(tmp_path, begin):
    lines = ["time,eda_uS,eda_available_s", *(f"{begin + i / 4},{1 + i / 100},{begin + i / 4 + 0.5}" for i in range(40))]
    (tmp_path / "late.csv").write_text("\n".join(lines) + "\n")
    stream = read_csv(tmp_path / "late.csv").streams["eda"]
    np.testing.assert_allclose(stream.available - stream.times, 0.5, atol=1e-5)


@pytest.mark.parametrize("every", [0, 3, 10, 30])
def test_empty_cells_do_not_change_the_guessed_rate(tmp_path: Path, every: int):
    rng = np.random.default_rng(1)
    lost = rng.random(240) < 0.04 if not every else np.arange(240) % every == every - 1
    rows = "".join(f"{i / 4},{'' if lost[i] else 2 + i % 7 / 10},{60 + i % 3}\n" for i in range(240))
    (tmp_path / "a.csv").write_text(f"time,eda_uS,hr_bpm\n{rows}")
    found = read(tmp_path / "a.csv")
    assert found.streams["eda"].sample_rate == 4.0 == found.streams["hr"].sample_rate


@pytest.mark.parametrize(("rate", "digits"), [(700, 3), (64, 3), (64, 2), (80, 2), (90, 2), (25, 2), (0.7, 0)])
def test_rounded_times_do_not_change_the_guessed_rate(rate: float, digits: int):
    times = np.round(np.arange(400) / rate, digits)
    assert 1 / usual_step(times) == pytest.approx(rate, rel=0.01)


def test_jitter_and_gaps_do_not_change_the_guessed_rate():
    rng = np.random.default_rng(2)
    times = np.sort(np.arange(4000) / 32 + rng.normal(0, 0.002, 4000))
    keep = rng.random(4000) > 0.1
    keep[1000:1500] = False
    assert 1 / usual_step(times[keep]) == pytest.approx(32, rel=0.005)
