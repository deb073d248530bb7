"""A tiny bundle trained on generated people, and recordings of somebody it has never met."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def world():
    """Six generated people who watch three clips of 40 s."""
    from stf2m.data.datasets.synthetic import SyntheticDataset

    return SyntheticDataset(people=6, recordings=3, seconds=40.0, seed=3)


@pytest.fixture(scope="session")
def bundle_path(world, tmp_path_factory) -> Path:
    """A bundle on disk, trained on P01..P05 for a few steps."""
    from stf2m.prepare.cut import cut
    from stf2m.prepare.prepared import prepared_from
    from stf2m.prepare.recipe import CutRecipe, Recipe, SignalRecipe
    from stf2m.training.bundle import save_bundle
    from stf2m.training.config import TrainConfig
    from stf2m.training.run import train

    recipe = Recipe(signals=SignalRecipe(modalities=("hr", "eda", "temp")), cut=CutRecipe(window=2.0, targets=("arousal2",), lag=1.0))
    people = world.subjects()[:5]
    segments = cut(prepared_from([r for p in people for r in world.recordings(p)], recipe.signals), recipe.cut)
    config = TrainConfig(steps=8, episodes=2, validate_every=4, centres_at=2)
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
