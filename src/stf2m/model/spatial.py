"""Graph convolution across nodes (channels of all modalities)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

ABSENT = -1e4


class GraphConvolution(nn.Module):
    """y_i = x_i + W sum_j A_ij x_j with A = (softmax_j(E F^T) + softmax_j(q_i k_j / sqrt(r))) / 2 over present nodes.

    The first adjacency is learned for all people, the second belongs to the sample (q, k from its mean over time).
    Rows are renormalised over the nodes that are present, so an absent node changes nothing.
    """

    def __init__(self, nodes: int, width: int, rank: int = 8):
        super().__init__()
        self.source = nn.Parameter(0.3 * torch.randn(nodes, rank))
        self.sink = nn.Parameter(0.3 * torch.randn(nodes, rank))
        self.query, self.key = nn.Linear(width, rank, bias=False), nn.Linear(width, rank, bias=False)
        self.mix = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "segment node token width"], present: Float[Tensor, "segment node"]
    ) -> Float[Tensor, "segment node token width"]:
        """x + GELU(mix(A x)), A the adjacency over the nodes that are `present`."""
        return x + F.gelu(self.mix(torch.einsum("sij,sjtw->sitw", self.adjacency(x, present), x)))

    def adjacency(self, x: Tensor, present: Tensor) -> Float[Tensor, "segment node node"]:
        """Rows sum to 1 over present nodes (or are 0 where nothing is present)."""
        mean = x.mean(dim=2)
        own = torch.einsum("sir,sjr->sij", self.query(mean), self.key(mean)) * self.source.shape[1] ** -0.5
        everybody = (self.source @ self.sink.T).expand_as(own)
        absent = (present == 0).unsqueeze(1)
        rows = [torch.where(absent, ABSENT, logits).softmax(dim=-1) for logits in (everybody, own)]
        return (rows[0] + rows[1]) / 2 * present.unsqueeze(1)
