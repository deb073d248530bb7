"""The outer loop with what stands around it: checkpoint, log, optimiser groups, and the rules' first centres."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.files import sweep_parts
from stf2m.core.tensors import Features, Params
from stf2m.meta.learner import (
    META,
    NET,
    RULES,
    features_of,
    fixed,
    no_baseline,
    no_modulation,
    reason,
    remove_baseline,
)
from stf2m.model.network import Network
from stf2m.training.log import JsonLines
from stf2m.training.loop import Hooks, Report, Setting, run
from stf2m.training.state import TrainState, load_state, restore_moments, save_state


def optimise(setting: Setting, params: Params, key: str, out: Path | None, progress: Report | None, goes_on: bool = False) -> TrainState:
    """Run the outer loop from the start or from its checkpoint.

    Rules that are learnt along get their centres once, after warming up; not where training `goes_on` from a bundle. There rules that came
    first have met the training people, so that how loud they speak is not learned again from these.
    """
    path = out / "state.safetensors" if out else None
    if out:
        sweep_parts(out)
    saved = load_state(path, key) if path else None
    state = saved or TrainState(params, copied(params), copied(params))
    constant = (*fixed(setting.net), *((NET + "voice",) if goes_on and setting.net.rules_first else ()))
    # by name, as a file gives them back: sums over parameters then add up in the same order after resuming
    state.params = {name: state.params[name].requires_grad_(name not in constant) for name in sorted(state.params)}
    groups, names = groups_of_kinds(state.params, constant, setting.config.weight_decay, setting.config.scalar_pace)
    optimiser = torch.optim.AdamW(groups, lr=setting.config.rate, betas=(0.9, 0.98))
    restore_moments(optimiser, names, state.moments)
    log = JsonLines(out / "log.jsonl", keep_until=state.step) if out else None

    def report(facts: dict[str, float]) -> None:
        if log:
            log.write(facts)
        if progress:
            progress(facts | {"of": float(setting.config.steps)})

    def save(now: TrainState) -> None:
        if path:
            save_state(path, now, key)

    return run(setting, state, optimiser, Hooks(report, save, (lambda setting, state: None) if goes_on else place_centres), names)


def copied(params: Params) -> Params:
    """The same numbers, apart from any graph."""
    return {name: value.detach().clone() for name, value in params.items()}


def kind_of(name: str, value: Tensor) -> str:
    """`weight` matrices shrink; norms, centres, relevances and step sizes per coordinate stay free; a learner's own scalars
    also move faster."""
    if ".alpha." in name:
        return "free"
    if name in (NET + "loudness", NET + "voice") or (name.startswith(META) and value.ndim <= 1 and ".reading." not in name):
        return "scalar"
    return "weight" if value.ndim >= 2 and ".rules." not in name and "prototypes" not in name else "free"


def groups_of_kinds(params: Params, constant: Collection[str], decay: float, pace: float) -> tuple[list[dict[str, Any]], list[str]]:
    """Optimiser groups and the names in their order."""
    kinds = {"weight": (decay, 1.0), "free": (0.0, 1.0), "scalar": (0.0, pace)}
    names = {kind: [n for n, v in params.items() if n not in constant and kind_of(n, v) == kind] for kind in kinds}
    groups = [{"params": [params[n] for n in names[k]], "weight_decay": d, "pace": p} for k, (d, p) in kinds.items()]
    return groups, [name for kind in kinds for name in names[kind]]


def place_centres(setting: Setting, state: TrainState) -> None:
    """Move rule centres to the k-means centres of the rules' inputs, as they are after warming up; rules that came first stay."""
    if RULES + "centre" not in state.params or setting.net.rules_first:
        return
    from sklearn.cluster import KMeans

    rows = np.concatenate([p.rows for p in setting.train])
    rows = np.sort(np.random.default_rng(setting.config.seed).permutation(rows)[:2000])
    with torch.no_grad():
        setting.net.eval()
        features = features_of(setting.net, state.params, setting.loader.batch(rows))
        if setting.learner.centre:
            features = remove_baseline(features, people_means(features, setting.segments.subject[rows]))
        inputs = rule_inputs(setting.net, state.params, features)
        rules = state.params[RULES + "centre"].shape[0]
        count = min(rules, len(rows))
        found = KMeans(count, n_init="auto", random_state=setting.config.seed).fit(inputs.numpy())
        centres = torch.from_numpy(found.cluster_centers_.astype(np.float32))
        for store in (state.params, state.mean):
            store[RULES + "centre"][:count] = centres


def people_means(features: Features, subjects: NDArray[np.integer]) -> Params:
    """Each row's person mean, in the place of the support baseline, while centres are being placed."""
    _, who = np.unique(subjects, return_inverse=True)
    index = torch.from_numpy(who)
    one_hot = torch.nn.functional.one_hot(index).to(features.u.dtype)
    share = (one_hot / one_hot.sum(dim=0)).T
    mean = {
        "usual_parts": torch.einsum("ps,smd->pmd", share, features.parts),
        "usual_u": share @ features.u,
    }
    return {name: value[index] for name, value in mean.items()}


def rule_inputs(net: Network, params: Params, features: Features) -> Tensor:
    """What the rule layer reads of these features: descriptors and directions of z."""
    return reason(net, params, features, no_modulation(net, features.u) | no_baseline(features)).u
