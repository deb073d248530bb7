"""The quick benchmarks run: what they import and build is what the package has."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("script", "options"),
    [("encoder_cost.py", ["--segments", "2", "--repeats", "1"]), ("calls_cost.py", ["--repeats", "1", "--threads", "1"])],
)
def test_a_benchmark_runs_and_prints_its_ratios(root, script, options):
    done = subprocess.run([sys.executable, root / "benchmarks" / script, *options], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found and all(any("ratio" in name and value > 0 for name, value in row.items() if name != "range") for row in found)
