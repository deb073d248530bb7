"""The answer for each segment of a recording, with how sure it is and why."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import InvalidRecord


class Status(StrEnum):
    """Why a segment's answer may be trusted less; `sentence` says it to a person."""

    OK = "ok"
    LOW_QUALITY = "low_quality"
    MODALITY_MISSING = "modality_missing"
    WARMING_UP = "warming_up"
    NOT_PERSONALISED = "not_personalised"

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return {
            Status.OK: "The answer stands on usable signals of this person.",
            Status.LOW_QUALITY: "The signals of this segment are poor; read the answer with care.",
            Status.MODALITY_MISSING: "A sensor that the model knows gave nothing here; the others answered alone.",
            Status.WARMING_UP: "The recording has just begun; filters have not settled yet.",
            Status.NOT_PERSONALISED: "The model has seen no labels of this person; the answer is for people in general.",
        }[self]


NOT_CALIBRATED = "not calibrated: probabilities, sets and intervals were fitted on nobody"


@dataclass(frozen=True, eq=False)
class Prediction:
    """One answer per segment.

    `spans` (segment, 2) s; `probability` (segment, emotion), rows sum to 1; `valence`, `arousal` (segment,) in -1..1;
    `uncertainty` (segment,) normalised entropy 0..1, of a target without classes the mean half-width of both intervals (1 without any); `abstained` (segment,) bool; `status` one `Status` per segment;
    `modality_weight` (segment, modality), rows sum to 1 or are 0; `firing` (segment, rule); `rules` one sentence per rule.
    From a calibrated bundle `probability` is calibrated, `possible` (segment, emotion) marks the emotions that cannot be ruled
    out, and `valence_range`, `arousal_range` (segment, 2) hold the interval around the number; else these are None.
    `calibration` says in words what holds.
    """

    recording: str
    subject: str
    spans: NDArray[np.float64]
    emotions: tuple[str, ...]
    probability: NDArray[np.float32]
    valence: NDArray[np.float32]
    arousal: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    abstained: NDArray[np.bool_]
    status: tuple[Status, ...]
    modalities: tuple[str, ...]
    modality_weight: NDArray[np.float32]
    firing: NDArray[np.float32]
    rules: tuple[str, ...]
    possible: NDArray[np.bool_] | None = None
    valence_range: NDArray[np.float32] | None = None
    arousal_range: NDArray[np.float32] | None = None
    calibration: str = NOT_CALIBRATED

    def __post_init__(self) -> None:
        if self.probability.shape != (len(self.spans), len(self.emotions)):
            raise InvalidRecord(
                "prediction", where=self.recording, expected=(len(self.spans), len(self.emotions)), got=self.probability.shape
            )
        if len(self.spans) and np.abs(self.probability.sum(axis=1) - 1).max() > 1e-3:
            raise InvalidRecord("probabilities must sum to 1", where=self.recording)
        if self.possible is not None and self.possible.shape != self.probability.shape:
            raise InvalidRecord("set", where=self.recording, expected=self.probability.shape, got=self.possible.shape)

    @property
    def emotion(self) -> list[str]:
        """The most probable emotion of every segment."""
        return [self.emotions[i] for i in self.probability.argmax(axis=1)]
