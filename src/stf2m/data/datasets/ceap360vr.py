"""CEAP-360VR: 360-degree videos with continuous ratings; tidy tables or the publisher's JSON folders."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import NothingToRead, UnknownName, UnreadableFile
from stf2m.core.records import Rating, Recording, Stream
from stf2m.data.datasets._layouts import card_of, nothing, tidy
from stf2m.data.datasets.base import Dataset, DatasetCard
from stf2m.data.files import load_json
from stf2m.data.labels import make_rating
from stf2m.data.streams import Made, make_stream
from stf2m.data.templates import missing_column

NAME = "ceap360vr"
RATINGS = "3_AnnotationData/Transformed/{p}_Annotation_TransData.json"
HEAD = "4_BehaviorData/HM_ScanPath/{p}_Behavior_HeadScanPathData.json"
FIXATIONS = "4_BehaviorData/EM_Fixation/{p}_Behavior_FixationData.json"
FRAMES = "4_BehaviorData/Frame/{p}_Behavior_FrameData.json"
QUESTIONS = "2_QuestionnaireData/{p}_Questionnaire_Data.json"
VIDEOS = "1_Stimuli/VideoInfo.json"
HEAD_STEP = 0.2
"""s per value of the head's scan path, each the mean of that bin"""

Columns = dict[str, NDArray[np.float64]]


class Ceap360vrFolders:
    """The publisher's layout, one JSON per person and kind of data. Pupil needs `4_BehaviorData/Frame`; order and pauses
    of the videos need `2_QuestionnaireData`; without them recordings say what is missing."""

    def __init__(self, root: Path):
        self.root = root

    @property
    def card(self) -> DatasetCard:
        return card_of(NAME)

    @cached_property
    def _people(self) -> dict[str, str]:
        """P01 -> P1, as the publisher writes it."""
        stems = [p.name.split("_")[0] for p in (self.root / RATINGS).parent.glob("P*_Annotation_TransData.json")]
        return {f"P{int(stem[1:]):02d}": stem for stem in sorted(stems, key=lambda s: int(s[1:])) if stem[1:].isdigit()}

    @cached_property
    def _frame_rates(self) -> dict[str, float]:
        with laid_out(self.root / VIDEOS):
            return {str(row["VideoID"]): float(row["FrameRate"]) for row in load_json(self.root / VIDEOS)["VideoInfo"]}

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(self._people)

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's videos in the order in which they were watched; raises `UnknownName`."""
        if subject not in self._people:
            raise UnknownName(f"no person {subject!r} in {NAME}", hint=f"people: {', '.join(self._people)}")
        person = {kind: self._blocks(kind, self._people[subject]) for kind in (RATINGS, HEAD, FIXATIONS, FRAMES, QUESTIONS)}
        videos = sorted(person[RATINGS], key=lambda v: int(v[1:]))
        with laid_out(self.root / QUESTIONS.format(p=self._people[subject])):
            began = {v: _began(block) for v, block in person[QUESTIONS].items()}
        if all(v in began for v in videos):
            videos.sort(key=lambda v: began[v])
        else:
            began = {}
        for place, video in enumerate(videos):
            yield self._recording(
                subject, video, place, {k: v.get(video) for k, v in person.items()}, began, min(began.values(), default=0.0)
            )

    def _blocks(self, kind: str, person: str) -> dict[str, Any]:
        """VideoID -> that video's part of one file; empty when the file is not there."""
        path = self.root / kind.format(p=person)
        if not path.is_file():
            return {}
        with laid_out(path):
            whole = next(iter(load_json(path).values()))[0]
            blocks = next(value for key, value in whole.items() if key.startswith("Video_"))
            return {str(block["VideoID"]): block for block in blocks}

    def _recording(self, subject: str, video: str, place: int, parts: dict[str, Any], began: dict[str, float], first: float) -> Recording:
        where, fps = f"{NAME} {subject}-{video}", self._frame_rates.get(video)
        if fps is None:
            raise NothingToRead(f"no frame rate of {video}", where=self.root / VIDEOS)
        notes = [f"{video}: {fps:g} frames/s"]
        made = {
            "pupil": _pupil(parts[FRAMES], fps, where),
            "head": _head(parts[HEAD], where),
            "gaze": _gaze(parts[FIXATIONS], fps, where),
        }
        streams: dict[str, Stream] = {}
        for name, found in made.items():
            notes += found.notes if found else [f"{name}: not in the files of this recording"]
            if found:
                streams[name] = found.stream
        if began:
            notes.append("order and session_offset follow the start times of the videos")
        else:
            notes.append("no questionnaire: the order of viewing is unknown, order and session_offset count the videos by number")
        return Recording(
            id=f"{subject}-{video}", dataset=NAME, subject=subject, session="1", streams=streams, ratings=(_rating(parts[RATINGS], where),),
            stimulus=video, order=place, consent=self.card.consent, provenance=tuple(notes),
            started=datetime.fromtimestamp(began[video], UTC) if began else None,
            session_offset=began[video] - first if began else 60.0 * place,
        )  # fmt: skip


@contextmanager
def laid_out(where: object) -> Iterator[None]:
    """Turn what a JSON of another shape provokes into `UnreadableFile`."""
    try:
        yield
    except (AttributeError, LookupError, StopIteration, TypeError, ValueError) as problem:
        raise UnreadableFile("not laid out like CEAP-360VR", where=where, got=f"{type(problem).__name__} {problem}"[:80]) from None


def _columns(block: Any, names: tuple[str, ...], where: str) -> Columns:
    """The first list of records in a video's block, as columns."""
    with laid_out(where):
        rows = next((value for value in block.values() if isinstance(value, list)), [])
    if not rows:
        raise NothingToRead("a video without samples", where=where)
    for name in names:
        if name not in rows[0]:
            raise missing_column(name, rows[0], where)
    with laid_out(where):
        return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}


def _began(block: Any) -> float:
    """Unix s at which a video began."""
    return float(block["Start_End_TimeStamp"][0]["UnixTimeStamp"]) / 1000.0


def _rating(block: Any, where: str) -> Rating:
    data = _columns(block, ("TimeStamp", "Valence", "Arousal"), where)
    return make_rating("self", data["Valence"], data["Arousal"], data["TimeStamp"], scale=(1.0, 9.0), where=where)


def _pupil(block: Any, fps: float, where: str) -> Made | None:
    """The left eye's diameter, frame by frame (the right one hardly ever differs)."""
    if not block or not block.get("LPD"):
        return None
    with laid_out(where):
        values = np.array([row["PD"] for row in block["LPD"]], dtype=np.float32)
    return make_stream("pupil", values[None], np.arange(len(values)) / fps, unit="mm", rate=fps, where=where)


def _head(block: Any, where: str) -> Made | None:
    """Means of 200 ms; value n stands at n * 0.2 - 0.1 s and is known 0.1 s later."""
    if not block:
        return None
    data = _columns(block, ("ID", "Pitch", "Yaw"), where)
    times = (data["ID"] - 0.5) * HEAD_STEP
    made = make_stream(
        "head", np.stack([data["Pitch"], data["Yaw"]]), times, unit="deg", rate=1 / HEAD_STEP, channels=("pitch", "yaw"),
        where=where, available=times + HEAD_STEP / 2,
    )  # fmt: skip
    return made._replace(notes=(*made.notes, "head: means around their time, known 0.1 s after it"))


def _gaze(block: Any, fps: float, where: str) -> Made | None:
    """Fixations as events: they stand at their first frame and are known when the last one has passed."""
    if not block:
        return None
    data = _columns(block, ("StartFrame", "EndFrame", "Pitch", "Yaw"), where)
    made = make_stream(
        "gaze", np.stack([data["Pitch"], data["Yaw"]]), data["StartFrame"] / fps, unit="deg", channels=("pitch", "yaw"),
        where=where, available=(data["EndFrame"] + 1.0) / fps,
    )  # fmt: skip
    return made._replace(notes=(*made.notes, "gaze: events, known when they end"))


def open_folder(root: Path) -> Dataset:
    """The data set in the folder `root`, either layout; raises `NothingToRead` when none lies there."""
    if (root / "sam_video.parquet").is_file():
        return tidy(NAME, root)
    for folder in (root, root / "CEAP-360VR"):
        if (folder / VIDEOS).is_file() and (folder / RATINGS).parent.is_dir():
            return Ceap360vrFolders(folder)
    raise nothing(NAME, root, ("sam_video.parquet (tidy tables)", "1_Stimuli and 3_AnnotationData (the publisher's folders)"))
