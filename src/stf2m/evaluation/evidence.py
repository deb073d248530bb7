"""Ask a fitted learner about held-out people, and keep what its rules did: the arrays that `explanations` measures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.explanations import Evidence
from stf2m.evaluation.protocols.split import Split
from stf2m.meta.learner import KEPT, RULES
from stf2m.model.rules import RuleLayer
from stf2m.training.fitted import Fitted


def evidence(fitted: Fitted, segments: Segments, splits: Sequence[Split]) -> list[Evidence]:
    """One record per split (one person each), adapted to its support; raises `InvalidConfig` for a network without rules and for a
    target without classes, of which accuracy says nothing."""
    if not has_classes(fitted.target):
        raise InvalidConfig(
            f"rules for the target {fitted.target!r} cannot be measured: it has no classes", expected="a target with classes"
        )
    if not isinstance(fitted.net.rules, RuleLayer) or fitted.inputs.policy == "one_vs_rest":
        got = f"fuzzy = {fitted.config.network.fuzzy}, policy = {fitted.inputs.policy}"
        raise InvalidConfig("no rules to examine", expected="fuzzy = htsk or tsk, policy = grid or free", got=got)
    return [_of_split(fitted, segments, split) for split in splits]


@torch.no_grad()
def _of_split(fitted: Fitted, segments: Segments, split: Split) -> Evidence:
    adaptation = fitted.adapt(segments, split.support)
    with listening(fitted.net) as heard:
        answer = fitted.score(adaptation, segments, split.query)
    named = len(fitted.net.owner)
    verdict = (fitted.params | adaptation.params)[RULES + "verdict"]
    return Evidence(
        truth=segments.targets[fitted.target][split.query].astype(np.int64),
        probability=answer.probability,
        firing=answer.firing,
        alone=answer.firing @ verdict.softmax(dim=1).numpy(),
        inputs=heard["reason"][1].u[:, :named].numpy(),
        without=_without_each(fitted, segments, split),
    )


@contextmanager
def listening(net: Any) -> Iterator[dict[str, Any]]:
    """Stage -> (its inputs, its output), as the network last ran it inside the block, whichever learner called it."""
    heard: dict[str, Any] = {}
    handle = net.register_forward_hook(lambda module, given, output: heard.update({given[0]: (given[1:], output)}))
    try:
        yield heard
    finally:
        handle.remove()


def _without_each(fitted: Fitted, segments: Segments, split: Split) -> NDArray[np.float32]:
    """(rule, segment, emotion) answers of the learner that lacks one rule, adapted anew; NaN for a rule that cannot be deleted."""
    count = len(fitted.params[RULES + "bias"])
    kept = fitted.params.get(KEPT, torch.ones(count))
    found = np.full((count, len(split.query), len(fitted.inputs.emotions)), np.nan, np.float32)
    for rule in range(count):
        mask = kept.clone()
        mask[rule] = 0
        if kept[rule] and mask.any():
            lacking = replace(fitted, params={**fitted.params, KEPT: mask})
            found[rule] = lacking.predict(segments, split.support, split.query).probability
    return found
