"""A meta-learner as a predictor: `training.run.train` behind the harness's interface."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.core.registry import look_up
from stf2m.evaluation.predictor import Plain, Probability, Reply, Rows
from stf2m.evaluation.protocols import Protocol
from stf2m.evaluation.stores import only_sensors
from stf2m.meta import LEARNERS
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.run import train

Heartbeat = Callable[[dict[str, float]], None]


def config_of(settings: dict[str, Any], *, normalisation: str, where: str) -> tuple[TrainConfig, int]:
    """Training settings under the recipe's `normalisation`, and the number of seeds to average; raises `InvalidConfig` or `UnknownName`."""
    values = {name: value for name, value in settings.items() if name != "sensors"}
    seeds = values.pop("seeds", 1)
    if not isinstance(seeds, int) or seeds < 1:
        raise InvalidConfig("seeds", where=where, expected="a whole number from 1", got=seeds)
    if values.setdefault("normalisation", normalisation) != normalisation:
        raise InvalidConfig(
            "normalisation", where=where, expected=normalisation, got=values["normalisation"], hint="set it once, under [recipe]"
        )
    if "label_times" in values:
        raise InvalidConfig("label_times is no setting of a training", where=where, hint='write context = ["label_times"] in [[protocols]]')
    config = build(TrainConfig, values, where=where)
    look_up(LEARNERS, config.learner, family="learners")
    return config, seeds


def config_under(protocol: Protocol, config: TrainConfig) -> TrainConfig:
    """The training as the protocol's context asks for it, on tasks that look like the protocol; without context as it is."""
    if not protocol.context:
        return config
    tasks = config.tasks.model_copy(update=protocol.tasks)
    return config.model_copy(update={"label_times": "label_times" in protocol.context, "tasks": tasks})


def training_of(settings: dict[str, Any], *, normalisation: str, where: str) -> str:
    """Equal for learners that can share one training."""
    config, seeds = config_of(settings, normalisation=normalisation, where=where)
    return "-".join([config.training.hash, str(seeds), *settings.get("sensors", ())])


def meant_by(settings: dict[str, Any], *, normalisation: str, where: str) -> dict[str, Any]:
    """What settings mean with every default filled in, as JSON would hold it: a default that changes makes other rows."""
    config, seeds = config_of(settings, normalisation=normalisation, where=where)
    return {**config.facts(), "seeds": seeds, "sensors": list(settings.get("sensors", ()))}


class Learned(Plain):
    """Trains when fitted, with the seed of the cell; several seeds are averaged. `sibling` shares the training of another.

    With `sensors` the network is built for these modalities alone and sees nothing of the others.
    """

    def __init__(
        self, config: TrainConfig, *, seeds: int = 1, sensors: Sequence[str] = (), sibling: "Learned | None" = None,
        heartbeat: Heartbeat | None = None,
    ):  # fmt: skip
        self.config, self.seeds, self.sensors, self.sibling, self.heartbeat = config, seeds, tuple(sensors), sibling, heartbeat
        self.fitted: tuple[Fitted, ...] = ()
        self._narrowed: tuple[Segments, Segments] | None = None

    def narrow(self, segments: Segments) -> Segments:
        """The segments as this learner sees them."""
        if not self.sensors:
            return segments
        if self._narrowed is None or self._narrowed[0] is not segments:
            self._narrowed = segments, only_sensors(segments, self.sensors)
        return self._narrowed[1]

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Meta-train on the training people; early stopping on the validation people."""
        segments = self.narrow(segments)
        if self.sibling is not None:
            own = [self.config.model_copy(update={"seed": one.config.seed}) for one in self.sibling.fitted]
            self.fitted = tuple(one.with_learner(config) for one, config in zip(self.sibling.fitted, own, strict=True))
            return
        configs = [self.config.model_copy(update={"seed": seed + 1000 * i}) for i in range(self.seeds)]
        self.fitted = tuple(self._train(segments, target, train_people, validation_people, config) for config in configs)

    def _train(
        self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], config: TrainConfig
    ) -> Fitted:
        options = {"target": target, "train_people": train_people, "validation_people": validation_people, "config": config}
        fitted = train(segments, **options, out=None, progress=self.heartbeat)
        return fitted.with_learner(config) if config.learner != fitted.config.learner else fitted

    def members(self) -> "tuple[Learned, ...]":
        """Every training by itself, where several are averaged."""
        alone = tuple(Learned(self.config, sensors=self.sensors) for _ in self.fitted)
        for one, fitted in zip(alone, self.fitted, strict=True):
            one.fitted = (fitted,)
        return alone if len(alone) > 1 else ()

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
        """Adapt to the support and answer for the query; see `Predictor.reply`. Rules are those of the first seed."""
        segments = self.narrow(segments)
        options: dict[str, Any] = {"support_target": support_target, "modalities": modalities}
        said = [one.predict(segments, support, query, **options) for one in self.fitted]
        if len(said) == 1:
            return Reply(said[0].probability, said[0].rating, said[0].firing, said[0].modality_weight)
        mean = {name: np.stack([getattr(one, name) for one in said]).mean(axis=0) for name in ("probability", "rating")}
        return Reply(mean["probability"], mean["rating"], said[0].firing, said[0].modality_weight)

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

    def codes(self, segments: Segments, rows: Rows) -> NDArray[np.float32]:
        """(row, hidden): what the head of the first seed reads, see `Fitted.codes`."""
        return self.fitted[0].codes(segments, rows)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules in words, in the order of `Reply.firing`."""
        from stf2m.training.words import rules_in_words

        return rules_in_words(self.fitted[0])

    def words(self, segments: Segments, support: Rows) -> tuple[str, ...]:
        """The rules as they read for the person of `support`: at the centres that these labels moved, under their own head."""
        from stf2m.training.words import rules_in_words

        first = self.fitted[0]
        if first.inputs.policy == "one_vs_rest":
            return self.rules
        return rules_in_words(first, first.adapt(segments, support))
