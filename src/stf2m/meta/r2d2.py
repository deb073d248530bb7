"""A closed-form ridge head (Bertinetto et al. 2019), as a change of the global head."""

from typing import Any

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.heads import closed_form
from stf2m.meta.learner import HEAD, META, global_head, hidden_of, initial, labelled, positive, remove_baseline, score_adapted
from stf2m.meta.rating import rates_only, ridge_rating


class R2D2:
    """W = W_g + argmin |T - H(W_g + dW)|^2 + lambda |dW|^2 with T the scaled, centred one-hot labels; lambda, scale learned.

    Where only ratings are asked for, the rating head moves in the same way.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def init(self, net: Any) -> Params:
        return initial(net, strength=-1.2, target=0.5)

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        hidden = hidden_of(net, params, remove_baseline(features, adaptation.memory), adaptation.memory)
        labels = labelled(features, net.emotions)
        strength, target = positive(params[META + "strength"]), positive(params[META + "target"])
        world = global_head(net, params, adaptation.memory)
        change = closed_form(hidden.h, labels, world[HEAD[0]], world[HEAD[1]], strength, target, hidden.votes)
        rate = ridge_rating(hidden.h[:, : net.deep], features, world, strength) if rates_only(net) else {}
        return adaptation._replace(params={HEAD[0]: world[HEAD[0]] + change.weight, HEAD[1]: world[HEAD[1]] + change.bias, **rate})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
