"""What a data set must offer: a card, its people, and their recordings."""

from collections.abc import Iterator
from typing import Protocol

from stf2m.core.config import Settings
from stf2m.core.records import Recording


class DatasetCard(Settings):
    """What a reader must know before using a data set: `[card]` of a mapping."""

    name: str
    """short, as results name it"""
    title: str
    """in one line: who, which sensors, doing what"""
    licence: str
    """of the data, copied onto the card of every bundle"""
    citation: str
    """what to cite"""
    consent: str
    """permitted use: any, non-commercial, research, unknown or none; copied into every recording, and the narrowest onto the card of a bundle"""
    modalities: tuple[str, ...]
    """sensors that somebody has; `stf2m prepare` prepares these"""
    emotions: tuple[str, ...] = ()
    """vocabulary of the target "emotion", in class order; empty when there are only ratings"""
    rating_scale: tuple[float, float] | None = None
    """lowest and highest rating on the scale of the source; left out when nothing is rated"""
    labels: str = ""
    """in words: what is labelled, how often, by whom"""
    notes: tuple[str, ...] = ()
    """what a reader should beware of"""


class Dataset(Protocol):
    """People and their recordings, read lazily. Any class with these three members is a data set."""

    @property
    def card(self) -> DatasetCard:
        """What a reader must know before using it."""
        ...

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        ...

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's recordings in session order."""
        ...
