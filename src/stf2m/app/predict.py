"""Recordings and a bundle (and a person's adaptation) -> one answer per segment, with how sure it is and why."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.app.conform import segments_for
from stf2m.app.people import consents_of, labels_seen, load_adaptation
from stf2m.app.personalise import check_use, home_of, one_person
from stf2m.core.consent import check_consent
from stf2m.core.emotions import has_classes
from stf2m.core.prediction import NOT_CALIBRATED, Prediction, Status
from stf2m.core.records import Recording, Segments
from stf2m.core.tensors import Adaptation
from stf2m.training.bundle import Bundle
from stf2m.training.calibration import AXES, Fit
from stf2m.training.fitted import Answer
from stf2m.training.words import rules_in_words

POOR = 0.5
"""mean quality of the present sensors below which a segment is called poor"""
UNSURE = 0.95
"""normalised entropy above which a bundle without calibration withholds an answer (two classes: nobody above 0.62)"""


def predict(
    bundle: Bundle, recording: Recording, *, person: str | None = None, folder: Path | None = None, use: str = "research"
) -> Prediction:
    """Answer a recording; with `person` by their kept adaptation, else for people in general.

    Raises `NotStored` for a person who was not personalised, `SensorMismatch`, `NoConsent`, and what preparing raises.
    """
    check_use(bundle, [recording], use)
    if person is None:
        return predict_with(bundle, recording, None)
    home = home_of(bundle, folder)
    check_consent(consents_of(home, person, bundle), use, where=f"the adaptation of {person}")
    adaptation = load_adaptation(home, person, bundle)
    return predict_with(bundle, recording, adaptation, subject=person, labels=sum(labels_seen(home, person, bundle).values()))


def predict_with(
    bundle: Bundle, recording: Recording, adaptation: Adaptation | None, *, subject: str | None = None, labels: int | None = None
) -> Prediction:
    """Answer a recording under an adaptation in memory; None answers for people in general. `labels`: see `read_out`."""
    segments = one_person(segments_for(bundle, [recording]))
    return read_out(bundle, segments, adaptation, recording=recording.id, subject=subject or recording.subject, labels=labels)


def read_out(
    bundle: Bundle, segments: Segments, adaptation: Adaptation | None, *, recording: str, subject: str, labels: int | None = None
) -> Prediction:
    """Segments of one person -> a `Prediction`.

    `labels`: how many labelled segments the adaptation has seen, which chooses the calibration; where that is not known the
    answer is not calibrated and says so.
    """
    rows = np.arange(len(segments))
    fitted = bundle.fitted
    answer = fitted.predict(segments, rows[:0], rows) if adaptation is None else fitted.score(adaptation, segments, rows)
    rating = answer.rating if bundle.facts.get("rated", True) else np.full_like(answer.rating, np.nan)
    fit, words = fit_of(bundle, 0 if adaptation is None else labels)
    trust = calibrated(fit, answer, rated=bool(bundle.facts.get("rated", True)))
    uncertainty = normalised_entropy(trust["probability"]) if has_classes(fitted.target) else interval_uncertainty(trust, len(rows))
    status = status_of(segments, personalised=adaptation is not None)
    rules = bundle.rules if adaptation is None else rules_in_words(fitted, adaptation)
    undecided = uncertainty > UNSURE if fit is None else fit.is_undecided(answer.probability)
    undecided &= has_classes(fitted.target)  # a number with its interval says all that there is to say
    withheld = undecided | ~segments.present.any(axis=1)
    return Prediction(
        recording=recording, subject=subject, spans=segments.spans, emotions=bundle.emotions, calibration=words, **trust,
        valence=rating[:, 0], arousal=rating[:, 1], uncertainty=uncertainty, abstained=withheld, status=status,
        modalities=segments.modalities, modality_weight=answer.modality_weight, firing=answer.firing, rules=rules,
    )  # fmt: skip


def fit_of(bundle: Bundle, labels: int | None) -> tuple[Fit | None, str]:
    """The bundle's fit for this many labels, and what holds in words."""
    if bundle.calibration is None:
        return None, NOT_CALIBRATED
    if labels is None:
        return None, "not calibrated: how many labels the adaptation has seen is not known"
    return bundle.calibration.after(labels), bundle.calibration.sentence


def calibrated(fit: Fit | None, answer: Answer, *, rated: bool) -> dict[str, Any]:
    """`probability`, `possible`, `valence_range` and `arousal_range` of a prediction; the ranges only where people rated."""
    if fit is None:
        return {"probability": answer.probability, "possible": None, "valence_range": None, "arousal_range": None}
    found: dict[str, Any] = {"possible": fit.sets_of(answer.probability, "people")}
    for i, axis in enumerate(AXES):
        span = fit.interval(axis, answer.rating[:, i], answer.probability, "people") if rated else None
        found[f"{axis}_range"] = None if span is None else span.astype(np.float32)
    cooled = np.where(answer.probability > 0, fit.probability(answer.probability), 0.0)  # no temperature makes what was never taught likely
    return found | {"probability": (cooled / cooled.sum(axis=1, keepdims=True)).astype(np.float32)}


def normalised_entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy of each row over that of the uniform distribution of the classes that can be said, 0 certain .. 1 no idea; (segment,)."""
    p, said = np.clip(probability.astype(np.float64), 1e-12, 1.0), int((probability > 0).any(axis=0).sum())
    return np.clip(-(p * np.log(p)).sum(axis=1) / np.log(max(said, 2)), 0.0, 1.0).astype(np.float32)


def interval_uncertainty(trust: dict[str, Any], count: int) -> NDArray[np.float32]:
    """Of a target without classes: the mean half-width of the intervals of valence and arousal, 0 certain .. 1 no idea; (segment,).

    1 where there are no intervals, because nothing is known of how sure such an answer is.
    """
    spans = [trust[f"{axis}_range"] for axis in AXES]
    if any(span is None for span in spans):
        return np.ones(count, np.float32)
    return np.clip(np.mean([np.diff(span, axis=1)[:, 0] / 2 for span in spans], axis=0), 0, 1).astype(np.float32)


def status_of(segments: Segments, *, personalised: bool) -> tuple[Status, ...]:
    """One status per segment; the first that holds of: not personalised, poor signals, warming up, a sensor missing, ok."""
    if not personalised:
        return (Status.NOT_PERSONALISED,) * len(segments)
    present = segments.present
    mean = np.where(present, segments.quality, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    ladder = [
        (Status.LOW_QUALITY, (mean < POOR) & present.any(axis=1)),
        (Status.WARMING_UP, warming_up(segments)),
        (Status.MODALITY_MISSING, ~present.all(axis=1)),
    ]
    return tuple(next((status for status, holds in ladder if holds[i]), Status.OK) for i in range(len(segments)))


def warming_up(segments: Segments) -> NDArray[np.bool_]:
    """True where the past that a present sensor's segment needs reaches back before the recording began."""
    past = np.array([0.0 if info.static else (info.samples - info.window) / info.rate for info in segments.infos])
    return np.any(segments.present & (segments.spans[:, :1] < past - 1e-6), axis=1)
