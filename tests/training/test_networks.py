"""Any network under any learner: it trains, answers, and comes back from a bundle; second-order steps go through it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import UnknownName
from stf2m.meta import LEARNERS
from stf2m.meta.outer import LossWeights, run_task, run_tasks
from stf2m.model.baselines import NETWORKS
from stf2m.prepare.normalise import fit_normaliser
from stf2m.prepare.recipe import Recipe, SignalRecipe
from stf2m.tasks.loader import Loader
from stf2m.training.build import build, inputs_of
from stf2m.training.bundle import load_bundle, save_bundle
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.run import train

SEGMENTS = toy_segments(each=24)
SMALL = {
    "steps": 2, "episodes": 2, "warm_up": 1, "validate_every": 2, "validation_tasks": 1, "tasks": {"shots": (1,), "queries": 1},
}  # fmt: skip
RECIPE = Recipe(signals=SignalRecipe(modalities=("eda", "bvp", "voice", "face")))
SHARING = [name for name, kind in LEARNERS.items() if kind().shares_encoder]
RIVALS = [name for name in NETWORKS if name != "spatio_temporal"]


def config(network: str, learner: str, **changes: Any) -> TrainConfig:
    small = {"encoder": network, "width": 8, "node_width": 4, "token_rate": 2.0, **changes}
    return TrainConfig.model_validate({**SMALL, "learner": learner, "network": small})


def fit(network: str, learner: str) -> Fitted:
    how = config(network, learner)
    fitted = train(SEGMENTS, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=how)
    return fitted.with_learner(how) if how.learner != fitted.config.learner else fitted


@pytest.mark.parametrize("learner", SHARING)
@pytest.mark.parametrize("network", RIVALS)
def test_every_learner_trains_every_network(network: str, learner: str) -> None:
    fitted = fit(network, learner)
    start = build(fitted.config, fitted.inputs)[2]
    moved = [name for name, value in fitted.params.items() if ".encoder." in name and not torch.equal(value, start[name])]
    assert moved and all(torch.isfinite(value).all() for value in fitted.params.values())
    answer = fitted.predict(SEGMENTS, np.arange(6), np.arange(10, 16))
    np.testing.assert_allclose(answer.probability.sum(axis=1), 1, atol=1e-5)
    assert answer.firing.shape == (6, 0)


@pytest.mark.parametrize("network", RIVALS)
def test_a_bundle_brings_the_network_back(network: str, tmp_path: Path) -> None:
    fitted = fit(network, "protonet")
    facts = {"dataset": "toy", "consent": "research", "people": 4, "subjects": ["P0"]}
    bundle = load_bundle(save_bundle(tmp_path / "people.stf2m", fitted, RECIPE, facts))
    assert bundle.fitted.config == fitted.config and type(bundle.net.encoder) is NETWORKS[network] and bundle.rules == ()
    a, b = (f.predict(SEGMENTS, np.arange(6), np.arange(10, 20)) for f in (fitted, bundle.fitted))
    for one, two in zip(a, b):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("network", RIVALS)
def test_second_order_steps_equal_the_loop(network: str) -> None:
    """The outer gradient of MAML over `vmap` equals the one over a Python loop, in double precision."""
    how = config(network, "maml", dropout=0.0).model_copy(update={"options": {"steps": 1}})
    net, learner, params = build(how, inputs_of(SEGMENTS, "emotion"))
    net.double().eval()
    loader = Loader(SEGMENTS, fit_normaliser(SEGMENTS, np.arange(len(SEGMENTS))), "emotion")
    batches = [double(loader.batch(rows)) for rows in (np.arange(0, 3), np.arange(30, 33), np.arange(20, 23), np.arange(40, 43))]
    found = []
    for way in ("vmap", "loop"):
        leaves = {name: value.double().requires_grad_() for name, value in params.items()}
        if way == "vmap":
            loss = run_tasks(net, learner, leaves, stack(batches[:2]), stack(batches[2:]), None, LossWeights()).loss
        else:
            loss = torch.stack([run_task(net, learner, leaves, s, q, None, LossWeights()).loss for s, q in zip(batches[:2], batches[2:])])
        loss.sum().backward()
        found.append({name: value.grad for name, value in leaves.items() if value.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, grad in found[0].items():
        torch.testing.assert_close(grad, found[1][name], rtol=1e-6, atol=1e-9, msg=lambda m, name=name: f"{name}: {m}")


def double(batch: Any) -> Any:
    cast = lambda v: v.double() if v.is_floating_point() else v  # noqa: E731
    return type(batch)(*({k: cast(v) for k, v in x.items()} if isinstance(x, dict) else cast(x) for x in batch))


def stack(batches: list[Any]) -> Any:
    """A leading task axis."""
    return type(batches[0])(
        *(
            {k: torch.stack([x[k] for x in values]) for k in values[0]} if isinstance(values[0], dict) else torch.stack(values)
            for values in zip(*batches)
        )
    )


def test_a_network_of_another_package_is_used_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from stf2m.core import registry

    point = EntryPoint("mine", "stf2m.model.baselines.late_fusion:LateFusion", "stf2m.networks")
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point] if group == point.group else [])
    fitted = fit("mine", "protonet")
    assert type(fitted.net.encoder).__name__ == "LateFusion" and not fitted.config.network.wide
    with pytest.raises(UnknownName, match="no networks entry named 'mine2'"):
        config("mine2", "protonet")
