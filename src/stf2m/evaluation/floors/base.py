"""What every floor promises: an answer without looking at any signal, and a reason where it is not defined."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Plain, Probability, Reply, Rows, labels_of, ratings_of, training_rows

Values = NDArray[np.float64]


class Floor(Plain):
    """Averages labels of other segments; a floor only says which (`average`).

    All labelled people of the fold but the test people count as "other people". With `balanced`, class probabilities are
    divided by how frequent the class is, which is the stronger floor under balanced accuracy.
    """

    name: ClassVar[str]
    words: ClassVar[str]
    """what it does, for the table's legend"""
    uses: ClassVar[str] = ""
    """"stimulus" or "time" when the floor knows what was shown or when; such floors are marked"""
    context: ClassVar[tuple[str, ...]] = ()
    """kinds of a protocol's context under which every method knows as much, so that the floor is marked no longer"""
    is_oracle: ClassVar[bool] = False
    """it looks at labels that nobody has at test time"""
    on_demand: ClassVar[bool] = False
    """a study must name it"""
    needs_support: ClassVar[bool] = False
    sees_sensors: ClassVar[bool] = False
    """it knows which sensors were present, so a missing one may change its answer"""
    ignores_support: ClassVar[bool] = False
    """the answer for a segment is the same whatever the support is, so it is found once per person"""

    def __init__(self, *, balanced: bool = True):
        self.balanced = balanced

    def reason(self, segments: Segments, target: str) -> str:
        """Why the floor is not defined for this data, or "" when it is."""
        return ""

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Remember the labels of other people."""
        self.rows = training_rows(segments, target, [*train_people, *validation_people])
        self.values = answers(segments, target, labels_of(segments, target, self.rows), segments.rating[self.rows])
        known = np.isfinite(self.values)
        self.usual = np.where(known, self.values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        self.found: dict[int, tuple[Segments, Rows, Values]] = {}

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        """(query, class + 2): shares of classes, then valence and arousal; `values` are the support's own."""
        raise NotImplementedError

    def reply(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Reply:
        """See `Predictor.reply`."""
        if support_target is None and len(query):  # a person who is in training has labels without any support
            support = np.union1d(support, self.rows[segments.subject[self.rows] == segments.subject[query[0]]])
        labels = labels_of(segments, target, support, support_target)
        values = answers(segments, target, labels, ratings_of(segments, target, support, support_target))
        if self.ignores_support:
            found = self._of_person(segments, query, target)
        else:
            found = self.average(segments, support, values, query, target)
        share = np.clip(found[:, :-2], 0, None) + 1e-6 * self.usual[:-2]
        if self.balanced:
            share = share / np.maximum(self.usual[:-2], 1e-9)
        return Reply((share / share.sum(axis=1, keepdims=True)).astype(np.float32), found[:, -2:].astype(np.float32))

    def _of_person(self, segments: Segments, query: Rows, target: str) -> Values:
        """`average` of all segments of the person at once, kept for the next question."""
        person = int(segments.subject[query[0]]) if len(query) else -1
        if person not in self.found or self.found[person][0] is not segments:
            rows = np.flatnonzero(segments.subject == person)
            nobody = rows[:0]
            self.found[person] = segments, rows, self.average(segments, nobody, self.values[:0], rows, target)
        _, rows, found = self.found[person]
        return found[np.searchsorted(rows, query)]

    def predict(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Probability:
        """See `Predictor.predict`."""
        return self.reply(segments, support, query, target=target, support_target=support_target).probability


def answers(segments: Segments, target: str, labels: NDArray[np.integer], ratings: NDArray[np.floating]) -> Values:
    """(row, class + 2): one-hot label, then valence and arousal; a target without classes has a first column of ones."""
    one_hot = np.eye(len(segments.emotions[target]))[labels]
    return np.concatenate([one_hot, ratings.astype(np.float64)], axis=1)


def kernel_mean(weight: Values, values: Values, usual: Values, strength: float = 1e-3) -> Values:
    """Weighted mean of `values` (other, column) under `weight` (query, other), leaning on `usual` where nothing is near."""
    known = np.isfinite(values)
    total = weight @ known + strength
    return (weight @ np.where(known, values, 0.0) + strength * usual) / total
