"""One question put to a predictor: these rows of a person are labelled, answer those; and the checks that keep it honest."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import Leak
from stf2m.core.records import Segments

Rows = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Split:
    """Support and query rows of one person.

    `shots` is k as the protocol counts it, `draw` the number of the random draw. `missing` are classes without any
    support although k asks for some, `short` those with fewer than k; both are printed beside the score.
    """

    subject: int
    protocol: str
    shots: int
    draw: int
    support: Rows
    query: Rows
    missing: tuple[int, ...] = ()
    short: tuple[int, ...] = ()
    view: str = "all"
    """what is shown of the rows, in words for tables; "all" = everything"""
    lost: NDArray[np.bool_] | None = None
    """(segment, modality) of all segments, True = taken away for this question; None = nothing"""


def generator(seed: int, protocol: str, person: str, draw: int) -> np.random.Generator:
    """Random numbers of one draw; they do not depend on who else is in the data."""
    return np.random.default_rng([seed, crc32(protocol.encode()), crc32(person.encode()), draw])


def labelled_rows(segments: Segments, target: str, subject: int) -> Rows:
    """Rows of a person that carry a label of `target`, in session order."""
    rows = np.flatnonzero((segments.subject == subject) & (segments.targets[target] >= 0))
    return rows[np.lexsort((segments.spans[rows, 0], segments.recording[rows], segments.session_time[rows]))]


def per_class(rows: Rows, labels: NDArray[np.integer], shots: int) -> Rows:
    """The first `shots` rows of every class, in the order given; `labels` belongs to all segments."""
    taken = [rows[labels[rows] == c][:shots] for c in np.unique(labels[rows])]
    return np.sort(np.concatenate(taken)) if taken else rows[:0]


def gaps(segments: Segments, query: Rows, support: Rows) -> NDArray[np.float64]:
    """(query,) s between the edges of each query segment and its nearest support segment of the same recording.

    Infinite where the recording holds no support; negative where segments overlap.
    """
    apart = np.full((len(query), len(support)), np.inf)
    start, end = segments.spans[:, 0], segments.spans[:, 1]
    gap = np.maximum(start[query][:, None] - end[support][None], start[support][None] - end[query][:, None])
    same = segments.recording[query][:, None] == segments.recording[support][None]
    apart[same] = gap[same]
    return apart.min(axis=1, initial=np.inf)


def shortfall(labels: NDArray[np.integer], support: Rows, classes: Rows, shots: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(missing, short) among `classes` when `shots` per class were asked for."""
    if not shots:
        return (), ()
    found = {int(c): int((labels[support] == c).sum()) for c in classes}
    return tuple(c for c, n in found.items() if n == 0), tuple(c for c, n in found.items() if 0 < n < shots)


def check_split(split: Split, segments: Segments, *, guard: float = 0.0, new_recordings: bool = False) -> None:
    """Raise `Leak` when support and query share rows, people, recordings or stimuli that must differ, or lie too near."""
    where = f"{split.protocol}, {segments.subjects[split.subject]}, k={split.shots}"
    hint = "the split must be remade; nothing was scored"
    if np.intersect1d(split.support, split.query).size:
        raise Leak("support segments are counted in the score", where=where, hint=hint)
    rows = np.concatenate([split.support, split.query])
    if (segments.subject[rows] != split.subject).any():
        raise Leak("support or query holds another person's segments", where=where, hint=hint)
    if new_recordings:
        for name, key in (("recording", segments.recording), ("stimulus", segments.stimulus)):
            shared = np.intersect1d(key[split.support], key[split.query])
            if (shared >= 0).any():
                raise Leak(f"a {name} stands on both sides", where=where, hint=hint)
    elif len(split.support) and len(split.query):
        nearest = float(gaps(segments, split.query, split.support).min())
        if nearest < guard - 1e-6:
            raise Leak(
                "query segments lie too near to the support", where=where, expected=f"{guard:g} s", got=f"{nearest:.2f} s", hint=hint
            )
