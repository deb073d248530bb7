"""What training may see, and what a question shows: segments in which rows, or sensors of rows, are hidden."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.split import Rows, Split
from stf2m.prepare.memory import recall


class World(NamedTuple):
    """Fit, tuning, calibration and floors read these segments; only the answers to test people read the whole ones.

    Rows keep their numbers, so that a split of one can be asked of the other. `turn` counts the trainings of one fold.
    """

    segments: Segments
    fold: Fold
    turn: int = 0


def hide(segments: Segments, rows: Rows) -> Segments:
    """The same segments with nothing known of `rows`: no label (-1), no rating, no signal, no descriptor."""
    if not len(rows):
        return segments
    gone = np.zeros(len(segments), dtype=bool)
    gone[rows] = True
    column = gone[:, None]
    targets = {name: np.where(gone, -1, values).astype(np.int16) for name, values in segments.targets.items()}
    votes = {name: np.where(column, np.float32(0), shares) for name, shares in segments.votes.items()}
    hidden = replace(
        segments, targets=targets, votes=votes, rating=np.where(column, np.float32(np.nan), segments.rating), present=segments.present & ~column,
        quality=np.where(column, np.float32(0), segments.quality), descriptors=np.where(column, np.float32(np.nan), segments.descriptors),
    )  # fmt: skip
    return recall(hidden)  # what was seen there is not remembered elsewhere either


def conceal(segments: Segments, split: Split) -> Segments:
    """The segments as this question shows them: what the split has `lost` reads as never recorded."""
    if split.lost is None:
        return segments
    lost = split.lost
    owner = np.array([segments.modalities.index(info.modality) for info in segments.descriptor_infos], dtype=np.int64)
    shown = replace(
        segments, present=segments.present & ~lost, quality=np.where(lost, np.float32(0), segments.quality),
        descriptors=np.where(lost[:, owner], np.float32(np.nan), segments.descriptors),
    )  # fmt: skip
    return recall(shown, split.subject)  # what was lost is not remembered
