"""How far a new person's labels are followed, chosen by validation people once the weights are trained.

Training people are known so well that their labels always seem worth following; with labels that are noisy, or that say little of
a new person, following them then does harm.
"""

import torch

from stf2m.core.tensors import Params
from stf2m.meta.learner import BELIEF, CAUTION
from stf2m.training.loop import Setting, measured, merit, validation_tasks

BELIEFS = (1.0, 0.3, 0.1, 0.0)
"""sizes of inner steps in units of what was learned"""
CAUTIONS = (0.0, 2.0, 8.0, 32.0, 1e6)
"""labels until half of the way is gone; the last is never"""
MARGIN, TASKS = 0.005, 8
"""what following labels less must gain, and tasks per validation person and number of shots"""


@torch.no_grad()
def choose_heeding(setting: Setting, params: Params) -> Params:
    """The belief in inner steps and, where the config is `cautious`, the caution; each the first whose like a later one does not
    beat by `MARGIN`."""
    shots = [k for k in setting.config.tasks.shots if k]
    chosen = {BELIEF: torch.tensor(BELIEFS[0])} | ({CAUTION: torch.tensor(CAUTIONS[0])} if setting.config.cautious else {})
    if not setting.validation or not shots:
        return chosen
    if getattr(setting.learner, "steps", 0):
        chosen[BELIEF] = _best(setting, params | chosen, shots, BELIEF, BELIEFS)
    if CAUTION in chosen:
        chosen[CAUTION] = _best(setting, params | chosen, shots, CAUTION, CAUTIONS)
    return chosen


def _best(setting: Setting, params: Params, shots: list[int], name: str, values: tuple[float, ...]) -> torch.Tensor:
    found = []
    for support, query in validation_tasks(setting, params, shots, TASKS):
        found.append(torch.stack([measured(setting, params | {name: torch.tensor(value)}, support, query) for value in values]))
    means = torch.cat(found, dim=1).mean(dim=1)
    scores, best = [merit(float(correct), float(loss)) for correct, loss in means], 0
    for i in range(1, len(values)):
        best = i if scores[i] > scores[best] + MARGIN else best
    return torch.tensor(values[best])
