"""One way to adapt to a person, whatever the network: the contract, and what all learners share."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad_and_value

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.functional import run_with
from stf2m.meta.heads import Head, Person, Spread, discriminant, posterior
from stf2m.meta.losses import class_loss, class_weights, squared_error

NET, META = "net.", "meta."
"""prefixes of the two kinds of meta-parameters: the network's and the learner's own"""
HEAD = ("head.weight", "head.bias", "head.rate.weight", "head.rate.bias")
"""an adapted head in `Adaptation.params`"""
KEPT, LOCKED = "net.rules.kept", "net.rules.locked"
"""which rules a person deleted (0) and locked (1); there only after an edit"""
BELIEF = META + "belief"
"""scale of all inner steps, 0..1: training people are known too well to say how far to follow labels, so validation people do"""
CAUTION = META + "caution"
"""how many labels it takes until a person's answer has gone half of the way from people in general; see `meta/caution.py`"""
FIXED = ("net.metric", "net.means", "net.spread", "net.rules.meaning", KEPT, LOCKED, BELIEF, CAUTION)
"""taken from the training people in closed form, chosen on validation people, or set by a person: never changed by a gradient"""
RULES = "net.rules."
FITTED = tuple(RULES + name for name in ("centre", "raw_width", "raw_shape", "raw_relevance", "sharpness", "verdict"))
"""what a network whose rules come first leaves as it was fitted to the training people"""


class Network(Protocol):
    """What a learner needs of a network: stages by name, and sizes."""

    emotions: int
    hidden: int
    deep: int
    antecedents: int
    modalities: tuple[str, ...]
    rules_first: bool

    def __call__(self, stage: str, *inputs: Any) -> Any: ...


class Learner(Protocol):
    """How parameters change given a support set.

    `shares_encoder`: adapting never touches the encoder, so `Features` may be computed once for all tasks.
    `centre`: the mean of the support is removed; false in normalisation `train_stats`, where nothing of the new person
    may be a statistic.
    `ordinal`: weight of the earth mover's distance in the loss of inner steps, 0 where classes have no order.
    """

    shares_encoder: bool
    centre: bool
    ordinal: float

    def init(self, net: nn.Module) -> Params:
        """Meta-parameters at the start of meta-training: the network's own and the learner's."""
        ...

    def adapt(self, net: nn.Module, params: Params, support: Batch | Features) -> Adaptation:
        """What one person's support changes; padding has weight 0, an empty support is allowed."""
        ...

    def score(self, net: nn.Module, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        """Scores of the query under the adapted parameters."""
        ...


@runtime_checkable
class OwnOuterLoss(Protocol):
    """A learner that meta-trains on a loss of its own in the place of the task loss on the query (Reptile)."""

    def outer_loss(self, net: nn.Module, params: Params, support: Batch | Features, query: Batch | Features) -> Tensor:
        """What the outer loop differentiates for one task."""
        ...


def call(net: nn.Module, params: Params, stage: str, *inputs: Any) -> Any:
    """Run one stage of the network with the given parameters."""
    return run_with(net, params, stage, *inputs, prefix=NET)


def fixed(net: Any) -> tuple[str, ...]:
    """Names of the parameters that no gradient changes, in training or for a person."""
    return (*FIXED, *FITTED) if net.rules_first else FIXED


def features_of(net: nn.Module, params: Params, batch: Batch | Features) -> Features:
    """Encode a batch; features pass through, so that the encoder can run once outside `vmap`."""
    return batch if isinstance(batch, Features) else call(net, params, "encode", batch)


def network_params(net: nn.Module) -> Params:
    """The network's parameters under their prefix, as leaves of their own."""
    return {NET + name: value.detach().clone() for name, value in net.named_parameters()}


def labelled(features: Batch | Features, emotions: int) -> Float[Tensor, "segment emotion"]:
    """One-hot labels, or the annotators' votes, times weight; rows of padding and of unlabelled segments are 0."""
    use = (features.weight * features.known).unsqueeze(1)
    if features.votes.shape[-1]:
        return features.votes * use
    one_hot = features.target.unsqueeze(1) == torch.arange(emotions, device=features.target.device)
    return one_hot * use


def positive(raw: Tensor) -> Tensor:
    """exp(raw), at most e^8: a positive scalar of a learner that can shrink or grow by orders of magnitude while learning."""
    return raw.clamp(max=8.0).exp()


def baseline(net: nn.Module, params: Params, features: Features, labels: Tensor, *, centre: bool = True) -> dict[str, Tensor]:
    """The person's usual: n / (n + prior) times the class-balanced mean of the support, over present entries.

    The learner's "usual" (2,) gives prior = exp(usual) for the parts and the rules' inputs: how many labelled segments it takes
    before their mean is believed to be this person rather than chance. On the wide path it is the offset that the population
    expects. The same is removed from every class; labels only say how to weigh the mean, and from which class means to measure
    the offset. Empty support, or `centre` off -> 0.
    """
    if not centre:
        return no_baseline(features) | {"count": labels.sum()}
    raw = params[META + "usual"]
    weight = class_weights(labels).unsqueeze(1)
    total = labels.sum()
    trust = total / (total + positive(raw))

    def mean(values: Tensor, present: Tensor, trust: Tensor) -> Tensor:
        here = weight * present
        share = here / here.sum(dim=0).clamp(min=1e-6)
        return trust * (share.reshape(*share.shape, *[1] * (values.ndim - 2)) * values).sum(dim=0)

    return {
        "usual_parts": mean(features.parts, features.present, trust[0]),
        "usual_u": mean(features.u, features.u_present, trust[1]),
        "offset": person_of(net, params, features, labels).offset,
        "count": total,
    }


def no_baseline(features: Features) -> dict[str, Tensor]:
    """The baseline that changes nothing."""
    values = {"usual_parts": features.parts, "usual_u": features.u, "offset": features.wide}
    return {name: value.new_zeros(value.shape[1:]) for name, value in values.items()} | {"count": features.u.new_zeros(())}


def person_of(
    net: nn.Module, params: Params, features: Features, labels: Tensor, *, centre: bool = True, deviation: Any = 0.0, noise: Any = 0.0
) -> Person:
    """What the population expects of a person after the support: offset and class means along its axes.

    The learner's "population" (4,) holds the logarithms of what the variances of offset, deviation, drift and noise are multiplied
    with; a learner may add to them for this person, `deviation` (emotion, 1) and `noise`. Without `centre` there is no offset.
    """
    means, spread = call(net, params, "population")
    offset, own, drift, rest = params[META + "population"]
    scales = Spread(
        float(centre) * positive(offset) * spread[0], positive(own + deviation + torch.zeros_like(means[:, :1])) * spread[1],
        positive(drift) * spread[2], positive(rest + noise),
    )  # fmt: skip
    return posterior(call(net, params, "whiten", features), features.wide_present, labels, means, scales)


def wide_head(net: nn.Module, params: Params, person: Person, trust: Tensor) -> Head:
    """The wide part of a head that knows the person's own class means."""
    return discriminant(person.means * call(net, params, "volume", trust))


def remove_baseline(features: Features, memory: Params) -> Features:
    """Parts and rule inputs relative to the person's usual, absent entries staying 0; `reason` removes the offset of the wide path."""
    return features._replace(
        parts=(features.parts - memory["usual_parts"]) * features.present.unsqueeze(-1),
        u=(features.u - memory["usual_u"]) * features.u_present,
    )


def no_modulation(net: Any, like: Tensor) -> Params:
    """The task state that changes nothing."""
    sizes = {"scale": net.config.width, "shift": net.config.width, "centre_shift": net.antecedents, "trust": len(net.modalities)}
    return {name: like.new_zeros(size) for name, size in sizes.items()}


def reason(net: nn.Module, params: Params, features: Features, memory: Params) -> Any:
    """The network's second stage: code and rules under a task state; `features` are already relative to the baseline."""
    return call(net, params, "reason", features, memory["centre_shift"], memory["trust"], memory["offset"])


def fuse(net: nn.Module, params: Params, reasoned: Any, memory: Params) -> Any:
    """The network's third stage: modulation by the task state."""
    return call(net, params, "fuse", reasoned, memory["scale"], memory["shift"], memory["count"])


def hidden_of(net: nn.Module, params: Params, features: Features, memory: Params) -> Any:
    """Second and third stage together."""
    return fuse(net, params, reason(net, params, features, memory), memory)


def global_head(net: nn.Module, params: Params, memory: Params) -> Params:
    """The head for people in general, under the names of an adapted one."""
    return dict(zip(HEAD, call(net, params, "global_head", memory["trust"])))


def apply_head(net: nn.Module, params: Params, hidden: Any, head: Params) -> Scores:
    """Scores of hidden segments under a head."""
    return call(net, params, "head", hidden, *(head[name] for name in HEAD))


def adapted_head(net: nn.Module, params: Params, adaptation: Adaptation) -> Params:
    """The head for people in general with what adapting changed of it."""
    own = {name: adaptation.params[name] for name in HEAD if name in adaptation.params}
    return global_head(net, params, adaptation.memory) | own


def score_adapted(net: nn.Module, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
    """Scores with the changed parameters, task state and head: the `score` of every learner with a linear head."""
    changed, memory = params | adaptation.params, adaptation.memory
    features = remove_baseline(features_of(net, changed, query), memory)
    return apply_head(net, changed, hidden_of(net, changed, features, memory), adapted_head(net, changed, adaptation))


def support_loss(scores: Scores, features: Features, labels: Tensor, ordinal: float = 0.0) -> Tensor:
    """Class-balanced cross-entropy (plus `ordinal` times the earth mover's distance), and squared error of ratings."""
    rated = squared_error(scores.rating, features.rating, features.weight * features.rated)
    return class_loss(scores.logits, labels, ordinal=ordinal) + 0.5 * rated


def damping(slope: Params) -> Float[Tensor, ""]:
    """Factor that brings a gradient longer than 10 down to 10, so that one odd support label cannot throw a person away."""
    norm = torch.stack([(g**2).sum() for g in slope.values()]).sum()
    return 10.0 / torch.sqrt(norm + 1e-12).clamp(min=10.0)


def descend(loss: Callable[[Params], Tensor], fast: Params, sizes: Params, steps: int) -> tuple[Params, Float[Tensor, " step"]]:
    """`steps` gradient steps on `fast` with one learned size per tensor (or coordinate): theta <- theta - size * grad.

    Differentiable. Returns the changed tensors and the loss before each step.
    """
    losses = []
    for _ in range(steps):
        slope, value = grad_and_value(loss)(fast)
        damp = damping(slope)
        fast = {name: fast[name] - sizes[name] * damp * slope[name] for name in fast}
        losses.append(value)
    return fast, torch.stack(losses) if losses else next(iter(fast.values())).new_zeros(0)


def initial(net: nn.Module, **scalars: float) -> Params:
    """The network's parameters and named scalars of the learner; the priors of the baseline and of the population are common.

    A person's own class means begin less trusted than the training people suggest, 0.3 times.
    """
    common = {META + "usual": torch.full((2,), 0.7), META + "population": torch.tensor([0.0, -1.2, 0.0, 0.0]), BELIEF: torch.tensor(1.0)}
    return network_params(net) | common | {META + name: torch.tensor(v) for name, v in scalars.items()}
