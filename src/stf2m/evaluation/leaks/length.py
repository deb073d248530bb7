"""Leak 8: the length of a take is an input, though acted or annotated takes of one emotion are longer than others."""

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked, given


def know_the_length(case: Case) -> Leaked:
    """Length of the segment in s."""
    return Leaked(
        given(case, {"length of the take": np.diff(case.ask.spans, axis=1)[:, 0]}), case.query, "the input, as the length of the take"
    )


LENGTH = Leak(
    "length", 8, "the length of the take is an input; compare with the floor length only", know_the_length,
    lambda case: "segments are all of the same length" if np.ptp(np.diff(case.ask.spans, axis=1)) < 1e-3 else "",
)  # fmt: skip
