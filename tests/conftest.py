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


@pytest.fixture(scope="session", autouse=True)
def quick_rules():
    """Toy trainings do not need well-tuned rules; `test_first_rules.py` tunes them fully."""
    from stf2m.training import first_rules

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_rules, "STEPS", 5)
        yield


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


# A tiny bundle trained on generated people, and recordings of somebody it has never met.


@pytest.fixture(scope="session")
def world():
    """Six generated people who watch three clips of 40 s."""
    from stf2m.data.datasets.synthetic import SyntheticDataset

    return SyntheticDataset(people=6, recordings=3, seconds=40.0, seed=3)


@pytest.fixture(scope="session")
def bundle_path(world, tmp_path_factory) -> Path:
    """A bundle on disk, trained on P01..P05 for a few steps."""
    from stf2m.model.config import NetworkConfig
    from stf2m.prepare.cut import cut
    from stf2m.prepare.prepared import prepared_from
    from stf2m.prepare.recipe import CutRecipe, Recipe, SignalRecipe
    from stf2m.training.bundle import save_bundle
    from stf2m.training.config import TrainConfig
    from stf2m.training.run import train

    recipe = Recipe(signals=SignalRecipe(modalities=("hr", "eda", "temp")), cut=CutRecipe(window=2.0, targets=("arousal2",), lag=1.0))
    people = world.subjects()[:5]
    segments = cut(prepared_from([r for p in people for r in world.recordings(p)], recipe.signals), recipe.cut)
    network = NetworkConfig(signals=True)
    config = TrainConfig(network=network, steps=8, episodes=2, validate_every=4, centres_at=2)
    fitted = train(segments, target="arousal2", train_people=[0, 1, 2, 3], validation_people=[4], config=config)
    facts = {"dataset": "synthetic", "licence": "MIT", "consent": "research", "people": 5, "subjects": list(people), "rated": True}
    return save_bundle(tmp_path_factory.mktemp("bundles") / "people.stf2m", fitted, recipe, facts)


@pytest.fixture
def bundle(bundle_path):
    from stf2m.training.bundle import load_bundle

    return load_bundle(bundle_path)


@pytest.fixture(scope="session")
def strangers(world):
    """The three recordings of P06, whom the bundle has never met."""
    return list(world.recordings("P06"))


@pytest.fixture(scope="session")
def files(strangers, tmp_path_factory) -> dict[str, Path]:
    """`monday` and `tuesday` as CSV files, and a labels file for monday."""
    from stf2m.data.writers import write_csv

    folder = tmp_path_factory.mktemp("recordings")
    found = {}
    for name, recording in zip(("monday", "tuesday"), strangers):
        found[name] = folder / f"{name}.csv"
        write_csv(recording, found[name])
    rating = strangers[0].ratings[0]
    lines = ["onset,offset,valence,arousal"]
    for onset in np.arange(10.0, 34.0, 2.0):
        inside = (rating.times >= onset + 1.0) & (rating.times < onset + 3.0)
        valence, arousal = np.nanmean(rating.values[:, inside], axis=1) if inside.any() else (0.0, 0.0)
        lines.append(f"{onset},{onset + 2.0},{np.nan_to_num(valence):.3f},{np.nan_to_num(arousal):.3f}")
    found["labels"] = folder / "monday-labels.csv"
    found["labels"].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found
