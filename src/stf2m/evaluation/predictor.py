"""What the harness asks of anything that answers: learners, baselines and floors go through the same loop."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.evaluation.protocols.split import Split

Rows = NDArray[np.integer]
Probability = NDArray[np.float32]


class Reply(NamedTuple):
    """What a predictor says about query segments; every part beside `probability` may be absent."""

    probability: Probability
    """(query, emotion), rows sum to 1"""
    rating: NDArray[np.float32] | None = None
    """(query, 2) valence, arousal in -1..1"""
    firing: NDArray[np.float32] | None = None
    """(query, rule)"""
    modality_weight: NDArray[np.float32] | None = None
    """(query, modality)"""


class Predictor(Protocol):
    """Learns from training people, chooses on validation people, answers for a new person from a few labels."""

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Learn. May look at nothing of other people."""
        ...

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Choose settings on `splits` of the validation people, made by the protocol that is judged next."""
        ...

    def members(self) -> "Sequence[Predictor]":
        """The predictors whose mean this one gives; none where it is no average."""
        ...

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
        """Answer for the query rows of one person given the labelled `support` rows of the same person.

        `support_target` replaces the labels of the support (controls); for a target without classes it names, for each
        support row, the row whose rating is told in its place. `modalities` restricts the sensors offered.
        """
        ...

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
        """`reply(...).probability`."""
        ...


class Plain:
    """Inherit this and write `fit` and `predict`: no tuning, no ratings, nothing to explain."""

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Nothing to learn unless overridden."""

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Nothing to choose unless overridden."""

    def members(self) -> "Sequence[Predictor]":
        """The predictors whose mean this one gives; none where it is no average."""
        return ()

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
        said = self.predict(segments, support, query, target=target, support_target=support_target, modalities=modalities)
        return Reply(said)


def labels_of(segments: Segments, target: str, rows: Rows, given: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
    """Labels of `rows`, or the given ones instead; a target without classes has nothing to replace here."""
    return np.asarray(segments.targets[target][rows] if given is None or not has_classes(target) else given, np.int64)


def ratings_of(segments: Segments, target: str, rows: Rows, given: NDArray[np.integer] | None = None) -> NDArray[np.float32]:
    """Ratings (row, 2) of `rows`, NaN = none; of the `given` rows instead, where the target has no classes to replace."""
    return segments.rating[rows if given is None or has_classes(target) else given]


def training_rows(segments: Segments, target: str, people: Sequence[int]) -> NDArray[np.int64]:
    """Labelled rows of `people`."""
    return np.flatnonzero(np.isin(segments.subject, list(people)) & (segments.targets[target] >= 0))
