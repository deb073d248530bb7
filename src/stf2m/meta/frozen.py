"""No adaptation by labels: the global head, and (as for every learner) the person's unlabelled baseline removed."""

from typing import Any

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
        return start_global(net, params, support, centre=self.centre)[0]

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)


def start_global(net: Any, params: Params, support: Batch | Features, *, centre: bool = True) -> tuple[Adaptation, Features]:
    """The common start: baseline measured and removed, nothing else changed; also the support's features before removal."""
    features = features_of(net, params, support)
    memory = baseline(net, params, features, labelled(features, net.emotions), centre=centre)
    memory |= no_modulation(net, features.u)
    return Adaptation({}, memory, features.u.new_zeros(0)), features
