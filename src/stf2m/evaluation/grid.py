"""A declared, sparse grid: pairs of a network and a learner become methods of a study, named "network + learner"."""

from collections.abc import Iterable, Mapping
from typing import Any

from stf2m.core.registry import look_up

PLUS = " + "


def pair_name(network: str, learner: str) -> str:
    """`lstm + finetune`."""
    return f"{network}{PLUS}{learner}"


def is_pair(method: str) -> bool:
    """Whether a method's name is one of a grid."""
    return PLUS in method


def with_pairs(learners: Mapping[str, Mapping[str, Any]], pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """`learners` and a method for every pair; settings that stand under a pair's name already are kept and win.

    Raises `UnknownName` for a network or learner that does not exist, `ValueError` for a pair that is named twice.
    """
    pairs, found = list(pairs), {name: dict(own) for name, own in learners.items()}
    if not pairs:
        return found
    from stf2m.meta import LEARNERS
    from stf2m.model.baselines import NETWORKS

    twice = [pair_name(*pair) for pair in dict.fromkeys(pairs) if pairs.count(pair) > 1]
    if twice:
        raise ValueError(f"the pair {twice[0]} is named twice")
    for network, learner in pairs:
        look_up(NETWORKS, network, family="networks")
        look_up(LEARNERS, learner, family="learners")
        own = found.get(pair_name(network, learner), {})
        found[pair_name(network, learner)] = {"learner": learner, **own, "network": {"encoder": network, **own.get("network", {})}}
    return found
