"""Floors that say the same about every segment."""

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values, kernel_mean
from stf2m.evaluation.predictor import Rows


class Majority(Floor):
    """The most frequent class among other people."""

    name = "majority"
    words = "always the class most frequent among other people"

    def __init__(self, *, balanced: bool = True):
        super().__init__(balanced=False)

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        return np.repeat(self.usual[None], len(query), axis=0)


class SupportMajority(Floor):
    """The most frequent class of the support."""

    name = "support_majority"
    words = "always the class most frequent among the person's own labels"
    needs_support = True

    def __init__(self, *, balanced: bool = True):
        super().__init__(balanced=False)

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        return kernel_mean(np.ones((len(query), len(support))), values, self.usual)
