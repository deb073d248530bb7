"""Evaluation protocols: each has a name, a card in words, and splits that depend on nothing but a seed."""

from typing import Any

from stf2m.core.config import build
from stf2m.core.registry import look_up
from stf2m.evaluation.protocols.base import Protocol, ProtocolCard
from stf2m.evaluation.protocols.completion import Completion
from stf2m.evaluation.protocols.cross_dataset import CrossDataset
from stf2m.evaluation.protocols.first_minutes import FirstMinutes
from stf2m.evaluation.protocols.folds import Fold, folds
from stf2m.evaluation.protocols.literature_random import LiteratureRandom
from stf2m.evaluation.protocols.missing_modality import MissingModality
from stf2m.evaluation.protocols.new_person import NewPerson
from stf2m.evaluation.protocols.new_stimulus import NewPersonNewStimulus
from stf2m.evaluation.protocols.picture import Picture, draw
from stf2m.evaluation.protocols.split import Split, check_split
from stf2m.evaluation.protocols.world import World, conceal, hide

PROTOCOLS: dict[str, type[Protocol]] = {
    kind.name: kind for kind in (NewPerson, NewPersonNewStimulus, Completion, FirstMinutes, CrossDataset, MissingModality, LiteratureRandom)
}


def make_protocol(values: dict[str, Any], *, where: str = "protocol") -> Protocol:
    """Build a protocol from settings with a `name`; raises `UnknownName` or `InvalidConfig`."""
    kind = look_up(PROTOCOLS, values.get("name", ""), family="protocols")
    return build(kind, {key: value for key, value in values.items() if key != "name"}, where=where)


__all__ = [
    "PROTOCOLS",
    "Completion",
    "CrossDataset",
    "FirstMinutes",
    "Fold",
    "LiteratureRandom",
    "MissingModality",
    "NewPerson",
    "NewPersonNewStimulus",
    "Picture",
    "Protocol",
    "ProtocolCard",
    "Split",
    "World",
    "check_split",
    "conceal",
    "draw",
    "folds",
    "hide",
    "make_protocol",
]
