"""Leaks 3 and 5: what is read (descriptors), and how (settings, the best epoch), is chosen by the labels that are scored."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.leaks.base import Case, Leak, Leaked, Rows

SHARE = 4
"""one descriptor in so many is kept"""


def choose_descriptors(case: Case) -> Leaked:
    """A quarter of the descriptors is kept: those that separate the classes best among the scored segments.

    It stands beside the same choice by the training people's labels.
    """
    trained = np.flatnonzero(np.isin(case.fit.subject, case.fold.train) & (case.fit.targets[case.target] >= 0))
    count = -(-case.ask.descriptors.shape[1] // SHARE)
    kept = [
        np.argsort(-separation(segments, case.target, rows))[:count] for segments, rows in ((case.ask, case.query), (case.fit, trained))
    ]
    leaky, honest = (replace(case, fit=only(case.fit, columns), ask=only(case.ask, columns)) for columns in kept)
    return Leaked(leaky, case.query, "the choice of descriptors", honest)


def separation(segments: Segments, target: str, rows: Rows) -> NDArray[np.float64]:
    """(descriptor,) variance of class means over variance within classes (Fisher); 0 where it cannot be told."""
    values, labels = segments.descriptors[rows].astype(np.float64), segments.targets[target][rows]
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    overall = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    between, within = np.zeros((2, values.shape[1]))
    for c in np.unique(labels):
        mine = labels == c
        count = known[mine].sum(axis=0)
        mean = filled[mine].sum(axis=0) / np.maximum(count, 1)
        between += count * (mean - overall) ** 2
        within += (known[mine] * (filled[mine] - mean) ** 2).sum(axis=0)
    return np.where(within > 1e-12, between / np.maximum(within, 1e-12), 0.0)


def only(segments: Segments, columns: Rows) -> Segments:
    """The other descriptors read as never measured."""
    kept = np.isin(np.arange(segments.descriptors.shape[1]), columns)
    return replace(segments, descriptors=np.where(kept, segments.descriptors, np.float32(np.nan)))


def choose_settings(case: Case) -> Leaked:
    """The scored questions themselves are those on which settings and the best step of a training are chosen."""
    fold = case.fold._replace(validation=case.fold.test)
    return Leaked(replace(case, fold=fold, tuning=case.splits), case.query, "the choice of settings and of the best training step")


FEATURE_CHOICE = Leak(
    "feature_choice", 3, f"one descriptor in {SHARE} is kept, chosen by the scored labels instead of the training people's", choose_descriptors,
    lambda case: "" if case.ask.descriptors.shape[1] >= SHARE else "there are too few descriptors to choose from",
)  # fmt: skip
CHOSEN_ON_TEST = Leak("chosen_on_test", 5, "settings and the best training step are chosen on the scored questions", choose_settings)
