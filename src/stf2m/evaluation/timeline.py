"""One person's answers over time, for every number of labels: what the report's slider moves through."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import CorruptStore
from stf2m.core.records import Segments
from stf2m.evaluation.predictor import Predictor, Reply
from stf2m.evaluation.protocols.split import Split

MOST_SIGNALS = 4


@dataclass(frozen=True)
class Answers:
    """What is said with `labels` labels of the person; every list has one entry per segment of the timeline."""

    label: str
    """of the slider's stop, for example "5" """
    labels: int
    """labelled segments in total"""
    support: list[int]
    """positions of the labelled segments"""
    probability: list[list[float]]
    """per segment, one number per emotion"""
    uncertainty: list[float]
    """normalised entropy 0..1"""
    valence: list[float] | None = None
    arousal: list[float] | None = None
    rule: list[int] | None = None
    """the strongest rule, an index into `Timeline.rules`"""
    firing: list[float] | None = None
    """how strongly it fires, 0..1"""
    words: list[str] | None = None
    """the rules as they read for this person with these labels, where that differs from `Timeline.rules`"""


@dataclass(frozen=True)
class Signal:
    """A named descriptor over the segments; None = not measured."""

    name: str
    unit: str
    values: list[float | None]


@dataclass(frozen=True)
class Timeline:
    """Segments of one person in session order; times in s since each recording began."""

    person: str
    target: str
    setting: str
    """protocol or file, for the heading"""
    emotions: list[str]
    recordings: list[str]
    recording: list[int]
    start: list[float]
    end: list[float]
    truth: list[int | None]
    valence: list[float | None]
    arousal: list[float | None]
    quality: list[float]
    """0..1, mean over the sensors present; 0 = nothing usable"""
    answers: list[Answers]
    signals: list[Signal]
    rules: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Timeline":
        """The inverse of `to_json`; raises `CorruptStore`."""
        try:
            made = {**values, "answers": [Answers(**a) for a in values["answers"]], "signals": [Signal(**s) for s in values["signals"]]}
            return Timeline(**made)
        except (KeyError, TypeError) as problem:
            raise CorruptStore(f"not a timeline ({problem})", hint="run the study again") from None


def timeline_of(
    segments: Segments, target: str, predictor: Predictor, splits: Sequence[Split], *, setting: str, rules: Sequence[str] = ()
) -> Timeline:
    """All segments of the splits' person, answered once per split (one split per number of labels); `setting` is its heading."""
    person = splits[0].subject
    rows = np.flatnonzero(segments.subject == person)
    rows = rows[np.lexsort((segments.spans[rows, 0], segments.recording[rows], segments.session_time[rows]))]
    order, place = np.unique(segments.recording[rows], return_index=True)
    names = [int(r) for r in order[np.argsort(place)]]
    present = segments.present[rows]
    quality = (segments.quality[rows] * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    labels = segments.targets[target][rows]
    return Timeline(
        person=segments.subjects[person], target=target, setting=setting, emotions=list(segments.emotions[target]),
        recordings=[segments.recordings[r] for r in names], recording=[names.index(int(r)) for r in segments.recording[rows]],
        start=_round(segments.spans[rows, 0]), end=_round(segments.spans[rows, 1]),
        truth=[int(c) if c >= 0 else None for c in labels],
        valence=_maybe(segments.rating[rows, 0]), arousal=_maybe(segments.rating[rows, 1]),
        quality=_round(quality), answers=[_answers(segments, target, predictor, split, rows) for split in splits],
        signals=chosen_signals(segments, rows), rules=list(rules),
    )  # fmt: skip


def _answers(segments: Segments, target: str, predictor: Predictor, split: Split, rows: NDArray[np.integer]) -> Answers:
    """Labelled segments show their own label; all others are answered."""
    asked = np.setdiff1d(rows, split.support)
    reply = predictor.reply(segments, split.support, asked, target=target)
    classes = reply.probability.shape[1]
    said = np.zeros((len(segments), classes), np.float32)
    said[asked] = reply.probability
    known = segments.targets[target][split.support]
    said[split.support, known] = 1.0
    labelled = np.isin(rows, split.support)
    return Answers(
        label=str(split.shots), labels=len(split.support), support=[int(i) for i in np.flatnonzero(labelled)],
        probability=[_round(p) for p in said[rows]], uncertainty=_round(entropy(said[rows])),
        valence=_spread(reply, asked, rows, segments.rating, 0), arousal=_spread(reply, asked, rows, segments.rating, 1),
        **_rules(reply, asked, rows), words=_words(predictor, segments, split),
    )  # fmt: skip


def entropy(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Normalised entropy of each row, 0 = sure, 1 = anything."""
    p = np.clip(probability.astype(np.float64), 1e-12, 1)
    return -(p * np.log(p)).sum(axis=1) / np.log(max(p.shape[1], 2))


def _spread(
    reply: Reply, asked: NDArray[np.integer], rows: NDArray[np.integer], given: NDArray[np.floating], axis: int
) -> list[float] | None:
    if reply.rating is None or not np.isfinite(given[rows, axis]).any():
        return None
    values = np.nan_to_num(given[:, axis]).astype(np.float64)
    values[asked] = reply.rating[:, axis]
    return _round(values[rows])


def _words(predictor: Predictor, segments: Segments, split: Split) -> list[str] | None:
    """The rules under this split's adaptation, of a predictor that has rules."""
    said = getattr(predictor, "words", None)
    return list(said(segments, split.support)) if said and len(split.support) else None


def _rules(reply: Reply, asked: NDArray[np.integer], rows: NDArray[np.integer]) -> dict[str, Any]:
    if reply.firing is None or reply.firing.shape[1] == 0:
        return {}
    at = np.clip(np.searchsorted(asked, rows), 0, len(asked) - 1)
    there = asked[at] == rows
    best = reply.firing.argmax(axis=1)
    return {
        "rule": [int(best[i]) if ok else -1 for i, ok in zip(at, there, strict=True)],
        "firing": [round(float(reply.firing[i, best[i]]), 3) if ok else 0.0 for i, ok in zip(at, there, strict=True)],
    }


def chosen_signals(segments: Segments, rows: NDArray[np.integer]) -> list[Signal]:
    """The readable descriptor of each modality that is measured most often, at most `MOST_SIGNALS`."""
    found: dict[str, tuple[float, int]] = {}
    for j, info in enumerate(segments.descriptor_infos):
        values = segments.descriptors[rows, j]
        known = float(np.isfinite(values).mean())
        if info.readable and known > 0.3 and np.nanstd(values) > 0 and known > found.get(info.modality, (0.0, 0))[0] + 0.05:
            found[info.modality] = (known, j)
    picked = sorted(found.values(), key=lambda pair: -pair[0])[:MOST_SIGNALS]
    infos = segments.descriptor_infos
    return [
        Signal(infos[j].name, infos[j].unit, _maybe(segments.descriptors[rows, j])) for _, j in sorted(picked, key=lambda pair: pair[1])
    ]


def _round(values: NDArray[np.floating]) -> list[float]:
    return [round(float(v), 3) for v in values]


def _maybe(values: NDArray[np.floating]) -> list[float | None]:
    return [float(f"{float(v):.4g}") if np.isfinite(v) else None for v in values]
