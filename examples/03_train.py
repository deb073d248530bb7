"""From a data set to a bundle, step by step: import, prepare, cut, meta-train, save, load.

python examples/03_train.py [FOLDER]      # where store and bundle are written; default: a temporary folder
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from stf2m import CutRecipe, Recipe, SignalRecipe, TrainConfig, cut, load_bundle, save_bundle, train
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.store import import_dataset
from stf2m.prepare.store import prepare_dataset


def main(folder: Path, steps: int = 20) -> None:
    store = import_dataset(SyntheticDataset(people=6, recordings=3, seconds=60.0), folder / "store")
    recipe = Recipe(signals=SignalRecipe(modalities=("hr", "eda", "temp")), cut=CutRecipe(window=2.0, lag=1.5, targets=("arousal2",)))
    prepared = prepare_dataset(store, recipe.signals, folder / "store" / "prepared")
    segments = cut(prepared, recipe.cut)
    print(segments)

    config = TrainConfig.model_validate({"learner": "recurrent", "steps": steps, "seed": 1})
    *learning, judge = range(len(segments.subjects))
    fitted = train(
        segments, target="arousal2", train_people=learning, validation_people=[judge], config=config, out=folder / "training",
        progress=lambda facts: print(f"step {facts['step']:.0f}") if facts["step"] % 10 == 0 else None,
    )  # fmt: skip

    card = store.card
    facts = {"dataset": card.name, "licence": card.licence, "consent": card.consent, "people": len(segments.subjects)}
    rated = bool(np.isfinite(segments.rating).any())
    save_bundle(folder / "people.stf2m", fitted, recipe, {**facts, "subjects": list(segments.subjects), "rated": rated})
    bundle = load_bundle(folder / "people.stf2m")
    print(f"{bundle.path}: {', '.join(bundle.emotions)}; {len(bundle.rules)} rules, the first:\n  {bundle.rules[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="stf2m-")))
