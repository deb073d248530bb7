"""Leak 7: where a segment stands in the session is an input, as if nobody else's session had the same plan."""

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked, given, has_several_segments

WAVES = 6
"""sines and cosines of the time, so that linear methods can use it too"""


def know_the_time(case: Case) -> Leaked:
    """Time in the session and in the recording, as a ramp and as waves over the longest session."""
    segments = case.ask
    clocks = {"session": segments.session_time, "recording": segments.spans[:, 0]}
    columns = {}
    for name, time in clocks.items():
        share = time / max(float(time.max()), 1e-9)
        columns[f"{name} time"] = share
        for n in range(1, WAVES + 1):
            columns |= {f"{name} sine {n}": np.sin(np.pi * n * share), f"{name} cosine {n}": np.cos(np.pi * n * share)}
    return Leaked(given(case, columns), case.query, "the input, as the position in session and recording")


def reason(case: Case) -> str:
    """Needs a clock that tells segments apart."""
    known = case.ask.has_session_clock or has_several_segments(case.ask)
    return "" if known else "the recordings' places in the session are not known"


POSITION = Leak("position", 7, "the time in session and recording is an input; compare with the time floors", know_the_time, reason)
