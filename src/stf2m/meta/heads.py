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


def gaussian_head(
    h: Float[Tensor, "segment hidden"],
    labels: Float[Tensor, "segment emotion"],
    prior: Float[Tensor, "emotion hidden"],
    pull: Float[Tensor, " emotion"],
) -> Head:
    """Linear discriminant analysis with posterior class means, in a space whose scatter within classes is the identity.

    logit_c = h . m_c - |m_c|^2 / 2, m_c = (pull_c prior_c + sum_i y_ic h_i) / (pull_c + n_c): the mean of a Gaussian whose
    prior counts as much as `pull_c` labelled segments.
    """
    means = (labels.T @ h + pull.unsqueeze(1) * prior) / (labels.sum(dim=0) + pull).unsqueeze(1)
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
