"""Every default of the network, once."""

from typing import Any, Literal

from pydantic import Field, model_validator

from stf2m.core.config import Settings, later

SPATIO_TEMPORAL = "spatio_temporal"


class NetworkConfig(Settings):
    """Sizes and switches of the spatio-temporal fuzzy network; the switches are the ablation grid of the method."""

    width: int = Field(default=64, ge=4)
    """d, length of the code z"""
    node_width: int = Field(default=24, ge=4)
    """channels of a token at a graph node"""
    token_rate: float = Field(default=8.0, gt=0)
    """tokens per second after the stems"""
    blocks: int = Field(default=1, ge=1)
    dilations: tuple[int, int] = (1, 2)
    """of the two gated temporal convolutions of a block"""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """of units behind the stems and blocks"""
    input_dropout: float = Field(default=0.5, ge=0, lt=1)
    """of descriptors on their way into the encoder, so that it cannot learn people by heart from a few of them"""
    rules: int = Field(default=12, ge=2)
    directions: int = Field(default=4, ge=0)
    """learned directions of z that join the readable descriptors as rule inputs"""
    semantics: int = Field(default=16, ge=1)
    """length of the rules' semantic vector"""
    wide: bool = True
    """the head also reads the descriptors directly, whitened by the scatter within training people and classes"""
    shrinkage: float = Field(default=0.1, gt=0, le=1)
    """of that scatter towards the identity"""
    signals: bool = False
    """the spatio-temporal convolution of the signals beside their descriptors. Off by default: beside
    descriptors it gained nothing on RAVDESS and on generated people (docs/results.md), at ten times the cost or more. On where `descriptors` is off, and in other encoders"""
    descriptors: bool = True
    """off: signals only"""
    temporal_gate: bool = True
    spatial: bool = True
    fuzzy: Literal["htsk", "tsk", "mlp", "none"] = "htsk"
    """`mlp` is an equal-size perceptron in the place of the rules"""
    rules_first: bool = later(True, before=False)
    """rules are fitted to the training people before the outer loop, on named descriptors alone, and then stay; off: they are
    learnt along with the network, with `directions` of z among their inputs"""
    vote: bool = later(True, before=False)
    """what rules say of the emotion is a part of the answer, by a learned voice"""
    encoder: str = later(SPATIO_TEMPORAL)
    """a name in `NETWORKS`; another one also brings the settings that it stands for, where they are not given"""

    @model_validator(mode="before")
    @classmethod
    def _stands_for(cls, values: Any) -> Any:
        """A rival network without its own settings would be another one; raises `UnknownName` for a name that is not known.

        A network without descriptors reads signals.
        """
        if isinstance(values, dict) and values.get("descriptors") is False:
            values = {"signals": True, **values}
        name = values.get("encoder", SPATIO_TEMPORAL) if isinstance(values, dict) else SPATIO_TEMPORAL
        if name == SPATIO_TEMPORAL or not isinstance(name, str):
            return values
        from stf2m.core.registry import look_up
        from stf2m.model.baselines import NETWORKS

        return {"signals": True, **getattr(look_up(NETWORKS, name, family="networks"), "stands_for", {}), **values}

    @model_validator(mode="after")
    def _switches_are_there(self) -> "NetworkConfig":
        """Switches of the spatio-temporal encoder would silently do nothing in another one, and something must be read."""
        if not (self.signals or self.descriptors):
            raise ValueError("signals = false and descriptors = false leave nothing to read")
        off = [name for name in ("signals", "temporal_gate", "spatial") if not getattr(self, name)]
        if self.encoder != SPATIO_TEMPORAL and off:
            raise ValueError(f"{off[0]} = false is a switch of {SPATIO_TEMPORAL}, the encoder {self.encoder} has no such switch")
        return self
