"""Generalized Takagi-Sugeno-Kang rules: IF u_1 is A_r1 AND ... THEN s_r = W_r u + b_r."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.model.membership import log_membership


class RuleOutput(NamedTuple):
    semantics: Float[Tensor, "segment semantics"]
    firing: Float[Tensor, "segment rule"]


class RuleLayer(nn.Module):
    """First-order TSK with learned relevance w_rj of each antecedent and centres that may move with the task.

    HTSK (Cui, Wu, Xu 2021): lambda_r = sum_j w_rj log mu_rj / sum_j w_rj, firing = softmax_r(lambda): the mean, not the
    sum, so that many antecedents do not saturate the softmax. `tsk` is the plain sum. Absent inputs have weight 0.
    """

    def __init__(self, antecedents: int, rules: int, semantics: int, kind: Literal["htsk", "tsk"] = "htsk"):
        super().__init__()
        self.kind = kind
        self.centre = nn.Parameter(torch.randn(rules, antecedents))
        self.raw_width = nn.Parameter(torch.full((rules, antecedents), 0.8))
        self.raw_shape = nn.Parameter(torch.full((rules, antecedents), -1.0986))
        self.raw_relevance = nn.Parameter(torch.zeros(rules, antecedents))
        self.sharpness = nn.Parameter(torch.tensor(1.0))
        self.consequent = nn.Parameter(torch.randn(rules, semantics, antecedents) * 0.3 * antecedents**-0.5)
        self.bias = nn.Parameter(0.3 * torch.randn(rules, semantics))

    @property
    def relevance(self) -> Float[Tensor, "rule antecedent"]:
        """w_rj in 0..1: how much rule r cares about input j."""
        return torch.sigmoid(self.raw_relevance)

    def firing(self, u: Tensor, present: Tensor, centre_shift: Tensor) -> Float[Tensor, "segment rule"]:
        """Normalised firing; rows sum to 1."""
        centre = self.centre + centre_shift
        log_mu = log_membership(u, centre, self.raw_width, self.raw_shape)
        weight = self.relevance * present.unsqueeze(1)
        strength = (weight * log_mu).sum(dim=-1)
        if self.kind == "htsk":
            strength = strength / (weight.sum(dim=-1) + 1e-6)
        return (strength * self.sharpness.exp()).softmax(dim=-1)

    def forward(
        self,
        u: Float[Tensor, "segment antecedent"],
        present: Float[Tensor, "segment antecedent"],
        centre_shift: Float[Tensor, " antecedent"],
    ) -> RuleOutput:
        firing = self.firing(u, present, centre_shift)
        each = (u @ self.consequent.flatten(0, 1).T).unflatten(1, self.bias.shape) + self.bias
        return RuleOutput((firing.unsqueeze(-1) * each).sum(dim=1), firing)


class EqualPerceptron(nn.Module):
    """A two-layer perceptron with about as many weights as the rules, in their place: what a rule layer must beat."""

    def __init__(self, antecedents: int, rules: int, semantics: int):
        super().__init__()
        budget = rules * antecedents * (4 + semantics) + rules * semantics
        hidden = max(4, budget // (antecedents + semantics))
        self.net = nn.Sequential(nn.Linear(antecedents, hidden), nn.GELU(), nn.Linear(hidden, semantics))

    def forward(self, u: Tensor, present: Tensor, centre_shift: Tensor) -> RuleOutput:
        return RuleOutput(self.net((u - centre_shift) * present), u.new_zeros(len(u), 0))
