"""Every setting of preparation: `SignalRecipe` keys the stored signals, `CutRecipe` only the index over them."""

from typing import Literal

from pydantic import Field, field_validator

from stf2m.core.config import Settings, later


class SignalRecipe(Settings):
    """What is done to signals. Its hash is the key of the store, so another cut does not prepare signals again."""

    modalities: tuple[str, ...]
    rates: dict[str, float] = Field(default_factory=dict)
    """canonical Hz per modality where it differs from the modality's default"""
    mode: Literal["causal"] = "causal"
    version: int = 1
    """grows when the same settings begin to mean other numbers"""


class CutRecipe(Settings):
    """How prepared recordings are cut into segments and labelled."""

    window: float | Literal["recording"] = 2.0
    """s per segment, or "recording" for one segment per take"""
    hop: float | None = None
    """s between segment starts; None = window (no overlap)"""
    longest: float = 6.0
    """s kept of a take when window is "recording" (the last ones)"""
    lag: float = 0.0
    """s by which annotations trail the feeling; the label of [a, b] is read from [a + lag, b + lag]"""
    targets: tuple[str, ...] = ("emotion",)
    min_labelled: float = 0.5
    """share of the window that must carry a label, else the segment is unlabelled"""
    whole_take_static: bool = False
    """offer a static stream (known when the take ends) to every segment of the take; tables must mark it "whole-take" """
    skip_start: float = 0.0
    """s dropped at the beginning of every recording (for example a light-adaptation transient)"""
    past: float = later(0.0, ge=0)
    """descriptors relative to the person's own past, unlabelled: how many earlier segments it takes until their mean is believed;
    0 = off. Needs recordings whose place in the session is known"""
    memory: tuple[float, ...] = later(())
    """s, increasing half-lives of the recent past: every descriptor is joined by its level over the first, and by the change from each
    to the next (`prepare/memory.py`); empty = off"""

    @field_validator("memory")
    @classmethod
    def _increase(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < a < b for a, b in zip((*value,), (*value[1:], float("inf")))):
            raise ValueError("half-lives must be over 0 s and increase")
        return value


class Recipe(Settings):
    """Signals, cut and normalisation of one study or bundle."""

    signals: SignalRecipe
    cut: CutRecipe = CutRecipe()
    normalisation: Literal["causal", "train_stats", "transductive"] = "causal"
