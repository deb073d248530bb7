"""Run a module with other weights: hundreds of small calls per task, so what every call costs is kept small."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

Places = dict[str, tuple[dict[str, Any], str]]
_known: WeakKeyDictionary[nn.Module, dict[str, Places]] = WeakKeyDictionary()


def run_with(module: nn.Module, values: Mapping[str, Tensor], *inputs: Any, prefix: str = "") -> Any:
    """`module(*inputs)` with these parameters and buffers in the place of its own, which are back afterwards, whatever happens.

    Values whose name does not begin with `prefix` belong to others. Equals `torch.func.functional_call` for modules without tied
    weights, which looks for ties and walks the module tree twice in every call. Raises `KeyError` for a name that the module
    does not have.
    """
    every = _known.setdefault(module, {})
    places = every.get(prefix)
    if places is None:
        places = every[prefix] = _places(module, prefix)
    own = []
    try:
        for name, value in values.items():
            place = places.get(name)
            if place is not None:
                store, key = place
                own.append((store, key, store[key]))
                store[key] = value
            elif name.startswith(prefix):
                raise KeyError(name)
        return module(*inputs)
    finally:
        for store, key, value in own:
            store[key] = value


def _places(module: nn.Module, prefix: str) -> Places:
    """Where every parameter and buffer of the module lies, by its prefix and dotted name."""
    found: Places = {}
    for path, part in module.named_modules():
        for store in (part._parameters, part._buffers):
            found |= {f"{prefix}{path}{'.' if path else ''}{key}": (store, key) for key in store}
    return found
