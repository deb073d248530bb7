"""What a data set must offer: a card, its people, and their recordings."""

from collections.abc import Iterator
from typing import Protocol

from stf2m.core.config import Settings
from stf2m.core.records import Recording


class DatasetCard(Settings):
    """What a reader must know before using a data set."""

    name: str
    title: str
    licence: str
    citation: str
    consent: str
    """permitted use, copied into every recording and, when "non-commercial", onto every bundle's card"""
    modalities: tuple[str, ...]
    emotions: tuple[str, ...] = ()
    """vocabulary of the target "emotion", in class order; empty when there are only ratings"""
    rating_scale: tuple[float, float] | None = None
    labels: str = ""
    """in words: what is labelled, how often, by whom"""
    notes: tuple[str, ...] = ()


class Dataset(Protocol):
    """People and their recordings, read lazily. Any class with these three members is a data set."""

    @property
    def card(self) -> DatasetCard: ...

    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        ...

    def recordings(self, subject: str) -> Iterator[Recording]:
        """The person's recordings in session order."""
        ...
