"""A training that the system kills in the middle, twice, and that ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.toy import toy_segments
from tests.training.test_training import SMALL

from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.run import train

SETTINGS = {**SMALL, "steps": 12, "validate_every": 3, "checkpoint_every": 2, "patience": 20}
PROGRAM = """
import json, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from stf2m.training import first_rules
first_rules.STEPS = 5  # as in conftest.py
from tests.toy import toy_segments
from stf2m.training.config import TrainConfig
from stf2m.training.run import train

config = TrainConfig.model_validate(json.loads(sys.argv[2]))
people = {"train_people": [0, 1, 2], "validation_people": [3]}
train(toy_segments(), target="emotion", config=config, out=Path(sys.argv[1]), progress=lambda _: time.sleep(0.05), **people)
"""


def lines_of(out: Path) -> list[dict[str, float]]:
    """Whole lines of the log, without what a clock decides."""
    path = out / "log.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines if line.endswith("\n")]


def start_and_kill(out: Path, root: Path, step: int) -> None:
    """Train in a process of its own until the log shows `step`, then SIGKILL it; nothing in it can clean up."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(out), json.dumps(SETTINGS)], env=environment, cwd=root)
    try:
        patience = time.monotonic() + 120
        while not any(line["step"] >= step for line in lines_of(out)):
            assert process.poll() is None, "the training ended by itself"
            assert time.monotonic() < patience, "the training does not move"
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def fit(out: Path) -> Fitted:
    config: Any = TrainConfig.model_validate(SETTINGS)
    return train(toy_segments(), target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config, out=out)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_twice_equals_never_killed(tmp_path: Path, root: Path) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    start_and_kill(cut, root, 3)  # past the first checkpoint, before the second
    assert (cut / "state.safetensors").exists() and len(lines_of(cut)) < SETTINGS["steps"]
    start_and_kill(cut, root, 7)  # past a later one, itself continued from the first
    assert len(lines_of(cut)) < SETTINGS["steps"]
    (cut / ".state.safetensors.999999999-00.part").write_bytes(b"of a kill while a checkpoint was being written")
    resumed, expected = fit(cut), fit(whole)
    assert expected.params.keys() == resumed.params.keys()
    assert all(torch.equal(value, resumed.params[name]) for name, value in expected.params.items())
    assert lines_of(cut) == lines_of(whole) and len(lines_of(whole)) >= SETTINGS["steps"]
    assert resumed.facts == expected.facts
    assert sorted(p.name for p in cut.iterdir()) == ["log.jsonl", "state.safetensors"]
