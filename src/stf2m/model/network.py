"""The whole network in four stages: encode (once per segment), reason (once per task), fuse and head (every inner step)."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch, Features, Scores
from stf2m.model.config import NetworkConfig
from stf2m.model.encoder import Encoder
from stf2m.model.rules import EqualPerceptron, RuleLayer
from stf2m.model.spatial import ABSENT

TERMS = 6
"""Low / Neutral / High of valence, then of arousal"""


class Reasoned(NamedTuple):
    """The code and what the rules make of a segment; inner steps leave it as it is, so it is computed once per task."""

    z: Float[Tensor, "segment feature"]
    u: Float[Tensor, "segment antecedent"]
    semantics: Float[Tensor, "segment semantics"]
    firing: Float[Tensor, "segment rule"]
    fuzzy: Float[Tensor, "segment term"]
    modality_weight: Float[Tensor, "segment modality"]


class Hidden(NamedTuple):
    """What the head reads."""

    h: Float[Tensor, "segment hidden"]
    firing: Float[Tensor, "segment rule"]
    fuzzy: Float[Tensor, "segment term"]
    modality_weight: Float[Tensor, "segment modality"]


class Network(nn.Module):
    """Spatio-temporal encoder, generalized fuzzy rules and a linear head.

    `forward(stage, ...)` runs one stage, because `functional_call` can only call `forward`.
    """

    def __init__(
        self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...], emotions: int
    ):
        super().__init__()
        self.config, self.emotions = config, emotions
        self.modalities = tuple(info.modality for info in infos)
        self.encoder = Encoder(config, infos, descriptors)
        readable = [j for j, d in enumerate(descriptors) if d.readable]
        self.register_buffer("readable", torch.tensor(readable, dtype=torch.long), persistent=False)
        owner = [self.modalities.index(descriptors[j].modality) for j in readable]
        self.register_buffer("owner", torch.tensor(owner, dtype=torch.long), persistent=False)
        self.directions = config.directions if config.fuzzy != "none" else 0
        self.antecedents = len(readable) + self.directions
        self.direct = nn.Linear(config.width, self.directions) if self.directions else None
        self.mix = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.width), nn.GELU())
        self.code = nn.LayerNorm(config.width)
        self.rules = self._rules()
        semantics = config.semantics if self.rules is not None else 0
        self.fuzzy = nn.Linear(semantics, TERMS) if semantics else None
        self.hidden = config.width + semantics + (config.rules if isinstance(self.rules, RuleLayer) else 0)
        self.norm = nn.LayerNorm(self.hidden)
        self.classify, self.rate = nn.Linear(self.hidden, emotions), nn.Linear(self.hidden, 2)

    def _rules(self) -> RuleLayer | EqualPerceptron | None:
        c = self.config
        if c.fuzzy == "none":
            return None
        if c.fuzzy == "mlp":
            return EqualPerceptron(self.antecedents, c.rules, c.semantics)
        return RuleLayer(self.antecedents, c.rules, c.semantics, c.fuzzy)

    def forward(self, stage: str, *inputs: Any) -> Any:
        return {"encode": self.encode, "reason": self.reason, "fuse": self.fuse, "head": self.head}[stage](*inputs)

    def encode(self, batch: Batch) -> Features:
        """Everything that does not depend on the task."""
        parts, gates = self.encoder(batch)
        seen = batch.present[:, self.owner]
        u = batch.descriptors[:, self.readable] * seen
        return Features(parts, gates, u, seen, batch.present, *batch[3:])

    def reason(self, features: Features, centre_shift: Tensor, trust: Tensor) -> Reasoned:
        """g = softmax_m(gate_m + trust_m), v = sum_m g_m part_m, z = LN(v + MLP(v)), then the rules on
        u = [descriptors ; directions of z]. The centre shift (antecedent,) and the trust in each modality belong to the task.
        """
        weights = torch.where(features.present == 0, ABSENT, features.gates + trust).softmax(dim=1) * features.present
        v = torch.einsum("sm,smd->sd", weights, features.parts)
        z = self.code(v + self.mix(v))
        nothing = z.new_zeros(len(z), 0)
        u, seen = features.u, features.u_present
        if self.direct is not None:
            u = torch.cat([u, self.direct(z)], dim=1)
            seen = torch.cat([seen, torch.ones_like(u[:, len(self.owner) :])], dim=1)
        if self.rules is None or self.fuzzy is None:
            return Reasoned(z, u, nothing, nothing, nothing, weights)
        semantics, firing = self.rules(u, seen, centre_shift)
        return Reasoned(z, u, semantics, firing, self.fuzzy(semantics), weights)

    def fuse(self, reasoned: Reasoned, scale: Tensor, shift: Tensor) -> Hidden:
        """h = LN([(1 + gamma) z + beta ; sem ; firing]); gamma, beta (width,) belong to the task."""
        z = (1 + scale) * reasoned.z + shift
        h = self.norm(torch.cat([z, reasoned.semantics, reasoned.firing], dim=1))
        return Hidden(h, reasoned.firing, reasoned.fuzzy, reasoned.modality_weight)

    def head(self, hidden: Hidden) -> Scores:
        """The global head, the one that knows no person."""
        rating = torch.tanh(F.linear(hidden.h, self.rate.weight, self.rate.bias))
        return Scores(self.classify(hidden.h), rating, hidden.firing, hidden.fuzzy, hidden.modality_weight)
