"""Linear heads made from a support set, pulled towards the global head where the support says little."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Head(NamedTuple):
    """logits = h W^T + b."""

    weight: Float[Tensor, "emotion hidden"]
    bias: Float[Tensor, " emotion"]


def prototype_head(
    h: Float[Tensor, "segment hidden"],
    labels: Float[Tensor, "segment emotion"],
    prior: Float[Tensor, "emotion hidden"],
    pull: Float[Tensor, " emotion"],
    temperature: Tensor,
) -> Head:
    """Nearest prototype as a linear head (Snell et al. 2017): logit_c = -t |h - p_c|^2 / d up to a constant per segment.

    p_c = (sum_i y_ic h_i + pull_c prior_c) / (n_c + pull_c): a class without labels keeps its global prototype.
    """
    counts = labels.sum(dim=0) + pull
    prototypes = (labels.T @ h + pull.unsqueeze(1) * prior) / counts.unsqueeze(1)
    scale = temperature / h.shape[1]
    return Head(2 * scale * prototypes, -scale * (prototypes**2).sum(dim=1))


class Spread(NamedTuple):
    """Variances along the axes of a population whose segments scatter with variance `noise` within person, class and recording."""

    offset: Float[Tensor, " wide"]
    """of a person's offset, common to all classes"""
    deviation: Float[Tensor, "emotion wide"]
    """of a person's own class mean around that"""
    drift: Float[Tensor, " wide"]
    """of what only holds for the recording that was labelled"""
    noise: Tensor


class Person(NamedTuple):
    """What is expected of a person after their labels."""

    offset: Float[Tensor, " wide"]
    means: Float[Tensor, "emotion wide"]
    """class means relative to the offset"""


def posterior(
    x: Float[Tensor, "segment wide"],
    present: Float[Tensor, "segment wide"],
    labels: Float[Tensor, "segment emotion"],
    means: Float[Tensor, "emotion wide"],
    spread: Spread,
) -> Person:
    """Posterior mean of a person's offset and class means in the Gaussian population x_i = m_c + o + e_c + noise.

    With n_c labelled segments of class c whose mean lies d_c above m_c, and v_c = deviation + drift + noise / n_c,
        o = sum_c d_c / v_c  /  (sum_c 1 / v_c + 1 / offset),        e_c = deviation / v_c (d_c - o),
    along every axis by itself (Gaussian conditioning; Searle, Casella, McCulloch 1992). Axes along which people do not differ
    stay where people in general have them, however many labels there are; without labels all of them do.
    """
    count = labels.T @ present
    precision = 1.0 / (count * (spread.deviation + spread.drift) + spread.noise)
    weighted = precision * (labels.T @ (x * present) - count * means)
    offset = weighted.sum(dim=0) * spread.offset / (spread.offset * (precision * count).sum(dim=0) + 1.0)
    return Person(offset, means + spread.deviation * (weighted - precision * count * offset))


def discriminant(means: Float[Tensor, "emotion wide"]) -> Head:
    """Linear discriminant analysis in a space whose scatter within classes is the identity: logit_c = x . m_c - |m_c|^2 / 2."""
    return Head(means, -(means**2).sum(dim=1) / 2)


def ridge_change(
    h: Float[Tensor, "segment hidden"],
    weight: Float[Tensor, " segment"],
    residual: Float[Tensor, "segment output"],
    strength: Tensor,
) -> tuple[Float[Tensor, "output hidden"], Float[Tensor, " output"]]:
    """Change (dW, db) of a linear map that best explains `residual`: weighted ridge in its dual form.

    With x = [h ; 1] and weights on rows, dW = residual^T S (S X X^T S + strength d I)^-1 S X, S = sqrt(diag(weight)).
    The system is segments x segments, small for a few labels. Rows with weight 0 have no effect.
    """
    x = torch.cat([h, h.new_ones(len(h), 1)], dim=1)
    root = weight.clamp(min=0).add(1e-12).sqrt().unsqueeze(1) * (weight > 0).unsqueeze(1)
    sx = root * x
    gram = sx @ sx.T / h.shape[1] + strength * torch.eye(len(h), dtype=h.dtype, device=h.device)
    change = (sx.T @ torch.linalg.solve(gram, root * residual)).T / h.shape[1]
    return change[:, :-1], change[:, -1]


def closed_form(
    h: Float[Tensor, "segment hidden"],
    labels: Float[Tensor, "segment emotion"],
    weight: Float[Tensor, "emotion hidden"],
    bias: Float[Tensor, " emotion"],
    strength: Tensor,
    target: Tensor,
) -> Head:
    """The ridge change that brings the logits of the support from the global head's to `target` times centred one-hot.

    Every class that is present has the same say.
    """
    counts = labels.sum(dim=0)
    rows = (labels / counts.clamp(min=1)).sum(dim=1) * labels.sum() / (counts > 0).sum().clamp(min=1)
    some = (rows > 0).to(h.dtype).unsqueeze(1)
    wanted = target * (labels - some / labels.shape[1])
    return Head(*ridge_change(h, rows, wanted - some * (h @ weight.T + bias), strength))
