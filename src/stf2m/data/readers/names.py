"""Column names of a person's own table: `[stream:]modality[_channel]_unit[@rateHz]`, such as left:acc_x_g@32Hz."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from stf2m.core.errors import InputError, UnknownColumn
from stf2m.core.records import MODALITY_NAMES
from stf2m.core.units import CONVERT, plain_unit
from stf2m.data.templates import did_you_mean

TIMES = ("t", "ts", "time_s", "timestamp", "timestamps", "sec", "secs", "second", "seconds", "s", "ms", "unix", "clock", "date", "datetime")
"""what people call the time column"""
LABELS = ("valence", "arousal", "emotion")
LEVEL = re.compile(r"(valence|arousal)(?:_(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?))?")
EMOTION = "emotion"
MAPPING = "files with names of their own are read through a mapping"


class Column(NamedTuple):
    """What a column name says."""

    name: str
    stream: str
    modality: str
    channel: str
    unit: str
    rate: float | None


def is_label(name: str) -> bool:
    """True for a column that holds labels."""
    return name == EMOTION or LEVEL.fullmatch(name) is not None


def readable_columns(names: Sequence[str], where: object, refused: list[InputError] | None = None) -> tuple[str, ...]:
    """The same names, checked; raises `UnknownColumn` without a `time`, and for a name that means nothing.

    With `refused` the names that mean nothing are left out, and what is wrong with them is put there.
    """
    if "time" not in names:
        called = [name for name in names if name.casefold() in TIMES]
        hint = did_you_mean("time", names, f"add a column time, in seconds; {MAPPING}")
        hint = f"there is {called[0]!r}: if it is the time in seconds, call it time" if called else hint
        raise UnknownColumn("there is no column 'time'", where=where, hint=hint)
    kept = []
    for name in names:
        try:
            if name != "time" and not is_label(name):
                parse_column(name, where)
            kept.append(name)
        except UnknownColumn as problem:
            if refused is None:
                raise
            refused.append(problem)
    return tuple(kept)


def parse_column(name: str, where: object = "") -> Column:
    """Take a column name apart; raises `UnknownColumn` that names the neighbours."""
    stream, _, rest = name.rpartition(":")
    body, _, rate = rest.partition("@")
    modality, _, tail = body.partition("_")
    channel, _, written = tail.rpartition("_")
    unit = plain_unit(written)
    if modality not in MODALITY_NAMES:
        names = [*MODALITY_NAMES, *LABELS, "time"]
        hint = did_you_mean(modality, names, f"modalities: {' '.join(MODALITY_NAMES)}; {MAPPING}")
        raise UnknownColumn(f"unknown column {name!r}", where=where, expected="modality_unit, such as eda_uS", hint=hint)
    if unit not in CONVERT:
        hint = did_you_mean(unit, CONVERT, f"units: {' '.join(CONVERT)}")
        raise UnknownColumn(f"column {name!r} ends in no known unit", where=where, got=repr(written), hint=hint)
    return Column(name, stream or modality, modality, channel or modality, unit, _declared(rate, name, where))


def _declared(text: str, name: str, where: object) -> float | None:
    """The rate after an @, Hz."""
    if not text:
        return None
    try:
        rate = float(text.removesuffix("Hz"))
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < 1e6:
        raise UnknownColumn(f"column {name!r} declares no rate after @", where=where, hint="write it like bvp_au@64Hz")
    return rate
