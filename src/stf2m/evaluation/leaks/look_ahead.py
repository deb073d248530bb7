"""Leak 4: a segment is described by what had not happened yet: its successor, and the mean of the whole recording."""

from warnings import catch_warnings, simplefilter

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked, given, same_recordings, single_segments


def look_ahead(case: Case) -> Leaked:
    """Every descriptor stands three times: now, in the next segment, and as the mean of the recording (known when it ends)."""
    segments, values = case.ask, case.ask.descriptors
    order = np.lexsort((segments.spans[:, 0], segments.recording))
    after, mean = np.full_like(values, np.nan), np.full_like(values, np.nan)
    follows = segments.recording[order[1:]] == segments.recording[order[:-1]]
    after[order[:-1][follows]] = values[order[1:][follows]]
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a descriptor that a recording never has stays NaN
        for recording in np.unique(segments.recording):
            mine = segments.recording == recording
            mean[mine] = np.nanmean(values[mine], axis=0)
    columns = {f"{info.name}, next": after[:, j] for j, info in enumerate(segments.descriptor_infos)}
    columns |= {f"{info.name}, mean of recording": mean[:, j] for j, info in enumerate(segments.descriptor_infos)}
    rows = same_recordings(segments, case.query)
    first = np.array(
        [
            segments.spans[rows[segments.recording[rows] == r], 0].min()
            for r in range(len(segments.recordings))
            if (segments.recording[rows] == r).any()
        ]
    )
    begin = dict(zip(np.unique(segments.recording[rows]).tolist(), first.tolist(), strict=True))
    later = np.array([segments.spans[i, 0] > begin[int(segments.recording[i])] for i in rows], dtype=bool)
    return Leaked(given(case, columns), rows[later], "the description of earlier segments (without labels)")


LOOK_AHEAD = Leak(
    "look_ahead", 4, "descriptors of the next segment and of the whole recording are known early", look_ahead, single_segments
)
