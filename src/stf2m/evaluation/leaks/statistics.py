"""Leak 3: descriptors are standardised with statistics of the test person, the scored segments included."""

from dataclasses import replace
from warnings import catch_warnings, simplefilter

import numpy as np

from stf2m.core.records import Segments
from stf2m.evaluation.leaks.base import Case, Leak, Leaked


def standardise_people(case: Case) -> Leaked:
    """Every person is brought to mean 0 and deviation 1 over everything they ever recorded."""
    ask = by_person(case.ask)
    fit = replace(case.fit, descriptors=np.where(np.isnan(case.fit.descriptors), np.float32(np.nan), ask.descriptors))
    return Leaked(replace(case, ask=ask, fit=fit), case.query, "the scale of the descriptors (without labels)")


def by_person(segments: Segments) -> Segments:
    """Descriptors minus the person's mean, over the person's standard deviation; 1 where nothing varies."""
    values = segments.descriptors.astype(np.float64)
    with catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # a descriptor that a person never has stays NaN
        for person in np.unique(segments.subject):
            mine = segments.subject == person
            spread = np.nanstd(values[mine], axis=0)
            values[mine] = (values[mine] - np.nanmean(values[mine], axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return replace(segments, descriptors=values.astype(np.float32))


PERSON_STATISTICS = Leak(
    "person_statistics", 3, "descriptors are standardised by the test person's whole session, the scored segments included", standardise_people,
    lambda case: "the study itself normalises transductively, and says so" if case.normalisation == "transductive" else "",
)  # fmt: skip
