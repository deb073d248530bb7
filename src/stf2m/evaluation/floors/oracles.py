"""Not floors but ceilings of habit: they look at the person's true labels, and are marked so wherever they are printed."""

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values, answers
from stf2m.evaluation.floors.stimulus import has_several_segments
from stf2m.evaluation.predictor import Rows, labels_of


class _Oracle(Floor):
    is_oracle = True
    ignores_support = True

    def __init__(self, *, balanced: bool = True):
        super().__init__(balanced=False)

    def reason(self, segments: Segments, target: str) -> str:
        return "" if has_several_segments(segments) else "every recording is a single segment"

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        labelled = np.flatnonzero((segments.subject == segments.subject[query[0]]) & (segments.targets[target] >= 0))
        true = answers(segments, target, labels_of(segments, target, labelled), segments.rating[labelled])
        found = self.look(segments, labelled, true, query)
        return np.where(np.isfinite(found), found, self.usual)

    def look(self, segments: Segments, labelled: Rows, true: Values, query: Rows) -> Values:
        """(query, class + 2) from the person's own true labels, NaN where there are none."""
        raise NotImplementedError


class PreviousLabel(_Oracle):
    """The true label of the segment before."""

    name = "previous_label"
    words = "the person's true label one segment earlier"

    def look(self, segments: Segments, labelled: Rows, true: Values, query: Rows) -> Values:
        start = segments.spans[:, 0]
        earlier = segments.recording[query][:, None] == segments.recording[labelled][None]
        earlier &= start[labelled][None] < start[query][:, None] - 1e-9
        when = np.where(earlier, start[labelled][None], -np.inf)
        return np.where(earlier.any(axis=1)[:, None], true[when.argmax(axis=1)], np.nan)


class RecordingMean(_Oracle):
    """The recording's true mean."""

    name = "recording_mean"
    words = "the most frequent true label (or mean rating) of the whole recording"

    def look(self, segments: Segments, labelled: Rows, true: Values, query: Rows) -> Values:
        same = (segments.recording[query][:, None] == segments.recording[labelled][None]).astype(np.float64)
        known = np.isfinite(true)
        count = same @ known
        return np.where(count > 0, (same @ np.where(known, true, 0.0)) / np.maximum(count, 1), np.nan)
