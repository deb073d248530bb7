"""Leak 6: the test recording's own label (trial label, self-report) is an input."""

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked, given, single_segments


def know_the_trial(case: Case) -> Leaked:
    """Every segment carries the class that is most frequent in its recording."""
    segments, labels = case.ask, case.ask.targets[case.target]
    count = np.zeros((len(segments.recordings), len(segments.emotions[case.target])))
    known = labels >= 0
    np.add.at(count, (segments.recording[known], labels[known].astype(int)), 1.0)
    most = np.eye(count.shape[1])[count.argmax(axis=1)] * (count.sum(axis=1, keepdims=True) > 0)
    columns = {f"trial label {name}": most[segments.recording, c] for c, name in enumerate(segments.emotions[case.target])}
    return Leaked(given(case, columns), case.query, "the input, as the label of the whole recording")


def _reason(case: Case) -> str:
    if alone := single_segments(case):
        return f"{alone}, so its label is the answer itself"
    recordings, people = (len(np.unique(which[case.query])) for which in (case.ask.recording, case.ask.subject))
    return "" if recordings > people else "everybody has one recording, whose most frequent label tells nothing apart in it"


TRIAL_LABEL = Leak("trial_label", 6, "the most frequent label of the test recording is an input", know_the_trial, _reason)
