"""From settings to the objects of one training: network, learner, parameters."""

import inspect

import torch

from stf2m.core.config import Settings
from stf2m.core.emotions import TARGETS
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import DescriptorInfo, Segments, SignalInfo
from stf2m.core.registry import look_up
from stf2m.core.tensors import Params
from stf2m.meta import LEARNERS
from stf2m.meta.caution import Cautious
from stf2m.meta.learner import Learner
from stf2m.meta.near import WithLabelTimes
from stf2m.model.network import Network
from stf2m.training.config import TrainConfig
from stf2m.training.outcomes import PAIRS


class Inputs(Settings):
    """What a network was built for: the sensors, descriptors and classes, in order."""

    infos: tuple[SignalInfo, ...]
    descriptors: tuple[DescriptorInfo, ...]
    emotions: tuple[str, ...]
    policy: str = "grid"

    @property
    def outputs(self) -> int:
        """Classes of the head: two (rest, this one) under one_vs_rest."""
        return 2 if self.policy == "one_vs_rest" else len(self.emotions)

    @property
    def outcomes(self) -> int | None:
        """What rules tell apart where that is not what the head does: every class under one_vs_rest, the nine pairs of terms of ratings."""
        if self.policy == "one_vs_rest":
            return len(self.emotions)
        return PAIRS if self.emotions == TARGETS["rating"].emotions else None


def inputs_of(segments: Segments, target: str, policy: str = "grid") -> Inputs:
    """The inputs that a network for these segments and this target needs."""
    return Inputs(infos=segments.infos, descriptors=segments.descriptor_infos, emotions=segments.emotions[target], policy=policy)


def build_network(config: TrainConfig, inputs: Inputs) -> Network:
    """A network with weights drawn from the config's seed."""
    torch.manual_seed(config.seed)
    return Network(config.network, inputs.infos, inputs.descriptors, inputs.outputs, inputs.outcomes)


def build_learner(config: TrainConfig, net: Network) -> tuple[Learner, Params]:
    """The learner by name and its initial parameters; raises `InvalidConfig` for an option that it does not take.

    In normalisation `train_stats` it does not centre on the support; its inner loss has the config's `ordinal` weight.
    """
    kind = look_up(LEARNERS, config.learner, family="learners")
    known = [name for name in inspect.signature(kind).parameters if name not in ("args", "kwargs")]
    for name in config.options:
        if name not in known:
            hint = f"it takes: {', '.join(known)}" if known else "it takes no options"
            raise InvalidConfig(f"learner {config.learner!r} has no option {name!r}", hint=hint)
    learner = kind(**config.options)
    learner.centre = config.normalisation != "train_stats"
    learner.ordinal = config.ordinal
    learner = WithLabelTimes(learner) if config.label_times else learner
    learner = Cautious(learner) if config.cautious else learner
    return learner, learner.init(net)


def build(config: TrainConfig, inputs: Inputs) -> tuple[Network, Learner, Params]:
    """Network, learner and their initial meta-parameters."""
    net = build_network(config, inputs)
    return net, *build_learner(config, net)
