"""Context as a switch of the protocol: what is known beside the signals becomes one more view of every segment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stf2m.core.errors import InvalidConfig
from stf2m.core.records import DescriptorInfo, Segments, SignalInfo
from stf2m.evaluation.crowd import Moments, describe, hearers
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.floors.moved import SIGMAS
from stf2m.evaluation.protocols.folds import Fold


@dataclass(frozen=True)
class ContextView:
    """One more view: other people's labels at the same moment, as a static modality."""

    modality: str
    where: str
    """in the names of its descriptors"""
    floor: str
    """the floor that knows the same and reads no signal; where it is not defined, neither is the view"""
    widths: tuple[float, ...]
    """s, standard deviations of the kernels"""
    moments: Callable[[Segments], Moments]
    moves: tuple[float, ...] = ()
    """s, how far people may run apart in it (`moved.py`); empty = it runs alike for everybody"""


def of_the_stimulus(segments: Segments) -> Moments:
    """The same second of the same stimulus."""
    return Moments(segments.stimulus, segments.spans.mean(axis=1))


def of_the_session(segments: Segments) -> Moments:
    """The same time since the session began."""
    return Moments(np.zeros(len(segments), np.int64), segments.session_time + np.diff(segments.spans, axis=1)[:, 0] / 2)


VIEWS: dict[str, ContextView] = {
    "stimulus": ContextView("crowd", "clip", "same_stimulus", (1.0, 4.0, 15.0), of_the_stimulus),
    "clock": ContextView("clock", "session", "session_time", (5.0, 20.0, 60.0, 180.0), of_the_session, SIGMAS),
}
"""context of a protocol -> its view; the third kind, `label_times`, depends on the support and is no view"""
CONTEXT_MODALITIES = tuple(view.modality for view in VIEWS.values())


def with_context(segments: Segments, context: Sequence[str], target: str, fold: Fold, known: Segments | None = None) -> Segments:
    """The same segments with one more modality per kind of `context`; raises `InvalidConfig` where a kind is not defined.

    Labels are read from `known` (the world that training may see, row by row the same segments), and only those of the
    fold's training and validation people. Nobody's own labels enter their own view.
    """
    known = segments if known is None else known
    hears = hearers(fold, len(segments.subjects))
    for kind in (kind for kind in context if kind in VIEWS):
        view = VIEWS[kind]
        reason = FLOORS[view.floor]().reason(segments, target)
        if reason:
            raise InvalidConfig(f"context {kind!r}: {reason}", where=segments.dataset, hint="leave it out of the protocol's context")
        described = describe(known, target, view.moments(segments), hears, view.widths, view=view.modality, where=view.where)
        segments = with_static_view(segments, view.modality, *described)
    return segments


def with_static_view(segments: Segments, modality: str, values: np.ndarray, infos: tuple[DescriptorInfo, ...]) -> Segments:
    """One more modality with one sample per segment: descriptors (segment, descriptor), which are its channels too.

    A row without any number is absent. Samples stand in the order of recordings, as joined signals do.
    """
    order = np.argsort(segments.recording, kind="stable")
    place = np.empty(len(segments), np.int64)
    place[order] = np.arange(len(segments))
    edges = np.searchsorted(segments.recording[order], np.arange(len(segments.recordings) + 1)).astype(np.int64)
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    present = np.isfinite(values).any(axis=1)
    channels = tuple(info.name for info in infos)
    side = lambda whole, column: np.concatenate([whole, column[:, None].astype(whole.dtype)], axis=1)  # noqa: E731
    return replace(
        segments, signals={**segments.signals, modality: np.ascontiguousarray(values[order].T, np.float32)},
        infos=(*segments.infos, SignalInfo(modality, 1.0, 1, 1, channels, one_node=True, static=True)),
        starts=side(segments.starts, place), bounds=side(segments.bounds, bounds), present=side(segments.present, present),
        quality=side(segments.quality, present), descriptors=np.concatenate([segments.descriptors, values.astype(np.float32)], axis=1),
        descriptor_infos=(*segments.descriptor_infos, *infos),
    )  # fmt: skip
