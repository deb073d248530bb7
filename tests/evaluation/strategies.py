"""Irregular random people, for properties that must hold on any data: uneven recordings, gaps, repeated and unknown stimuli, holes in labels."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo, Segments, SignalInfo

SENSORS = (
    SignalInfo("eda", 4.0, 16, 8, ("tonic", "phasic")),
    SignalInfo("hr", 2.0, 4, 4, ("rate",)),
    SignalInfo("temp", 1.0, 2, 2, ("skin",)),
)
EACH = 2
"""descriptors per sensor"""


def irregular_segments(
    seed: int = 0, *, people: int = 3, recordings: int = 4, stimuli: int = 3, length: int = 8, classes: int = 3, sensors: int = 2,
    hop: float = 2.0, gaps: float = 0.1, unlabelled: float = 0.2, absent: float = 0.1, change: float = 0.4,
) -> Segments:  # fmt: skip
    """People with 1..`recordings` recordings of 1..`length` windows of 2 s, each of one of `stimuli` stimuli or of none.

    A share `gaps` of the windows is not there, `unlabelled` have no label, `absent` lack a sensor; a mood (target "mood",
    `classes` classes) changes with probability `change` per window and shows in descriptors, signals and ratings; "calm" is the
    same in two classes. Recordings begin at odd session times, in the order of their numbers; some people have no label at all.
    """
    rng = np.random.default_rng(seed)
    infos = SENSORS[:sensors]
    owner = np.repeat(np.arange(people), rng.integers(1, recordings + 1, people))
    count = rng.integers(1, length + 1, len(owner))
    every = [np.flatnonzero((rng.random(n) >= gaps) | (np.arange(n) == 0)) for n in count]
    recording = np.repeat(np.arange(len(owner)), [len(kept) for kept in every])
    begin = hop * np.concatenate(every)
    met = rng.integers(-1, stimuli, len(owner))
    # session clock: a recording begins after the one before it has ended, and something between 0 and 50 s later
    lasts = hop * count + 2.0 + rng.uniform(0, 50, len(owner))
    clock = np.array([lasts[(owner == owner[r]) & (np.arange(len(owner)) < r)].sum() for r in range(len(owner))])
    mood = moods(rng, recording, classes, change)
    n = len(recording)
    present = rng.random((n, sensors)) >= absent
    names = tuple(DescriptorInfo(f"{info.modality} {j}", info.modality, "au") for info in infos for j in range(EACH))
    shape = rng.normal(size=(classes, len(names)))
    described = shape[mood] + rng.normal(size=(people, len(names)))[owner[recording]] + rng.normal(size=(n, len(names)))
    described[~np.repeat(present, EACH, axis=1)] = np.nan
    signals, starts, bounds = waves(rng, infos, begin, recording, hop * count + 2.0)
    labelled = rng.random(n) >= unlabelled
    rating = np.stack([np.linspace(-0.8, 0.8, classes)[mood], rng.uniform(-1, 1, n)], axis=1).astype(np.float32)
    rating[rng.random(n) < unlabelled] = np.nan
    moody = np.where(labelled, mood, -1).astype(np.int16)
    return Segments(
        signals=signals, infos=infos, starts=starts, bounds=bounds, present=present, quality=present * rng.random((n, sensors)).astype(np.float32),
        descriptors=described.astype(np.float32), descriptor_infos=names, targets={"mood": moody, "calm": np.minimum(moody, 1)},
        emotions={"mood": tuple(f"mood {c}" for c in range(classes)), "calm": ("calm", "other")}, rating=rating,
        spans=np.stack([begin, begin + 2.0], axis=1), session_time=clock[recording] + begin, subject=owner[recording].astype(np.int32),
        recording=recording.astype(np.int32), stimulus=met[recording].astype(np.int32), subjects=tuple(f"P{p:02d}" for p in range(people)),
        recordings=tuple(f"R{r:02d}" for r in range(len(owner))), stimuli=tuple(f"clip {s}" for s in range(stimuli)),
        recipe_hash=f"irregular-{seed}", dataset="irregular",
    )  # fmt: skip


def moods(rng: np.random.Generator, recording: NDArray[np.integer], classes: int, change: float) -> NDArray[np.int64]:
    """A class per window that lasts for a while."""
    found = rng.integers(0, classes, len(recording))
    for i in range(1, len(found)):
        if recording[i] == recording[i - 1] and rng.random() >= change:
            found[i] = found[i - 1]
    return found


def waves(rng: np.random.Generator, infos: tuple[SignalInfo, ...], begin, recording, seconds):
    """(signals, starts, bounds) of noise that is long enough for every window."""
    sizes = np.array([[int(np.ceil(s * info.rate)) for info in infos] for s in seconds])
    ends = np.cumsum(sizes, axis=0)
    signals = {info.modality: rng.normal(size=(len(info.channels), int(ends[-1, j]))).astype(np.float32) for j, info in enumerate(infos)}
    first = ends - sizes
    last = np.stack([np.rint((begin + 2.0) * info.rate).astype(np.int64) for info in infos], axis=1)
    return signals, first[recording] + last - np.array([info.samples for info in infos]), np.stack([first, ends], axis=-1)


def any_sizes(**fixed) -> st.SearchStrategy[dict]:
    """Arguments of `irregular_segments`; `fixed` keeps some of them.

    The people are made inside the test: run-time type checks draw random numbers, which Hypothesis allows no strategy.
    """
    sizes = {
        "seed": st.integers(0, 100_000), "people": st.integers(1, 5), "recordings": st.integers(1, 8), "stimuli": st.integers(1, 5),
        "length": st.integers(1, 14), "classes": st.integers(2, 4), "sensors": st.integers(1, 3), "hop": st.sampled_from([1.0, 2.0, 5.0]),
        "gaps": st.sampled_from([0.0, 0.2, 0.6]), "unlabelled": st.sampled_from([0.0, 0.2, 0.9]), "change": st.sampled_from([0.05, 0.4, 1.0]),
    }  # fmt: skip
    return st.fixed_dictionaries({**sizes, **{name: st.just(value) for name, value in fixed.items()}})


def reordered(segments: Segments, order: NDArray[np.integer]) -> Segments:
    """The same rows with the people numbered in another order: person `order[i]` becomes person i."""
    place = np.argsort(order)
    named = {"subjects": tuple(segments.subjects[p] for p in order), "origin": tuple(segments.origin[p] for p in order if segments.origin)}
    return replace(segments, subject=place[segments.subject].astype(np.int32), **named)
