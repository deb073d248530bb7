"""Your own tables as a data set: a TOML file says where each number lies; no code is needed.

python examples/06_own_dataset.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from stf2m import open_dataset
from stf2m.data.doctor import examine
from stf2m.data.store import import_dataset
from stf2m.data.summary import describe_dataset

MAPPING = """
[card]
name = "our-lab"
title = "Two people in our lab"
licence = "internal"
citation = "us"
consent = "research"
modalities = ["eda"]
[index]                        # one row per recording
file = "people.csv"
key = "{pid}"
id = "R{pid}"
subject = "S{pid:02d}"
[streams.eda]                  # rows of all recordings, told apart by the key
file = "eda.csv"
key = "{pid}"
rate = 4.0
unit = "uS"
channels = { eda = "microsiemens" }
[[ratings]]                    # continuous ratings on the scale they were given on
file = "rating.csv"
key = "{pid}"
time = { column = "second" }
valence = "v"
arousal = "a"
scale = [1.0, 9.0]
"""


def main(folder: Path) -> None:
    rng, people = np.random.default_rng(0), (1, 2)
    eda = [f"{p},{2 + 0.1 * rng.standard_normal():.3f}" for p in people for _ in range(240)]
    rating = [f"{p},{t},{rng.integers(1, 10)},{rng.integers(1, 10)}" for p in people for t in range(60)]
    tables = {"people.csv": ["pid", "1", "2"], "eda.csv": ["pid,microsiemens", *eda], "rating.csv": ["pid,second,v,a", *rating]}
    for name, lines in {**tables, "our-lab.toml": [MAPPING]}.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    store = import_dataset(open_dataset(str(folder / "our-lab.toml"), folder), folder / "store")
    print("\n".join(f"{what}: {value}" for what, value in describe_dataset(store)))
    print("\n".join(f"{f.stream or '-'}: {f.sentence}" for f in examine(next(store.recordings("S01")))))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="stf2m-")))
