"""Layers against formulas written out in numpy or with torch's own modules."""

import numpy as np
import pytest
import torch
from torch import nn

from stf2m.core.records import SignalInfo
from stf2m.model.membership import log_membership
from stf2m.model.norm import LayerNorm
from stf2m.model.rules import EqualPerceptron, RuleLayer
from stf2m.model.spatial import GraphConvolution
from stf2m.model.stem import Stem, octaves
from stf2m.model.temporal import GatedConvolution


def numpy_rules(layer: RuleLayer, u: np.ndarray, seen: np.ndarray, shift: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The rule formulas, one segment and rule at a time."""
    p = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    rules, count = p["centre"].shape
    said, fired = [], []
    for x, here in zip(u, seen):
        strength = np.zeros(rules)
        for r in range(rules):
            sigma = np.log1p(np.exp(p["raw_width"][r])) + 0.2
            beta = 0.5 + 2 / (1 + np.exp(-p["raw_shape"][r]))
            log_mu = -(np.clip(np.abs((x - p["centre"][r] - shift) / sigma), 1e-3, 10.0) ** (2 * beta))
            w = here / (1 + np.exp(-p["raw_relevance"][r]))
            strength[r] = (w * log_mu).sum() / ((w.sum() + 1e-6) if kind == "htsk" else 1.0)
        e = np.exp((strength - strength.max()) * np.exp(p["sharpness"]))
        f = e / e.sum()
        fired.append(f)
        said.append(sum(f[r] * (p["consequent"][r] @ x + p["bias"][r]) for r in range(rules)))
    assert count == u.shape[1]
    return np.array(said), np.array(fired)


@pytest.mark.parametrize("kind", ["htsk", "tsk"])
def test_rules_equal_numpy(kind: str) -> None:
    layer = RuleLayer(5, 4, 3, 2, kind)
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.3 * torch.randn_like(p))
    u, seen, shift = torch.randn(6, 5), (torch.rand(6, 5) > 0.3).float(), 0.2 * torch.randn(5)
    out = layer(u, seen, shift)
    said, fired = numpy_rules(layer, u.numpy(), seen.numpy(), shift.numpy(), kind)
    np.testing.assert_allclose(out.semantics.detach().numpy(), said, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(out.firing.detach().numpy(), fired, rtol=2e-4, atol=1e-6)


def test_htsk_does_not_saturate_where_tsk_does() -> None:
    """With many antecedents the plain sum gives one rule everything; the mean keeps several alive."""
    u, seen = torch.randn(20, 200), torch.ones(20, 200)
    torch.manual_seed(1)
    mean, plain = RuleLayer(200, 8, 4, 2, "htsk"), RuleLayer(200, 8, 4, 2, "tsk")
    plain.load_state_dict(mean.state_dict())
    still = torch.zeros(200)
    assert plain(u, seen, still).firing.max(dim=1).values.mean() > 0.95
    assert mean(u, seen, still).firing.max(dim=1).values.mean() < 0.8


def test_beta_one_is_gaussian() -> None:
    u, centre, raw = torch.randn(4, 3), torch.randn(2, 3), torch.full((2, 3), 0.5)
    got = log_membership(u, centre, raw, torch.full((2, 3), -1.0986123))
    sigma = torch.nn.functional.softplus(raw) + 0.2
    torch.testing.assert_close(got, -(((u.unsqueeze(1) - centre) / sigma) ** 2), rtol=1e-4, atol=1e-5)


def test_absent_antecedents_do_not_matter() -> None:
    layer, still = RuleLayer(4, 3, 2, 2), torch.zeros(4)
    seen = torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    a, b = torch.randn(1, 4), None
    b = a.clone()
    b[0, 2] = 99.0
    torch.testing.assert_close(layer.firing(a, seen, still), layer.firing(b, seen, still))


def test_perceptron_is_about_the_size_of_the_rules() -> None:
    rules, mlp = RuleLayer(40, 12, 16, 2), EqualPerceptron(40, 12, 16)
    sizes = [sum(p.numel() for p in m.parameters()) for m in (rules, mlp)]
    assert 0.9 < sizes[1] / sizes[0] < 1.1


def test_gated_convolution_equals_torch() -> None:
    layer = GatedConvolution(6, dilation=2)
    x = torch.randn(3, 2, 9, 6)
    weight = layer.mix.weight.reshape(12, 3, 6).permute(0, 2, 1)
    flat = nn.functional.pad(x.reshape(6, 9, 6).transpose(1, 2), (4, 0))
    want = nn.functional.glu(nn.functional.conv1d(flat, weight, layer.mix.bias, dilation=2), dim=1)
    torch.testing.assert_close(layer(x), want.transpose(1, 2).reshape(3, 2, 9, 6))


def test_gated_convolution_does_not_look_ahead() -> None:
    layer, x = GatedConvolution(4, dilation=2), torch.randn(1, 1, 8, 4)
    later = x.clone()
    later[:, :, 5:] += 1.0
    torch.testing.assert_close(layer(x)[:, :, :5], layer(later)[:, :, :5])


def test_adjacency_is_renormalised_over_present_nodes() -> None:
    layer, x = GraphConvolution(5, 6), torch.randn(3, 5, 4, 6)
    present = torch.tensor([[1.0, 1, 1, 1, 1], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]])
    rows = layer.adjacency(x, present)
    assert (rows[1][:, [1, 3]] == 0).all()
    torch.testing.assert_close(rows.sum(dim=-1), torch.tensor([1.0, 1.0, 0.0]).unsqueeze(1).expand(3, 5), rtol=1e-4, atol=1e-5)


INFO = SignalInfo("eda", 4.0, 48, 8, ("tonic", "phasic"))


def test_stem_gives_every_modality_the_same_token_grid() -> None:
    infos = [
        INFO,
        SignalInfo("bvp", 64.0, 640, 128, ("p",)),
        SignalInfo("pupil", 15.0, 60, 30, ("p",)),
        SignalInfo("hr", 1.0, 12, 2, ("hr",)),
    ]
    for info in infos:
        tokens, mask = Stem(info, 8, 8.0, 16)(torch.randn(2, len(info.channels) + 1, info.samples).abs())
        assert tokens.shape == (2, len(info.channels), 16, 8) and mask.shape == tokens.shape[:3]


def test_stem_reaches_into_the_past_and_not_past_its_context() -> None:
    stem = Stem(INFO, 8, 8.0, 16)
    signal = torch.cat([torch.randn(1, 2, 48), torch.ones(1, 1, 48)], dim=1).requires_grad_()
    stem(signal)[0].pow(2).sum().backward()
    reached = signal.grad.abs().sum(dim=(0, 1)) > 0
    assert reached[:8].any() and reached[-1]


def test_slow_signal_is_not_repeated_over_tokens() -> None:
    stem = Stem(INFO, 8, 8.0, 16)
    tokens, _ = stem(torch.cat([torch.randn(1, 2, 48), torch.ones(1, 1, 48)], dim=1))
    assert not torch.allclose(tokens[:, :, 0], tokens[:, :, 1])


def test_octave_means_equal_an_explicit_kernel() -> None:
    stem = Stem(INFO, 8, 8.0, 16)
    x = torch.randn(1, 1, 48, 8)
    taps = (stem.reach @ x).unflatten(2, (8, -1))[0, 0]
    for i, t in enumerate(range(40, 48)):
        torch.testing.assert_close(taps[i, 0], x[0, 0, t])
        for j, lag in enumerate(stem.lags):
            inside = x[0, 0, max(0, t - 2 * lag + 1) : t - lag + 1]
            torch.testing.assert_close(taps[i, 1 + j], inside.sum(dim=0) / lag, rtol=1e-4, atol=1e-5)
    assert octaves(40) == (1, 2, 4, 8, 16, 32)


def test_layer_norm_equals_torch() -> None:
    ours, theirs = LayerNorm(6), nn.LayerNorm(6)
    with torch.no_grad():
        ours.weight.copy_(torch.randn(6))
        ours.bias.copy_(torch.randn(6))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 4, 6)
    torch.testing.assert_close(ours(x), theirs(x))
