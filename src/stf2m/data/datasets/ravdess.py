"""RAVDESS: acted emotional speech; tidy FLAC and tables, or the publisher's actor folders with OpenFace tables."""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stf2m.core.emotions import RAVDESS_EMOTIONS
from stf2m.core.errors import UnknownName
from stf2m.core.records import Annotation, Recording, Stream
from stf2m.data.datasets._layouts import card_of, mapping_of, nothing, tidy
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.readers.audio import load_audio
from stf2m.data.readers.openface import read_openface
from stf2m.data.streams import make_stream, regular

NAME = "ravdess"
SPEECH = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
"""audio-only speech: emotion, intensity, sentence, repetition, actor"""


class Take(NamedTuple):
    """What a file name says."""

    emotion: str
    intensity: str
    sentence: int
    repetition: int
    actor: int


def take_of(stem: str) -> Take | None:
    """The take that `03-01-EE-II-SS-RR-AA` names; None for song, for video and for other files."""
    if not (match := SPEECH.fullmatch(stem)):
        return None
    emotion, intensity, sentence, repetition, actor = (int(part) for part in match.groups())
    return Take(RAVDESS_EMOTIONS[emotion - 1], ("normal", "strong")[intensity - 1], sentence, repetition, actor)


class RavdessFolders:
    """The publisher's layout: `Actor_07/03-01-...-07.wav`; sound is brought to 16 kHz mono take by take.

    Frame-wise OpenFace tables (`01-01-...-07.csv`, anywhere below the root) become the streams `face` and `head`.
    Videos (`.mp4`) are named in the provenance and not read.
    """

    def __init__(self, root: Path):
        self.root = root

    @property
    def card(self) -> DatasetCard:
        return card_of(NAME)

    @cached_property
    def _people(self) -> dict[str, list[Path]]:
        """Person -> takes by name, without the one that was published twice."""
        twice = {Path(name).stem for name in mapping_of(NAME).index.drop}
        found: dict[str, list[Path]] = {}
        for path in sorted(self.root.glob("Actor_*/03-01-*.wav")):
            take = take_of(path.stem)
            if take and path.stem not in twice:
                found.setdefault(f"A{take.actor:02d}", []).append(path)
        return found

    @cached_property
    def _faces(self) -> dict[str, Path]:
        """Take name without modality -> its OpenFace table; audio-video (01) before video-only (02)."""
        tables = sorted(self.root.rglob("0[12]-01-*.csv"), key=lambda p: p.name, reverse=True)
        return {path.stem[6:]: path for path in tables}

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted(self._people))

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's takes by name; raises `UnknownName`."""
        if subject not in self._people:
            raise UnknownName(f"no person {subject!r} in {NAME}", hint=f"people: {', '.join(self.subjects())}")
        for path in self._people[subject]:
            yield self._recording(path, subject)

    def _recording(self, path: Path, subject: str) -> Recording:
        take = take_of(path.stem)
        assert take is not None
        wave, rate, heard = load_audio(path)
        voice = make_stream("voice", wave[None], regular(len(wave), rate), unit="level", rate=rate, where=path, declared=False)
        streams: dict[str, Stream] = {"voice": voice.stream}
        notes = [
            "the order of the takes in the session is unknown: order and session_offset are 0",
            f"emotion {take.emotion}, intensity {take.intensity}, sentence {take.sentence}, repetition {take.repetition}",
            *(f"voice: {note}" for note in (*heard, *voice.notes)),
        ]
        notes += [
            f"{left[:-5]} is the same recording and was left out"
            for left, kept in mapping_of(NAME).index.drop.items()
            if kept[:-5] == path.stem
        ]
        if table := self._faces.get(path.stem[6:]):
            seen, words = read_openface(table)
            streams |= seen
            notes += [f"face and head: read from {table.name}, taken to begin with the sound", *words]
        if (video := path.with_name(f"01{path.stem[2:]}.mp4")).is_file():
            notes.append(f"{video.name} lies beside the sound and is not read")
        end = len(wave) / rate
        return Recording(
            id=path.stem, dataset=NAME, subject=subject, session="1", streams=streams,
            annotations=(Annotation(0.0, float(np.float64(end)), emotion=take.emotion, source="stimulus"),),
            stimulus=f"sentence {take.sentence}", consent=self.card.consent, provenance=tuple(notes),
        )  # fmt: skip


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`, either layout; raises `NothingToRead` when none lies there."""
    if (root / "labels.csv").is_file() and (root / "flac").is_dir():
        return tidy(NAME, root)
    if next(root.glob("Actor_*/03-01-*.wav"), None):
        return RavdessFolders(root)
    raise nothing(NAME, root, ("labels.csv and flac (tidy)", "Actor_01/03-01-...wav (the publisher's folders)"))
