"""The outer loss over a stack of episodes: the encoder once, `vmap` over tasks, the mean out."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vmap

from stf2m.core.tensors import Batch, Features, Params, Scores
from stf2m.meta.learner import OwnOuterLoss, call, labelled
from stf2m.meta.losses import RatingLoss, class_loss, rating_loss


class LossWeights(NamedTuple):
    """Weights of the outer loss beside the task loss, and what is asked of ratings."""

    fuzzy: float = 0.1
    rule_use: float = 0.01
    rating: float = 0.5
    smoothing: float = 0.05
    ordinal: float = 0.0
    rating_loss: RatingLoss = "squared"


class Outcome(NamedTuple):
    """Of every task: its query scores and its terms of the loss; all with a leading task axis."""

    scores: Scores
    loss: Tensor
    task: Tensor
    fuzzy: Tensor


def encode_once(net: nn.Module, params: Params, batch: Batch, shares_encoder: bool) -> Batch | Features:
    """What tasks gather from: features where the encoder is common to all of them, else the batch itself."""
    return call(net, params, "encode", batch) if shares_encoder else batch


def run_tasks(
    net: Any, learner: Any, params: Params, support: Any, query: Any, meaning: Tensor | None, weights: LossWeights,
    own: Params | None = None,
) -> Outcome:  # fmt: skip
    """Adapt and score every task of a stack (leading task axis); equal to a Python loop over `run_task`.

    `own`: parameters that differ between tasks (leading task axis), such as the population without the task's person.
    """

    def one(one_support: Any, one_query: Any, one_own: Params) -> Outcome:
        return run_task(net, learner, params | one_own, one_support, one_query, meaning, weights)

    return vmap(one, randomness="different")(support, query, own or {})


def run_task(net: Any, learner: Any, params: Params, support: Any, query: Any, meaning: Tensor | None, weights: LossWeights) -> Outcome:
    """One task: adapt on the support, score the query, measure. A learner's own outer loss stands for the task loss in `loss`."""
    adaptation = learner.adapt(net, params, support)
    scores = learner.score(net, params, adaptation, query)
    task = query_loss(scores, query, net.emotions, weights)
    fuzzy = fuzzy_loss(scores, query, meaning) if scores.fuzzy.shape[1] else task.new_zeros(())
    learned = learner.outer_loss(net, params, support, query) if isinstance(learner, OwnOuterLoss) else task
    return Outcome(scores, learned + weights.fuzzy * fuzzy, task, fuzzy)


def query_loss(scores: Scores, query: Any, emotions: int, weights: LossWeights) -> Tensor:
    """Class-balanced cross-entropy with label smoothing, plus the loss of valence and arousal where rated."""
    classes = class_loss(scores.logits, labelled(query, emotions), smoothing=weights.smoothing, ordinal=weights.ordinal)
    return classes + weights.rating * rating_loss(scores.rating, query.rating, query.weight * query.rated, weights.rating_loss)


def fuzzy_terms(rating: Tensor) -> Tensor:
    """Membership of a rating in Low, Neutral, High: (..., 2) in -1..1 -> (..., 2, 3), rows sum to 1.

    Triangles with knots 1-3-5, 3-5-7, 5-7-9 on the 1..9 scale; Low and High stay 1 beyond their peak, so that the
    strongest feelings are full members.
    """
    nine = 5.0 + 4.0 * rating
    low = ((5.0 - nine) / 2.0).clamp(0, 1)
    high = ((nine - 5.0) / 2.0).clamp(0, 1)
    return torch.stack([low, 1.0 - low - high, high], dim=-1)


def fuzzy_loss(scores: Scores, query: Any, meaning: Tensor | None) -> Tensor:
    """KL(fuzzy target || softmax(W sem)), the mean over valence and arousal.

    The target comes from the rating; without ratings from `meaning` (emotion, 2), the circumplex place of the label, or the
    mean over the annotators' votes of such places' memberships.
    """
    usable, rating = query.weight * query.rated, query.rating
    if meaning is not None:
        from_label = query.weight * query.known * (1 - query.rated)
        rating = torch.where(query.rated.unsqueeze(1) > 0, rating, meaning[query.target])
        usable = usable + from_label
    target = fuzzy_terms(rating)
    if meaning is not None and query.votes.shape[-1]:
        voted = torch.einsum("sc,cat->sat", query.votes, fuzzy_terms(meaning))
        target = torch.where((query.rated > 0).reshape(-1, 1, 1), target, voted)
    said = scores.fuzzy.unflatten(-1, (2, 3)).log_softmax(dim=-1)
    divergence = (torch.special.xlogy(target, target) - target * said).sum(dim=(1, 2)) / 2
    return (usable * divergence).sum() / usable.sum().clamp(min=1)


def rule_use_loss(firing: Tensor) -> Tensor:
    """log R minus the entropy of the mean firing over everything: 0 when all rules are used evenly.

    A deleted rule fires exactly 0, where the logarithm has no finite slope.
    """
    if firing.shape[-1] == 0:
        return firing.new_zeros(())
    mean = firing.flatten(0, -2).mean(dim=0)
    return torch.special.xlogy(mean, mean.clamp(min=1e-12)).sum() + torch.log(torch.tensor(float(len(mean))))
