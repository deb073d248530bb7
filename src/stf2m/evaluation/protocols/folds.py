"""Who trains, who validates and who is tested: always whole people."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stf2m.core.errors import NotEnoughLabels


class Fold(NamedTuple):
    """People as indices into `Segments.subjects`; the three sides share nobody."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def folds(subjects: Sequence[int], count: int, seed: int, validation_people: int) -> list[Fold]:
    """Split people into `count` folds; everybody is tested once.

    The validation people of a fold are the first ones of the next folds, so they differ from fold to fold. Raises
    `NotEnoughLabels` when fewer than two people would be left to train on.
    """
    people = sorted(set(subjects))
    count = min(count, len(people))
    order = np.random.default_rng([seed, len(people)]).permutation(people)
    groups = [[int(p) for p in group] for group in np.array_split(order, count)] if people else []
    largest = max((len(group) for group in groups), default=0)
    if count < 2 or len(people) - largest - validation_people < 2:
        raise NotEnoughLabels(
            "too few people to train, validate and test on different ones" if people else "nobody has labels of the target",
            expected=f"at least {max(largest, 1) + validation_people + 2} labelled people", got=len(people),
            hint=_advice(len(people), largest),
        )  # fmt: skip
    found = []
    for i, test in enumerate(groups):
        others = [p for j in range(1, count) for p in groups[(i + j) % count]]
        found.append(Fold(tuple(sorted(others[validation_people:])), tuple(sorted(others[:validation_people])), tuple(sorted(test))))
    return found


def _advice(people: int, largest: int) -> str:
    """What can be done where people are too few; `largest` of them are tested at once."""
    if not people:
        return "choose a target that people have labels of (stf2m info says which labels there are), or label them"
    if people - largest >= 2:
        return "use fewer validation people"
    return "add people, in the study (people = [] takes everybody) or in the data: even without validation people three are needed"
