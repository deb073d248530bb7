"""What training may see: the segments with forbidden labels hidden, and who trains, validates and is tested on them."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.protocols.folds import Fold
from stf2m.evaluation.protocols.split import Rows


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
    return replace(
        segments, targets=targets, rating=np.where(column, np.float32(np.nan), segments.rating), present=segments.present & ~column,
        quality=np.where(column, np.float32(0), segments.quality), descriptors=np.where(column, np.float32(np.nan), segments.descriptors),
    )  # fmt: skip
