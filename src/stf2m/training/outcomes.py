"""What rules speak for, and what that means in valence and arousal: emotions, or of ratings the nine pairs of their terms."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.emotions import CIRCUMPLEX, has_classes
from stf2m.meta.outer import fuzzy_terms

PAIRS = 9
"""Low / Neutral / High valence with Low / Neutral / High arousal"""


def outcome_labels(target: str, classes: NDArray[np.integer], emotions: int, rating: NDArray[np.floating]) -> NDArray[np.float32]:
    """What rules are to tell apart: the classes, one-hot; of ratings (row, 2) the nine pairs of Low / Neutral / High valence and arousal."""
    if has_classes(target):
        return np.eye(emotions, dtype=np.float32)[classes]
    terms = fuzzy_terms(torch.from_numpy(rating.astype(np.float32)))
    return torch.einsum("rv,ra->rva", terms[:, 0], terms[:, 1]).flatten(1).numpy()


def terms_of_outcomes(
    target: str, emotions: tuple[str, ...], classes: NDArray[np.integer], rating: NDArray[np.floating]
) -> Float[Tensor, "outcome 2 3"]:
    """Share of every outcome among segments of Low / Neutral / High valence and arousal, all outcomes being equally frequent.

    Outcomes are as rated by the training people (`rating` (row, 2), NaN where unknown); without ratings where the circumplex
    has the emotion. A term that no outcome has is 0; all is 0 where neither says what every outcome means.
    """
    if not has_classes(target):
        pair = torch.eye(PAIRS).reshape(PAIRS, 3, 3)
        return even(torch.stack([pair.sum(dim=2), pair.sum(dim=1)], dim=1))
    rated = np.isfinite(rating).all(axis=1)
    own = [rating[rated & (classes == c)] for c in range(len(emotions))]
    if all(len(rows) for rows in own):
        return even(torch.stack([fuzzy_terms(torch.from_numpy(rows.astype(np.float32))).mean(dim=0) for rows in own]))
    places = meaning_of(emotions)
    return torch.zeros(len(emotions), 2, 3) if places is None else even(fuzzy_terms(places))


def meaning_of(emotions: Sequence[str]) -> Float[Tensor, "emotion 2"] | None:
    """Circumplex places when every emotion has one, else None."""
    known = [CIRCUMPLEX.get(name) for name in emotions]
    return torch.tensor(known) if all(known) else None


def even(terms: Float[Tensor, "outcome 2 3"]) -> Float[Tensor, "outcome 2 3"]:
    """Every term's memberships as shares over the outcomes; 0 for a term that none has."""
    return terms / terms.sum(dim=0).clamp(min=1e-6)
