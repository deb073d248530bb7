"""Floors that know when: the time in the session, and the support label nearest in time."""

from collections.abc import Sequence

import numpy as np

from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.evaluation.floors.base import Floor, Values
from stf2m.evaluation.predictor import Rows

WIDTHS = (5.0, 20.0, 60.0, 180.0)
"""s, kernels over the session's time; the best one on the validation people is used"""


class TimeInSession(Floor):
    """What other people said at the same time after their session began."""

    name = "session_time"
    words = "other people's labels at the same time into the session"
    uses = "time"
    context = ("clock",)
    ignores_support = True

    def reason(self, segments: Segments, target: str) -> str:
        return "" if segments.has_session_clock else "the recordings' places in the session are not known"

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Choose the kernel on the validation people, then use everybody."""
        self.width = WIDTHS[2]
        if validation_people and train_people:
            super().fit(segments, target, train_people, (), seed)
            train = (self.rows, self.values, self.usual)
            super().fit(segments, target, (), validation_people, seed)
            asked, truth = self.rows, self.values
            self.rows, self.values, self.usual = train
            self.width = max(WIDTHS, key=lambda width: self._agreement(segments, asked, truth, width))
        super().fit(segments, target, train_people, validation_people, seed)

    def _agreement(self, segments: Segments, asked: Rows, truth: Values, width: float) -> float:
        """How well the other people's labels (without classes: ratings) under this kernel agree with the true ones."""
        said = self.by_time(segments, asked, width)
        if said.shape[1] == 3:
            return -float(((said[:, -2:] - truth[:, -2:]) ** 2).mean())
        share = said[:, :-2]
        weight = np.ones(share.shape[1])
        if self.balanced:
            weight = 1 / np.maximum(self.usual[:-2], 1e-9)
        best = (share * weight).argmax(axis=1)
        return float((truth[np.arange(len(best)), best] * weight[best]).mean())

    def by_time(self, segments: Segments, query: Rows, width: float) -> Values:
        """(query, class + 2) smoothed over a 1 s grid of session time, `width` s (standard deviation)."""
        from scipy.ndimage import gaussian_filter1d

        place = np.maximum(segments.session_time, 0).astype(np.int64)
        length = int(place[np.concatenate([self.rows, query])].max()) + 1
        known = np.isfinite(self.values)
        total, count = np.zeros((2, length, self.values.shape[1]))
        np.add.at(total, place[self.rows], np.where(known, self.values, 0.0))
        np.add.at(count, place[self.rows], known)
        options = {"sigma": width, "axis": 0, "mode": "constant", "truncate": 6.0}
        above, below = gaussian_filter1d(total, **options), gaussian_filter1d(count, **options)
        return ((above + 1e-9 * self.usual) / (below + 1e-9))[place[query]]

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        return self.by_time(segments, query, self.width)


class NearestInTime(Floor):
    """The label of the support segment that is nearest in time."""

    name = "nearest_label"
    words = "the person's own label that is nearest in time"
    uses = "time"
    context = ("label_times",)
    needs_support = True

    def __init__(self, *, balanced: bool = True):
        super().__init__(balanced=False)

    def reason(self, segments: Segments, target: str) -> str:
        return "" if segments.has_session_clock else "the recordings' places in the session are not known"

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        found = values[apart(segments, query, support).argmin(axis=1)]
        return np.where(np.isfinite(found), found, self.usual)


class TimeAndNearest(TimeInSession):
    """Both: the time in the session and the nearest own label, weighted by how long labels last among other people."""

    name = "time_and_nearest"
    words = "time into the session and the nearest own label together"
    context = ("clock", "label_times")
    needs_support = True
    ignores_support = False

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Measure how often two labels of one person agree (how closely two ratings do) at a given distance in time."""
        super().fit(segments, target, train_people, validation_people, seed)
        rng = np.random.default_rng(seed)
        distance, same = [], []
        labels = segments.targets[target]
        for person in np.unique(segments.subject[self.rows]):
            rows = self.rows[segments.subject[self.rows] == person]
            a, b = rng.choice(rows, (2, 2000))
            distance.append(np.abs(segments.session_time[a] - segments.session_time[b]))
            alike = labels[a] == labels[b] if has_classes(target) else self._alike(segments, a, b)
            same.append(alike[distance[-1] > 0])
            distance[-1] = distance[-1][distance[-1] > 0]
        self.edges = np.quantile(np.concatenate(distance), np.linspace(0, 1, 21)[1:-1])
        place = np.searchsorted(self.edges, np.concatenate(distance))
        agree = np.bincount(place, np.concatenate(same), len(self.edges) + 1) + 1
        self.agree = agree / (np.bincount(place, minlength=len(self.edges) + 1) + 2)
        if not has_classes(target):  # a correlation, which may be negative or, by chance, above 1
            self.agree = np.clip(self.agree, 1e-3, 1.0)

    def _alike(self, segments: Segments, a: Rows, b: Rows) -> Values:
        """In the place of "same class": product of the two ratings' distances from everybody's mean, in variances."""
        usual, spread = self.values[:, -2:].mean(axis=0), self.values[:, -2:].var(axis=0)
        product = (segments.rating[a] - usual) * (segments.rating[b] - usual) / np.maximum(spread, 1e-6)
        return product.mean(axis=1).astype(np.float64)

    def average(self, segments: Segments, support: Rows, values: Values, query: Rows, target: str) -> Values:
        time = self.by_time(segments, query, self.width)
        gap = apart(segments, query, support)
        nearest = gap.argmin(axis=1)
        agree = self.agree[np.searchsorted(self.edges, gap[np.arange(len(query)), nearest])][:, None]
        label = values[nearest]
        classes = label.shape[1] - 2
        own = np.where(label[:, :-2] > 0, agree, (1 - agree) / max(classes - 1, 1))
        share = time[:, :-2] * own / np.maximum(self.usual[:-2], 1e-9)
        rating = np.where(np.isfinite(label[:, -2:]), agree * label[:, -2:] + (1 - agree) * time[:, -2:], time[:, -2:])
        return np.concatenate([share / share.sum(axis=1, keepdims=True), rating], axis=1)


def apart(segments: Segments, query: Rows, support: Rows) -> Values:
    """(query, support) s between the starts in the session."""
    return np.abs(segments.session_time[query][:, None] - segments.session_time[support][None])
