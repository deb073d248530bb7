"""Strict by default: seeds fixed, one thread, no network, shapes and types of every call checked."""

import os
import random
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep3119Exception
from jaxtyping import install_import_hook

os.environ.setdefault("OMP_NUM_THREADS", "1")

STRICT = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""an int where a float is asked for is fine, as for every type checker (PEP 484)"""


def check(thing: Any) -> Any:
    """Check calls at run time; what beartype cannot decide (an ordinary Protocol) is left to pyright."""
    try:
        return STRICT(thing)
    except BeartypeDecorHintPep3119Exception:
        return thing


checker = ModuleType("stf2m_type_checker")  # the hook wants an importable name
checker.check = check  # pyright: ignore[reportAttributeAccessIssue]
sys.modules[checker.__name__] = checker
install_import_hook("stf2m", "stf2m_type_checker.check")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real recordings; skips where there is none."""
    folder = Path(os.environ.get("STF2M_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip("real recordings not found (set STF2M_DATA)")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Global generators start every test alike; our own code takes its generator as an argument."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that opens an internet connection fails."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a test tried to reach {address}")

    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: real(self, to) if self.family == socket.AF_UNIX else refuse(self, to))
