"""The main learner: a head made from the support, a recurrent reader that decides how far to trust it, and a few steps."""

from typing import Any

import torch
from torch import Tensor, nn

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.cells import SetReader
from stf2m.meta.heads import Head, closed_form, prototype_head
from stf2m.meta.learner import (
    BELIEF,
    HEAD,
    META,
    NET,
    apply_head,
    baseline,
    descend,
    features_of,
    fuse,
    initial,
    labelled,
    no_modulation,
    person_of,
    positive,
    reason,
    remove_baseline,
    score_adapted,
    support_loss,
    wide_head,
)  # fmt: skip
from stf2m.meta.own import call_own, own_params, silent
from stf2m.meta.rating import general_rating, ridge_rating


class Reading(nn.Module):
    """The recurrent network and what its task state tau decides; every output layer starts at zero, so as the identity."""

    def __init__(self, net: Any, state: int, token: int):
        super().__init__()
        width, emotions = net.config.width, net.emotions
        self.squeeze = nn.Linear(width, token)
        self.reader = SetReader(token + emotions + 4, state)
        sizes = {
            "scale": width, "shift": width, "centre_shift": net.antecedents, "trust": len(net.modalities),
            "pull": emotions, "deviation": emotions, "noise": 1, "strength": 1, "choice": 3, "temperature": 1,
        }  # fmt: skip
        self.decide = nn.ModuleDict({name: silent(nn.Linear(state, size)) for name, size in sizes.items()})

    def forward(self, z: Tensor, labels: Tensor, features: Features, rotations: int) -> Params:
        """What tau decides, by name, of the support's `z` (segment, feature) and `labels` (segment, emotion)."""
        weight = features.weight * features.known
        extra = torch.cat([features.rating, features.rated.unsqueeze(1), weight.unsqueeze(1)], dim=1)
        sequence = torch.cat([self.squeeze(z), labels, extra], dim=1)
        tau = self.reader(sequence, features.weight, rotations)
        return {name: layer(tau) for name, layer in self.decide.items()}


class Recurrent:
    """Meta-recurrent learner (method, part 5).

    1. The class-balanced mean of the support is removed: the person's baseline (unless `centre` is off).
    2. A recurrent network reads (z_i, label_i) to tau; tau gives (gamma, beta), the centre shifts, the trust in each
       modality, and how the head starts.
    3. The head on the deep part starts as a learned mixture of the global head, prototypes and a closed-form ridge change, each
       pulled towards the global head; on the wide part as the class means that the population expects of this person, where tau
       says how much the labels of each class may move them, and how noisy labels are.
    4. `steps` gradient steps on head and modulation with a learned size per tensor, scaled by the belief in labels that
       validation people chose.
    With an empty support it is the global head; with `steps = 0` no gradient is needed.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def __init__(self, steps: int = 3, state: int = 32, token: int = 24, rotations: int = 4, centre_shift: bool = True):
        self.steps, self.state, self.token, self.rotations, self.centre_shift = steps, state, token, rotations, centre_shift
        self.reading: Reading | None = None

    def init(self, net: Any) -> Params:
        """The reader's weights beside the network's; priors that start mildly trusting the support."""
        self.reading = Reading(net, self.state, self.token)
        params = initial(net, pull=0.0, strength=-1.2, target=0.5, temperature=0.7)
        params |= own_params(self.reading)
        params[META + "choice"] = torch.tensor([0.0, 1.0, 1.0])
        params[META + "prototypes"] = 0.1 * torch.randn(net.emotions, net.deep)
        sizes = {"scale": -2.0, "shift": -2.0, "weight": -2.0, "bias": -2.0}
        params |= {f"{META}size.{name}": torch.tensor(value) for name, value in sizes.items()}
        return params

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        features = features_of(net, params, support)
        labels = labelled(features, net.emotions)
        memory = baseline(net, params, features, labels, centre=self.centre)
        features = remove_baseline(features, memory)
        still = no_modulation(net, features.u)
        decided = self.read(params, reason(net, params, features, memory | still).z, labels, features)
        memory |= {name: decided[name] for name in still}
        trusted = {"centre": self.centre, "deviation": decided["deviation"].unsqueeze(1), "noise": decided["noise"]}
        person = person_of(net, params, features, labels, **trusted)
        memory["offset"] = person.offset
        if not self.centre_shift:
            memory["centre_shift"] = still["centre_shift"]
        reasoned = reason(net, params, features, memory)
        wide = wide_head(net, params, person, memory["trust"])
        head = self.first_head(net, params, fuse(net, params, reasoned, memory).h, labels, features, decided, wide)
        return self.refine(net, params, reasoned, features, labels, memory, head)

    def read(self, params: Params, z: Tensor, labels: Tensor, features: Features) -> Params:
        """Everything that tau decides, 0 for an empty support."""
        some = (labels.sum() > 0).to(z.dtype)
        decided = call_own(self.reading, params, z, labels, features, max(1, min(self.rotations, len(z))))
        return {name: some * value for name, value in decided.items()}

    def first_head(self, net: Any, params: Params, h: Tensor, labels: Tensor, features: Features, decided: Params, wide: Head) -> Params:
        """On the deep part a mixture of global, prototype and closed-form head; beside it the wide part.

        Without labels every part is the global one.
        """
        deep = h[:, : net.deep]
        weight, bias = params[NET + "classify.weight"], params[NET + "classify.bias"]
        temperature = positive(params[META + "temperature"] + decided["temperature"])
        pull = positive(params[META + "pull"] + decided["pull"])
        near = prototype_head(deep, labels, params[META + "prototypes"], pull, temperature)
        strength = positive(params[META + "strength"] + decided["strength"])
        change = closed_form(deep, labels, weight, bias, strength, positive(params[META + "target"]))
        share = (params[META + "choice"] + decided["choice"]).softmax(dim=0)
        first = (1 - share[1]) * weight + share[1] * near.weight + share[2] * change.weight
        return {
            HEAD[0]: torch.cat([first, wide.weight], dim=1),
            HEAD[1]: (1 - share[1]) * bias + share[1] * near.bias + share[2] * change.bias + wide.bias,
            **ridge_rating(deep, features, general_rating(params), strength),
        }

    def refine(
        self, net: Any, params: Params, reasoned: Any, features: Features, labels: Tensor, memory: Params, head: Params
    ) -> Adaptation:
        """The inner steps on head and modulation."""
        kind = {"scale": "scale", "shift": "shift", HEAD[0]: "weight", HEAD[1]: "bias"}
        some = (labels.sum() > 0).to(features.u.dtype) * params[BELIEF]
        sizes = {name: some * positive(params[f"{META}size.{k}"]) for name, k in kind.items()}
        fast = {"scale": memory["scale"], "shift": memory["shift"], HEAD[0]: head[HEAD[0]], HEAD[1]: head[HEAD[1]]}

        def loss(now: Params) -> Tensor:
            hidden = fuse(net, params, reasoned, memory | now)
            scores = apply_head(net, params, hidden, head | {name: now[name] for name in HEAD[:2]})
            return support_loss(scores, features, labels, self.ordinal)

        fast, losses = descend(loss, fast, sizes, self.steps)
        memory = memory | {"scale": fast["scale"], "shift": fast["shift"]}
        return Adaptation(head | {name: fast[name] for name in HEAD[:2]}, memory, losses)

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        return score_adapted(net, params, adaptation, query)
