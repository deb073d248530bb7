"""Caution towards labels: the way from people in general to the person, by hand; loop = vmap; chosen where labels mislead."""

from functools import partial
from typing import Any

import pytest
import torch
from tests.meta.test_learners import first, item, made, stacked
from tests.toy import toy_segments
from torch import Tensor

from stf2m.meta import LEARNERS
from stf2m.meta.caution import Cautious, nobody
from stf2m.meta.learner import CAUTION
from stf2m.meta.outer import LossWeights, run_task, run_tasks
from stf2m.training import heeding
from stf2m.training.config import TrainConfig
from stf2m.training.loop import validation_tasks
from stf2m.training.run import train


def cautious(name: str, caution: float) -> tuple[Any, Cautious, dict[str, Tensor]]:
    net, learner, params = made(name)
    both = Cautious(learner)
    return net, both, both.init(net) | params | {CAUTION: torch.tensor(caution)}


@pytest.mark.parametrize("name", LEARNERS)
def test_the_answer_goes_n_over_n_plus_caution_of_the_way(name: str) -> None:
    net, both, params = cautious(name, 2.0)
    support, query = (item(side, 1) for side in stacked(net, both, params, shots=(2,)))
    answer = lambda learner, told: learner.score(net, params, learner.adapt(net, params, told), query)  # noqa: E731
    adapted, general = answer(both.learner, support), answer(both.learner, nobody(support))
    n = float((support.weight * support.known).sum())
    assert n == 6
    torch.testing.assert_close(answer(both, support).logits, general.logits + n / (n + 2) * (adapted.logits - general.logits))
    torch.testing.assert_close(answer(both, support).rating, general.rating + n / (n + 2) * (adapted.rating - general.rating))
    torch.testing.assert_close(answer(both, nobody(support)).logits, general.logits)
    never = {**params, CAUTION: torch.tensor(1e9)}
    unheard = both.score(net, never, both.adapt(net, never, support), query)
    torch.testing.assert_close(unheard.logits, general.logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LEARNERS)
def test_without_caution_it_is_the_learner_itself(name: str) -> None:
    net, both, params = cautious(name, 0.0)
    support, query = (item(side, 0) for side in stacked(net, both, params, shots=(1,)))
    one, other = (learner.adapt(net, params, support) for learner in (both, both.learner))
    assert one.memory.keys() == other.memory.keys()
    assert torch.equal(both.score(net, params, one, query).logits, both.learner.score(net, params, other, query).logits)


@pytest.mark.parametrize("name", ["recurrent", "finetune", "reptile", "black_box"])
def test_vmap_equals_the_loop(name: str) -> None:
    net, both, params = cautious(name, 3.0)
    support, query = stacked(net, both, params)
    together = run_tasks(net, both, params, support, query, None, LossWeights())
    for i in range(4):
        alone = run_task(net, both, params, item(support, i), item(query, i), None, LossWeights())
        torch.testing.assert_close(together.scores.logits[i], alone.scores.logits, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(together.loss[i], alone.loss, rtol=1e-3, atol=1e-4)


def test_padding_counts_as_no_label() -> None:
    net, both, params = cautious("protonet", 3.0)
    support, query = (item(side, 0) for side in stacked(net, both, params, shots=(2,)))
    n = int(support.weight.sum())
    padded, plain = both.adapt(net, params, support), both.adapt(net, params, first(support, n))
    torch.testing.assert_close(
        both.score(net, params, padded, query).logits, both.score(net, params, plain, query).logits, rtol=1e-4, atol=1e-5
    )


def fitted_on(segments: Any) -> Any:
    config = TrainConfig.model_validate({
        "learner": "protonet", "cautious": True, "steps": 30, "episodes": 4, "rate": 5e-3, "warm_up": 2, "validate_every": 15,
        "network": {"width": 12, "node_width": 6, "rules": 4}, "tasks": {"shots": (0, 2), "queries": 4},
    })  # fmt: skip
    return train(segments, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)


def test_validation_people_whose_labels_mislead_teach_caution(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fitted_on(toy_segments(signal=4.0, personal=True))
    monkeypatch.setattr(heeding, "validation_tasks", partial(validation_tasks, shuffle=True))
    misled = fitted_on(toy_segments(signal=4.0, personal=True))
    assert honest.facts["caution"] == 0.0 < misled.facts["caution"]
