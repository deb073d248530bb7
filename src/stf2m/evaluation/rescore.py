"""Score a bundle again after a person edited its rules: before, after, and the floors on the same questions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.metrics import balanced_accuracy
from stf2m.evaluation.protocols.split import Split
from stf2m.evaluation.statistics import Difference, Interval, interval, paired
from stf2m.training.fitted import Fitted

Scores = NDArray[np.float64]


class Line(NamedTuple):
    """Balanced accuracy over people with one number of labels."""

    name: str
    role: str
    """floor or bundle"""
    shots: int
    score: Interval


class Rescored(NamedTuple):
    """Lines of floors, of the bundle before and after, and per number of labels the change after - before."""

    lines: list[Line]
    change: dict[int, Difference]


def rescore(before: Fitted, after: Fitted, segments: Segments, splits: Sequence[Split]) -> Rescored:
    """Ask both the same questions; floors know the labels of everybody in `segments` but the person who is asked."""
    target, lines = before.target, []
    shots = sorted({split.shots for split in splits})
    for name in FLOORS:
        floor = FLOORS[name]()
        if floor.is_oracle or floor.reason(segments, target):
            continue
        for k in shots:
            if k or not floor.needs_support:
                lines.append(Line(name.replace("_", " "), "floor", k, interval(_floor(name, segments, target, _at(splits, k)))))
    found = {(who, k): _bundle(fitted, segments, _at(splits, k)) for who, fitted in (("before", before), ("after", after)) for k in shots}
    lines += [Line(who, "bundle", k, interval(values)) for (who, k), values in found.items()]
    return Rescored(lines, {k: paired(found["after", k], found["before", k], comparisons=len(shots)) for k in shots})


def _at(splits: Sequence[Split], shots: int) -> list[Split]:
    return [split for split in splits if split.shots == shots]


def _bundle(fitted: Fitted, segments: Segments, splits: Sequence[Split]) -> Scores:
    """(person,) balanced accuracy."""
    truth = segments.targets[fitted.target]
    return np.array([balanced_accuracy(truth[s.query], fitted.predict(segments, s.support, s.query).probability) for s in splits])


def _floor(name: str, segments: Segments, target: str, splits: Sequence[Split]) -> Scores:
    """(person,) balanced accuracy of a floor fitted on all other people."""
    labels = segments.targets[target]
    everybody = np.unique(segments.subject[labels >= 0]).tolist()
    found = []
    for split in splits:
        floor = FLOORS[name]()
        floor.fit(segments, target, [p for p in everybody if p != split.subject], [], 0)
        found.append(balanced_accuracy(labels[split.query], floor.predict(segments, split.support, split.query, target=target)))
    return np.array(found)
