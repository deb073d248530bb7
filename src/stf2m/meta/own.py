"""A learner's own network: its weights live among the meta-parameters, so that they travel through `vmap` with the others."""

from typing import Any

from torch import nn

from stf2m.core.tensors import Params
from stf2m.meta.functional import run_with
from stf2m.meta.learner import META

OWN = META + "reading."
"""prefix of the weights; the optimiser treats them as weights, and other `meta.` tensors as scalars that move faster"""


def own_params(module: nn.Module) -> Params:
    """The module's parameters under their prefix, as leaves of their own."""
    return {OWN + name: value.detach().clone() for name, value in module.named_parameters()}


def call_own(module: nn.Module | None, params: Params, *inputs: Any) -> Any:
    """Run the learner's own network with the given parameters."""
    assert module is not None, "init(net) builds it"
    return run_with(module, params, *inputs, prefix=OWN)


def silent(layer: nn.Linear) -> nn.Linear:
    """The layer with all its weights at zero: what it decides starts as nothing."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
