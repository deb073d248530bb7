"""A meta-learner as a predictor: `training.run.train` behind the harness's interface."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Plain, Probability, Reply, Rows
from stf2m.training.config import TrainConfig
from stf2m.training.run import train


class Learned(Plain):
    """Trains with `config` when fitted; the seed of the cell replaces the seed of the settings."""

    def __init__(self, config: TrainConfig, progress: Callable[..., Any] | None = None):
        self.config, self.progress = config, progress
        self.fitted: Any = None

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Meta-train on the training people; early stopping on the validation people."""
        config = self.config.model_copy(update={"seed": seed})
        self.fitted = train(
            segments, target=target, train_people=train_people, validation_people=validation_people,
            config=config, out=None, progress=self.progress,
        )  # fmt: skip

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
        """Adapt to the support and answer for the query; see `Predictor.reply`."""
        answer = self.fitted.predict(segments, support, query, support_target=support_target, modalities=modalities)
        return Reply(answer.probability, answer.rating, answer.firing, answer.modality_weight)

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
