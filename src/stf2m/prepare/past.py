"""A person's own past as their baseline: how a segment differs from what was usual before it, without a single label."""

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments


def relative_to_past(values: NDArray[np.float32], segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.float32]:
    """`values` (row, descriptor), 0 = usual of the training people, minus n / (n + past) times their mean over the n segments of
    the same person that began earlier; NaN stays NaN and counts nowhere. Where the order of a person's recordings is unknown, of the
    same recording.

    `rows` are all segments of one person or several. `segments.past` is how many segments it takes until their mean is believed
    to be the person rather than chance. Segments of one person that begin together do not see each other.
    """
    out = np.array(values, dtype=np.float32)
    sitting, clock = (segments.subject, segments.session_time) if segments.has_session_clock else (segments.recording, segments.spans[:, 0])
    for one in np.unique(sitting[rows]):
        mine = np.flatnonzero(sitting[rows] == one)
        begins = clock[rows[mine]]
        order = np.argsort(begins, kind="stable")
        x = np.asarray(values[mine[order]], np.float64)
        known = np.isfinite(x)
        total, count = np.cumsum(np.where(known, x, 0.0), axis=0), np.cumsum(known, axis=0)
        before = np.searchsorted(begins[order], begins[order], side="left") - 1
        seen = (before >= 0)[:, None]
        earlier = np.where(seen, total[before], 0.0) / (np.where(seen, count[before], 0) + segments.past)
        out[mine[order]] = (x - earlier).astype(np.float32)
    return out
