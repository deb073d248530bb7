"""Prototypical networks (Snell, Swersky, Zemel 2017), each prototype shrunk to a learned global one."""

from typing import Any

import torch
from torch.nn import functional as F

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.heads import prototype_head
from stf2m.meta.learner import HEAD, META, hidden_of, initial, labelled, remove_baseline, score_adapted


class ProtoNet:
    """The head is the set of class means of the support; a class (or a person) without labels keeps the global prototype."""

    shares_encoder = True

    def init(self, net: Any) -> Params:
        return initial(net, pull=0.5, temperature=2.0) | {META + "prototypes": 0.1 * torch.randn(net.emotions, net.hidden)}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support)
        h = hidden_of(net, params, remove_baseline(features, adaptation.memory), adaptation.memory).h
        labels = labelled(features, net.emotions)
        pull = F.softplus(params[META + "pull"]).expand(net.emotions)
        head = prototype_head(h, labels, params[META + "prototypes"], pull, F.softplus(params[META + "temperature"]))
        return adaptation._replace(params={HEAD[0]: head.weight, HEAD[1]: head.bias})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
