"""Generalized Takagi-Sugeno-Kang rules: IF u_1 is A_r1 AND ... THEN s_r = W_r u + b_r."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.model.membership import GAUSSIAN, log_membership

DELETED = -1e9
"""log-strength of a deleted rule: its firing is exactly 0, and the softmax over the others is what it would be without it"""


LEAST = 1e-6
"""probability below which nothing that rules say falls"""


def hold(value: Tensor, locked: Tensor | None) -> Tensor:
    """The same numbers, with no gradient into the rows (axis 0: rule) that are locked."""
    if locked is None:
        return value
    return torch.where(locked.reshape(-1, *[1] * (value.ndim - 1)) > 0, value.detach(), value)


Kind = Literal["htsk", "tsk"]


class RuleOutput(NamedTuple):
    """What rules make of a segment; `firing` sums to 1 over the rules, and has none of them where the rules are a perceptron."""

    semantics: Float[Tensor, "segment semantics"]
    firing: Float[Tensor, "segment rule"]


class RuleLayer(nn.Module):
    """First-order TSK with learned relevance w_rj of each antecedent and centres that may move with the task.

    HTSK (Cui, Wu, Xu 2021): lambda_r = sum_j w_rj log mu_rj / sum_j w_rj, firing = softmax_r(lambda): the mean, not the
    sum, so that many antecedents do not saturate the softmax. `tsk` is the plain sum. Absent inputs have weight 0.
    Beside its semantics s_r every rule has a verdict: the share P_r of every *outcome* among segments where it fires. Outcomes are the
    emotions; where valence and arousal are asked for as numbers they are the nine pairs of Low / Neutral / High. `meaning` (outcome, 2, 3)
    is the share of each outcome among segments of Low / Neutral / High valence and arousal, all outcomes being equally frequent; 0
    where it is not known what outcomes mean.

    Two buffers are absent until a person edits rules, and then arrive beside the parameters: `kept` (rule,) is 0 for a deleted
    rule; `locked` (rule,) is 1 where no gradient reaches the rule and the task's shift moves no centre of it.
    """

    kept: Tensor | None
    locked: Tensor | None

    def __init__(self, antecedents: int, rules: int, semantics: int, outcomes: int, kind: Kind = "htsk"):
        super().__init__()
        self.kind: Kind = kind
        self.centre = nn.Parameter(torch.randn(rules, antecedents))
        self.raw_width = nn.Parameter(torch.full((rules, antecedents), 0.8))
        self.raw_shape = nn.Parameter(torch.full((rules, antecedents), GAUSSIAN))
        self.raw_relevance = nn.Parameter(torch.zeros(rules, antecedents))
        self.sharpness = nn.Parameter(torch.tensor(1.0))
        self.consequent = nn.Parameter(torch.randn(rules, semantics, antecedents) * 0.3 * antecedents**-0.5)
        self.bias = nn.Parameter(0.3 * torch.randn(rules, semantics))
        self.verdict = nn.Parameter(torch.zeros(rules, outcomes))
        self.meaning = nn.Parameter(torch.zeros(outcomes, 2, 3), requires_grad=False)
        self.register_buffer("kept", None, persistent=False)
        self.register_buffer("locked", None, persistent=False)

    @property
    def relevance(self) -> Float[Tensor, "rule antecedent"]:
        """w_rj in 0..1: how much rule r cares about input j."""
        return torch.sigmoid(self.raw_relevance)

    def firing(self, u: Tensor, present: Tensor, centre_shift: Tensor) -> Float[Tensor, "segment rule"]:
        """Normalised firing; rows sum to 1."""
        raw_width, raw_shape = hold(self.raw_width, self.locked), hold(self.raw_shape, self.locked)
        log_mu = log_membership(u, self.centres(centre_shift), raw_width, raw_shape)
        weight = torch.sigmoid(hold(self.raw_relevance, self.locked)) * present.unsqueeze(1)
        strength = (weight * log_mu).sum(dim=-1)
        if self.kind == "htsk":
            strength = strength / (weight.sum(dim=-1) + 1e-6)
        strength = strength * self.sharpness.exp()
        if self.kept is not None:
            strength = torch.where(self.kept > 0, strength, DELETED)
        return strength.softmax(dim=-1)

    def spoken(self, firing: Float[Tensor, "segment rule"]) -> Float[Tensor, "segment outcome"]:
        """log sum_r firing_r P_r(outcome): what the rules alone say, a zero-order fuzzy classifier; P_r = softmax(verdict_r)."""
        return (firing @ hold(self.verdict, self.locked).softmax(dim=-1)).clamp(min=LEAST).log()

    def centres(self, centre_shift: Tensor) -> Float[Tensor, "rule antecedent"]:
        """Centres as the task sees them: moved by its shift, but for locked rules."""
        if self.locked is None:
            return self.centre + centre_shift
        return hold(self.centre, self.locked) + (1 - self.locked).unsqueeze(1) * centre_shift

    def forward(
        self,
        u: Float[Tensor, "segment antecedent"],
        present: Float[Tensor, "segment antecedent"],
        centre_shift: Float[Tensor, " antecedent"],
    ) -> RuleOutput:
        """Semantics and firing of antecedents `u` in standard deviations; `present` is 0 where one is absent, `centre_shift` the task's."""
        firing = self.firing(u, present, centre_shift)
        slope, bias = hold(self.consequent, self.locked), hold(self.bias, self.locked)
        each = (u @ slope.flatten(0, 1).T).unflatten(1, bias.shape) + bias
        return RuleOutput((firing.unsqueeze(-1) * each).sum(dim=1), firing)


class EqualPerceptron(nn.Module):
    """A two-layer perceptron with about as many weights as the rules, in their place: what a rule layer must beat."""

    def __init__(self, antecedents: int, rules: int, semantics: int):
        super().__init__()
        budget = rules * antecedents * (4 + semantics) + rules * semantics
        hidden = max(4, budget // (antecedents + semantics))
        self.net = nn.Sequential(nn.Linear(antecedents, hidden), nn.GELU(), nn.Linear(hidden, semantics))

    def forward(self, u: Tensor, present: Tensor, centre_shift: Tensor) -> RuleOutput:
        """Semantics of antecedents `u` (segment, antecedent), as `RuleLayer` has them; no rule fires."""
        return RuleOutput(self.net((u - centre_shift) * present), u.new_zeros(len(u), 0))
