"""Small invented recordings of a wrist band, and random ways to cut a stream into chunks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from stf2m.core.records import Annotation, Rating, Recording, Stream

UNITS = {
    "eda": "uS",
    "bvp": "au",
    "hr": "bpm",
    "ibi": "s",
    "temp": "degC",
    "acc": "g",
    "pupil": "mm",
    "gaze": "deg",
    "head": "deg",
    "face": "au",
    "voice": "level",
}
RATES = {
    "eda": 4.0,
    "bvp": 64.0,
    "hr": 1.0,
    "ibi": 0.0,
    "temp": 4.0,
    "acc": 32.0,
    "pupil": 30.0,
    "gaze": 0.0,
    "head": 5.0,
    "face": 30.0,
    "voice": 16000.0,
}


def wave(modality: str, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plausible samples (channel, time) of a wrist modality at times t."""
    drift = lambda size: np.cumsum(rng.normal(0, size, len(t)))  # noqa: E731
    match modality:
        case "eda":
            return (3 + 0.5 * np.sin(t / 20) + 0.3 * np.maximum(np.sin(t / 4), 0) ** 4 + rng.normal(0, 0.002, len(t)))[None]
        case "bvp":
            phase = 2 * np.pi * (1.2 * t + 0.3 * np.sin(t / 7))
            return (50 * np.sin(phase) + 20 * np.sin(2 * phase + 1) + rng.normal(0, 1, len(t)))[None]
        case "hr":
            return (70 + 6 * np.sin(t / 15) + drift(0.05))[None]
        case "ibi":
            return (0.8 + 0.05 * np.sin(t / 5) + rng.normal(0, 0.02, len(t)))[None]
        case "temp":
            return (33 + 0.2 * np.sin(t / 60) + rng.normal(0, 0.01, len(t)))[None]
        case "acc":
            return np.array([[0.1], [0.2], [0.95]]) + rng.normal(0, 0.05, (3, len(t)))
        case "pupil":
            return (4 + 0.3 * np.sin(t / 3) + rng.normal(0, 0.02, len(t)))[None]
        case "head" | "gaze":
            return np.stack([10 * np.sin(t / 5), 40 * np.sin(t / 7)]) + rng.normal(0, 0.5, (2, len(t)))
        case "face":
            return np.clip(1 + np.sin(t / np.arange(1, 36)[:, None]) + rng.normal(0, 0.1, (35, len(t))), 0, 5)
        case "voice":
            return (0.2 * np.sin(2 * np.pi * 150 * t) * (np.sin(t) > 0) + rng.normal(0, 0.01, len(t)))[None]
    raise KeyError(modality)


ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
CHANNELS = {
    "acc": ("x", "y", "z"), "head": ("pitch", "yaw"), "gaze": ("pitch", "yaw"),
    "face": (*(f"AU{n:02d}_r" for n in ACTION_UNITS), *(f"AU{n:02d}_c" for n in ACTION_UNITS), "AU28_c"),
}  # fmt: skip


def times_of(modality: str, seconds: float, rng: np.random.Generator, rate: float | None = None) -> np.ndarray:
    rate = RATES[modality] if rate is None else rate
    if modality == "voice":
        seconds = min(seconds, 8.0)
    if rate:
        return np.arange(int(seconds * rate)) / rate
    t = np.cumsum(rng.normal(0.8, 0.05, int(seconds * 2)))
    return t[t < seconds]


def stream(modality: str, seconds: float, rng: np.random.Generator) -> Stream:
    t = times_of(modality, seconds, rng)
    samples = wave(modality, t, rng).astype(np.float32)
    return Stream(modality, samples, t, RATES[modality], CHANNELS.get(modality, (modality,)), (UNITS[modality],) * len(samples))


def recording(
    subject: str, number: int, seconds: float = 40.0, modalities: tuple[str, ...] = ("eda", "bvp", "acc"), seed: int = 0
) -> Recording:
    rng = np.random.default_rng([seed, number, sum(subject.encode())])
    t = np.arange(0, seconds, 0.1)
    curve = np.stack([np.sin(t / 6 + number), np.cos(t / 9)]).astype(np.float32) * 0.8
    half = seconds / 2
    return Recording(
        f"{subject}-{number}", "invented", subject, "one", {m: stream(m, seconds, rng) for m in modalities},
        ratings=(Rating("self", curve, t, (1.0, 9.0)),),
        annotations=(Annotation(0.0, half, "calm-rest"), Annotation(half, seconds, "stress")),
        stimulus=f"clip {number}", order=number, consent="research", session_offset=100.0 * number,
    )  # fmt: skip


@dataclass(frozen=True)
class InventedCard:
    name: str = "invented"
    emotions: tuple[str, ...] = ("calm-rest", "stress")


@dataclass
class InventedPeople:
    """A data set in memory; `fail_at` (subject) raises in the middle of that person's recordings."""

    names: tuple[str, ...] = ("anna", "bo", "cy")
    fail_at: str = ""
    seconds: float = 40.0
    modalities: tuple[str, ...] = ("eda", "bvp", "acc")
    asked: tuple[str, ...] = ()

    @property
    def card(self) -> InventedCard:
        return InventedCard()

    def subjects(self) -> tuple[str, ...]:
        return self.names

    def recordings(self, subject: str) -> Iterator[Recording]:
        self.asked += (subject,)
        for number in range(2):
            if number and subject == self.fail_at:
                raise KeyboardInterrupt
            yield recording(subject, number, self.seconds, self.modalities)


@pytest.fixture
def invent() -> Callable[..., Recording]:
    return recording


@pytest.fixture
def invent_people() -> type[InventedPeople]:
    return InventedPeople


@pytest.fixture
def invent_stream() -> Callable[..., Stream]:
    return stream
