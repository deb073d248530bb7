"""Learners with inner steps against gradients derived by hand, plain numpy loops and each other."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from tests.meta.linear_net import LinearNet, by_hand, rows, start
from tests.meta.test_learners import item, made, stacked
from torch import Tensor

from stf2m.core.tensors import Params
from stf2m.meta import LEARNERS
from stf2m.meta.learner import HEAD, descend
from stf2m.meta.outer import LossWeights, run_task

SUPPORT, QUERY = rows(6, seed=1), rows(8, seed=2)
NO_SMOOTHING = LossWeights(smoothing=0.0)
NUMPY_NAMES = {"net.classify.weight": "weight", "net.classify.bias": "bias", "net.rate.weight": "rate", "net.rate.bias": "rate_bias"}


def linear(learner: Any, *, encoder: bool = True) -> tuple[LinearNet, Params]:
    """A hand-sized network and its parameters as leaves in float64; no baseline is removed."""
    torch.manual_seed(0)
    learner.centre = False
    net = LinearNet(encoder)
    return net, {name: value.double().requires_grad_() for name, value in learner.init(net).items()}


def grad(value: Tensor | None) -> Any:
    assert value is not None
    return value.numpy()


@pytest.mark.parametrize(("name", "options"), [("maml", {}), ("maml", {"first_order": True}), ("anil", {})])
def test_outer_gradient_on_a_quadratic_is_the_one_derived_by_hand(name: str, options: dict[str, bool]) -> None:
    """L(T) = |X T - Y|^2 / 2n has Hessian H = X'X / n, so T_K = T* + (I - aH)^K (T_0 - T*), and with G = dL_query / dT_K:
    dL_query / dT_0 = (I - aH)^K G (first order: G) and dL_query / da = -K <G, H (I - aH)^(K-1) (T_0 - T*)>.
    """
    steps = 3
    learner = LEARNERS[name](steps=steps, step_size=0.2, **options)
    net, params = linear(learner, encoder=False)
    size = float(params["meta.size"].detach().exp())
    run_task(net, learner, params, SUPPORT, QUERY, None, NO_SMOOTHING).loss.backward()

    (x, y), (xq, yq) = (
        (np.column_stack([b.descriptors.numpy(), np.ones(len(b.target))]), b.rating.numpy()) for b in (SUPPORT, QUERY)
    )  # fmt: skip
    first = np.vstack([start(params)["rate"].T, start(params)["rate_bias"]])
    hessian, best = x.T @ x / len(x), np.linalg.lstsq(x, y, rcond=None)[0]
    shrink = np.eye(4) - size * hessian
    last = best + np.linalg.matrix_power(shrink, steps) @ (first - best)
    g = xq.T @ (xq @ last - yq) / len(xq)
    want = g if options else np.linalg.matrix_power(shrink, steps) @ g
    found = np.vstack([grad(params["net.rate.weight"].grad).T, grad(params["net.rate.bias"].grad)])
    assert_allclose(found, want, rtol=1e-9)
    if not options:  # the step size also moves the class head, whose part of the derivative is measured
        slope = -steps * (g * (hessian @ np.linalg.matrix_power(shrink, steps - 1) @ (first - best))).sum()
        classes = _by_difference(net, learner, params, size)
        assert_allclose(grad(params["meta.size"].grad), size * (slope + classes), rtol=1e-5)


def _by_difference(net: Any, learner: Any, params: Params, size: float) -> float:
    """Derivative of the query's cross-entropy by the step size, from two runs; without ratings the quadratic is flat."""
    sides = [b._replace(rated=torch.zeros_like(b.rated)) for b in (SUPPORT, QUERY)]
    value = []
    for change in (1e-5, -1e-5):
        moved = params | {"meta.size": torch.tensor(math.log(size + change), dtype=torch.float64)}
        value.append(float(run_task(net, learner, moved, *sides, None, NO_SMOOTHING).loss.detach()))
    return (value[0] - value[1]) / 2e-5


def test_meta_sgd_equals_steps_by_hand_with_a_size_per_coordinate() -> None:
    learner = LEARNERS["meta_sgd"](steps=3)
    net, params = linear(learner)
    rng = np.random.default_rng(0)
    sizes = {name: rng.normal(0.1, 0.1, params[name].shape) for name in NUMPY_NAMES}
    params |= {f"meta.alpha.{name}": torch.tensor(size) for name, size in sizes.items()}
    adaptation = learner.adapt(net, params, SUPPORT)

    theta, z, losses = start(params), (params["net.encoder.gain"] * SUPPORT.descriptors).detach().numpy(), []
    for _ in range(3):
        loss, slope = by_hand(theta, z, SUPPORT)
        theta = theta | {short: theta[short] - sizes[name] * slope[short] for name, short in NUMPY_NAMES.items()}
        losses.append(loss)
    assert_allclose(adaptation.losses.detach().numpy(), losses, rtol=1e-12)
    for name, short in NUMPY_NAMES.items():
        assert_allclose(adaptation.params[name].detach().numpy(), theta[short], rtol=1e-12)
    assert "net.encoder.gain" not in adaptation.params


@pytest.mark.parametrize(("other", "options"), [("finetune", {}), ("maml", {"through_encoder": True})])
def test_meta_sgd_with_equal_sizes_is_the_learner_of_the_same_scope(other: str, options: dict[str, bool]) -> None:
    net, scalar, params = made(other)
    scalar.steps, scalar.step_size = 2, 0.05
    learner = LEARNERS["meta_sgd"](steps=2, step_size=0.05, **options)
    assert learner.shares_encoder == scalar.shares_encoder
    own = {name: value for name, value in learner.init(net).items() if name.startswith("meta.alpha.")}
    support, query = stacked(net, scalar, params, range(1), (2,))
    one, q = item(support, 0), item(query, 0)
    want, found = scalar.adapt(net, params, one), learner.adapt(net, params | own, one)
    assert want.params.keys() == found.params.keys()
    for name, value in want.params.items():
        torch.testing.assert_close(found.params[name], value, rtol=1e-4, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")
    a, b = scalar.score(net, params, want, q), learner.score(net, params | own, found, q)
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-3, atol=1e-4)


def test_reptile_outer_gradient_is_the_way_of_a_plain_loop() -> None:
    """theta - theta' of a numpy loop over support, query, support ..., and for the encoder the mean of its gradients."""
    steps, size = 5, 0.3
    learner = LEARNERS["reptile"](steps=steps, step_size=size)
    net, params = linear(learner)
    learner.outer_loss(net, params, SUPPORT, QUERY).backward()

    first = theta = start(params)
    gain, encoder = params["net.encoder.gain"].detach().numpy(), np.zeros(3)
    for step in range(steps):
        half = (SUPPORT, QUERY)[step % 2]
        x = half.descriptors.numpy()
        _, slope = by_hand(theta, gain * x, half)
        theta = theta | {short: theta[short] - size * slope[short] for short in NUMPY_NAMES.values()}
        encoder += (slope["z"] * x).sum(axis=0) / steps
    for name, short in NUMPY_NAMES.items():
        assert_allclose(grad(params[name].grad), (first[short] - theta[short]) / (size * steps), rtol=1e-10, atol=1e-14)
    assert_allclose(grad(params["net.encoder.gain"].grad), encoder, rtol=1e-10)


def test_reptile_trains_on_its_own_loss_and_reports_that_of_the_query() -> None:
    learner = LEARNERS["reptile"](steps=2)
    net, params = linear(learner)
    out = run_task(net, learner, params, SUPPORT, QUERY, None, NO_SMOOTHING)
    torch.testing.assert_close(out.loss, learner.outer_loss(net, params, SUPPORT, QUERY))
    assert not torch.allclose(out.loss, out.task)


def test_reptile_damps_its_outer_gradient_as_it_damps_its_steps() -> None:
    learner = LEARNERS["reptile"](steps=1, step_size=0.1)
    net, params = linear(learner)
    far = SUPPORT._replace(rating=1000 * SUPPORT.rating)
    learner.outer_loss(net, params, far, QUERY).backward()
    moved = learner.adapt(net, params, far).params
    length = math.sqrt(sum(float((params[name].grad ** 2).sum()) for name in NUMPY_NAMES))
    assert abs(length - 10) < 1e-6
    for name in NUMPY_NAMES:
        assert_allclose(grad(params[name].grad), ((params[name] - moved[name]) / 0.1).detach().numpy(), rtol=1e-8, atol=1e-12)


def _preprocessed(x: np.ndarray) -> np.ndarray:
    """Appendix A of Andrychowicz et al. 2016 with p = 10, number by number."""
    pairs = [(math.log(abs(v)) / 10, math.copysign(1, v)) if abs(v) >= math.exp(-10) else (-1, math.exp(10) * v) for v in x.ravel()]
    return np.array(pairs).reshape(*x.shape, 2)


def test_meta_lstm_equals_its_formula_in_numpy() -> None:
    learner = LEARNERS["meta_lstm"](steps=4)
    net, params = linear(learner)
    rng = np.random.default_rng(3)
    with torch.no_grad():
        for name, value in params.items():
            if name.startswith(("meta.reading", "meta.forget", "meta.take")):
                value += torch.tensor(rng.normal(0, 0.5, tuple(value.shape)))
        params["net.classify.weight"][0, 0] = 1e-6  # near zero, where the preprocessing is linear
    adaptation = learner.adapt(net, params, SUPPORT)

    look, before = (params[f"meta.reading.{n}"].detach().numpy() for n in ("look", "before"))
    theta, moved = start(params), ("scale", "shift", "weight", "bias")
    z = (params["net.encoder.gain"] * SUPPORT.descriptors).detach().numpy()
    gates = {name: np.stack([np.ones_like(theta[name]), np.zeros_like(theta[name])], axis=-1) for name in moved}
    for step in range(4):
        loss, slope = by_hand(theta, z, SUPPORT)
        assert_allclose(float(adaptation.losses[step].detach()), loss, rtol=1e-10)
        seen_loss = _preprocessed(np.array([loss]))[0]
        for name in moved:
            now, g = theta[name], slope[name]
            seen = np.concatenate([_preprocessed(g), np.broadcast_to(seen_loss, (*g.shape, 2)), now[..., None]], axis=-1)
            bias = [float(params[f"meta.{gate}.{name}"].detach()) for gate in ("forget", "take")]
            gates[name] = 1 / (1 + np.exp(-(seen @ look + gates[name] * before + bias)))
            theta = theta | {name: gates[name][..., 0] * now - gates[name][..., 1] * g}
    found = adaptation.params | adaptation.memory
    for name, key in {"scale": "scale", "shift": "shift", "weight": HEAD[0], "bias": HEAD[1]}.items():
        assert_allclose(found[key].detach().numpy(), theta[name], rtol=1e-9)


@pytest.mark.parametrize("size", [0.05, 0.3])
def test_meta_lstm_with_gates_held_at_one_and_a_is_gradient_descent(size: float) -> None:
    learner = LEARNERS["meta_lstm"](steps=3, step_size=size, keep=1 - 1e-13)
    net, params = linear(learner)
    adaptation = learner.adapt(net, params, SUPPORT)
    theta, z = start(params), (params["net.encoder.gain"] * SUPPORT.descriptors).detach()
    fast = {name: torch.tensor(theta[name]) for name in ("scale", "shift", "weight", "bias")}

    def loss(now: Params) -> Tensor:
        h = (1 + now["scale"]) * z + now["shift"]
        rating = h @ params["net.rate.weight"].T + params["net.rate.bias"]
        log_p = (h @ now["weight"].T + now["bias"]).log_softmax(dim=1)
        return torch.nn.functional.nll_loss(log_p, SUPPORT.target) + 0.5 * ((rating - SUPPORT.rating) ** 2).sum(dim=1).mean()

    want, losses = descend(loss, fast, dict.fromkeys(fast, torch.tensor(size)), 3)
    torch.testing.assert_close(adaptation.losses, losses)
    torch.testing.assert_close(adaptation.params, {HEAD[0]: want["weight"], HEAD[1]: want["bias"]})
    torch.testing.assert_close({name: adaptation.memory[name] for name in ("scale", "shift")}, {n: want[n] for n in ("scale", "shift")})


def test_meta_lstm_starts_as_plain_gradient_descent() -> None:
    learner = LEARNERS["meta_lstm"]()
    net, params = linear(learner)
    losses = learner.adapt(net, params, SUPPORT).losses
    assert (losses.diff() < 0).all()
