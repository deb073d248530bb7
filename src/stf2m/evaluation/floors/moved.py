"""A floor that knows the plan of the session: others' sessions, moved in time until they fit the person's labels."""

from collections.abc import Sequence

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values
from stf2m.evaluation.predictor import Rows
from stf2m.evaluation.protocols.folds import Fold

SIGMAS = (20.0, 40.0, 80.0, 120.0)
"""s, how far people may run apart"""


class MovedSessions(Floor):
    """`evaluation/moved.py` without a signal; the strongest floor where sessions follow a plan, at the price of a search."""

    name = "moved_sessions"
    words = "other people's sessions, moved in time until they fit the person's own labels"
    uses = "time"
    context = ("clock", "label_times")
    on_demand = True

    def reason(self, segments: Segments, target: str) -> str:
        return "" if segments.has_session_clock else "the recordings' places in the session are not known"

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Choose how far people run apart on the training people, then hear everybody."""
        from stf2m.evaluation.context import of_the_session
        from stf2m.evaluation.crowd import hearers
        from stf2m.evaluation.moved import MISSES, Way, best_way, fit_moved

        super().fit(segments, target, train_people, validation_people, seed)
        hears = hearers(Fold(tuple(train_people), tuple(validation_people), ()), len(segments.subjects))
        self.moved = fit_moved(segments, target, of_the_session(segments), hears, train_people, with_times=True)
        found = best_way(self.moved, segments, train_people, SIGMAS, lambda support, told, query: self._usual(query))
        self.way = found or Way(SIGMAS[0], MISSES[0])

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        found = self.moved.answer(segments, support, values, query, self.way)
        return np.where(np.isfinite(found), found, self._usual(query))

    def _usual(self, query: Rows) -> Values:
        return np.tile(self.usual, (len(query), 1))
