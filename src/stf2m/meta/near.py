"""Evidence from labels that lie near in time: what every learner may add to its scores where a protocol lets times enter.

Two kernels, one within the recording and one between recordings of the session, k = exp(-|t - t_i| / width) for a query at
t and a labelled segment at t_i; labels last for a while, and the agreement of a chain without memory fades exponentially:

    logit_c += strength log((sum_i k_i y_ic / pi_c + prior) / (sum_i k_i + prior))
    rating  = (rating + sum_i s k_i rating_i) / (1 + sum_i s k_i)       over rated labels, both kernels in one sum

pi_c are the support's own shares, one label of every class added, so that a frequent class gains nothing from being
frequent: the fraction is the kernel's share of class c over pi_c, leaning on 1. Far from every label, and without a
support, nothing changes. Widths, priors, strengths and s are learned.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.learner import META, Learner, labelled, positive

WHEN, SAID, FELT = "near.when", "near.labels", "near.rating"
"""what an `Adaptation` remembers of the support: times, one-hot labels with weights, ratings with weights"""
START = {"width": (20.0, 120.0), "prior": (0.3, 1.0), "strength": (0.5, 0.1), "felt": (0.5, 0.1)}
"""s, labels, and factors at the start of training: for the recording, then (weaker) for the session"""


def closeness(
    query: Float[Tensor, "query 3"], support: Float[Tensor, "support 3"], width: Float[Tensor, "2"]
) -> Float[Tensor, "2 query support"]:
    """exp(-distance / width) within the same recording, and to other recordings; rows are (recording, s, s in the session)."""
    same = (query[:, None, 0] == support[None, :, 0]).to(query.dtype)
    gaps = (query[:, None, 1:] - support[None, :, 1:]).abs()
    return torch.stack([same * torch.exp(-gaps[..., 0] / width[0]), (1 - same) * torch.exp(-gaps[..., 1] / width[1])])


def class_evidence(
    near: Float[Tensor, "2 query support"], labels: Float[Tensor, "support emotion"],
    prior: Float[Tensor, "2"], strength: Float[Tensor, "2"],
) -> Float[Tensor, "query emotion"]:  # fmt: skip
    """What to add to the logits; exactly 0 without labels, whose rows are 0. Strengths may be 0, priors not."""
    usual = (labels.sum(dim=0) + 1) / (labels.sum() + labels.shape[1])
    prior = prior[:, None, None]
    lift = (near @ labels / usual + prior) / (near @ labels.sum(dim=1, keepdim=True) + prior)
    return (strength[:, None, None] * lift.log()).sum(dim=0)


def pull_ratings(
    rating: Float[Tensor, "query 2"], near: Float[Tensor, "2 query support"], felt: Float[Tensor, "support 3"],
    strength: Float[Tensor, "2"],
) -> Float[Tensor, "query 2"]:  # fmt: skip
    """Ratings pulled towards those near in time; `felt` is (valence, arousal, 1 where rated else 0)."""
    pull = torch.einsum("k,kqs->qs", strength, near) * felt[:, 2]
    return (rating + pull @ felt[:, :2]) / (1 + pull.sum(dim=1, keepdim=True))


class WithLabelTimes:
    """Any learner, with the evidence of labels near in time added to its scores."""

    def __init__(self, learner: Learner):
        self.learner = learner
        self.shares_encoder, self.centre, self.ordinal = learner.shares_encoder, learner.centre, learner.ordinal
        self.steps = getattr(learner, "steps", 0)

    def init(self, net: nn.Module) -> Params:
        """The learner's own, and the scalars of the kernels."""
        return self.learner.init(net) | {f"{META}near.{name}": torch.tensor(value).log() for name, value in START.items()}

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        """The learner's adaptation, which also remembers when the support was labelled, and how."""
        adaptation = self.learner.adapt(net, params, support)
        rated = (support.weight * support.rated).unsqueeze(1)
        told = {WHEN: support.when, SAID: labelled(support, net.emotions), FELT: torch.cat([support.rating, rated], dim=1)}
        return adaptation._replace(memory=adaptation.memory | told)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        """The learner's scores moved by the labels near in time."""
        scores, told = self.learner.score(net, params, adaptation, query), adaptation.memory
        learned = {name: positive(params[f"{META}near.{name}"]) for name in START}
        near = closeness(query.when, told[WHEN], learned["width"])
        logits = scores.logits + class_evidence(near, told[SAID], learned["prior"], learned["strength"])
        rating = pull_ratings(scores.rating, near, told[FELT], learned["felt"])
        return scores._replace(logits=logits, rating=rating)
