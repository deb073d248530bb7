"""Learners without inner steps against plain numpy, scikit-learn and torch's own LSTM, on the whole network."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.special import erf
from sklearn.linear_model import Ridge
from tests.meta.test_learners import item, made, stacked
from torch import Tensor, nn

from stf2m.meta.learner import hidden_of, labelled, no_modulation, reason, remove_baseline


def task(name: str, shots: int) -> tuple[Any, Any, dict[str, Tensor], Any, Any]:
    """Network, learner, noisy parameters, one support of `shots` per class (with padding), one query."""
    net, learner, params = made(name)
    torch.manual_seed(1)
    params = {k: v + 0.2 * torch.randn_like(v) if "meta.reading" in k or "prototypes" in k else v for k, v in params.items()}
    support, query = stacked(net, learner, params, range(1), (shots,))
    return net, learner, params, item(support, 0), item(query, 0)


def hidden(net: Any, learner: Any, params: dict[str, Tensor], support: Any, query: Any) -> tuple[NDArray, NDArray, NDArray, Any]:
    """What heads read of the labelled support and of the query, one-hot labels, and the adaptation."""
    adaptation = learner.adapt(net, params, support)
    memory = adaptation.memory | no_modulation(net, support.u)
    h, q = (hidden_of(net, params, remove_baseline(side, memory), memory).h.detach().double().numpy() for side in (support, query))
    y = labelled(support, net.emotions).double().numpy()
    return h[y.sum(axis=1) > 0], q, y[y.sum(axis=1) > 0], adaptation


def exp(params: dict[str, Tensor], name: str) -> float:
    return float(params[f"meta.{name}"].exp())


def centred(logits: NDArray) -> NDArray:
    """Logits up to a constant per segment."""
    return logits - logits.mean(axis=1, keepdims=True)


def expected_wide(net: Any, params: dict[str, Tensor], support: Any, q: NDArray) -> NDArray:
    """-|x' - m_c|^2 / 2 with class means conditioned on the support, the joint Gaussian of every axis the long way."""
    numpy = lambda value: value.detach().double().numpy()  # noqa: E731
    y, present = numpy(labelled(support, net.emotions)), numpy(support.wide_present)
    x, means = numpy(support.wide) @ numpy(params["net.metric"]), numpy(params["net.means"])
    (offset, deviation, drift), factors = numpy(params["net.spread"]), np.exp(numpy(params["meta.population"]))
    for j in range(x.shape[1]):
        seen = (y.sum(axis=1) > 0) & (present[:, j] > 0)
        design = np.column_stack([np.ones(seen.sum()), y[seen]])
        prior = np.diag([factors[0] * offset[j], *[factors[1] * deviation[j]] * net.emotions])
        rest = factors[2] * drift[j] * y[seen] @ y[seen].T + factors[3] * np.eye(seen.sum())
        gain = prior @ design.T @ np.linalg.inv(design @ prior @ design.T + rest)
        means[:, j] += (gain @ (x[seen, j] - y[seen] @ means[:, j]))[1:]
    means = means * numpy(net.volume(torch.zeros(4)))
    return -np.stack([((q[:, net.deep :] - m) ** 2).sum(axis=1) for m in means], axis=1) / 2


@pytest.mark.parametrize("shots", [0, 1, 2])
def test_protonet_ranks_by_distances_to_shrunk_prototypes(shots: int) -> None:
    net, learner, params, support, query = task("protonet", shots)
    h, q, y, adaptation = hidden(net, learner, params, support, query)
    pull, prior = exp(params, "pull"), params["meta.prototypes"].double().numpy()
    deep = np.zeros((len(q), 3))
    for c in range(3):
        prototype = (h[y[:, c] > 0, : net.deep].sum(axis=0) + pull * prior[c]) / (y[:, c].sum() + pull)
        deep[:, c] = -exp(params, "temperature") * ((q[:, : net.deep] - prototype) ** 2).sum(axis=1) / net.deep
    want = deep + expected_wide(net, params, support, q)
    found = learner.score(net, params, adaptation, query).logits.detach().numpy()
    assert_allclose(centred(found), centred(want), rtol=1e-3, atol=1e-4)


def test_r2d2_is_ridge_regression_of_what_the_global_head_leaves() -> None:
    net, learner, params, support, query = task("r2d2", 2)
    h, q, y, adaptation = hidden(net, learner, params, support, query)
    weight, bias, *_ = (v.detach().double().numpy() for v in net.global_head(torch.zeros(4)))
    assert_allclose(weight[:, : net.deep], params["net.classify.weight"].numpy())
    weight, bias = weight[:, : net.deep], params["net.classify.bias"].double().numpy()
    wide = lambda x: expected_wide(net, params, support, x) + (x[:, net.deep :] ** 2).sum(axis=1, keepdims=True) / 2  # noqa: E731
    # rules that nobody fitted say the same of every class: a constant that the softmax does not see
    vote = math.exp(-1.0) / (1 + y.sum() / 3) * math.log(1 / 3)
    deep = h[:, : net.deep]
    left = exp(params, "target") * (y - 1 / 3) - (deep @ weight.T + bias)
    say = len(y) / ((y.sum(axis=0) > 0).sum() * y.sum(axis=0))[y.argmax(axis=1)]
    ridge = Ridge(alpha=exp(params, "strength") * net.deep, fit_intercept=False)
    ridge.fit(np.column_stack([deep, np.ones(len(h))]), left, sample_weight=say)
    asked = q[:, : net.deep]
    want = asked @ weight.T + bias + vote + wide(q) + ridge.predict(np.column_stack([asked, np.ones(len(q))]))
    found = learner.score(net, params, adaptation, query).logits.detach().numpy()
    assert_allclose(found, want, rtol=1e-3, atol=1e-3)


def _similarity(params: dict[str, Tensor], one: NDArray, other: NDArray) -> float:
    """Evidence of one pair that it is of one class."""
    own = {name.removeprefix("meta.reading."): value.double().numpy() for name, value in params.items() if "meta.reading." in name}
    apart = np.abs(one - other)
    x = own["look.weight"] @ apart + own["look.bias"]
    gelu = x * (1 + erf(x / np.sqrt(2))) / 2
    return float((own["decide.weight"] @ gelu + own["decide.bias"])[0] - (np.exp(own["raw"]) * apart).mean())


@pytest.mark.parametrize("shots", [0, 1, 2])
def test_siamese_equals_its_pairs_one_by_one(shots: int) -> None:
    net, learner, params, support, query = task("siamese", shots)
    h, q, y, adaptation = hidden(net, learner, params, support, query)
    pull, prior, want = exp(params, "pull"), params["meta.prototypes"].double().numpy(), np.zeros((len(q), 3))
    for i, one in enumerate(q[:, : net.deep]):
        for c in range(3):
            shown = [_similarity(params, one, other) for other in h[y[:, c] > 0, : net.deep]]
            want[i, c] = exp(params, "temperature") * (sum(shown) + pull * _similarity(params, one, prior[c])) / (len(shown) + pull)
    want += expected_wide(net, params, support, q)
    found = learner.score(net, params, adaptation, query).logits.detach().numpy()
    assert_allclose(centred(found), centred(want), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rotations", [1, 3])
def test_black_box_is_an_lstm_over_support_then_query(rotations: int) -> None:
    net, learner, params, support, query = task("black_box", 2)
    learner.rotations = rotations
    *_, adaptation = hidden(net, learner, params, support, query)
    memory = adaptation.memory
    own = {name.removeprefix("meta.reading."): value for name, value in params.items() if "meta.reading." in name}
    lstm = nn.LSTM(learner.token + 7, learner.state, batch_first=True)
    lstm.load_state_dict({f"{name}_l0": own[f"reader.cell.{name}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")})
    squeeze = lambda z: z @ own["squeeze.weight"].T + own["squeeze.bias"]  # noqa: E731
    z, zq = (reason(net, params, remove_baseline(side, memory), memory).z for side in (support, query))
    n = int(support.weight.sum())
    assert n == len(support.weight) - 1  # one row of padding
    known = torch.cat([support.rating, support.rated.unsqueeze(1), torch.ones(n + 1, 1)], dim=1)
    seen = torch.cat([squeeze(z), torch.eye(3)[support.target], known], dim=1)
    asked = torch.cat([squeeze(zq), torch.zeros(len(zq), 7)], dim=1)
    said = []
    for r in range(rotations):
        order = [i for i in torch.arange(n + 1).roll(-(r * (n + 1)) // rotations).tolist() if i < n]
        sequence = torch.cat([seen[order].expand(len(zq), -1, -1), asked.unsqueeze(1)], dim=1)
        said.append(lstm(sequence)[0][:, -1])
    correction = torch.stack(said).mean(dim=0) @ own["decide.weight"].T + own["decide.bias"]
    frozen = learner.score(net, params, adaptation._replace(memory=memory | {"heard": torch.tensor(0.0)}), query).logits
    found = learner.score(net, params, adaptation, query).logits
    torch.testing.assert_close(found - frozen, correction, rtol=1e-3, atol=1e-4)


def test_black_box_with_nothing_read_answers_as_frozen_does() -> None:
    net, learner, params, support, query = task("black_box", 0)
    _, frozen, _ = made("frozen")
    a, b = (one.score(net, params, one.adapt(net, params, support), query).logits for one in (learner, frozen))
    torch.testing.assert_close(a, b)
