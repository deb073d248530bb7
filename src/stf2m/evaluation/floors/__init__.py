"""Floors: what is reached with no signal at all. Every table has them, computed on exactly the rows that are scored."""

from stf2m.evaluation.floors.base import Floor
from stf2m.evaluation.floors.moved import MovedSessions
from stf2m.evaluation.floors.oracles import PreviousLabel, RecordingMean
from stf2m.evaluation.floors.presence import LengthOnly, PresenceOnly
from stf2m.evaluation.floors.prior import Majority, SupportMajority
from stf2m.evaluation.floors.stimulus import SameStimulus, SameStimulusAndSecond
from stf2m.evaluation.floors.time import NearestInTime, TimeAndNearest, TimeInSession

FLOORS: dict[str, type[Floor]] = {
    kind.name: kind
    for kind in (
        Majority, SupportMajority, SameStimulus, SameStimulusAndSecond, TimeInSession, NearestInTime, TimeAndNearest, MovedSessions,
        PresenceOnly, LengthOnly, PreviousLabel, RecordingMean,
    )
}  # fmt: skip

USUAL = tuple(name for name, kind in FLOORS.items() if not kind.on_demand)
"""what every study has unless it says otherwise"""

__all__ = ["FLOORS", "USUAL", "Floor"]
