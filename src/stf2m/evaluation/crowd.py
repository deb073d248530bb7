"""What other people said at the same moment, in named numbers: every person is told of the others, nobody of themselves."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo, Segments
from stf2m.evaluation.protocols.folds import Fold

Values = NDArray[np.float64]
NEAR = 1e-2
"""a person is heard where the kernel over their labels reaches this share of its peak, about three widths away"""


class Moments(NamedTuple):
    """When segments of different people are the same moment."""

    shared: NDArray[np.integer]
    """(segment,) what people shared (a stimulus, one plan of the session); -1 = nothing"""
    time: Values
    """(segment,) s within it"""


class Others(NamedTuple):
    """What the others of every person say, (person, cell, column); NaN where nobody was heard."""

    mean: Values
    spread: Values
    """standard deviation over people"""
    heard: Values
    """share of the others who say anything there, 0..1"""


def hearers(fold: Fold, people: int) -> NDArray[np.bool_]:
    """(person, person): whose labels a person's view is made of; never their own, never a test person's.

    A training person hears the other training people, so that training sees what a new person will see: strangers who
    answered. Everybody else hears training and validation people.
    """
    hears = np.zeros((people, people), dtype=bool)
    hears[:, [*fold.train, *fold.validation]] = True
    hears[np.ix_(fold.train, fold.validation)] = False
    np.fill_diagonal(hears, False)
    return hears


def others_of(
    segments: Segments, target: str, moments: Moments, hears: NDArray[np.bool_], widths: tuple[float, ...]
) -> Iterator[tuple[Values, Values, Values]]:
    """Per kernel width (s): mean and spread (segment, class + 2) over the others, and the share of them heard (segment,).

    Columns are one-hot classes of `target`, then valence and arousal. Every person first speaks with one voice, the
    kernel mean of their own labels; a long recording has no more say than a short one.
    """
    step = float(np.median(np.diff(segments.spans, axis=1))) / 2
    cell = np.rint((moments.time - moments.time.min(initial=0.0)) / step).astype(np.int64)
    voice = said(segments, target)
    for width in widths:
        found = [np.full(voice.shape, np.nan), np.full(voice.shape, np.nan), np.zeros(len(voice))]
        for what in np.unique(moments.shared[moments.shared >= 0]):
            rows = np.flatnonzero(moments.shared == what)
            own = voices(voice[rows], segments.subject[rows], cell[rows], len(hears), width / step)
            told = listen(own, hears)
            for out, values in zip(found, (told.mean, told.spread, told.heard[..., 0])):
                out[rows] = values[segments.subject[rows], cell[rows]]
        yield found[0], found[1], found[2]


def said(segments: Segments, target: str) -> Values:
    """(segment, class + 2): one-hot label, valence, arousal; NaN where the segment has no label, or no rating."""
    labels = segments.targets[target].astype(np.int64)
    one_hot = np.eye(len(segments.emotions[target]))[labels]
    both = np.concatenate([one_hot, segments.rating.astype(np.float64)], axis=1)
    return np.where((labels >= 0)[:, None], both, np.nan)


def voices(voice: Values, subject: NDArray[np.integer], cell: NDArray[np.integer], people: int, width: float) -> Values:
    """(person, cell, column): each person's labels under a Gaussian kernel of `width` cells; NaN where none is near."""
    from scipy.ndimage import gaussian_filter1d

    out = np.full((people, int(cell.max()) + 1, voice.shape[1]), np.nan)
    peak = min(1.0, 1.0 / (width * np.sqrt(2 * np.pi)))
    for person in np.unique(subject):
        mine = subject == person
        known = np.isfinite(voice[mine])
        sums = np.zeros((2, *out.shape[1:]))
        np.add.at(sums[0], cell[mine], np.where(known, voice[mine], 0.0))
        np.add.at(sums[1], cell[mine], known)
        total, count = gaussian_filter1d(sums, width, axis=1, mode="constant", truncate=6.0)
        out[person] = np.where(count > NEAR * peak, total / np.maximum(count, 1e-12), np.nan)
    return out


def listen(voices: Values, hears: NDArray[np.bool_]) -> Others:
    """Mean and spread of the voices that every person hears.

    One's own voice is multiplied by 0 and never subtracted from a sum, so that not even a rounding of it is left.
    """
    known = np.isfinite(voices)
    values, told = np.where(known, voices, 0.0), hears.astype(np.float64)
    count = np.einsum("pq,qtc->ptc", told, known)
    mean = np.einsum("pq,qtc->ptc", told, values) / np.maximum(count, 1)
    square = np.einsum("pq,qtc->ptc", told, values**2) / np.maximum(count, 1)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    size = np.maximum(told.sum(axis=1), 1)[:, None, None]
    return Others(np.where(count > 0, mean, np.nan), np.where(count > 0, spread, np.nan), count / size)


def describe(
    segments: Segments, target: str, moments: Moments, hears: NDArray[np.bool_], widths: tuple[float, ...], *, view: str, where: str
) -> tuple[NDArray[np.float32], tuple[DescriptorInfo, ...]]:
    """Descriptors (segment, descriptor) of the view and their names; `where` tells moments of a clip from moments of a session.

    Per width: shares of the classes (of two classes the second says all), mean and spread of valence and arousal; where
    nobody rates, the disagreement about the class instead of spreads. The narrowest width can be read in rules.
    """
    emotions = segments.emotions[target]
    shown = range(1, 2) if len(emotions) == 2 else range(len(emotions))
    heard_at_all = np.isin(segments.subject, np.flatnonzero(hears.any(axis=0)))
    rated = np.isfinite(said(segments, target)[heard_at_all, -2:]).any()
    columns, infos = [], []
    for i, (width, told) in enumerate(zip(widths, others_of(segments, target, moments, hears, widths))):
        mean, spread, heard = told
        note, share = f"({where}, {width:g} s)", mean[:, : len(emotions)]
        found = [(share[:, c], f"others who say {emotions[c]}", "share", "few", "many") for c in shown]
        if rated:
            for j, axis in enumerate(("valence", "arousal")):
                found.append((mean[:, len(emotions) + j], f"others' {axis}", "of 1", "low", "high"))
                found.append((spread[:, len(emotions) + j], f"spread of others' {axis}", "of 1", "agreed", "divided"))
        else:
            found.append((1.0 - (share**2).sum(axis=1), "others' disagreement", "share", "agreed", "divided"))
        if i == 0:
            found.append((np.where(heard > 0, heard, np.nan), "others heard", "share", "few", "many"))
        columns += [values for values, *_ in found]
        infos += [DescriptorInfo(f"{name} {note}", view, unit, low, high, readable=i == 0) for _, name, unit, low, high in found]
    return np.stack(columns, axis=1).astype(np.float32), tuple(infos)
