"""What an encoder makes of descriptors: a linear reading of each modality's own, then GELU."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from stf2m.core.records import DescriptorInfo
from stf2m.core.tensors import Batch


def columns_of(modalities: Sequence[str], descriptors: Sequence[DescriptorInfo]) -> dict[str, list[int]]:
    """modality -> the columns of its descriptors."""
    owner = [d.modality for d in descriptors]
    return {m: [j for j, o in enumerate(owner) if o == m] for m in modalities}


def readings(columns: Mapping[str, Sequence[int]], width: int) -> nn.ModuleDict:
    """One linear layer per modality that has descriptors."""
    return nn.ModuleDict({m: nn.Linear(len(c), width) for m, c in columns.items() if c})


def read_descriptors(
    given: Tensor, batch: Batch, columns: Mapping[str, Sequence[int]], layers: nn.ModuleDict, width: int
) -> Float[Tensor, "segment modality width"]:
    """`given` (segment, descriptor), perhaps partly hidden -> what each modality's descriptors say; 0 where there are none."""
    parts = []
    for i, (m, own) in enumerate(columns.items()):
        if own:
            parts.append(F.gelu(layers[m](given[:, own])) * batch.present[:, i : i + 1])
        else:
            parts.append(given.new_zeros(len(given), width))
    return torch.stack(parts, dim=1)
