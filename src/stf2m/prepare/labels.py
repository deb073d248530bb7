"""Ratings and annotations -> one rating and one class per span, by overlap and in closed form.

A rating sample holds until the next (at most two median steps); the rating of a span is the mean of what holds in it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.emotions import TARGETS, classes_of, groups_of
from stf2m.core.records import Annotation, Rating
from stf2m.core.registry import look_up


def mean_rating(ratings: Sequence[Rating], spans: NDArray[np.float64], least: float) -> NDArray[np.float32]:
    """Mean valence and arousal over each span (segment, 2) s, then over annotators; -> (segment, 2), NaN = none.

    A rating counts where it covers at least the share `least` of the span.
    """
    total, count = np.zeros((len(spans), 2)), np.zeros((len(spans), 2))
    for rating in ratings:
        for axis in range(2):
            value, cover = _step_mean(rating.times, rating.values[axis].astype(np.float64), spans)
            usable = cover >= least * np.maximum(spans[:, 1] - spans[:, 0], 1e-9) - 1e-6
            total[:, axis] += np.where(usable & (cover > 0), value, 0.0)
            count[:, axis] += usable & (cover > 0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).clip(-1.0, 1.0).astype(np.float32)


def _step_mean(times: NDArray[np.float64], values: NDArray[np.float64], spans: NDArray[np.float64]):
    """Mean of a step-held curve over spans, and the seconds of each span where it is known."""
    if not len(times):
        return np.zeros(len(spans)), np.zeros(len(spans))
    step = np.diff(times)
    longest = 2.0 * float(np.median(step)) if len(step) else 1.0
    held = np.minimum(np.append(step, longest / 2.0), longest)
    known = np.isfinite(values)
    ends = np.stack([times, times + held], axis=1).ravel()
    flat = np.zeros(len(times))
    area = np.cumsum(np.stack([flat, np.where(known, values, 0.0) * held], axis=1).ravel())
    cover = np.cumsum(np.stack([flat, known * held], axis=1).ravel())
    inside = np.interp(spans[:, 1], ends, area) - np.interp(spans[:, 0], ends, area)
    seconds = np.interp(spans[:, 1], ends, cover) - np.interp(spans[:, 0], ends, cover)
    return inside / np.maximum(seconds, 1e-9), seconds


def overlap(
    spans: NDArray[np.float64], onset: NDArray[np.float64], offset: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted seconds for which intervals (annotation,) overlap each span: sum_k w_k |span n [on_k, off_k]|, (segment,)."""
    if not len(onset):
        return np.zeros(len(spans))
    elapsed = lambda t: _ramps(t, onset, weight) - _ramps(t, offset, weight)  # noqa: E731
    return np.maximum(elapsed(spans[:, 1]) - elapsed(spans[:, 0]), 0.0)


def _ramps(t: NDArray[np.float64], begin: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """sum_k w_k max(0, t - begin_k)."""
    order = np.argsort(begin, kind="stable")
    begin, weight = begin[order], weight[order]
    count = np.searchsorted(begin, t, side="right")
    w = np.concatenate([[0.0], np.cumsum(weight)])
    wb = np.concatenate([[0.0], np.cumsum(weight * begin)])
    return t * w[count] - wb[count]


def annotated_rating(annotations: Sequence[Annotation], spans: NDArray[np.float64], least: float) -> NDArray[np.float32]:
    """Overlap-weighted mean valence and arousal of annotations per span; -> (segment, 2), NaN = none."""
    columns = []
    for axis in ("valence", "arousal"):
        chosen = [a for a in annotations if getattr(a, axis) is not None]
        onset, offset = _edges(chosen)
        value = np.array([getattr(a, axis) for a in chosen], dtype=np.float64)
        seconds = overlap(spans, onset, offset, np.ones(len(chosen)))
        area = overlap(spans, onset, offset, value + 1.0) - seconds
        usable = (seconds > 0) & (seconds >= least * (spans[:, 1] - spans[:, 0]) - 1e-6)
        columns.append(np.where(usable, np.clip(area / np.maximum(seconds, 1e-9), -1.0, 1.0), np.nan))
    return np.stack(columns, axis=1).astype(np.float32)


def _edges(annotations: Sequence[Annotation]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = np.array([(a.onset, a.offset) for a in annotations], dtype=np.float64).reshape(-1, 2)
    return edges[:, 0], edges[:, 1]


def majority_emotion(
    annotations: Sequence[Annotation], spans: NDArray[np.float64], emotions: tuple[str, ...], least: float
) -> NDArray[np.int16]:
    """The emotion that overlaps each span longest, confidence-weighted; -1 where annotations cover less than `least` of it.

    A tie goes to the emotion that stands first in `emotions`; emotions outside the vocabulary leave a span unlabelled.
    """
    if not emotions:
        return np.full(len(spans), -1, dtype=np.int16)
    score, seconds = _overlaps(annotations, spans, emotions)
    enough = (score.max(axis=1) > 0) & (seconds >= least * (spans[:, 1] - spans[:, 0]) - 1e-6)
    # Round-off must not break ties: a microsecond is nobody's majority.
    return np.where(enough, np.round(score, 6).argmax(axis=1), -1).astype(np.int16)


def _overlaps(annotations: Sequence[Annotation], spans: NDArray[np.float64], emotions: tuple[str, ...]):
    """Confidence-weighted seconds of each emotion (segment, emotion), and seconds that carry any of them (segment,)."""
    score, seconds = np.zeros((len(spans), len(emotions))), np.zeros(len(spans))
    for index, emotion in enumerate(emotions):
        chosen = [a for a in annotations if a.emotion == emotion]
        onset, offset = _edges(chosen)
        score[:, index] = overlap(spans, onset, offset, np.array([a.confidence for a in chosen], dtype=np.float64))
        seconds += overlap(spans, onset, offset, np.ones(len(chosen)))
    return score, seconds


def named_votes(annotations: Sequence[Annotation], spans: NDArray[np.float64], emotions: tuple[str, ...]) -> NDArray[np.float32] | None:
    """Share of each emotion in what the annotators said of each span, weighted by confidence and overlap; (segment, emotion).

    None with fewer than two annotators (`source`); rows of 0 where nobody said anything.
    """
    if len({a.source for a in annotations if a.emotion in emotions}) < 2:
        return None
    score = _overlaps(annotations, spans, emotions)[0]
    return (score / np.maximum(score.sum(axis=1, keepdims=True), 1e-12)).astype(np.float32)


def rated_votes(ratings: Sequence[Rating], spans: NDArray[np.float64], least: float, name: str) -> NDArray[np.float32] | None:
    """Share of the annotators whose own mean rating falls into each class of a target; (segment, class), None with fewer than two."""
    if len(ratings) < 2:
        return None
    target = look_up(TARGETS, name, family="targets")
    classes = np.stack([classes_of(target, mean_rating([rating], spans, least)) for rating in ratings])
    count = (classes[:, :, None] == np.arange(len(target.emotions))).sum(axis=0)
    return (count / np.maximum(count.sum(axis=1, keepdims=True), 1)).astype(np.float32)


def derive_target(
    name: str, rating: NDArray[np.float32], emotion: NDArray[np.int16], vocabulary: tuple[str, ...]
) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Classes (segment,) and class names of a target, from ratings or from named emotions; raises `UnknownName`.

    `emotion` (segment,) indexes `vocabulary`, -1 = none.
    """
    if name == "emotion":
        return emotion, vocabulary
    target = look_up(TARGETS, name, family="targets")
    if not target.named:
        return classes_of(target, rating), target.emotions
    return np.append(groups_of(target, vocabulary), np.int16(-1))[emotion], target.emotions


def votes_named(name: str, shares: NDArray[np.float32] | None, vocabulary: tuple[str, ...]) -> NDArray[np.float32] | None:
    """Votes for named emotions (segment, emotion) as votes for the classes of the target "emotion", or of one that groups them."""
    if shares is None or name == "emotion":
        return shares
    group, count = groups_of(TARGETS[name], vocabulary), len(TARGETS[name].emotions)
    found = shares @ (group[:, None] == np.arange(count)).astype(np.float32)
    return found / np.maximum(found.sum(axis=1, keepdims=True), np.float32(1e-12))
