"""What the baselines on descriptors share: the same standardised numbers that networks get, the person's baseline, tuning."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import has_classes
from stf2m.core.errors import InvalidConfig
from stf2m.core.records import Segments
from stf2m.evaluation.baselines.choose import Settings, choose, nearest, quality
from stf2m.evaluation.context import CONTEXT_MODALITIES
from stf2m.evaluation.predictor import Plain, Probability, Rows, labels_of, training_rows
from stf2m.evaluation.protocols.split import Split
from stf2m.prepare.normalise import fit_normaliser, standardise_descriptors

Values = NDArray[np.float64]
MOST_ROWS = 6000
CLIP = 5.0
"""standard deviations"""


class DescriptorBaseline(Plain):
    """Fits once per fold; `answer` does the rest from numbers. Settings are chosen per support size by `tune`."""

    options: ClassVar[Mapping[str, Sequence[Any]]]
    """settings to choose from; "centre" is the pseudo-count of the person's baseline, None = leave it in"""
    start: ClassVar[Settings]
    normalisation: str = "causal"
    """as the study's recipe says, so that baselines stand on the numbers that networks get"""
    idle_without_support: ClassVar[tuple[str, ...]] = ("centre",)
    keeps_missing: ClassVar[bool] = False
    """what was not measured reaches `answer` and `training` as NaN instead of 0, the mean of the training people"""
    rates: ClassVar[bool] = False
    """it answers with valence and arousal too, so a target without classes will do"""
    cautious: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """options with weaker trust in the support, in the place of those of the same name where other people's labels are a view.
    The search begins with the first of each, and without the sensors ("signals"): person and sensors must convince"""

    def fit(self, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int], seed: int) -> None:
        """Standardise with the training people and remember at most `MOST_ROWS` of their labelled rows."""
        if not (has_classes(target) or self.rates):
            hint = "leave it out of `baselines`: it answers with classes"
            raise InvalidConfig(
                f"a classifier cannot answer the target {target!r}, which has no classes", where=type(self).__name__, hint=hint
            )
        rows = training_rows(segments, target, train_people)
        if len(rows) > MOST_ROWS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
        self.classes = len(segments.emotions[target])
        self.normaliser = fit_normaliser(segments, rows, self.normalisation)
        self.seen: Segments | None = None
        self.rows, self.people = rows, segments.subject[rows]
        self.x, self.y = self.read(segments, rows), labels_of(segments, target, rows)
        self.gaps = self.unmeasured[rows]
        self.expected = class_means(self.x, self.y, self.classes)
        self.x_centred = self.x - person_offsets(self.x, self.y, self.people, self.expected)
        if set(segments.modalities) & set(CONTEXT_MODALITIES):
            careful = {**self.cautious, "signals": (False, True)}
            self.options = {**self.options, **careful}  # pyright: ignore[reportAttributeAccessIssue]
            self.start = {**self.start, **{name: values[0] for name, values in careful.items()}}  # pyright: ignore
        if self.normalisation == "train_stats" and "centre" in self.options:
            # nothing of the new person may be a statistic
            self.options, self.start = {**self.options, "centre": (None,)}, {**self.start, "centre": None}  # pyright: ignore
        self.memory: dict[Any, Any] = {}
        self.chosen: dict[int, Settings] = {}

    def read(self, segments: Segments, rows: Rows) -> Values:
        """(row, descriptor) standardised, clipped, 0 where nothing was measured."""
        if self.seen is not segments:
            every = np.arange(len(segments))
            found = standardise_descriptors(self.normaliser, segments, every)
            self.seen, self.unmeasured = segments, np.isnan(found)
            self.everything = np.nan_to_num(np.clip(found, -CLIP, CLIP)).astype(np.float64)
        return self.everything[rows]

    def tune(self, segments: Segments, target: str, splits: Sequence[Split]) -> None:
        """Choose settings for every support size by balanced accuracy on the splits, log-likelihood breaking near ties."""
        self.chosen = {}
        for shots in sorted({split.shots for split in splits}):
            asked = [split for split in splits if split.shots == shots]
            size = round(float(np.mean([len(split.support) for split in asked])))

            def score(settings: Settings, asked: list[Split] = asked) -> float:
                return float(np.mean([self._quality(segments, target, split, settings) for split in asked]))

            idle = () if shots else self.idle_without_support
            options = {name: values for name, values in self.options.items() if name not in idle}
            self.chosen[size] = choose(score, options, self.settings_for({}, shots))

    def _quality(self, segments: Segments, target: str, split: Split, settings: Settings) -> float:
        truth = segments.targets[target][split.query]
        said = self._say(segments, split.support, labels_of(segments, target, split.support), split.query, settings, None)
        return quality(truth, said)

    def predict(
        self,
        segments: Segments,
        support: Rows,
        query: Rows,
        *,
        target: str,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Probability:
        """Answer with the settings chosen for the nearest support size."""
        labels = labels_of(segments, target, support, support_target)
        settings = self.settings_for(self.chosen, len(support))
        return self._say(segments, support, labels, query, settings, modalities).astype(np.float32)

    def settings_for(self, chosen: Mapping[int, Settings], size: int) -> Settings:
        """What was chosen for the nearest support size, none and some being far apart; where nothing was, the start."""
        return nearest(chosen, size) or {**self.start, **({} if size else {"centre": None})}

    def _say(
        self, segments: Segments, support: Rows, labels: Rows, query: Rows, settings: Settings, modalities: Sequence[str] | None
    ) -> Values:
        columns, own, asked = self.shown(segments, support, labels, query, settings, modalities)
        if not columns:  # a sensor that no query segment has cannot help, and here none is left
            return np.full((len(query), self.classes), 1 / self.classes)
        return self.answer(columns, own, labels, asked, settings)

    def shown(
        self, segments: Segments, support: Rows, labels: Rows, query: Rows, settings: Settings, modalities: Sequence[str] | None
    ) -> tuple[tuple[int, ...], Values, Values]:
        """(columns of the usable sensors, support and query in them), relative to the person's baseline as `settings` say."""
        offered = segments.modalities if modalities is None else modalities
        usable = {m for j, m in enumerate(segments.modalities) if m in offered and segments.present[query, j].any()}
        told = usable & set(CONTEXT_MODALITIES)
        usable = told if told and not settings.get("signals", True) else usable
        columns = tuple(j for j, info in enumerate(segments.descriptor_infos) if info.modality in usable)
        picked = list(columns)
        own, asked = self.read(segments, support)[:, picked], self.read(segments, query)[:, picked]
        centre = settings["centre"]
        if centre is not None and len(support):
            residual = (own - self.expected[labels][:, picked]).mean(axis=0)
            shift = len(support) / (len(support) + centre) * residual
            own, asked = own - shift, asked - shift
        if self.keeps_missing:
            own, asked = (np.where(self.unmeasured[rows][:, picked], np.nan, x) for rows, x in ((support, own), (query, asked)))
        return columns, own, asked

    def answer(self, columns: tuple[int, ...], own: Values, labels: Rows, asked: Values, settings: Settings) -> Values:
        """(query, class) probabilities from the support (`own`, `labels`) and the training rows `self.training(...)`."""
        raise NotImplementedError

    def training(self, columns: tuple[int, ...], is_centred: bool) -> Values:
        """(row, descriptor) of the training people."""
        x = (self.x_centred if is_centred else self.x)[:, list(columns)]
        return np.where(self.gaps[:, list(columns)], np.nan, x) if self.keeps_missing else x


def class_means(x: Values, y: Rows, classes: int) -> Values:
    """(class, descriptor) means; a class without rows gets the mean of the others."""
    means = np.stack([x[y == c].mean(axis=0) if (y == c).any() else np.full(x.shape[1], np.nan) for c in range(classes)])
    return np.where(np.isnan(means), np.nanmean(means, axis=0), means)


def person_offsets(x: Values, y: Rows, people: Rows, expected: Values) -> Values:
    """(row, descriptor): how far the row's person lies from what the classes lead one to expect, classes weighing the same."""
    out = np.zeros_like(x)
    for person in np.unique(people):
        mine = people == person
        gaps = [x[mine & (y == c)].mean(axis=0) - expected[c] for c in np.unique(y[mine])]
        out[mine] = np.mean(gaps, axis=0)
    return out
