"""How far answers are from labels: the terms that the inner and the outer loss are made of, for one task.

Every term is a weighted mean over segments; rows of padding and rows without a label have weight 0.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

RatingLoss = Literal["squared", "ccc"]


def class_weights(labels: Float[Tensor, "segment emotion"]) -> Float[Tensor, " segment"]:
    """Weights that give every class that is present the same say; they sum to 1, or are 0 without labels.

    Of soft labels a class with less than one vote in all has a smaller say, in proportion.
    """
    counts = labels.sum(dim=0)
    each = labels / counts.clamp(min=1)
    return each.sum(dim=1) / counts.clamp(max=1).sum().clamp(min=1)


def balanced(labels: Float[Tensor, "segment emotion"]) -> Float[Tensor, "segment emotion"]:
    """Soft labels under classes of the same say: y_c / n_c, rows scaled to sum to 1; one-hot rows stay as they are.

    Beside `class_weights` this is the mean, over draws of one annotator per segment, of the class-balanced hard loss.
    """
    each = labels / labels.sum(dim=0).clamp(min=1)
    return each / each.sum(dim=1, keepdim=True).clamp(min=1e-12)


def class_loss(
    logits: Float[Tensor, "segment emotion"], labels: Float[Tensor, "segment emotion"], *, smoothing: float = 0.0, ordinal: float = 0.0
) -> Tensor:
    """Class-balanced cross-entropy against (soft) labels, plus `ordinal` times `squared_emd`."""
    share, some = balanced(labels), labels.sum(dim=1, keepdim=True) > 0
    soft = (1 - smoothing) * share + smoothing / labels.shape[1] * some if smoothing else share
    entropy = -(class_weights(labels) * (soft * logits.log_softmax(dim=1)).sum(dim=1)).sum()
    return entropy + ordinal * squared_emd(logits, labels) if ordinal else entropy


def squared_emd(logits: Float[Tensor, "segment emotion"], labels: Float[Tensor, "segment emotion"]) -> Tensor:
    """Squared earth mover's distance (Hou, Yu, Samaras 2016): sum_c (P_c - Y_c)^2 of cumulative shares, class-balanced.

    For classes with an order: an answer that misses by two classes costs more than one that misses by one.
    """
    gap = logits.softmax(dim=1).cumsum(dim=1) - balanced(labels).cumsum(dim=1)
    return (class_weights(labels) * (gap[:, :-1] ** 2).sum(dim=1)).sum()


def squared_error(said: Float[Tensor, "segment 2"], true: Float[Tensor, "segment 2"], weight: Float[Tensor, " segment"]) -> Tensor:
    """Weighted mean of the squared error, valence and arousal added."""
    error = ((said - true) ** 2).sum(dim=1)
    return (weight * error).sum() / weight.sum().clamp(min=1)


def concordance(
    said: Float[Tensor, "segment 2"], true: Float[Tensor, "segment 2"], weight: Float[Tensor, " segment"]
) -> Float[Tensor, " 2"]:
    """Concordance correlation of valence and of arousal (Lin 1989): 2 cov / (var + var + (mean - mean)^2), weighted.

    0 when neither varies and their means agree.
    """
    share = (weight / weight.sum().clamp(min=1e-6)).unsqueeze(1)
    mean_said, mean_true = (share * said).sum(dim=0), (share * true).sum(dim=0)
    cover = (share * (said - mean_said) * (true - mean_true)).sum(dim=0)
    spread = (share * ((said - mean_said) ** 2 + (true - mean_true) ** 2)).sum(dim=0)
    return 2 * cover / (spread + (mean_said - mean_true) ** 2).clamp(min=1e-6)


def ccc_loss(said: Float[Tensor, "segment 2"], true: Float[Tensor, "segment 2"], weight: Float[Tensor, " segment"]) -> Tensor:
    """1 - the mean concordance over both axes; 0 for a task with fewer than two rated segments."""
    enough = ((weight > 0).sum() > 1).to(said.dtype)
    return enough * (1 - concordance(said, true, weight).mean())


def rating_loss(
    said: Float[Tensor, "segment 2"], true: Float[Tensor, "segment 2"], weight: Float[Tensor, " segment"], kind: RatingLoss = "squared"
) -> Tensor:
    """The squared error, or one minus the concordance."""
    return ccc_loss(said, true, weight) if kind == "ccc" else squared_error(said, true, weight)
