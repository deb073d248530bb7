"""Leak 2: a person or a recording that the protocol calls new is in training, with its labels."""

from dataclasses import replace

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked, Rows, same_recordings
from stf2m.evaluation.protocols.split import generator
from stf2m.evaluation.protocols.world import hide


def train_on_the_person(case: Case) -> Leaked:
    """Everything of the test people that is not in a recording under question is trained on."""
    hidden = np.intersect1d(same_recordings(case.ask, case.query), of_test_people(case))
    return taught(case, hidden)


def train_on_the_recording(case: Case) -> Leaked:
    """Half of every person's query is trained on, the other half is scored."""
    scored = []
    for person in sorted({split.subject for split in case.splits}):
        query = np.unique(np.concatenate([split.query for split in case.splits if split.subject == person]))
        scored.append(generator(case.seed, "known recording", case.ask.subjects[person], 0).permutation(query)[: (len(query) + 1) // 2])
    kept = np.concatenate(scored)
    splits = tuple(replace(split, query=np.intersect1d(split.query, kept)) for split in case.splits)
    return taught(replace(case, splits=tuple(split for split in splits if len(split.query))), kept)


def taught(case: Case, hidden: Rows) -> Leaked:
    """The case with all test people in training but for `hidden` rows."""
    fit = hide(case.fit, hidden)
    rows = np.setdiff1d(of_test_people(case), hidden)
    return Leaked(
        replace(case, fit=fit, fold=case.fold._replace(train=tuple(sorted((*case.fold.train, *case.fold.test))))), rows, "training"
    )


def of_test_people(case: Case) -> Rows:
    """Labelled rows of the test people that training could read."""
    return np.flatnonzero(np.isin(case.fit.subject, case.fold.test) & (case.fit.targets[case.target] >= 0))


def nothing_else(case: Case) -> str:
    """Without other recordings of the test people there is nothing to train on."""
    return "" if len(train_on_the_person(case).rows) else "the test people have no recording beside those that are scored"


def known_already(case: Case) -> str:
    """A protocol that trains on the person has nothing left to leak."""
    return "the protocol itself trains on the person, and is marked leaky" if case.protocol.person_is_known else ""


KNOWN_PERSON = Leak(
    "known_person", 2, "the test people's other recordings are in training with their labels", train_on_the_person,
    lambda case: known_already(case) or nothing_else(case),
)  # fmt: skip
KNOWN_RECORDING = Leak(
    "known_recording",
    2,
    "half of the segments of every scored recording are in training with their labels",
    train_on_the_recording,
    known_already,
)
