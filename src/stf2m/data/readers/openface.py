"""Frame-wise OpenFace 2 tables -> the streams `face` (action units) and `head` (rotation)."""

from pathlib import Path

import numpy as np

from stf2m.core.records import Stream
from stf2m.data.readers._rate import guess_rate
from stf2m.data.readers._text import header_of, parse, read_text
from stf2m.data.streams import make_stream

INTENSITIES = tuple(f"AU{n:02d}_r" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
"""0..5"""
PRESENCES = tuple(f"AU{n:02d}_c" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45))
"""0 or 1"""
ROTATIONS = {"pitch": "pose_Rx", "yaw": "pose_Ry"}
"""rad, in the camera's frame"""
LEAST_CONFIDENCE = 0.5
"""below it the tracker has lost the face and its numbers are missing"""


def read_openface(path: Path) -> tuple[dict[str, Stream], tuple[str, ...]]:
    """Streams `face` (35 action units) and, where the table has it, `head`; and notes.

    Frames whose confidence is below 0.5 are missing; the confidence is the streams' quality. Gaze angles are not read,
    because the modality `gaze` holds fixations. Raises `UnknownColumn` and the errors of `parse` and `make_stream`.
    """
    text = read_text(path)
    names, delimiter = header_of(text.data, path)
    pose = tuple(ROTATIONS.values()) if all(name in names for name in ROTATIONS.values()) else ()
    units = INTENSITIES + PRESENCES
    table = parse(text.data, path, names, skip=1, delimiter=delimiter, only=("timestamp", "confidence", *pose, *units))
    data = {name: table.column(name).to_numpy() for name in table.column_names}
    times, confidence = data["timestamp"], np.nan_to_num(data["confidence"]).astype(np.float32)
    lost = confidence < LEAST_CONFIDENCE
    guess = guess_rate(times)
    streams, notes = {}, list(text.notes)
    for name, unit, channels, columns in (("face", "au", units, units), ("head", "rad", tuple(ROTATIONS), pose)):
        if not columns:
            continue
        samples = np.stack([data[c] for c in columns]).astype(np.float32)
        samples[:, lost] = np.nan
        quality = np.broadcast_to(confidence.clip(0, 1), samples.shape).copy()
        made = make_stream(
            name, samples, times, unit=unit, rate=guess.rate, channels=channels, where=path, quality=quality, estimated=guess.rate > 0
        )
        streams[name] = made.stream
        notes += made.notes
    if lost.any():
        notes.append(f"face and head: {int(lost.sum())} of {len(lost)} frames are missing, the tracker had lost the face")
    if any(name.startswith("gaze_") for name in names):
        notes.append("gaze angles are in the table and were not read")
    return streams, tuple(notes)
