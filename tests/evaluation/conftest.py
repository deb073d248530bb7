"""Random people for tests of the evaluation room: no signals, descriptors that carry class and person."""

import numpy as np
import pytest

from stf2m.core.records import DescriptorInfo, Segments, SignalInfo


def random_segments(
    seed: int = 0,
    *,
    people: int = 6,
    recordings: int = 4,
    stimuli: int = 3,
    length: int = 8,
    classes: int = 3,
    unlabelled: float = 0.1,
    window: float = 2.0,
    hop: float = 2.0,
    strength: float = 1.5,
    offset: float = 1.0,
    descriptors: int = 6,
) -> Segments:
    """Segments of people who met `stimuli` in random order; class moves the descriptors by `strength`, the person by `offset`."""
    rng = np.random.default_rng(seed)
    modalities = ("eda", "hr")
    subject = np.repeat(np.arange(people), recordings * length)
    recording = np.repeat(np.arange(people * recordings), length)
    begin = np.tile(np.arange(length) * hop, people * recordings)
    stimulus = np.repeat(rng.integers(-1, stimuli, people * recordings), length)
    count = len(subject)
    truth = rng.integers(0, classes, count)
    for i in range(1, count):  # moods last
        if recording[i] == recording[i - 1] and rng.random() < 0.6:
            truth[i] = truth[i - 1]
    world = rng.normal(size=(classes, descriptors)) * strength
    values = world[truth] + rng.normal(size=(people, descriptors))[subject] * offset + rng.normal(size=(count, descriptors))
    present = rng.random((count, 2)) > 0.1
    values[:, : descriptors // 2][~present[:, 0]] = np.nan
    values[:, descriptors // 2 :][~present[:, 1]] = np.nan
    seen = np.where(rng.random(count) < unlabelled, -1, truth).astype(np.int16)
    rating = np.stack([np.linspace(-0.8, 0.8, classes)[truth], rng.uniform(-1, 1, count)], 1).astype(np.float32)
    infos = tuple(DescriptorInfo(f"d{j}", modalities[int(j >= descriptors // 2)], "au") for j in range(descriptors))
    return Segments(
        signals={m: np.zeros((1, 1), np.float32) for m in modalities},
        infos=tuple(SignalInfo(m, 4.0, 8, 8, ("x",)) for m in modalities),
        starts=np.zeros((count, 2), np.int64),
        bounds=np.zeros((people * recordings, 2, 2), np.int64),
        present=present,
        quality=present.astype(np.float32),
        descriptors=values.astype(np.float32),
        descriptor_infos=infos,
        targets={"mood": seen},
        emotions={"mood": tuple(f"mood {c}" for c in range(classes))},
        rating=rating,
        spans=np.stack([begin, begin + window], 1).astype(np.float64),
        session_time=begin + (recording % recordings) * (length * hop + 30.0),
        subject=subject.astype(np.int32),
        recording=recording.astype(np.int32),
        stimulus=stimulus.astype(np.int32),
        subjects=tuple(f"P{p:02d}" for p in range(people)),
        recordings=tuple(f"P{r // recordings:02d}-{r % recordings}" for r in range(people * recordings)),
        stimuli=tuple(f"clip{s}" for s in range(stimuli)),
        recipe_hash="0" * 12,
        dataset="random",
    )


@pytest.fixture(scope="session")
def make_segments():
    """The function that makes random people."""
    return random_segments
