"""Every example is short and runs, on generated people."""

import os
import subprocess
import sys

import pytest

NAMES = ("01_predict", "02_personalise", "03_train", "04_evaluate", "05_annotators", "06_own_dataset")


def test_all_examples_are_tested_and_short(root):
    found = sorted(path.stem for path in (root / "examples").glob("*.py"))
    assert found == sorted(NAMES)
    for name in NAMES:
        assert len((root / "examples" / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs(name, root, tmp_path):
    words = [str(tmp_path)] if name in ("03_train", "04_evaluate", "05_annotators", "06_own_dataset") else []
    done = subprocess.run(
        [sys.executable, "-W", "error", root / "examples" / f"{name}.py", *words], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
