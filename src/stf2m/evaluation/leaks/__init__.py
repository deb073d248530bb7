"""Leaks, switched on on purpose: each is one function that spoils an honest case. Only `evaluation.audit` may import this room.

The numbers are those of the list in docs/how-to/leak.md.
"""

from stf2m.evaluation.leaks.base import Case, Leak, Leaked
from stf2m.evaluation.leaks.length import LENGTH
from stf2m.evaluation.leaks.look_ahead import LOOK_AHEAD
from stf2m.evaluation.leaks.neighbours import NEIGHBOURS
from stf2m.evaluation.leaks.person import KNOWN_PERSON, KNOWN_RECORDING
from stf2m.evaluation.leaks.position import POSITION
from stf2m.evaluation.leaks.presence import FREE_VIEWS
from stf2m.evaluation.leaks.selection import CHOSEN_ON_TEST, FEATURE_CHOICE
from stf2m.evaluation.leaks.statistics import PERSON_STATISTICS
from stf2m.evaluation.leaks.stimulus import KNOWN_STIMULUS
from stf2m.evaluation.leaks.support import SUPPORT_SCORED
from stf2m.evaluation.leaks.trial_label import TRIAL_LABEL

LEAKS: dict[str, Leak] = {
    leak.name: leak
    for leak in (
        NEIGHBOURS, KNOWN_PERSON, KNOWN_RECORDING, KNOWN_STIMULUS, PERSON_STATISTICS, FEATURE_CHOICE, LOOK_AHEAD, CHOSEN_ON_TEST,
        TRIAL_LABEL, POSITION, FREE_VIEWS, LENGTH, SUPPORT_SCORED,
    )
}  # fmt: skip

__all__ = ["LEAKS", "Case", "Leak", "Leaked"]
