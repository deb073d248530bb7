"""What travels through networks and `vmap`: NamedTuples of tensors only, written for one task.

Every value is finite: a missing number is 0 with `present` or `weight` 0, because 0 * NaN is NaN.
"""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

Params = dict[str, Tensor]


class Batch(NamedTuple):
    """Segments of one person as a network reads them."""

    signals: dict[str, Tensor]
    """modality -> (segment, channel + 1, time), standardised, 0 where missing; the last channel is 1 where measured"""
    descriptors: Float[Tensor, "segment descriptor"]
    present: Float[Tensor, "segment modality"]
    """1 where the modality was recorded and offered, else 0"""
    target: Int[Tensor, " segment"]
    """class index; unlabelled or padding = 0 with `known` 0"""
    known: Float[Tensor, " segment"]
    """1 where `target` holds a label"""
    rating: Float[Tensor, "segment 2"]
    """valence, arousal in -1..1; 0 where there is none"""
    rated: Float[Tensor, " segment"]
    """1 where `rating` holds a rating"""
    when: Float[Tensor, "segment 3"]
    """recording index, s in the recording, s in the session (of another recording far away where no session clock is
    known); only read where the protocol lets the times of labels enter"""
    weight: Float[Tensor, " segment"]
    """0 for padding, else 1"""
    votes: Float[Tensor, "segment vote"]
    """shares of the annotators' votes per class; (segment, 0) where one annotator labelled or votes are not used"""


class Features(NamedTuple):
    """A `Batch` after the encoder: what learners adapt on when the encoder is shared by all tasks."""

    parts: Float[Tensor, "segment modality feature"]
    """what each modality says, 0 where it is absent; their weighted sum becomes the code z"""
    gates: Float[Tensor, "segment modality"]
    """logits of the modality weights"""
    wide: Float[Tensor, "segment wide"]
    """all descriptors, standardised, for the wide path of the head; (segment, 0) where that path is off"""
    wide_present: Float[Tensor, "segment wide"]
    u: Float[Tensor, "segment antecedent"]
    """readable descriptors, standardised: the named inputs of the rules; 0 where absent"""
    u_present: Float[Tensor, "segment antecedent"]
    present: Float[Tensor, "segment modality"]
    target: Int[Tensor, " segment"]
    known: Float[Tensor, " segment"]
    rating: Float[Tensor, "segment 2"]
    rated: Float[Tensor, " segment"]
    when: Float[Tensor, "segment 3"]
    weight: Float[Tensor, " segment"]
    votes: Float[Tensor, "segment vote"]


class Scores(NamedTuple):
    """What a network says about segments: logits, not calibrated."""

    logits: Float[Tensor, "segment emotion"]
    rating: Float[Tensor, "segment 2"]
    """valence, arousal in -1..1"""
    firing: Float[Tensor, "segment rule"]
    """normalised rule firing, rows sum to 1; (segment, 0) for a network without rules"""
    fuzzy: Float[Tensor, "segment term"]
    """logits over Low/Neutral/High valence then arousal (6), from the rules; (segment, 0) without"""
    modality_weight: Float[Tensor, "segment modality"]


class Adaptation(NamedTuple):
    """What adapting to one person changed."""

    params: Params
    """the changed parameters only"""
    memory: Params
    """recurrent state, prototypes, baselines ... whatever `score` of the same learner needs"""
    losses: Float[Tensor, " step"]
    """support loss before each inner step; empty with zero steps"""
