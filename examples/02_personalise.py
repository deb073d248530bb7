"""A few labels of a person bend the model to that person: the same segments answered with 0, 1, 3 and 5 labels per class.

python examples/02_personalise.py
"""

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from stf2m import PersonalClassifier
from stf2m.data.datasets.synthetic import SyntheticDataset


def some_labels(labels: np.ndarray, each: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of `each` random segments per class."""
    return np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:each] for c in np.unique(labels[labels >= 0])])


def main(steps: int = 40) -> None:
    world = SyntheticDataset(people=9, recordings=4, seconds=60.0)
    *known, stranger = world.subjects()
    model = PersonalClassifier(modalities=("hr", "eda", "pupil"), window=3.0, lag=1.5, steps=steps)
    model.fit([recording for person in known for recording in world.recordings(person)])

    first, second, *others = world.recordings(stranger)
    mine, new = model.segments([first, second]), model.segments(others)
    fitted, target = model.bundle_.fitted, model.target
    truth, rows = new.targets[target], np.flatnonzero(new.targets[target] >= 0)
    for each in (0, 1, 3, 5):
        scores = []
        for draw in range(5):
            support = some_labels(mine.targets[target], each, np.random.default_rng(draw))
            said = fitted.score(fitted.adapt(mine, support), new, rows).probability.argmax(axis=1)
            scores.append(balanced_accuracy_score(truth[rows], said))
        print(f"{each} labels per class: balanced accuracy {np.mean(scores):.2f} on {len(rows)} new segments of {stranger}")


if __name__ == "__main__":
    main()
