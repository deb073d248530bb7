"""A recurrent network that reads the support and then each query, and makes no head from the support: the black box.

Memory-augmented and "RL^2"-like meta-learning (Hochreiter et al. 2001; Santoro et al. 2016). A rival, and the negative
control of the main learner, which takes its head from the support.
"""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stf2m.core.tensors import Adaptation, Batch, Features, Params, Scores
from stf2m.meta.cells import SetReader
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import (
    META,
    adapted_head,
    apply_head,
    features_of,
    fuse,
    hidden_of,
    initial,
    labelled,
    positive,
    reason,
    remove_baseline,
)  # fmt: skip
from stf2m.meta.own import call_own, own_params, silent
from stf2m.meta.rating import rates_only, rating_alone


class ReadThenAnswer(nn.Module):
    """One gated cell over [S z; y; rating; rated; labelled]: all of the support, then one query with y and ratings unknown.

    `forward(stage, ...)` runs the method of that name, because a module with other weights (`meta.functional`) can only call `forward`.
    """

    def __init__(self, width: int, emotions: int, state: int, token: int):
        super().__init__()
        self.unknown = emotions + 4
        self.squeeze = nn.Linear(width, token)
        self.reader = SetReader(token + self.unknown, state)
        self.decide = silent(nn.Linear(state, emotions))

    def forward(self, stage: Literal["read", "answer"], *inputs: Any) -> Any:
        return getattr(self, stage)(*inputs)

    def read(self, z: Tensor, labels: Tensor, features: Features, rotations: int) -> tuple[Tensor, Tensor]:
        """State of the cell after the support, (rotation, state) twice."""
        weight = (features.weight * features.known).unsqueeze(1)
        sequence = torch.cat([self.squeeze(z), labels, features.rating, features.rated.unsqueeze(1), weight], dim=1)
        return self.reader.states(sequence, features.weight, rotations)

    def answer(self, z: Float[Tensor, "segment feature"], h: Tensor, c: Tensor) -> Float[Tensor, "segment emotion"]:
        """Every query is the next step after the support, so queries do not see each other."""
        drive = self.reader.cell.drives(torch.cat([self.squeeze(z), z.new_zeros(len(z), self.unknown)], dim=1))
        said, _ = self.reader.cell(drive.unsqueeze(1), h, c)
        return self.decide(said.mean(dim=1))


class BlackBox:
    """logits = those of people in general + what the recurrent network says after reading the support; ratings stay general
    (where only they are asked for, the person's mean offset is followed).

    With an empty support only the former. The correction starts at zero, so training starts from the global head.
    """

    shares_encoder = True
    centre = True
    ordinal = 0.0

    def __init__(self, state: int = 64, token: int = 32, rotations: int = 4):
        self.state, self.token, self.rotations = state, token, rotations
        self.reading: ReadThenAnswer | None = None

    def init(self, net: Any) -> Params:
        self.reading = ReadThenAnswer(net.config.width, net.emotions, self.state, self.token)
        return initial(net) | own_params(self.reading)

    def adapt(self, net: Any, params: Params, support: Batch | Features) -> Adaptation:
        adaptation, features = start_global(net, params, support, centre=self.centre)
        memory, labels = adaptation.memory, labelled(features, net.emotions)
        near = remove_baseline(features, memory)
        z = reason(net, params, near, memory).z
        h, c = call_own(self.reading, params, "read", z, labels, near, max(1, min(self.rotations, len(z))))
        heard = (labels.sum() > 0).to(z.dtype)
        deep = hidden_of(net, params, near, memory).h[:, : net.deep] if rates_only(net) else z
        rate = rating_alone(net, params, deep, features, positive(params[META + "usual"][0]))
        return adaptation._replace(params=rate, memory=memory | {"read_h": h, "read_c": c, "heard": heard})

    def score(self, net: Any, params: Params, adaptation: Adaptation, query: Batch | Features) -> Scores:
        memory = adaptation.memory
        reasoned = reason(net, params, remove_baseline(features_of(net, params, query), memory), memory)
        scores = apply_head(net, params, fuse(net, params, reasoned, memory), adapted_head(net, params, adaptation))
        said = call_own(self.reading, params, "answer", reasoned.z, memory["read_h"], memory["read_c"])
        return scores._replace(logits=scores.logits + memory["heard"] * said)
