"""Column names of a person's own table: `[stream:]modality[_channel]_unit[@rateHz]`, such as left:acc_x_g@32Hz."""

from typing import NamedTuple

from stf2m.core.errors import UnknownColumn
from stf2m.core.records import MODALITY_NAMES
from stf2m.core.units import CONVERT, plain_unit
from stf2m.data.templates import did_you_mean

TIMES = ("t", "ts", "time_s", "timestamp", "timestamps", "sec", "secs", "second", "seconds", "s", "ms", "unix", "clock", "date", "datetime")
"""what people call the time column"""
LABELS = ("valence", "arousal", "emotion")


class Column(NamedTuple):
    """What a column name says."""

    name: str
    stream: str
    modality: str
    channel: str
    unit: str
    rate: float | None


def parse_column(name: str, where: object = "") -> Column:
    """Take a column name apart; raises `UnknownColumn` that names the neighbours."""
    stream, _, rest = name.rpartition(":")
    body, _, rate = rest.partition("@")
    modality, _, tail = body.partition("_")
    channel, _, written = tail.rpartition("_")
    unit = plain_unit(written)
    if modality not in MODALITY_NAMES:
        names = [*MODALITY_NAMES, *LABELS, "time"]
        hint = did_you_mean(modality, names, f"modalities: {' '.join(MODALITY_NAMES)}")
        if name.casefold() in TIMES:
            hint = "if it is the time in seconds, call it time"
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
