"""The evidence of labels near in time for any predictor, as every learner has it; widths and strengths are chosen on validation people."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.baselines.choose import Settings, choose
from stf2m.evaluation.metrics import balanced_accuracy
from stf2m.evaluation.predictor import Plain, Predictor, Probability, Reply, Rows, labels_of
from stf2m.evaluation.protocols.split import Split

OPTIONS: dict[str, Sequence[Any]] = {
    "strength": (0.0, 0.25, 0.5, 1.0, 2.0),
    "width": (5.0, 10.0, 20.0, 40.0, 80.0, 160.0),
    "prior": (0.01, 0.03, 0.1, 0.3, 1.0),
    "far_strength": (0.0, 0.25, 0.5, 1.0),
    "far_width": (60.0, 300.0, 1200.0),
}
START: Settings = {"width": 20.0, "strength": 0.0, "prior": 0.1, "far_width": 300.0, "far_strength": 0.0}
"""s, labels (a small prior with a narrow kernel trusts the nearest label alone), factors; the `far` ones between recordings.
The search begins without evidence: label times must convince"""


class Asked(NamedTuple):
    """A split of a validation person, with what the predictor inside says of it."""

    split: Split
    said: Reply
    near: "Told"


class Told(NamedTuple):
    """What is known of a support and its query beside signals, as tensors."""

    query: Any
    """(query, 3) recording, s, s in the session"""
    support: Any
    labels: Any
    """(support, emotion) one-hot"""
    felt: Any
    """(support, 3) valence, arousal, rated"""


class NearInTime(Plain):
    """p(class) of the predictor inside, times the lift of the class among labels near in time (`meta/near.py`)."""

    def __init__(self, inside: Predictor):
        self.inside = inside
        self.chosen: dict[int, Settings] = {}

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Fit the predictor inside."""
        self.inside.fit(segments, target, train_people, validation_people, seed)

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Tune the predictor inside, then the kernels on top of it, for every support size."""
        self.inside.tune(segments, target, splits)
        self.chosen = {}
        for shots in sorted({split.shots for split in splits if len(split.support)}):
            mine = [split for split in splits if split.shots == shots and len(split.support)]
            asked = [
                Asked(s, self.inside.reply(segments, s.support, s.query, target=target), told(segments, target, s.support, s.query))
                for s in mine
            ]

            def score(settings: Settings, asked: list[Asked] = asked) -> float:
                return float(np.mean([_quality(segments.targets[target], one, settings) for one in asked]))

            self.chosen[round(float(np.mean([len(split.support) for split in mine])))] = choose(score, OPTIONS, START)

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
        """See `Predictor.reply`; with the settings chosen for the nearest support size."""
        options: dict[str, Any] = {"support_target": support_target, "modalities": modalities}
        said = self.inside.reply(segments, support, query, target=target, **options)
        if not len(support):
            return said
        size = min(self.chosen, key=lambda known: abs(known - len(support)), default=None)
        return lifted(said, told(segments, target, support, query, support_target), START if size is None else self.chosen[size])

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
        return self.reply(segments, support, query, target=target, support_target=support_target, modalities=modalities).probability


def told(segments: Segments, target: str, support: Rows, query: Rows, given: NDArray[np.integer] | None = None) -> Told:
    """Times and labels as learners get them."""
    import torch

    from stf2m.tasks.loader import times_of

    labels = np.eye(len(segments.emotions[target]), dtype=np.float32)[labels_of(segments, target, support, given)]
    rating = segments.rating[support]
    rated = np.isfinite(rating).all(axis=1, keepdims=True)
    felt = np.concatenate([np.where(rated, rating, 0.0), rated], axis=1).astype(np.float32)
    times = times_of(segments)
    return Told(*(torch.from_numpy(value) for value in (times[query], times[support], labels, felt)))


def lifted(said: Reply, told: Told, settings: Settings) -> Reply:
    """The reply moved by the evidence under these settings."""
    import torch

    from stf2m.meta.near import class_evidence, closeness, pull_ratings

    pair = lambda near, far: torch.tensor([settings[near], settings[far]])  # noqa: E731
    near = closeness(told.query, told.support, pair("width", "far_width"))
    strength = pair("strength", "far_strength")
    evidence = class_evidence(near, told.labels, pair("prior", "prior"), strength).numpy()
    logits = np.log(np.maximum(said.probability.astype(np.float64), 1e-12)) + evidence
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    rating = None if said.rating is None else pull_ratings(torch.from_numpy(said.rating), near, told.felt, strength).numpy()
    return said._replace(probability=(p / p.sum(axis=1, keepdims=True)).astype(np.float32), rating=rating)


def _quality(labels: NDArray[np.integer], asked: Asked, settings: Settings) -> float:
    """As baselines on descriptors choose: balanced accuracy, log-likelihood breaking near ties."""
    truth, p = labels[asked.split.query], lifted(asked.said, asked.near, settings).probability
    likely = np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-3))
    return balanced_accuracy(truth, p) + 0.05 * float(likely.mean())
