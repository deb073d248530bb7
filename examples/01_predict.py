"""Answer a recording of somebody the model has never met, and say how sure it is.

    python examples/01_predict.py [BUNDLE RECORDING]

Without arguments a small model is trained on generated people first.
"""

import sys
from pathlib import Path

from stf2m import PersonalClassifier, load_bundle, predict, read, write_timeline
from stf2m.data.datasets.synthetic import SyntheticDataset


def little_bundle():
    """A model trained for a few seconds on five generated people, and a recording of a sixth."""
    world = SyntheticDataset(people=6, recordings=2, seconds=60.0)
    *known, stranger = world.subjects()
    recordings = [recording for person in known for recording in world.recordings(person)]
    model = PersonalClassifier(modalities=("hr", "eda", "pupil"), lag=1.5, steps=20).fit(recordings)
    return model.bundle_, next(world.recordings(stranger))


def main() -> None:
    if len(sys.argv) == 3:
        bundle, recording = load_bundle(sys.argv[1]), read(sys.argv[2])
    else:
        bundle, recording = little_bundle()
    timeline = predict(bundle, recording)
    for i, (start, end) in enumerate(timeline.spans[:8]):
        sure = 1 - timeline.uncertainty[i]
        print(f"{start:5.1f}-{end:5.1f} s  {timeline.emotion[i]:14s} sure {sure:.2f}  {timeline.status[i]}")
    print(timeline.status[0].sentence)
    out = Path("timeline.csv")
    write_timeline(timeline, out)
    print(f"all {len(timeline.spans)} segments: {out}")


if __name__ == "__main__":
    main()
