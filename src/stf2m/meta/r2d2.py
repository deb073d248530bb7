"""A closed-form ridge head (Bertinetto et al. 2019), as a change of the global head."""

from typing import Any

import torch

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.heads import closed_form
from stf2m.meta.learner import (
    HEAD,
    META,
    NET,
    global_head,
    hidden_of,
    initial,
    labelled,
    person_of,
    positive,
    remove_baseline,
    score_adapted,
    wide_head,
)
from stf2m.meta.rating import rates_only, ridge_rating


class R2D2:
    """W = W_g + argmin |T - H(W_g + dW)|^2 + lambda |dW|^2 with T the scaled, centred one-hot labels; lambda, scale learned.

    On the deep part, whose codes H are; on the wide part the expected person. The fit does not look at what the wide part says: least squares
    would take its confident right answers for errors and pull them back.
    Where only ratings are asked for, the rating head moves in the same way.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def init(self, net: Any) -> Params:
        return initial(net, strength=-1.2, target=0.5)

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        memory, labels = adaptation.memory, labelled(features, net.emotions)
        hidden = hidden_of(net, params, remove_baseline(features, memory), memory)
        strength, target = positive(params[META + "strength"]), positive(params[META + "target"])
        world = global_head(net, params, memory)
        wide = wide_head(net, params, person_of(net, params, features, labels, centre=self.centre), memory["trust"])
        deep, start, bias = hidden.h[:, : net.deep], world[HEAD[0]][:, : net.deep], params[NET + "classify.bias"]
        change = closed_form(deep, labels, start, bias, strength, target)
        head = {HEAD[0]: torch.cat([start + change.weight, wide.weight], dim=1), HEAD[1]: bias + change.bias + wide.bias}
        rate = ridge_rating(deep, features, world, strength) if rates_only(net) else {}
        return adaptation._replace(params={**head, **rate})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
