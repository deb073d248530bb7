"""Prepared recordings -> segments: an index over the signals, their labels, and what describes them.

A window [a, b) of a modality is the `samples` grid samples before b, its context the samples before those. Everything a
segment says about signals was known at b.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.consent import narrowest
from stf2m.core.emotions import TARGETS
from stf2m.core.errors import InvalidConfig, NothingToRead
from stf2m.core.records import DescriptorInfo, Segments, SignalInfo
from stf2m.prepare.clocks import grid_counts
from stf2m.prepare.labels import annotated_rating, derive_target, majority_emotion, mean_rating, named_votes, rated_votes, votes_named
from stf2m.prepare.memory import with_memory
from stf2m.prepare.modalities import MODALITIES
from stf2m.prepare.modality import Windows
from stf2m.prepare.prepared import Entry, Joined, Prepared
from stf2m.prepare.recipe import CutRecipe
from stf2m.prepare.windows import chunks_of, gather, read_windows

__all__ = ["cut", "read_windows"]


class Column(NamedTuple):
    """What one modality contributes to every segment."""

    starts: NDArray[np.int64]
    bounds: NDArray[np.int64]
    """(recording, 2)"""
    present: NDArray[np.bool_]
    quality: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def cut(prepared: Prepared, recipe: CutRecipe, *, emotions: tuple[str, ...] = ()) -> Segments:
    """Cut all recordings into windows and label them.

    The target "emotion" is the majority of annotation overlap over `emotions` (default: the data set's vocabulary, else
    the names found). Raises `NothingToRead` when no recording is long enough for one window, `UnknownName` for targets.
    """
    spans = [spans_of(entry, recipe) for entry in prepared.entries]
    owner = np.repeat(np.arange(len(spans)), [len(s) for s in spans]).astype(np.int32)
    every = np.concatenate(spans) if spans else np.zeros((0, 2))
    if not len(every):
        raise NothingToRead(
            "no recording is as long as one window", where=prepared.dataset, expected=f"{recipe.window} s",
            got=f"at most {max((e.length for e in prepared.entries), default=0.0):.2f} s", hint="choose a shorter window",
        )  # fmt: skip
    infos = tuple(signal_info(name, prepared.joined[name], recipe) for name in prepared.modalities)
    columns = [column_of(prepared, info, spans, owner, recipe) for info in infos]
    vocabulary = emotions or vocabulary_of(prepared)
    rating, targets, names = labels_of(prepared, recipe, spans, vocabulary)
    votes = votes_of(prepared, recipe, spans, targets, names, vocabulary)
    subjects, subject = _codes([entry.subject for entry in prepared.entries])
    stimuli, stimulus = _codes([entry.stimulus for entry in prepared.entries])
    offsets = np.array([entry.session_offset for entry in prepared.entries])
    segments = Segments(
        signals=prepared.signals, infos=infos,
        starts=np.stack([c.starts for c in columns], axis=1), bounds=np.stack([c.bounds for c in columns], axis=1),
        present=np.stack([c.present for c in columns], axis=1), quality=np.stack([c.quality for c in columns], axis=1),
        descriptors=np.concatenate([c.descriptors for c in columns], axis=1), descriptor_infos=descriptor_infos(infos),
        targets=targets, emotions=names, rating=rating, spans=every, session_time=offsets[owner] + every[:, 0],
        subject=subject[owner], recording=owner, stimulus=stimulus[owner],
        subjects=subjects, recordings=tuple(e.id for e in prepared.entries), stimuli=stimuli,
        recipe_hash=f"{prepared.recipe.hash}-{recipe.hash}{newer(infos)}{again(prepared)}", dataset=prepared.dataset, votes=votes,
        past=recipe.past, consent=narrowest(entry.consent for entry in prepared.entries),
    )  # fmt: skip
    return with_memory(segments, recipe.memory) if recipe.memory else segments


def spans_of(entry: Entry, recipe: CutRecipe) -> NDArray[np.float64]:
    """Windows of one recording, (segment, 2) s; for whole takes one span of at most `longest` s that ends with it."""
    if recipe.window == "recording":
        begin = max(recipe.skip_start, entry.length - recipe.longest)
        return np.array([[begin, entry.length]]) if entry.length > begin else np.zeros((0, 2))
    hop = recipe.hop or recipe.window
    if recipe.window <= 0 or hop <= 0:
        raise InvalidConfig("window and hop must be longer than nothing", where="cut", expected="> 0 s", got=f"{recipe.window}, {hop}")
    count = int(np.floor((entry.length - recipe.skip_start - recipe.window) / hop + 1e-6)) + 1
    begin = recipe.skip_start + hop * np.arange(max(count, 0), dtype=np.float64)
    return np.stack([begin, begin + recipe.window], axis=1)


def signal_info(name: str, joined: Joined, recipe: CutRecipe) -> SignalInfo:
    """How long the modality's windows are under this cut."""
    modality = MODALITIES[name]
    if joined.static:
        return SignalInfo(name, joined.rate, 1, 1, joined.channels, modality.one_node, static=True)
    seconds = recipe.longest if recipe.window == "recording" else recipe.window
    window = max(round(seconds * joined.rate), 1)
    return SignalInfo(name, joined.rate, window + round(modality.context * joined.rate), window, joined.channels, modality.one_node)


def descriptor_infos(infos: tuple[SignalInfo, ...]) -> tuple[DescriptorInfo, ...]:
    """The descriptor axis: every modality's descriptors in turn."""
    return tuple(d for info in infos for d in MODALITIES[info.modality].descriptors)


def newer(infos: tuple[SignalInfo, ...]) -> str:
    """ "-voice2" where descriptors are no longer those of version 1: results of other descriptors must not pass for these."""
    versions = [(info.modality, MODALITIES[info.modality].descriptor_version) for info in infos]
    return "".join(f"-{name}{version}" for name, version in versions if version > 1)


def again(prepared: Prepared) -> str:
    """ "-r2" where files changed twice since they were first prepared: results of what they held before must not pass for these."""
    return f"-r{prepared.revision}" if prepared.revision else ""


def column_of(
    prepared: Prepared, info: SignalInfo, spans: list[NDArray[np.float64]], owner: NDArray[np.int32], recipe: CutRecipe
) -> Column:
    """Index, presence, quality and descriptors of one modality for all segments."""
    name, count = info.modality, len(owner)
    bounds = np.array([e.bounds.get(name, (0, 0)) for e in prepared.entries], dtype=np.int64)
    starts = np.zeros(count, dtype=np.int64)
    present, quality = np.zeros(count, dtype=bool), np.zeros(count, dtype=np.float32)
    usual = np.full((count, len(info.channels)), np.nan, dtype=np.float32)
    first = 0
    for entry, mine, (begin, end) in zip(prepared.entries, spans, bounds.tolist()):
        rows = slice(first, first := first + len(mine))
        if end == begin or not len(mine):
            continue
        if info.static:
            known = recipe.whole_take_static or mine[:, 1] >= entry.available[name] - 1e-3
            starts[rows], present[rows] = begin, known & np.isfinite(prepared.signals[name][:, begin]).any()
            quality[rows] = np.where(present[rows], prepared.quality[name][begin], 0.0)
            continue
        stop = np.minimum(grid_counts(mine[:, 1], info.rate), end - begin)
        past = np.maximum(stop - np.maximum(np.rint((mine[:, 1] - mine[:, 0]) * info.rate).astype(np.int64), 1), 0)
        starts[rows] = begin + grid_counts(mine[:, 1], info.rate) - info.samples
        share, quality[rows], usual[rows] = _summary(prepared.signals[name][:, begin:end], prepared.quality[name][begin:end], past, stop)
        present[rows] = share >= 0.5
    quality[~present] = 0.0
    owned = bounds[owner]
    owned[~present] = 0
    return Column(starts, bounds, present, quality, _describe(prepared.signals[name], info, starts, owned, usual, present))


def _summary(signal: NDArray[np.float32], quality: NDArray[np.float32], past: NDArray[np.int64], stop: NDArray[np.int64]):
    """Per window [past, stop) of one recording: share of measured samples, their mean quality, channel means before it."""
    finite = np.isfinite(signal)
    some = np.any(finite, axis=0, keepdims=True)
    measured, graded = _sums(some.astype(np.float64))[0], _sums(np.where(some, quality, 0.0))[0]
    length = np.maximum(stop - past, 1)
    total, known = _sums(np.where(finite, signal, 0.0)), _sums(finite.astype(np.float64))
    seen = known[:, past]
    usual = np.where(seen > 0, total[:, past] / np.maximum(seen, 1), np.nan)
    return (measured[stop] - measured[past]) / length, (graded[stop] - graded[past]) / length, usual.T


def _sums(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Running sums (row, time + 1) that begin with 0."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)


def _describe(signal, info: SignalInfo, starts, bounds, usual, present) -> NDArray[np.float32]:
    """Descriptors (segment, descriptor) of the present segments, in chunks of bounded memory; NaN elsewhere."""
    modality = MODALITIES[info.modality]
    table = np.full((len(starts), len(modality.descriptors)), np.nan, dtype=np.float32)
    rows = np.flatnonzero(present)
    for part in chunks_of(len(rows), 4 * len(info.channels) * info.samples):
        chosen = rows[part]
        values = gather(signal, starts[chosen], bounds[chosen], info.samples)
        table[chosen] = modality.describe(Windows(values, info.window, info.rate, usual[chosen]))
    return table


def vocabulary_of(prepared: Prepared) -> tuple[str, ...]:
    """Named emotions of the data set, else those that occur."""
    return prepared.emotions or tuple(sorted({a.emotion for e in prepared.entries for a in e.annotations if a.emotion}))


def labels_of(prepared: Prepared, recipe: CutRecipe, spans: list[NDArray[np.float64]], named: tuple[str, ...]):
    """Rating (segment, 2), classes per target, and class names per target; `named` emotions are looked for."""
    ratings, classes = [], []
    for entry, mine in zip(prepared.entries, spans):
        lagged = mine + recipe.lag
        rating = mean_rating(entry.ratings, lagged, recipe.min_labelled)
        if entry.annotations:
            rating = np.where(np.isfinite(rating), rating, annotated_rating(entry.annotations, lagged, recipe.min_labelled))
        ratings.append(rating)
        classes.append(majority_emotion(entry.annotations, lagged, named, recipe.min_labelled))
    rating = np.concatenate(ratings)
    targets, names = {}, {}
    for target in recipe.targets:
        targets[target], names[target] = derive_target(target, rating, np.concatenate(classes), named)
    return rating, targets, names


def votes_of(
    prepared: Prepared, recipe: CutRecipe, spans: list[NDArray[np.float64]],
    targets: dict[str, NDArray[np.int16]], names: dict[str, tuple[str, ...]], vocabulary: tuple[str, ...],
) -> dict[str, NDArray[np.float32]]:  # fmt: skip
    """Shares of the annotators' votes (segment, class) per target, where some recording has several annotators.

    Where a segment has one annotator, the label has all the votes; an unlabelled segment has none.
    """
    found = {}
    for target, hard in targets.items():
        each = []
        for entry, mine in zip(prepared.entries, spans):
            lagged = mine + recipe.lag
            if target == "emotion" or TARGETS[target].named:
                each.append(votes_named(target, named_votes(entry.annotations, lagged, vocabulary), vocabulary))
            else:
                each.append(rated_votes(entry.ratings, lagged, recipe.min_labelled, target))
        if len(names[target]) < 2 or all(shares is None for shares in each):
            continue
        nobody = [np.zeros((len(mine), len(names[target])), np.float32) for mine in spans]
        shares = np.concatenate([zero if own is None else own for own, zero in zip(each, nobody)])
        alone = (hard[:, None] == np.arange(len(names[target]))).astype(np.float32)
        shares = np.where(shares.sum(axis=1, keepdims=True) > 0, shares, alone)
        found[target] = np.where(hard[:, None] >= 0, shares, np.float32(0))
    return found


def _codes(names: list) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Sorted distinct names and each one's index; None is -1."""
    known = sorted({name for name in names if name is not None})
    place = {name: index for index, name in enumerate(known)}
    return tuple(known), np.array([place.get(name, -1) for name in names], dtype=np.int32)
