"""Weighted refit: logistic regression on everybody's rows plus the person's few, which count many times."""

import numpy as np

from stf2m.evaluation.baselines.choose import Settings
from stf2m.evaluation.baselines.descriptors import DescriptorBaseline, Values
from stf2m.evaluation.baselines.logistic import apply_logistic, balanced_weights, fit_logistic
from stf2m.evaluation.predictor import Rows


class WeightedRefit(DescriptorBaseline):
    """`strength` of the penalty, `weight` of one support row against an average training row, `centre` of the baseline."""

    options = {  # noqa: RUF012
        "strength": (3.0, 10.0, 30.0, 100.0, 300.0),
        "weight": (1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
        "centre": (None, 2.0, 8.0),
    }
    start = {"strength": 30.0, "weight": 100.0, "centre": 2.0}  # noqa: RUF012
    idle_without_support = ("centre", "weight")
    cautious = {"weight": (1.0, 3.0, 10.0, 30.0, 100.0, 300.0), "centre": (None, 2.0, 8.0, 32.0)}  # noqa: RUF012

    def answer(self, columns: tuple[int, ...], own: Values, labels: Rows, asked: Values, settings: Settings) -> Values:
        strength, is_centred = settings["strength"], settings["centre"] is not None
        base = self._base(columns, strength, is_centred)
        if not len(own):
            return apply_logistic(base, asked)
        x = np.concatenate([self.training(columns, is_centred), own])
        weight = np.concatenate([balanced_weights(self.y, self.classes), np.full(len(own), settings["weight"])])
        found = fit_logistic(x, np.concatenate([self.y, labels]), weight, classes=self.classes, strength=strength, start=base)
        return apply_logistic(found, asked)

    def _base(self, columns: tuple[int, ...], strength: float, is_centred: bool) -> Values:
        """The solution without any support: the answer at k = 0 and the start of every refit."""
        key = (columns, strength, is_centred)
        if key not in self.memory:
            x, weight = self.training(columns, is_centred), balanced_weights(self.y, self.classes)
            self.memory[key] = fit_logistic(x, self.y, weight, classes=self.classes, strength=strength)
        return self.memory[key]
