"""Several annotators: who disagrees where, and a training that keeps their votes instead of the majority.

python examples/05_annotators.py [FOLDER]      # where the store is written; default: a temporary folder
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from stf2m import CutRecipe, Recipe, SignalRecipe, TrainConfig, cut, train
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.store import import_dataset
from stf2m.prepare.store import prepare_dataset


def main(folder: Path, steps: int = 10) -> None:
    store = import_dataset(SyntheticDataset(people=5, recordings=3, seconds=60.0, annotators=4), folder / "store")
    recipe = Recipe(signals=SignalRecipe(modalities=("hr", "eda")), cut=CutRecipe(window=2.0, lag=1.5, targets=("arousal2",)))
    segments = cut(prepare_dataset(store, recipe.signals, folder / "store" / "prepared"), recipe.cut)

    shares = segments.votes["arousal2"]  # (segment, class), rows sum to 1 where somebody rated
    agreed = (shares.max(axis=1) == 1.0)[shares.sum(axis=1) > 0].mean()
    print(f"{len(shares)} segments, all annotators agree on {agreed:.0%} of them")

    *learning, judge = range(len(segments.subjects))
    for soft in (True, False):
        config = TrainConfig.model_validate({"learner": "protonet", "steps": steps, "soft_labels": soft})
        fitted = train(segments, target="arousal2", train_people=learning, validation_people=[judge], config=config)
        rows = np.flatnonzero((segments.subject == judge) & (segments.targets["arousal2"] >= 0))
        said = fitted.predict(segments, rows[:8], rows[8:]).probability
        distance = np.abs(said - shares[rows[8:]]).sum(axis=1).mean() / 2
        print(f"soft labels {'on ' if soft else 'off'}: mean distance to the annotators' shares {distance:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="stf2m-")))
