"""What does one more person cost a baseline on descriptors? CPU milliseconds per answer from a new support, one thread.

3000 rows of 20 people, 120 descriptors, 5 labels per class, 64 query segments. `first` includes what is fitted once per fold
and set of sensors, `again` is the median of further supports: the cost per refit. Prints one JSON row per baseline.
"""

import argparse
import json
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from stf2m.core.records import DescriptorInfo, Segments, SignalInfo
from stf2m.evaluation.baselines import BASELINES

PEOPLE, EACH, DESCRIPTORS, SHOTS, QUERY = 20, 150, 120, 5, 64


def people(classes: int) -> Segments:
    """Descriptors that carry class and person; ratings everywhere."""
    rng, n = np.random.default_rng(0), PEOPLE * EACH
    subject, truth = np.repeat(np.arange(PEOPLE), EACH), rng.integers(0, classes, n)
    values = (
        0.5 * rng.normal(size=(classes, DESCRIPTORS))[truth]
        + rng.normal(size=(PEOPLE, DESCRIPTORS))[subject]
        + rng.normal(size=(n, DESCRIPTORS))
    )
    values[rng.random(values.shape) < 0.05] = np.nan
    index, spans = subject.astype(np.int32), np.stack([np.arange(n) * 2.0, np.arange(n) * 2.0 + 2.0], axis=1)
    return Segments(
        signals={"eda": np.zeros((1, 8 * n), np.float32)}, infos=(SignalInfo("eda", 4.0, 8, 8, ("tonic",)),),
        starts=np.arange(n)[:, None] * 8, bounds=np.tile([0, 8 * n], (PEOPLE, 1, 1)), present=np.ones((n, 1), bool),
        quality=np.ones((n, 1), np.float32), descriptors=values.astype(np.float32),
        descriptor_infos=tuple(DescriptorInfo(f"d{j}", "eda", "au") for j in range(DESCRIPTORS)),
        targets={"emotion": truth.astype(np.int16)}, emotions={"emotion": tuple(f"emotion {c}" for c in range(classes))},
        rating=rng.uniform(-1, 1, (n, 2)).astype(np.float32), spans=spans, session_time=spans[:, 0], subject=index, recording=index,
        stimulus=index, subjects=tuple(f"P{i}" for i in range(PEOPLE)), recordings=tuple(f"R{i}" for i in range(PEOPLE)),
        stimuli=tuple(f"s{i}" for i in range(PEOPLE)), recipe_hash="bench", dataset="bench",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    threadpool_limits(1)
    for classes in (2, 8):
        segments = people(classes)
        last = np.flatnonzero(segments.subject == PEOPLE - 1)
        labels = segments.targets["emotion"][last]
        for name, make in BASELINES.items():
            predictor = make()
            predictor.fit(segments, "emotion", list(range(PEOPLE - 1)), [], 0)
            taken, rng = [], np.random.default_rng(0)
            for _ in range(options.repeats + 1):
                support = np.concatenate([rng.choice(last[labels == c], SHOTS, replace=False) for c in range(classes)])
                query = np.setdiff1d(last, support)[:QUERY]
                began = time.process_time()
                predictor.reply(segments, support, query, target="emotion")
                taken.append(1000 * (time.process_time() - began))
            print(
                json.dumps(
                    {"baseline": name, "classes": classes, "first_ms": round(taken[0]), "again_ms": round(statistics.median(taken[1:]), 1)}
                )
            )


if __name__ == "__main__":
    main()
