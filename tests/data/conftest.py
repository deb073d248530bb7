"""Tiny look-alikes of data sets and files, written into a test's own folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def e4_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes an E4 export of `seconds` s for one person and returns its folder."""

    def write(name: str = "S03", seconds: int = 20, start: int = 1_644_231_372, parent: Path | None = None) -> Path:
        folder = (parent or tmp_path) / name
        folder.mkdir(parents=True)
        beat = np.arange(seconds * 64) / 64
        sensors = {
            "BVP": (64, 20 * np.sin(2 * np.pi * 1.2 * beat)),
            "EDA": (4, 1 + 0.1 * np.arange(seconds * 4) / 4),
            "TEMP": (4, np.full(seconds * 4, 32.5)),
        }
        for sensor, (rate, values) in sensors.items():
            (folder / f"{sensor}.csv").write_text(f"{start}.000000\n{rate}.000000\n" + "".join(f"{v:.4f}\n" for v in values))
        (folder / "ACC.csv").write_text(f"{', '.join([f'{start}.0'] * 3)}\n32.0, 32.0, 32.0\n" + "-2,43,47\n" * (seconds * 32))
        (folder / "HR.csv").write_text(f"{start + 10}.0\n1.0\n" + "72.00\n" * (seconds - 10))
        (folder / "IBI.csv").write_text(f"{start}.0, IBI\n3.5,0.81\n4.3125,0.8125\n9.0,0.9\n")
        (folder / f"tags_{name}.csv").write_text(f"{start + 4}.5\n{start + 9}\n")
        return folder

    return write


@pytest.fixture
def tables_folder(tmp_path: Path) -> Path:
    """Two people with two clips each: a Parquet file whose rows lie scattered, a CSV of events, ratings, labels, a mapping."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "tables"
    folder.mkdir()
    takes = [(pid, clip) for pid in (1, 7) for clip in (1, 2)]
    rows = [(pid, clip, n) for n in range(40) for pid, clip in takes]  # scattered on purpose
    pq.write_table(
        pa.table(
            {
                "pid": pa.array([r[0] for r in rows], pa.int16()),
                "clip": pa.array([r[1] for r in rows], pa.int16()),
                "n": [r[2] for r in rows],
                "uS": pa.array([r[0] + r[1] / 10 + r[2] / 1000 for r in rows], pa.float32()),
            }
        ),
        folder / "eda.parquet",
        row_group_size=50,
    )
    lines = ["who,clip,first,last,pitch,yaw", *(f"P{p},{c},{f},{f + 5},1.5,{f}" for p, c in takes for f in (0, 12, 30))]
    (folder / "fixations.csv").write_text("\n".join(lines) + "\n")
    lines = ["pid,clip,t,v,a", *(f"{p},{c},{t},{5 + p / 7 + 3.9 * np.sin(t)},{11 if t == 3 else 1}" for p, c in takes for t in range(10))]
    (folder / "rating.csv").write_text("\n".join(lines) + "\n")
    lines = ["pid,clip,second,label", *(f"{p},{c},{s},{int(s >= 4)}" for p, c in takes for s in range(8))]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    lines = ["pid,clip,began_ms,mood", *(f"{p},{c},{1_600_000_000_000 + p * 1000 - c * 90_000},{3 * p - 10}" for p, c in takes)]
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    (folder / "clips.csv").write_text("clip,fps\n1,25\n2,30\n")
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


MAPPING = """
provenance = ["clip {clip} at {fps} frames/s, {place}"]
[card]
name = "toy"
title = "two people"
licence = "MIT"
citation = "none"
consent = "research"
modalities = ["eda", "gaze"]
emotions = ["calm-rest", "stress"]
[constants]
place = "at home"
[index]
file = "index.csv"
key = "P{pid}/{clip}"
id = "P{pid:02d}-{clip}"
subject = "P{pid:02d}"
stimulus = "clip {clip}"
order = "began_ms"
began = { column = "began_ms", per = 1000 }
[side.clips]
file = "clips.csv"
key = "{clip}"
[join]
clips = "{clip}"
[streams.eda]
file = "eda.parquet"
key = "P{pid}/{clip}"
rate = 4.0
unit = "uS"
channels = { eda = "uS" }
[streams.gaze]
file = "fixations.csv"
key = "{who}/{clip}"
time = { column = "first", per = "fps" }
until = { column = "last", per = "fps", shift = 1.0 }
unit = "deg"
channels = { pitch = "pitch", yaw = "yaw" }
[[ratings]]
file = "rating.csv"
key = "P{pid}/{clip}"
time = { column = "t" }
valence = "v"
arousal = "a"
scale = [1, 9]
overshoot = [0, 12]
[[labels]]
source = "stimulus"
file = "labels.csv"
key = "P{pid}/{clip}"
time = { column = "second" }
hold = 1.0
emotion = "label"
names = { "0" = "calm-rest", "1" = "stress" }
"""
