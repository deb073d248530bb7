"""Leak 1: overlapping windows are split at random, so that what is labelled lies beside, or over, what is scored."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.leaks.base import Case, Leak, Leaked, Rows, single_segments
from stf2m.evaluation.protocols import Split
from stf2m.evaluation.protocols.split import gaps, generator, labelled_rows, per_class


def split_at_random(case: Case) -> Leaked:
    """Support is drawn from all of the person's labelled windows, the query's recordings and neighbours among them."""
    splits = redrawn(case, case.ask, case.splits)
    rows = [near(case.ask, split) for split in splits]
    tuning = redrawn(case, case.fit, case.tuning)
    return Leaked(replace(case, splits=splits, tuning=tuning), np.unique(np.concatenate([*rows, np.zeros(0, np.int64)])), "the support")


def redrawn(case: Case, segments: Segments, splits: Sequence[Split]) -> tuple[Split, ...]:
    """The same questions with supports of the same sizes, drawn without any rule; a segment is still never on both sides."""
    found, most = [], max((split.shots for split in splits), default=0)
    for split in splits:
        rows = labelled_rows(segments, case.target, split.subject)
        order = generator(case.seed, "neighbours", segments.subjects[split.subject], split.draw).permutation(rows)
        query = np.setdiff1d(split.query, drawn(case, segments, order, most))
        if len(query):
            found.append(replace(split, support=drawn(case, segments, order, split.shots), query=query))
    return tuple(found)


def drawn(case: Case, segments: Segments, order: Rows, shots: int) -> Rows:
    """The first rows of an order, counted as the protocol counts: in total, or per class."""
    return np.sort(order[:shots]) if case.protocol.name == "completion" else per_class(order, segments.targets[case.target], shots)


def near(segments: Segments, split: Split) -> Rows:
    """Support rows that share a recording with the query."""
    return split.support[np.isfinite(gaps(segments, split.support, split.query))]


NEIGHBOURS = Leak(
    "neighbours", 1, "windows overlap by half and are split at random: labelled windows lie beside and over the scored ones",
    split_at_random, single_segments, overlaps=True,
)  # fmt: skip
