"""Prototypical networks (Snell, Swersky, Zemel 2017), each prototype shrunk to a learned global one."""

from typing import Any

import torch

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.heads import prototype_head
from stf2m.meta.learner import HEAD, META, hidden_of, initial, labelled, person_of, positive, remove_baseline, score_adapted, wide_head
from stf2m.meta.rating import rating_alone


class ProtoNet:
    """The head is the set of class means of the support; a class (or a person) without labels keeps the global prototype.

    Where only ratings are asked for, the person's mean offset takes the place of prototypes.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def init(self, net: Any) -> Params:
        return initial(net, pull=0.0, temperature=0.7) | {META + "prototypes": 0.1 * torch.randn(net.emotions, net.deep)}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        h = hidden_of(net, params, remove_baseline(features, adaptation.memory), adaptation.memory).h
        labels = labelled(features, net.emotions)
        deep = prototype_head(
            h[:, : net.deep], labels, params[META + "prototypes"],
            positive(params[META + "pull"]).expand(net.emotions), positive(params[META + "temperature"]),
        )  # fmt: skip
        wide = wide_head(net, params, person_of(net, params, features, labels, centre=self.centre), adaptation.memory["trust"])
        weight = torch.cat([deep.weight, wide.weight], dim=1)
        rate = rating_alone(net, params, h[:, : net.deep], features, positive(params[META + "pull"]))
        return adaptation._replace(params={HEAD[0]: weight, HEAD[1]: deep.bias + wide.bias, **rate})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
