"""Leak 9: the person's labelled segments are counted in the score, as if they had been answered."""

from dataclasses import replace

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked


def count_the_support(case: Case) -> Leaked:
    """Labelled segments count as answered with their own label."""
    rows = [split.support for split in case.splits]
    return Leaked(replace(case, counts_support=True), np.unique(np.concatenate([*rows, np.zeros(0, np.int64)])), "the score")


SUPPORT_SCORED = Leak(
    "support_scored", 9, "the person's labelled segments are counted as right answers", count_the_support,
    lambda case: "" if any(len(split.support) for split in case.splits) else "no question has labels",
)  # fmt: skip
