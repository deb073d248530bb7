"""The spatio-temporal encoder f: signals and descriptors of a segment -> what each modality says, and how loudly."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.config import NetworkConfig
from stf2m.model.described import columns_of, read_descriptors, readings
from stf2m.model.norm import LayerNorm
from stf2m.model.spatial import ABSENT, GraphConvolution
from stf2m.model.stem import Stem
from stf2m.model.temporal import GatedConvolution


class Block(nn.Module):
    """T-S-T: gated temporal, graph, gated temporal convolution; residual, LayerNorm, dropout."""

    def __init__(self, config: NetworkConfig, nodes: int):
        super().__init__()
        first, second = config.dilations
        self.before = GatedConvolution(config.node_width, first, config.temporal_gate)
        self.graph = GraphConvolution(nodes, config.node_width) if config.spatial else None
        self.after = GatedConvolution(config.node_width, second, config.temporal_gate)
        self.norm, self.drop = LayerNorm(config.node_width), nn.Dropout(config.dropout)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """`x` and what comes out (segment, node, token, width); `present` (segment, node), 0 where a node is absent."""
        y = self.before(x)
        y = self.graph(y, present) if self.graph is not None else y
        return self.norm(x + self.drop(self.after(y)))


class Encoder(nn.Module):
    """Stems -> T-S-T blocks -> attention over the tokens of each modality -> joined with its descriptors.

    part_m = V_m [a_m ; D_m d_m], gate_m = v_m [a_m ; D_m d_m]. A wholly absent modality and one with weight 0 are the
    same to every other modality and to the code.
    """

    def __init__(self, config: NetworkConfig, infos: tuple[SignalInfo, ...], descriptors: tuple[DescriptorInfo, ...]):
        super().__init__()
        self.modalities = tuple(info.modality for info in infos)
        self.config = config
        parts = 0
        if config.signals:
            tokens = max(1, round(max(i.window / i.rate for i in [i for i in infos if not i.static] or infos) * config.token_rate))
            stems = {i.modality: Stem(i, config.node_width, config.token_rate, tokens) for i in infos}
            self.stems = nn.ModuleDict(stems)
            self.sizes = [stem.nodes for stem in stems.values()]
            self.blocks = nn.ModuleList(Block(config, sum(self.sizes)) for _ in range(config.blocks))
            self.readout = nn.Linear(config.node_width, 1)
            parts += config.node_width
        if config.descriptors:
            self.columns = columns_of(self.modalities, descriptors)
            self.describe = readings(self.columns, config.width)
            parts += config.width
        self.value = nn.ModuleDict({m: nn.Linear(parts, config.width) for m in self.modalities})
        self.gate = nn.ModuleDict({m: nn.Linear(parts, 1) for m in self.modalities})
        self.drop, self.hide = nn.Dropout(config.dropout), nn.Dropout(config.input_dropout)

    def forward(self, batch: Batch) -> tuple[Float[Tensor, "segment modality width"], Float[Tensor, "segment modality"]]:
        """-> parts (segment, modality, width), 0 where absent, and gate logits (segment, modality)."""
        summaries = []
        if self.config.signals:
            summaries.append(self.read_signals(batch))
        if self.config.descriptors:
            given = self.hide(batch.descriptors)
            summaries.append(read_descriptors(given, batch, self.columns, self.describe, self.config.width))
        joined = self.drop(torch.cat(summaries, dim=-1))
        parts = torch.stack([self.value[m](joined[:, i]) for i, m in enumerate(self.modalities)], dim=1)
        gates = torch.cat([self.gate[m](joined[:, i]) for i, m in enumerate(self.modalities)], dim=1)
        return parts * batch.present.unsqueeze(-1), gates

    def read_signals(self, batch: Batch) -> Float[Tensor, "segment modality width"]:
        """Masked attention over each modality's (node, token) after the blocks; 0 where the modality is absent."""
        tokens, masks = zip(*(self.stems[m](batch.signals[m]) for m in self.modalities))
        counts = torch.tensor(self.sizes, device=batch.present.device)
        present = batch.present.repeat_interleave(counts, dim=1, output_size=sum(self.sizes))
        mask = torch.cat(masks, dim=1) * present.unsqueeze(-1)
        x = torch.cat(tokens, dim=1) * mask.unsqueeze(-1)
        for block in self.blocks:
            x = block(x, present)
        score = torch.where(mask == 0, ABSENT, self.readout(x).squeeze(-1))
        parts = zip(x.split(self.sizes, dim=1), score.split(self.sizes, dim=1))
        pooled = [torch.einsum("sk,skw->sw", s.flatten(1).softmax(dim=1), y.flatten(1, 2)) for y, s in parts]
        return torch.stack(pooled, dim=1) * batch.present.unsqueeze(-1)
