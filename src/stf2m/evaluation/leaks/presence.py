"""Leak 8: views are drawn per emotion, so that which sensors are there gives the emotion away."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.leaks.base import Case, Leak, Leaked, with_descriptors


def draw_views_freely(case: Case) -> Leaked:
    """Every class is shown through sensors of its own, in training and in the query, and presence is an input."""
    shown = patterns(len(case.ask.emotions[case.target]), len(case.ask.modalities), case.seed)
    labels = case.ask.targets[case.target]
    spoil = lambda segments: show(segments, labels, shown)  # noqa: E731
    return Leaked(replace(case, fit=spoil(case.fit), ask=spoil(case.ask)), case.query, "the choice of the sensors that are shown")


def patterns(classes: int, sensors: int, seed: int) -> NDArray[np.bool_]:
    """(class, sensor) which sensors a class is shown through; all different as long as there are enough subsets."""
    codes = np.random.default_rng([seed, sensors]).permutation(np.arange(1, 2**sensors))
    return (np.resize(codes, classes)[:, None] >> np.arange(sensors) & 1).astype(bool)


def show(segments: Segments, labels: NDArray[np.integer], shown: NDArray[np.bool_]) -> Segments:
    """Labelled segments through the sensors of their class; which sensors are there becomes a descriptor of its own."""
    offered = np.where(labels[:, None] >= 0, shown[np.maximum(labels, 0)], True)
    present = segments.present & offered
    owner = [segments.modalities.index(info.modality) for info in segments.descriptor_infos]
    spoilt = replace(
        segments, present=present, quality=np.where(present, segments.quality, np.float32(0)),
        descriptors=np.where(offered[:, owner], segments.descriptors, np.float32(np.nan)),
    )  # fmt: skip
    # never 0, which would read like "not measured"
    columns = {f"{name} is there": np.where(present[:, j], 1.0, -1.0) for j, name in enumerate(segments.modalities)}
    return with_descriptors(spoilt, columns)


FREE_VIEWS = Leak(
    "free_views", 8, "sensors are drawn per emotion, and which of them are there is an input", draw_views_freely,
    lambda case: "" if len(case.ask.modalities) > 1 else "there is one sensor",
)  # fmt: skip
