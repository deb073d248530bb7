"""No adaptation by labels: the global head, and (as for every learner) the person's baseline removed, here without their labels."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.learner import baseline, features_of, initial, labelled, no_modulation, score_adapted


class Frozen:
    """The supervised network as it is. Its outer loss is ordinary supervised training on the same segments."""

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def init(self, net: Any) -> Params:
        return initial(net)

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        """The mean of the support is removed, and which label is which is not looked at."""
        features = features_of(net, params, support)
        return _start(net, params, features, unnamed(labelled(features, net.emotions)), centre=self.centre)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)


def unnamed(labels: Float[Tensor, "segment emotion"]) -> Float[Tensor, "segment emotion"]:
    """Each segment as much of every class: what remains of labels when their names are unknown."""
    return labels.mean(dim=1, keepdim=True).expand_as(labels)


def start_global(net: Any, params: Params, support: Batch | Features, *, centre: bool = True) -> tuple[Adaptation, Features]:
    """The common start of learners that read labels: baseline measured and removed, nothing else changed; also the support's
    features before removal."""
    features = features_of(net, params, support)
    return _start(net, params, features, labelled(features, net.emotions), centre=centre), features


def _start(net: Any, params: Params, features: Features, labels: Tensor, *, centre: bool) -> Adaptation:
    memory = baseline(net, params, features, labels, centre=centre)
    return Adaptation({}, memory | no_modulation(net, features.u), features.u.new_zeros(0))
