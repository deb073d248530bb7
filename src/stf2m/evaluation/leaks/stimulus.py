"""Leak 2: a stimulus that the protocol calls new is in training."""

from dataclasses import replace

import numpy as np

from stf2m.evaluation.leaks.base import Case, Leak, Leaked


def train_on_the_stimulus(case: Case) -> Leaked:
    """Training reads what the protocol's world hides from it."""
    trains = np.isin(case.ask.subject, case.fold.train)
    rows = np.flatnonzero(trains & (case.fit.targets[case.target] != case.ask.targets[case.target]))
    return Leaked(replace(case, fit=case.ask), rows, "training")


def reason(case: Case) -> str:
    """Only a protocol that hides a stimulus can leak it."""
    return "" if len(train_on_the_stimulus(case).rows) else "the protocol does not call the stimulus new"


KNOWN_STIMULUS = Leak("known_stimulus", 2, "other people's recordings of the scored stimuli are in training", train_on_the_stimulus, reason)
