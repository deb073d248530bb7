"""The scikit-learn face: fit on people, adapt to a new one, predict."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from stf2m.app.conform import segments_for
from stf2m.app.personalise import adapt_to, check_use, one_person
from stf2m.core.consent import check_consent, narrowest
from stf2m.core.errors import NotEnoughLabels, NothingToRead
from stf2m.core.records import Annotation, Recording, Segments
from stf2m.prepare.cut import cut
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.prepared import prepared_from
from stf2m.prepare.recipe import CutRecipe, Recipe, SignalRecipe
from stf2m.training.bundle import Bundle
from stf2m.training.config import TrainConfig
from stf2m.training.run import train


class PersonalClassifier(ClassifierMixin, BaseEstimator):
    """Meta-train on recordings of some people, adapt to a few labels of another, answer every segment.

    `fit(recordings)`, `adapt(recordings, labels)`, `predict_proba(recordings)` -> (segment, emotion). The unit is a segment of
    `window` s; recordings are cut alike in all three. `modalities`: None takes every sensor that can be prepared. Every
    fifth person (at least one) chooses when to stop. `use` is what all of it is for: `NoConsent` is raised where the consent of a
    recording does not cover it.
    """

    def __init__(
        self,
        *,
        target: str = "arousal2",
        modalities: tuple[str, ...] | None = None,
        window: float = 2.0,
        lag: float = 0.0,
        learner: str = "recurrent",
        steps: int = 300,
        seed: int = 0,
        use: str = "research",
    ):
        self.target, self.modalities, self.window, self.lag = target, modalities, window, lag
        self.learner, self.steps, self.seed, self.use = learner, steps, seed, use

    def fit(self, X: Sequence[Recording], y: None = None) -> "PersonalClassifier":
        """Meta-train on labelled recordings of at least three people; labels are in the recordings, so `y` stays None."""
        if not len(X):
            raise NothingToRead("no recordings to fit on")
        for recording in X:
            check_consent([recording.consent], self.use, where=recording.id)
        recipe = Recipe(
            signals=SignalRecipe(modalities=self._sensors(X)), cut=CutRecipe(window=self.window, lag=self.lag, targets=(self.target,))
        )
        segments = cut(prepared_from(X, recipe.signals), recipe.cut)
        people = np.random.default_rng(self.seed).permutation(len(segments.subjects))
        if len(people) < 3:
            raise NotEnoughLabels("too few people to learn from", expected="at least 3", got=len(people))
        judges = max(1, len(people) // 5)
        config = TrainConfig(learner=self.learner, steps=self.steps, seed=self.seed, normalisation=recipe.normalisation)
        fitted = train(
            segments, target=self.target, train_people=sorted(people[judges:].tolist()),
            validation_people=sorted(people[:judges].tolist()), config=config,
        )  # fmt: skip
        facts = {"consent": narrowest(r.consent for r in X), "rated": bool(np.isfinite(segments.rating).any())}
        self.bundle_ = Bundle(fitted, recipe, facts, ())
        self.classes_ = np.array(self.bundle_.emotions)
        self.adaptation_ = None
        return self

    def adapt(self, X: Sequence[Recording], y: Sequence[Sequence[Annotation]] | None = None) -> "PersonalClassifier":
        """Adapt to one person; `y` gives labels per recording in the place of those the recordings carry."""
        check_use(self._bundle(), X, self.use)
        self.adaptation_ = adapt_to(self._bundle(), X, y)[0]
        return self

    def forget(self) -> "PersonalClassifier":
        """Answer for people in general again."""
        self.adaptation_ = None
        return self

    def predict_proba(self, X: Sequence[Recording]) -> NDArray[np.float32]:
        """Probabilities (segment, emotion) of all segments of the recordings, in order."""
        segments = self.segments(X)
        rows = np.arange(len(segments))
        fitted = self._bundle().fitted
        answer = fitted.predict(segments, rows[:0], rows) if self.adaptation_ is None else fitted.score(self.adaptation_, segments, rows)
        return answer.probability

    def predict(self, X: Sequence[Recording]) -> NDArray[Any]:
        """The most probable emotion (segment,) by name."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Sequence[Recording], y: Any = None, sample_weight: None = None) -> float:
        """Balanced accuracy over the labelled segments of the recordings."""
        from sklearn.metrics import balanced_accuracy_score

        labels = self.segments(X).targets[self.target]
        said = self.predict_proba(X).argmax(axis=1)
        if not (labels >= 0).any():
            raise NotEnoughLabels("no labelled segment to score", expected="recordings with labels")
        return float(balanced_accuracy_score(labels[labels >= 0], said[labels >= 0]))

    def segments(self, X: Sequence[Recording]) -> Segments:
        """The segments that the rows of `predict_proba` stand for, all taken as one person's."""
        check_use(self._bundle(), X, self.use)
        return one_person(segments_for(self._bundle(), list(X)))

    def _sensors(self, X: Sequence[Recording]) -> tuple[str, ...]:
        if self.modalities is not None:
            return tuple(self.modalities)
        found = {s.modality for recording in X for s in recording.streams.values()}
        return tuple(name for name in MODALITIES if name in found)

    def _bundle(self) -> Bundle:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "bundle_")
        return self.bundle_
