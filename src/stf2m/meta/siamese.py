"""A learned comparison of pairs (Koch, Zemel, Salakhutdinov 2015; for emotions EmoDSN, Zhang et al. 2022)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import (
    META,
    adapted_head,
    apply_head,
    features_of,
    hidden_of,
    initial,
    labelled,
    person_of,
    positive,
    remove_baseline,
    wide_head,
)  # fmt: skip
from stf2m.meta.own import call_own, own_params, silent
from stf2m.meta.rating import rating_alone


class Comparison(nn.Module):
    """Evidence that two codes are of one class: s(d) = decide(GELU(V d)) - sum_j e^{a_j} d_j / dim, d = |h - h'|.

    Symmetric by construction. It starts as the negative mean distance.
    """

    def __init__(self, size: int, hidden: int):
        super().__init__()
        self.raw = nn.Parameter(torch.zeros(size))
        self.look, self.decide = nn.Linear(size, hidden), silent(nn.Linear(hidden, 1))

    def forward(self, one: Float[Tensor, "query size"], other: Float[Tensor, "shown size"]) -> Float[Tensor, "query shown"]:
        """Evidence for every pair of a query and a shown segment."""
        apart = (one.unsqueeze(1) - other.unsqueeze(0)).abs()
        return self.decide(F.gelu(self.look(apart))).squeeze(-1) - apart @ positive(self.raw) / apart.shape[-1]


class Siamese:
    """A class has the mean evidence of its support segments, its learned global prototype counting as `pull` of them.

    logit_c = t (sum_i y_ic s(h, h_i) + pi s(h, P_c)) / (n_c + pi) on the deep part, plus the expected person on the wide part.
    A class without labels keeps its global prototype; so with an empty support do all.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def __init__(self, hidden: int = 16):
        self.hidden = hidden
        self.reading: Comparison | None = None

    def init(self, net: Any) -> Params:
        self.reading = Comparison(net.deep, self.hidden)
        params = initial(net, pull=0.0, temperature=1.4) | own_params(self.reading)
        return params | {META + "prototypes": 0.1 * torch.randn(net.emotions, net.deep)}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        """The support's codes and labels are what is remembered; the wide head is made here."""
        adaptation, features = start_global(net, params, support, centre=self.centre)
        memory, labels = adaptation.memory, labelled(features, net.emotions)
        h = hidden_of(net, params, remove_baseline(features, memory), memory).h
        wide = wide_head(net, params, person_of(net, params, features, labels, centre=self.centre), memory["trust"])
        shown = {"shown": h[:, : net.deep], "labels": labels, "wide_weight": wide.weight, "wide_bias": wide.bias}
        rate = rating_alone(net, params, h[:, : net.deep], features, positive(params[META + "pull"]))
        return adaptation._replace(params=rate, memory=memory | shown)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        memory = adaptation.memory
        hidden = hidden_of(net, params, remove_baseline(features_of(net, params, query), memory), memory)
        deep, wide = hidden.h[:, : net.deep], hidden.h[:, net.deep :]
        scores = apply_head(net, params, hidden, adapted_head(net, params, adaptation))
        logits = positive(params[META + "temperature"]) * self.evidence(params, deep, memory)
        logits = logits + F.linear(wide, memory["wide_weight"], memory["wide_bias"])
        return scores._replace(logits=logits + hidden.votes)

    def evidence(self, params: Params, deep: Tensor, memory: Params) -> Float[Tensor, "query emotion"]:
        """Mean evidence of every class."""
        pull, labels = positive(params[META + "pull"]), memory["labels"]
        shown = call_own(self.reading, params, deep, memory["shown"]) @ labels
        return (shown + pull * call_own(self.reading, params, deep, params[META + "prototypes"])) / (labels.sum(dim=0) + pull)
