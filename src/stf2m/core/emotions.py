"""Emotion vocabularies and how a target is derived from ratings or named labels.

A *target* is one way to turn labels into classes. Ratings are stored in -1..1; the cuts of a target are given in the
units of the source scale 1..9 (valence 5 is neutral), as papers print them, so other scales meet the same cuts. The
target `rating` has no cuts: it asks for valence and arousal as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import UnknownName

RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
QUADRANTS = ("low-negative", "low-positive", "high-negative", "high-positive")
LEVELS = ("very low", "low", "neutral", "high", "very high")
FIFTHS = (2.6, 4.2, 5.8, 7.4)
"""cuts of five classes: fifths of the 1..9 scale"""

CIRCUMPLEX: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "calm": (0.4, -0.6),
    "happy": (0.8, 0.5),
    "sad": (-0.6, -0.5),
    "angry": (-0.6, 0.7),
    "fearful": (-0.6, 0.6),
    "disgust": (-0.7, 0.3),
    "surprised": (0.2, 0.8),
    "stress": (-0.5, 0.6),
    "calm-rest": (0.3, -0.4),
}
"""Orienting (valence, arousal) of named emotions on the circumplex (after Russell 1980); used for fuzzy targets of data
without ratings and to group named emotions (`named_valence3`), never as a rating in a table."""


def nine_point(rating: NDArray[np.floating]) -> NDArray[np.floating]:
    """Stored rating -1..1 on the familiar 1..9 scale (0 -> 5)."""
    return 5.0 + 4.0 * rating


@dataclass(frozen=True)
class Target:
    """A named cut: `axis` 0 valence, 1 arousal, None for quadrants or named labels; `cuts` on the 1..9 scale.

    A value equal to a cut belongs to the upper class (exact 5 counts as high, as in the CEAP-360VR scripts). Without
    cuts there is one class, "rated": it says which segments carry the answer, which is the rating itself.
    """

    name: str
    emotions: tuple[str, ...]
    axis: int | None = None
    cuts: tuple[float, ...] = ()
    named: bool = False

    @property
    def is_ordinal(self) -> bool:
        """Its classes have an order: to miss by two classes is worse than by one."""
        return self.axis is not None

    @property
    def has_classes(self) -> bool:
        """False for the target `rating`."""
        return bool(self.cuts)


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("valence2", ("low valence", "high valence"), 0, (5.0,)),
        Target("arousal2", ("low arousal", "high arousal"), 1, (5.0,)),
        Target("valence3", ("low valence", "neutral valence", "high valence"), 0, (3.0, 6.0)),
        Target("arousal3", ("low arousal", "neutral arousal", "high arousal"), 1, (3.0, 6.0)),
        Target("valence3_half", ("low valence", "neutral valence", "high valence"), 0, (3.5, 6.5)),
        Target("arousal3_half", ("low arousal", "neutral arousal", "high arousal"), 1, (3.5, 6.5)),
        Target("valence5", tuple(f"{level} valence" for level in LEVELS), 0, FIFTHS),
        Target("arousal5", tuple(f"{level} arousal" for level in LEVELS), 1, FIFTHS),
        Target("quadrant", QUADRANTS, None, (5.0, 5.0)),
        Target("rating", ("rated",)),
        Target("named_valence3", ("low valence", "neutral valence", "high valence"), 0, (4.0, 6.0), named=True),
        Target("named_arousal2", ("low arousal", "high arousal"), 1, (6.0,), named=True),
    )
}
"""Targets derived from ratings. Papers cut three classes at 3 and 6 or at 3.5 and 6.5 (`_half`). Named labels need no entry: the target "emotion" takes the data set's vocabulary.
Of the eight of RAVDESS, `named_valence3` calls sad, angry, fearful and disgust low, neutral and surprised neutral, calm and happy high;
`named_arousal2` calls neutral, calm and sad low."""


def is_ordinal(target: str) -> bool:
    """The classes of the target of this name have an order; named labels have none."""
    return target in TARGETS and TARGETS[target].is_ordinal


def is_named(target: str) -> bool:
    """The target of this name is made of named emotions, not of ratings."""
    return target not in TARGETS or TARGETS[target].named


def has_classes(target: str) -> bool:
    """The target of this name has classes to choose from; `rating` has none."""
    return target not in TARGETS or TARGETS[target].has_classes


def classes_of(target: Target, rating: NDArray[np.floating]) -> NDArray[np.int16]:
    """rating (segment, 2) in -1..1 -> class (segment,), -1 where the rating is missing."""
    nine = nine_point(rating)
    if target.axis is not None:
        value = nine[:, target.axis]
        found = np.searchsorted(np.asarray(target.cuts), value, side="right")
        return np.where(np.isfinite(value), found, -1).astype(np.int16)
    if target.name not in ("quadrant", "rating"):
        raise UnknownName(f"target {target.name!r} is not derived from ratings", hint=f"known: {', '.join(TARGETS)}")
    if not target.has_classes:
        return np.where(np.isfinite(nine).all(axis=1), 0, -1).astype(np.int16)
    found = 2 * (nine[:, 1] >= target.cuts[1]) + (nine[:, 0] >= target.cuts[0])
    return np.where(np.isfinite(nine).all(axis=1), found, -1).astype(np.int16)


def groups_of(target: Target, vocabulary: tuple[str, ...]) -> NDArray[np.int16]:
    """Class of a `named` target (emotion,) for every emotion of a vocabulary, -1 for one that is not on the circumplex."""
    nowhere = (np.nan, np.nan)
    return classes_of(target, np.array([CIRCUMPLEX.get(name, nowhere) for name in vocabulary]).reshape(-1, 2))
