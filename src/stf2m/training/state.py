"""Everything that resuming needs, and how it is kept: the same numbers as a run that was never interrupted."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from stf2m.core.errors import CorruptStore, WrongVersion
from stf2m.core.files import atomic_write_bytes
from stf2m.core.tensors import Params

FORMAT = 2


@dataclass
class TrainState:
    """Parameters, optimiser moments, running mean, and the best so far.

    Random numbers need no state: every draw comes from (seed, step), so step n is the same however it is reached.
    """

    params: Params
    mean: Params
    best: Params
    moments: Params = field(default_factory=dict)
    step: int = 0
    best_score: float = float("-inf")
    best_step: int = 0
    stale: int = 0
    """validations since the best"""
    finished: bool = False


def save_state(path: Path, state: TrainState, key: str) -> None:
    """Write the state whole or not at all; `key` is the hash of what is trained on what."""
    tensors: dict[str, Tensor] = {}
    for part in ("params", "mean", "best", "moments"):
        tensors |= {f"{part}/{name}": value.detach().contiguous() for name, value in getattr(state, part).items()}
    facts = {name: getattr(state, name) for name in ("step", "best_score", "best_step", "stale", "finished")}
    meta = {"format": str(FORMAT), "key": key, "facts": json.dumps(facts)}
    atomic_write_bytes(path, save({n: v.clone() for n, v in tensors.items()}, metadata=meta))


def load_state(path: Path, key: str) -> TrainState | None:
    """The saved state, or None where there is none or it belongs to other settings or data."""
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        meta = json.loads(data[8 : 8 + size])["__metadata__"]
        tensors = load(data)
    except Exception as problem:
        raise CorruptStore(
            "checkpoint cannot be read", where=path, got=type(problem).__name__, hint="delete it to start again"
        ) from problem
    if meta["format"] != str(FORMAT):
        raise WrongVersion(
            "checkpoint of another version", where=path, expected=FORMAT, got=meta["format"], hint="delete it to start again"
        )
    if meta["key"] != key:
        return None
    parts: dict[str, Params] = {part: {} for part in ("params", "mean", "best", "moments")}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = value
    return TrainState(**parts, **json.loads(meta["facts"]))


def optimiser_moments(optimiser: torch.optim.Optimizer, names: list[str]) -> Params:
    """AdamW's state as named tensors."""
    entries = optimiser.state_dict()["state"]
    return {f"{names[i]}:{key}": value for i, entry in entries.items() for key, value in entry.items()}


def restore_moments(optimiser: torch.optim.Optimizer, names: list[str], moments: Params) -> None:
    """Put named moments back into AdamW."""
    if not moments:
        return
    place, entries = {name: i for i, name in enumerate(names)}, {}
    for full, value in moments.items():
        name, _, key = full.rpartition(":")
        entries.setdefault(place[name], {})[key] = value.clone()
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
