"""Reptile (Nichol, Achiam, Schulman 2018): the outer gradient is the way from the start to where inner steps end."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from stf2m.core.tensors import Adaptation, Batch, Features, Params
from stf2m.meta.anil import Finetune, behind_encoder
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import damping, features_of, labelled, remove_baseline, support_loss


class Reptile(Finetune):
    """`steps` plain gradient steps on everything behind the encoder; meta-trained on (theta - theta') / (size steps).

    In training the two halves of a task are the mini-batches of the inner steps, in turns, support first. The encoder and
    the priors of the baseline take the same steps all at once at the end: their gradient is the mean over inner steps of
    the gradient at theta_t. So the encoder runs once and nothing is of second order.
    """

    def __init__(self, steps: int = 8, step_size: float = 0.05):
        super().__init__(steps, step_size)

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        """As `finetune`; for the outer gradient of what is measured on the query the way moved is a constant."""
        adaptation, features = start_global(net, params, support, centre=self.centre)
        found = super().adapt(net, constants(params), constants(features))
        moved = {name: params[name] + (value - params[name]).detach() for name, value in found.params.items()}
        return Adaptation(moved, adaptation.memory, found.losses)

    def outer_loss(self, net: Any, params: Params, support: Batch | Features, query: Batch | Features) -> Tensor:
        """Mean over inner steps of the loss at theta_t = theta + const: its gradient is (theta - theta') / (size steps).

        Damped like the steps themselves. For an optimiser such as AdamW (theta - theta') / size is the natural gradient
        (section 5.1 of the paper); the mean keeps it as long as that of the other learners.
        """
        adaptation, features = start_global(net, params, support, centre=self.centre)
        halves, memory = (features, features_of(net, params, query)), adaptation.memory
        losses = [self.loss_on(net, params, half, memory) for half in halves]
        quiet = [self.loss_on(net, constants(params), constants(half), constants(memory)) for half in halves]
        touched, total = behind_encoder(net, params), []
        here = constants(touched)
        for step in range(self.steps):
            slope = grad(quiet[step % 2])(here)
            damp = damping(slope)
            total.append(damp * losses[step % 2]({name: value + (here[name] - value).detach() for name, value in touched.items()}))
            here = {name: value - self.step_size * damp * slope[name] for name, value in here.items()}
        return torch.stack(total).mean()

    def loss_on(self, net: Any, params: Params, features: Features, memory: Params) -> Callable[[Params], Tensor]:
        """The inner loss of one half of a task as a function of what moves."""
        near, labels = remove_baseline(features, memory), labelled(features, net.emotions)
        _, scores = self.start(net, params, near, memory)
        return lambda now: support_loss(scores(now), features, labels, self.ordinal)


def constants(values: Any) -> Any:
    """The same features or parameters as constants, so that inner steps leave no graph behind."""
    if isinstance(values, dict):
        return {name: value.detach() for name, value in values.items()}
    return type(values)(*(value.detach() for value in values))
