"""What a rival network promises, and how what it says of a segment becomes parts and gates as every learner reads them.

A rival is another encoder in the place of the spatio-temporal one: `Kind(config, infos, descriptors)` whose
`forward(Batch)` returns parts (segment, modality, width), 0 where absent, and gate logits (segment, modality). It never
looks at values of an absent modality, keeps no statistics of other segments, and takes channels and rates from
`SignalInfo`. It reads signals; where `descriptors` is on it joins them as the spatio-temporal encoder does.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.config import NetworkConfig
from stf2m.model.described import columns_of, read_descriptors, readings


class Rival(nn.Module):
    """What both kinds share: `said` numbers from signals, and `width` more from descriptors where these are on."""

    stands_for: ClassVar[Mapping[str, Any]] = {"fuzzy": "none", "wide": False, "descriptors": False}
    """network settings that make it the network its authors describe; a setting that is given wins"""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__()
        self.config, self.modalities = config, tuple(info.modality for info in infos)
        self.columns = columns_of(self.modalities, descriptors) if config.descriptors else {}
        self.describe = readings(self.columns, config.width)
        self.drop, self.hide = nn.Dropout(config.dropout), nn.Dropout(config.input_dropout)

    def described(self, batch: Batch) -> Float[Tensor, "segment modality width"]:
        """What the descriptors of every modality say; width 0 where descriptors are off."""
        if not self.columns:
            return batch.present.new_zeros(*batch.present.shape, 0)
        return read_descriptors(self.hide(batch.descriptors), batch, self.columns, self.describe, self.config.width)

    def signal(self, batch: Batch, modality: str) -> Float[Tensor, "segment channel time"]:
        """A modality's signal with its validity channel last, 0 where the modality is absent."""
        here = batch.present[:, self.modalities.index(modality)]
        return batch.signals[modality] * here[:, None, None]


class PerModality(Rival):
    """Every modality says something of its own: part_m = V_m x_m and gate_m = v_m x_m, as in the spatio-temporal encoder."""

    has_gates: ClassVar[bool] = True
    """off: gate_m = 0, every modality that is present has the same say"""

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...], *, said: int):
        super().__init__(config, infos, descriptors)
        size = said + (config.width if self.columns else 0)
        self.value = nn.ModuleDict({m: nn.Linear(size, config.width) for m in self.modalities})
        self.gate = nn.ModuleDict({m: nn.Linear(size, 1) for m in self.modalities} if self.has_gates else {})

    def say(self, batch: Batch) -> Float[Tensor, "segment modality said"]:
        """What the signals of every modality say."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> tuple[Float[Tensor, "segment modality width"], Float[Tensor, "segment modality"]]:
        """-> parts, 0 where absent, and gate logits."""
        present = batch.present.unsqueeze(-1)
        joined = self.drop(torch.cat([self.say(batch), self.described(batch)], dim=-1) * present)
        parts = torch.stack([self.value[m](joined[:, i]) for i, m in enumerate(self.modalities)], dim=1)
        if not self.has_gates:
            return parts * present, torch.zeros_like(batch.present)
        return parts * present, torch.cat([self.gate[m](joined[:, i]) for i, m in enumerate(self.modalities)], dim=1)


class Joint(Rival):
    """The modalities are one before the first layer ends: every present one carries the same part, and all gates are equal.

    Their weighted mean is then this part, whichever modalities are there; modality weights say nothing.
    """

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...], *, said: int):
        super().__init__(config, infos, descriptors)
        self.value = nn.Linear(said + (config.width * len(infos) if self.columns else 0), config.width)

    def say(self, batch: Batch) -> Float[Tensor, "segment said"]:
        """What all signals say together."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> tuple[Float[Tensor, "segment modality width"], Float[Tensor, "segment modality"]]:
        """-> parts, 0 where absent, and gate logits."""
        code = self.value(self.drop(torch.cat([self.say(batch), self.described(batch).flatten(1)], dim=-1)))
        return code.unsqueeze(1) * batch.present.unsqueeze(-1), torch.zeros_like(batch.present)
