"""A data set in a few rows: people, hours, sensors with their rates, labels, licence."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from stf2m.core.records import Recording, Stream
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.store import RecordingStore


@dataclass
class Tally:
    """Running counts over the recordings of a data set."""

    people: int = 0
    recordings: int = 0
    seconds: float = 0.0
    rates: dict[str, Counter[str]] = field(default_factory=dict)
    """modality -> sample rate in words -> recordings"""
    scales: set[tuple[float, float]] = field(default_factory=set)
    """lowest and highest value of the sources of ratings"""
    rated: int = 0
    rated_seconds: float = 0.0
    high: np.ndarray = field(default_factory=lambda: np.zeros(2))
    """rated seconds with valence, arousal at or above neutral"""
    emotions: Counter[str] = field(default_factory=Counter)

    def add(self, recording: Recording) -> None:
        """Count one recording; reads ratings and labels, never the samples."""
        self.recordings += 1
        self.seconds += recording.length
        self.scales.update(rating.source_scale for rating in recording.ratings)
        for modality, rate in {s.modality: _rate(s) for s in recording.streams.values()}.items():
            self.rates.setdefault(modality, Counter())[rate] += 1
        self.emotions.update(a.emotion for a in recording.annotations if a.emotion)
        self.rated += bool(recording.ratings) or any(a.valence is not None for a in recording.annotations)
        for rating in recording.ratings[:1]:
            known = np.isfinite(rating.values).all(axis=0)
            step = float(np.median(np.diff(rating.times))) if len(rating.times) > 1 else 0.0
            self.rated_seconds += step * int(known.sum())
            self.high += step * (rating.values[:, known] >= 0).sum(axis=1)


def describe_dataset(dataset: Dataset) -> list[tuple[str, str]]:
    """(what, value) rows: title, people, recordings, minutes, sensors with rates, labels and their scale, licence, citation, notes.

    Reads every recording once, one at a time.
    """
    card, tally = dataset.card, Tally(people=len(dataset.subjects()))
    for subject in dataset.subjects():
        for recording in dataset.recordings(subject):
            tally.add(recording)
    rows = [
        ("data set", f"{card.name}: {card.title}"),
        ("people", str(tally.people)),
        (
            "recordings",
            f"{tally.recordings} ({tally.seconds / 60:.1f} min, {tally.seconds / max(tally.recordings, 1):.0f} s each on average)",
        ),
        *((f"sensor {modality}", _rates(counts, tally.recordings)) for modality, counts in sorted(tally.rates.items())),
        *(("warning", text) for text in [*missing_sensors(card, tally.rates), *other_scales(card, tally.scales), *old_rates(dataset)]),
        *([("labels", card.labels)] if card.labels else []),
        *([("rating scale", _scale(card.rating_scale))] if card.rating_scale else []),
        *_label_rows(tally),
        ("licence", card.licence),
        ("permitted use", card.consent),
        ("cite", card.citation),
    ]
    return rows + [("note", note) for note in card.notes]


def missing_sensors(card: DatasetCard, seen: Collection[str]) -> list[str]:
    """One sentence where the card names sensors that no recording has; `seen` are the modalities of the recordings."""
    absent = [name for name in card.modalities if name not in seen]
    text = "named on the card and in no recording: check the streams and their files, or correct modalities under [card]"
    return [f"{', '.join(absent)}: {text}"] if absent else []


def other_scales(card: DatasetCard, seen: Collection[tuple[float, float]]) -> list[str]:
    """One sentence where ratings have another scale than the card says; `seen` are the scales of the recordings' ratings."""
    others = [_scale(scale) for scale in sorted(seen) if card.rating_scale and scale != card.rating_scale]
    if not others or not card.rating_scale:
        return []
    text = f"the card says {_scale(card.rating_scale)}: correct rating_scale under [card] or the scale of the ratings"
    return [f"ratings of recordings go from {' and '.join(others)}, {text}"]


def old_rates(dataset: Dataset) -> list[str]:
    """One sentence where a store was written before rates were estimated, so that streams with a clock are read as events."""
    old = dataset.without_rates() if isinstance(dataset, RecordingStore) else ()
    text = "stored before rates were estimated, so read as events; import the data set again into a new folder"
    return [f"{', '.join(old)}: {text}"] if old else []


def _scale(scale: tuple[float, float]) -> str:
    return f"{scale[0]:g} to {scale[1]:g}"


def _rate(stream: Stream) -> str:
    """The rate in words; an estimated one to three digits, as it differs a little from recording to recording."""
    if not stream.sample_rate:
        return "events"
    return f"about {float(f'{stream.sample_rate:.3g}'):g} Hz, estimated" if stream.estimated else f"{stream.sample_rate:g} Hz"


def _rates(counts: Counter[str], recordings: int) -> str:
    words = [rate for rate, _ in counts.most_common(3)]
    return f"{' / '.join(words)}, in {counts.total()} of {recordings} recordings"


def _label_rows(tally: Tally) -> list[tuple[str, str]]:
    rows = []
    if tally.rated:
        rows.append(("rated recordings", str(tally.rated)))
    if tally.rated_seconds:
        high = tally.high / tally.rated_seconds
        rows.append(("rated time", f"{tally.rated_seconds / 60:.1f} min; neutral or above: valence {high[0]:.0%}, arousal {high[1]:.0%}"))
    if tally.emotions:
        rows.append(("labels per emotion", ", ".join(f"{name} {count}" for name, count in tally.emotions.most_common())))
    return rows
