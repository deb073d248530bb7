"""Choose person, views, shots and segments from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt

from stf2m.core.config import Settings
from stf2m.core.emotions import has_classes
from stf2m.core.errors import NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.tasks.task import Task
from stf2m.tasks.views import View

SLOTS = 4
"""a target without classes is drawn as one class with this many times the queries"""
LEAST_RATED = 3
"""rated query segments without which agreement is not defined"""


class TaskSettings(Settings):
    """How meta-tasks are drawn."""

    policy: Literal["grid", "free", "one_vs_rest"] = "grid"
    shots: tuple[NonNegativeInt, ...] = Field(default=(0, 1, 2, 4), min_length=1)
    """support sizes to draw from, per class, or in total where `counting` says so"""
    counting: tuple[Literal["per_class", "total"], ...] = ("per_class",)
    queries: int = Field(default=4, ge=1)
    """per class; a target without classes gets four times as many in all, because agreement of ratings needs several"""
    apart: tuple[Literal["stimulus", "guard", "time"], ...] = ("stimulus",)
    """support and query differ in stimulus (and so in recording), or lie `guard` s apart, or before/after one moment"""
    guard: float = Field(default=4.0, ge=0)
    """s between the edges of a support and a query segment of one recording"""
    all_views: float = Field(default=0.5, ge=0, le=1)
    """share of tasks that show every modality; the others show a random subset"""

    def queries_of(self, target: str) -> int:
        """Query segments per class of a target; in all, where it has no classes."""
        return self.queries if has_classes(target) else SLOTS * self.queries


@dataclass(frozen=True, eq=False)
class Person:
    """The labelled rows of one person and what separates them."""

    subject: int
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    stimulus: NDArray[np.int32]
    recording: NDArray[np.int32]
    start: NDArray[np.float64]
    """session time in s"""
    length: float


def people_of(segments: Segments, target: str, subjects: Sequence[int]) -> list[Person]:
    """The people who have labels that can be scored; raises `NotEnoughLabels` when nobody has."""
    found = []
    for subject in subjects:
        rows = np.flatnonzero((segments.subject == subject) & (segments.targets[target] >= 0))
        labels = segments.targets[target][rows].astype(np.int64)
        if not can_score(labels, target):
            continue
        spans = segments.spans[rows]
        found.append(
            Person(
                subject,
                rows,
                labels,
                segments.stimulus[rows],
                segments.recording[rows],
                segments.session_time[rows],
                float(np.median(spans[:, 1] - spans[:, 0])),
            )
        )
    if not found:
        what = f"two classes of {target!r}" if has_classes(target) else f"{LEAST_RATED} rated segments"
        raise NotEnoughLabels(f"nobody has {what}", where=segments.dataset, hint="check the target and its cuts")
    return found


def can_score(labels: NDArray[np.integer], target: str) -> bool:
    """Two classes are there, or, for a target without classes, ratings enough to speak of agreement."""
    return len(np.unique(labels)) > 1 if has_classes(target) else len(labels) >= LEAST_RATED


def sample_task(people: Sequence[Person], segments: Segments, target: str, settings: TaskSettings, seed: int) -> Task:
    """Draw one task; the same seed gives the same task. Draws again (up to 50 times) while the query cannot be scored."""
    rng = np.random.default_rng(seed)
    for _ in range(50):
        person = people[int(rng.integers(len(people)))]
        support_side, query_side = divide(person, settings, rng)
        query = balanced(person, query_side, settings.queries_of(target), rng)
        if can_score(person.labels[query], target):
            support = draw_support(person, support_side, settings, rng)
            return describe(person, segments, target, settings, support, query, rng, seed)
    what = "two classes" if has_classes(target) else f"{LEAST_RATED} ratings"
    raise NotEnoughLabels(f"no person has {what} on the query side", where=segments.dataset, hint="use apart = guard")


def divide(person: Person, settings: TaskSettings, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Positions (into the person's rows) that may be support, and that may be query; never closer than the rule says.

    A person with a single stimulus is divided by the guard where others are by stimulus.
    """
    apart = settings.apart[rng.integers(len(settings.apart))]
    everything = np.arange(len(person.rows))
    stimuli = np.unique(person.stimulus)
    if apart == "stimulus" and len(stimuli) > 1:
        count = max(1, len(stimuli) // 2)
        chosen = np.isin(person.stimulus, rng.permutation(stimuli)[:count])
        return everything[chosen], everything[~chosen]
    reach = settings.guard + person.length
    if apart == "time":
        moment = rng.uniform(*np.quantile(person.start, [0.15, 0.6]))
        return everything[person.start < moment], everything[person.start >= moment + reach]
    centre = rng.permutation(everything)[: max(1, len(everything) // 8)]
    gaps = np.abs(person.start[:, None] - person.start[None, centre]) + 1e9 * (person.recording[:, None] != person.recording[None, centre])
    far = gaps.min(axis=1) >= reach
    return centre, everything[far]


def balanced(person: Person, side: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    """Up to `count` positions of every class from a side."""
    order = rng.permutation(side)
    return np.concatenate([order[person.labels[order] == c][:count] for c in np.unique(person.labels)])


def draw_support(person: Person, side: NDArray, settings: TaskSettings, rng: np.random.Generator) -> NDArray:
    """Shots per class or in total, classes interleaved."""
    shots = settings.shots[rng.integers(len(settings.shots))]
    counting = settings.counting[rng.integers(len(settings.counting))]
    if counting == "total":
        return rng.permutation(side)[:shots]
    return interleave(balanced(person, side, shots, rng), person.labels, rng)


def interleave(chosen: NDArray, labels: NDArray, rng: np.random.Generator) -> NDArray:
    """Random order in which the classes take turns."""
    order = rng.permutation(chosen)
    turn = np.zeros(len(order))
    for c in np.unique(labels[order]):
        mine = labels[order] == c
        turn[mine] = np.arange(mine.sum()) + rng.uniform(0, 1, mine.sum()) * 0.9
    return order[np.argsort(turn, kind="stable")]


def describe(
    person: Person, segments: Segments, target: str, settings: TaskSettings,
    support: NDArray, query: NDArray, rng: np.random.Generator, seed: int,
) -> Task:  # fmt: skip
    """Choose the views and write the task down."""
    emotions, modalities = segments.emotions[target], segments.modalities
    if settings.policy == "free":
        shown = np.stack([subset(len(modalities), settings.all_views, rng) for _ in emotions])
    else:
        shown = np.tile(subset(len(modalities), settings.all_views, rng), (len(emotions), 1))
    views = tuple(View(m, e) for c, e in enumerate(emotions) for j, m in enumerate(modalities) if shown[c, j])
    focus = int(rng.choice(np.unique(person.labels[query]))) if settings.policy == "one_vs_rest" else None
    seen, asked = shown[person.labels[support]], shown[person.labels[query]]
    return Task(person.subject, settings.policy, views, person.rows[support], person.rows[query], seen, asked, seed, focus)


def subset(count: int, all_views: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """All modalities with probability `all_views`, else each with probability 1/2 and at least one."""
    if rng.random() < all_views:
        return np.ones(count, dtype=bool)
    chosen = rng.random(count) < 0.5
    chosen[rng.integers(count)] |= not chosen.any()
    return chosen
