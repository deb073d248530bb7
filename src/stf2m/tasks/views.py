"""Views: one modality of one emotion."""

from typing import NamedTuple


class View(NamedTuple):
    """One modality of one emotion."""

    modality: str
    emotion: str
