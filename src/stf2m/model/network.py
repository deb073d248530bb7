"""The whole network in four stages: encode (once per segment), reason (once per task), fuse and head (every inner step)."""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.errors import InvalidConfig
from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.registry import look_up
from stf2m.core.tensors import Batch, Features, Scores
from stf2m.model.baselines import NETWORKS
from stf2m.model.config import NetworkConfig
from stf2m.model.norm import LayerNorm
from stf2m.model.rules import EqualPerceptron, RuleLayer
from stf2m.model.spatial import ABSENT

TERMS = 6
"""Low / Neutral / High of valence, then of arousal"""


class Reasoned(NamedTuple):
    """The code and what the rules make of a segment; inner steps leave it as it is, so it is computed once per task."""

    z: Float[Tensor, "segment feature"]
    u: Float[Tensor, "segment antecedent"]
    wide: Float[Tensor, "segment wide"]
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
    votes: Float[Tensor, "segment emotion"]
    """what the rules add to the logits"""


class Network(nn.Module):
    """Encoder (the spatio-temporal one, or a rival of `baselines`), generalized fuzzy rules and a linear head.

    `forward(stage, ...)` runs the method of that name, because a module with other weights (`meta.functional`) can only call `forward`.
    """

    readable: Tensor
    owner: Tensor
    wide_owner: Tensor
    wide_of: Tensor

    def __init__(
        self,
        config: NetworkConfig,
        infos: tuple[SignalInfo, ...],
        descriptors: tuple[DescriptorInfo, ...],
        emotions: int,
        outcomes: int | None = None,
    ):
        """`emotions`: how many logits. `outcomes`: what rules tell apart where that is something else; then they have no vote."""
        super().__init__()
        self.config, self.emotions = config, emotions
        self.modalities = tuple(info.modality for info in infos)
        mute = [m for m in self.modalities if not any(d.modality == m for d in descriptors)]
        if mute and not config.signals:
            raise InvalidConfig(
                f"the sensor {mute[0]} has no descriptors, so nothing of it would be read", expected="network.signals = true",
                got="signals = false",
            )  # fmt: skip
        self.encoder = look_up(NETWORKS, config.encoder, family="networks")(config, infos, descriptors)
        readable = [j for j, d in enumerate(descriptors) if d.readable]
        self.register_buffer("readable", torch.tensor(readable, dtype=torch.long), persistent=False)
        owner = [self.modalities.index(descriptors[j].modality) for j in readable]
        self.register_buffer("owner", torch.tensor(owner, dtype=torch.long), persistent=False)
        self.rules_first = config.rules_first and config.fuzzy in ("htsk", "tsk") and bool(readable)
        self.directions = 0 if config.fuzzy == "none" or self.rules_first else config.directions
        self.antecedents = len(readable) + self.directions
        self.direct = nn.Linear(config.width, self.directions) if self.directions else None
        self.mix = nn.Sequential(LayerNorm(config.width), nn.Linear(config.width, config.width), nn.GELU())
        self.code = LayerNorm(config.width)
        self.rules = self._rules(outcomes or emotions)
        self.vote = config.vote and outcomes is None and isinstance(self.rules, RuleLayer)
        self.voice = nn.Parameter(torch.tensor([-1.0, 0.0])) if self.vote else None
        if isinstance(self.rules, RuleLayer):
            self.rules.verdict.requires_grad_(self.vote)
        semantics = config.semantics if self.rules is not None else 0
        self.fuzzy = nn.Linear(semantics, TERMS) if semantics else None
        deep = config.width + semantics + (config.rules if isinstance(self.rules, RuleLayer) else 0)
        self.norm = LayerNorm(deep)
        wide = len(descriptors) if config.wide and config.descriptors else 0
        self.register_buffer(
            "wide_owner", torch.tensor([self.modalities.index(d.modality) for d in descriptors][:wide], dtype=torch.long), persistent=False
        )
        one_hot = F.one_hot(self.wide_owner, len(infos)).float()
        self.register_buffer("wide_of", one_hot, persistent=False)
        self.metric = nn.Parameter(torch.eye(wide), requires_grad=False)
        self.means = nn.Parameter(torch.zeros(emotions, wide), requires_grad=False)
        self.spread = nn.Parameter(torch.zeros(3, wide), requires_grad=False)
        self.loudness = nn.Parameter(torch.full((len(infos),), -1.0))
        self.deep, self.hidden = deep, deep + wide
        self.classify, self.rate = nn.Linear(deep, emotions), nn.Linear(deep, 2)

    def _rules(self, outcomes: int) -> RuleLayer | EqualPerceptron | None:
        c = self.config
        if c.fuzzy == "none":
            return None
        if c.fuzzy == "mlp":
            return EqualPerceptron(self.antecedents, c.rules, c.semantics)
        return RuleLayer(self.antecedents, c.rules, c.semantics, outcomes, c.fuzzy)

    def forward(
        self, stage: Literal["encode", "whiten", "population", "reason", "fuse", "volume", "global_head", "head"], *inputs: Any
    ) -> Any:
        """Run the stage of this name: a network with other weights (`meta.functional`) can only be called as a whole."""
        return getattr(self, stage)(*inputs)

    def encode(self, batch: Batch) -> Features:
        """Everything that does not depend on the task."""
        parts, gates = self.encoder(batch)
        seen = batch.present[:, self.owner]
        u = batch.descriptors[:, self.readable] * seen
        wide_present = batch.present[:, self.wide_owner]
        wide = batch.descriptors[:, : len(self.wide_owner)] * wide_present
        return Features(parts, gates, wide, wide_present, u, seen, batch.present, *batch[3:])

    def whiten(self, features: Features) -> Float[Tensor, "segment wide"]:
        """The descriptors along the population's axes, 0 where absent."""
        return (features.wide @ self.metric) * features.wide_present

    def reason(self, features: Features, centre_shift: Tensor, trust: Tensor, offset: Tensor) -> Reasoned:
        """g = softmax_m(gate_m + trust_m), v = sum_m g_m part_m, z = LN(v + MLP(v)), then the rules on
        u = [descriptors ; directions of z]. The centre shift (antecedent,), the trust in each modality and the person's offset
        (wide,) along the population's axes belong to the task.
        """
        weights = torch.where(features.present == 0, ABSENT, features.gates + trust).softmax(dim=1) * features.present
        v = torch.einsum("sm,smd->sd", weights, features.parts)
        z = self.code(v + self.mix(v))
        nothing = z.new_zeros(len(z), 0)
        u, seen = features.u, features.u_present
        if self.direct is not None:
            u = torch.cat([u, self.direct(z)], dim=1)
            seen = torch.cat([seen, torch.ones_like(u[:, len(self.owner) :])], dim=1)
        wide = (self.whiten(features) - offset) * features.wide_present * self.volume(trust)
        if self.rules is None or self.fuzzy is None:
            return Reasoned(z, u, wide, nothing, nothing, nothing, weights)
        semantics, firing = self.rules(u, seen, centre_shift)
        return Reasoned(z, u, wide, semantics, firing, self.fuzzy(semantics), weights)

    def fuse(self, reasoned: Reasoned, scale: Tensor, shift: Tensor, count: Tensor) -> Hidden:
        """h = [LN([(1 + gamma) z + beta ; sem ; firing]) ; wide]; gamma, beta (width,) and `count`, how many labels of the person
        are known, belong to the task.

        With few people a linear reading of good descriptors is hard to beat, so the head keeps it (wide and deep, Cheng et
        al. 2016), in the metric in which training people scatter around their own class means.
        """
        z = (1 + scale) * reasoned.z + shift
        h = self.norm(torch.cat([z, reasoned.semantics, reasoned.firing], dim=1))
        h = torch.cat([h, reasoned.wide], dim=1)
        return Hidden(h, reasoned.firing, reasoned.fuzzy, reasoned.modality_weight, self.votes(reasoned.firing, count))

    def votes(self, firing: Float[Tensor, "segment rule"], count: Float[Tensor, ""]) -> Float[Tensor, "segment emotion"]:
        """e^a / (1 + e^b k) times what the rules alone say, with a, b the voice and k labels per class: rules speak for people in
        general, so their voice falls as the person's own labels speak. 0 where they have no vote."""
        if self.voice is None or not isinstance(self.rules, RuleLayer):
            return firing.new_zeros(len(firing), self.emotions)
        loud, fade = self.voice.exp()
        return loud / (1 + fade * count / self.emotions) * self.rules.spoken(firing)

    def volume(self, trust: Tensor) -> Float[Tensor, " wide"]:
        """Scale of every wide input: exp((loudness_m + trust_m) / 2), so that logits scale with exp(loudness + trust)."""
        return torch.exp(self.wide_of @ (self.loudness + trust) / 2)

    def global_head(self, trust: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(weight, bias) of the classes and of valence/arousal for people in general: the learned head on the deep part
        and the training people's class means on the wide part (linear discriminant analysis)."""
        prior = self.means * self.volume(trust)
        weight = torch.cat([self.classify.weight, prior], dim=1)
        return weight, self.classify.bias - (prior**2).sum(dim=1) / 2, self.rate.weight, self.rate.bias

    def population(self) -> tuple[Tensor, Tensor]:
        """Class means (emotion, wide), and variances (3, wide) of offset, deviation and drift along the axes."""
        return self.means, self.spread

    def head(self, hidden: Hidden, weight: Tensor, bias: Tensor, rate_weight: Tensor, rate_bias: Tensor) -> Scores:
        """logits = W h + b + what the rules vote, and rating = tanh(W' h_deep + b')."""
        rating = torch.tanh(F.linear(hidden.h[:, : self.deep], rate_weight, rate_bias))
        return Scores(F.linear(hidden.h, weight, bias) + hidden.votes, rating, hidden.firing, hidden.fuzzy, hidden.modality_weight)
