"""Baselines on descriptors: the same numbers and the same labels that the networks get, without a network."""

from collections.abc import Callable
from typing import Any

from stf2m.evaluation.baselines.average import Average
from stf2m.evaluation.baselines.boosted_trees import BoostedTrees
from stf2m.evaluation.baselines.context_alone import ContextAlone
from stf2m.evaluation.baselines.prototypes import Prototypes
from stf2m.evaluation.baselines.refit import WeightedRefit
from stf2m.evaluation.baselines.ridge import Ridge
from stf2m.evaluation.predictor import Predictor

BASELINES: dict[str, Callable[[], Predictor]] = {
    "refit": WeightedRefit,
    "prototypes": Prototypes,
    "refit_and_prototypes": lambda: Average([WeightedRefit(), Prototypes()]),
    "boosted_trees": BoostedTrees,
    "ridge": Ridge,
    "context_alone": ContextAlone,
}


def make_baseline(name: str, normalisation: str = "causal") -> Predictor:
    """A fresh baseline, with all its parts on the numbers that a recipe's `normalisation` gives to networks."""
    found: Any = BASELINES[name]()
    for part in getattr(found, "parts", (found,)):
        part.normalisation = normalisation
    return found


__all__ = ["BASELINES", "Average", "BoostedTrees", "ContextAlone", "Prototypes", "Ridge", "WeightedRefit", "make_baseline"]
