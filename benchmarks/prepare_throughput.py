"""How much faster than real time are wrist-band recordings prepared, from the E4's CSV files to the store?

Every measurement is a cold process: interpreter, imports, parsing, filters, quality, checksums and disk included. Without
`--data` two people of 55 min are invented in the E4 layout; with it, `DIR` is a folder of genuine E4 exports.

    python benchmarks/prepare_throughput.py [--data DIR] [--repeats 5] [--profile]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 2000.0
MODALITIES = ("eda", "bvp", "hr", "temp", "acc", "ibi")
SECONDS = 55 * 60


def invent(folder: Path) -> Path:
    """Two people of 55 min in the layout of an E4 export."""
    import numpy as np

    rng = np.random.default_rng(0)
    for subject in ("S01", "S02"):
        place = folder / "Raw_data" / subject
        place.mkdir(parents=True)
        for name, rate, size in (("BVP", 64, 50.0), ("EDA", 4, 0.2), ("TEMP", 4, 0.1), ("HR", 1, 5.0)):
            t = np.arange(SECONDS * rate) / rate
            values = {"BVP": 0.0, "EDA": 2.0, "TEMP": 33.0, "HR": 75.0}[name] + size * np.sin(
                2 * np.pi * (1.2 if name == "BVP" else 0.01) * t
            )
            rows = values + rng.normal(0, size / 20, len(t))
            (place / f"{name}.csv").write_text(f"1644226061.000000\n{rate}.000000\n" + "".join(f"{v:.6f}\n" for v in rows))
        acc = rng.integers(-64, 64, (SECONDS * 32, 3))
        head = ", ".join(["1644226061.000000"] * 3) + "\n" + ", ".join(["32.000000"] * 3) + "\n"
        (place / "ACC.csv").write_text(head + "".join(f"{x},{y},{z}\n" for x, y, z in acc))
        beats = np.cumsum(rng.normal(0.85, 0.04, 3500))
        rows = "".join(f"{b:.6f},{d:.6f}\n" for b, d in zip(beats[1:], np.diff(beats)) if b < SECONDS)
        (place / "IBI.csv").write_text("1644226061.000000, IBI\n" + rows)
    return folder


def prepare(data: Path, root: Path) -> dict[str, float]:
    """One run in this process: where the time went, in s."""
    begin = time.perf_counter()
    from stf2m.data.datasets import open_dataset
    from stf2m.prepare.recipe import SignalRecipe
    from stf2m.prepare.store import prepare_dataset

    imported = time.perf_counter()
    prepared = prepare_dataset(open_dataset("stress_predict", data), SignalRecipe(modalities=MODALITIES), root)
    done = time.perf_counter()
    return {"recorded": sum(e.length for e in prepared.entries), "own imports": imported - begin, "preparing": done - imported}


def cold(data: Path) -> dict[str, float]:
    """One run in a fresh interpreter, timed from outside."""
    with tempfile.TemporaryDirectory() as root:
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, __file__, "--once", root, "--data", str(data)], check=True, capture_output=True, text=True)
        whole = time.perf_counter() - begin
    return json.loads(done.stdout) | {"process": whole}


def profile(data: Path) -> None:
    """Print the costliest functions of one run, imports apart."""
    import cProfile
    import pstats

    with tempfile.TemporaryDirectory() as root:
        run = cProfile.Profile()
        run.runcall(prepare, data, Path(root))
        pstats.Stats(run).sort_stats("tottime").print_stats(20)


def main() -> None:
    """Print a table and one JSON row; exit code 1 when the goal is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--profile", action="store_true")
    options.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.once:
        print(json.dumps(prepare(chosen.data, chosen.once)))
        return
    with tempfile.TemporaryDirectory() as spare:
        data = chosen.data or invent(Path(spare))
        if chosen.profile:
            profile(data)
            return
        runs = [cold(data) for _ in range(chosen.repeats + 1)][1:]
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    times = sorted(run["process"] for run in runs)
    ratio = middle["recorded"] / middle["process"]
    print(f"recorded          {middle['recorded'] / 60:8.1f} min")
    print(f"cold process      {middle['process']:8.2f} s  ({times[0]:.2f} to {times[-1]:.2f} in {len(times)} runs)")
    print(f"  own imports     {middle['own imports']:8.2f} s")
    print(f"  preparing       {middle['preparing']:8.2f} s  (lazy import of pyarrow included)")
    print(f"times real time   {ratio:8.0f}    goal {GOAL:.0f}: {'reached' if ratio >= GOAL else 'missed'}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(
        json.dumps(
            {"benchmark": "prepare_throughput", "ratio": round(ratio), **{k: round(v, 3) for k, v in middle.items()}, "machine": machine}
        )
    )
    sys.exit(ratio < GOAL)


if __name__ == "__main__":
    main()
