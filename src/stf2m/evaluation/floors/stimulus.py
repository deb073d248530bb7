"""Floors that know what was shown: other people's labels for the same stimulus."""

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values, kernel_mean
from stf2m.evaluation.predictor import Rows


def has_several_segments(segments: Segments) -> bool:
    """Some recording was cut into more than one segment."""
    return bool((np.bincount(segments.recording) > 1).any())


class SameStimulus(Floor):
    """What other people said of the same clip, song or sentence."""

    name = "same_stimulus"
    words = "other people's labels for the same stimulus"
    uses = "stimulus"
    context = ("stimulus",)
    ignores_support = True

    def reason(self, segments: Segments, target: str) -> str:
        pairs = np.unique(np.stack([segments.stimulus, segments.subject]), axis=1)
        pairs = pairs[:, pairs[0] >= 0]
        if not pairs.size:
            return "no stimulus is known"
        return "" if (np.bincount(pairs[0]) > 1).any() else "no two people met the same stimulus"

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        return kernel_mean(self.near(segments, query), self.values, self.usual)

    def near(self, segments: Segments, query: Rows) -> Values:
        """(query, other) weight of other people's segments."""
        asked, known = segments.stimulus[query], segments.stimulus[self.rows]
        return ((asked[:, None] == known[None]) & (asked[:, None] >= 0)).astype(np.float64)


class SameStimulusAndSecond(SameStimulus):
    """What other people said at the same second of the same stimulus."""

    name = "same_second"
    words = "other people's labels for the same stimulus at the same second"

    def reason(self, segments: Segments, target: str) -> str:
        return super().reason(segments, target) or ("" if has_several_segments(segments) else "every recording is a single segment")

    def near(self, segments: Segments, query: Rows) -> Values:
        middle = segments.spans.mean(axis=1)
        width = float(np.median(np.diff(segments.spans, axis=1))) / 2
        apart = (middle[query][:, None] - middle[self.rows][None]) / max(width, 1e-6)
        # the fraction of the whole stimulus keeps seconds without any neighbour from falling back to the prior
        return super().near(segments, query) * (np.exp(-0.5 * apart**2) + 1e-4)
