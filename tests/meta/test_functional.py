"""A module with other weights answers as torch's functional call does, and is itself again afterwards."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from stf2m.meta.functional import run_with


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2))).eval()


def test_it_equals_the_functional_call_of_torch_under_vmap_and_grad():
    net, x = network(), torch.randn(5, 3)
    values = {name: torch.randn(6, *value.shape) for name, value in net.named_parameters()}
    for of in (lambda f: f, grad):
        ours = vmap(of(lambda own: run_with(net, own, x).square().sum()))(values)
        theirs = vmap(of(lambda own: functional_call(net, own, (x,)).square().sum()))(values)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_buffers_are_replaced_too_and_all_is_back_even_after_a_failure():
    net, x = network(), torch.randn(5, 3)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    other = run_with(net, {"1.running_mean": torch.ones(4), "0.bias": torch.ones(4)}, x)
    assert not torch.equal(other, net(x))
    with pytest.raises(RuntimeError):
        run_with(net, {"0.weight": torch.ones(4, 3)}, torch.randn(5, 7))
    with pytest.raises(KeyError, match=r"net\.elsewhere"):
        run_with(net, {"net.0.weight": torch.ones(4, 3), "net.elsewhere": torch.ones(1)}, x, prefix="net.")
    torch.testing.assert_close(run_with(net, {"other.weight": torch.ones(1)}, x, prefix="net."), net(x), rtol=0, atol=0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert isinstance(net[0].weight, nn.Parameter)
