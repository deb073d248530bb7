"""Baselines on descriptors: the same numbers and the same labels that the networks get, without a network."""

from collections.abc import Callable

from stf2m.evaluation.baselines.average import Average
from stf2m.evaluation.baselines.boosted_trees import BoostedTrees
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
}

__all__ = ["BASELINES", "Average", "BoostedTrees", "Prototypes", "Ridge", "WeightedRefit"]
