"""Floors that know how the data came to be: which sensors were there, how long the take was."""

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values, kernel_mean
from stf2m.evaluation.predictor import Rows

OWN = 2.0
"""how many of the person's own labels weigh as much as other people's habit"""


class PresenceOnly(Floor):
    """Labels of segments with the same sensors present; the person's own labels count as well."""

    name = "presence_only"
    words = "which sensors were present, and nothing of what they measured"
    sees_sensors = True

    def reason(self, segments: Segments, target: str) -> str:
        seen = segments.present[segments.targets[target] >= 0]
        return "every labelled segment has the same sensors" if len(seen) == 0 or (seen == seen[0]).all() else ""

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        pattern = segments.present @ (1 << np.arange(segments.present.shape[1]))
        others = kernel_mean((pattern[query][:, None] == pattern[self.rows][None]).astype(np.float64), self.values, self.usual)
        same = (pattern[query][:, None] == pattern[support][None]).astype(np.float64)
        count = same.sum(axis=1, keepdims=True)
        return (count * kernel_mean(same, values, self.usual) + OWN * others) / (count + OWN)


class LengthOnly(Floor):
    """Labels of takes of about the same length (segments are whole recordings)."""

    name = "length_only"
    words = "how long the take is, and nothing of what was measured"
    ignores_support = True

    def reason(self, segments: Segments, target: str) -> str:
        return "segments are all of the same length" if np.ptp(np.diff(segments.spans, axis=1)) < 1e-3 else ""

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        length = np.diff(segments.spans, axis=1)[:, 0]
        width = max(0.1 * float(length[self.rows].std()), 1e-3)
        near = np.exp(-0.5 * ((length[query][:, None] - length[self.rows][None]) / width) ** 2)
        return kernel_mean(near, self.values, self.usual)
