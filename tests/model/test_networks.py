"""Contract of every network in the registry: one signature, absent = masked, nothing of other segments, any rates."""

import numpy as np
import pytest
import torch
from tests.toy import toy_segments
from torch.func import functional_call, vmap

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.records import DescriptorInfo, SignalInfo
from stf2m.core.tensors import Batch
from stf2m.model.baselines import NETWORKS
from stf2m.model.baselines.corrnet import correlations
from stf2m.model.baselines.pieces import Patches, Pooling, SegmentNorm, shares, strides_to
from stf2m.model.config import NetworkConfig
from stf2m.model.network import Network
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import load_batch

SEGMENTS = toy_segments(people=2)
BATCH = load_batch(SEGMENTS, fit_normaliser(SEGMENTS, np.arange(len(SEGMENTS))), "emotion", np.arange(12))
SMALL = {"width": 16, "node_width": 8}
WAYS = [{}, {"descriptors": True, "wide": True, "fuzzy": "htsk"}]
"""as its authors describe it, and in the place of our own encoder"""


def network(name: str, **changes: object) -> Network:
    torch.manual_seed(0)
    config = build(NetworkConfig, {"signals": True, **SMALL, "encoder": name, **changes}, where="test")
    return Network(config, SEGMENTS.infos, SEGMENTS.descriptor_infos, 3).eval()


def answer(net: Network, batch: Batch) -> tuple[torch.Tensor, ...]:
    features, zero = net("encode", batch), torch.zeros
    hidden = net("fuse", net("reason", features, zero(net.antecedents), zero(4), zero(len(net.wide_owner))), zero(16), zero(16), zero(()))
    return net("head", hidden, *net("global_head", zero(4)))


@pytest.mark.parametrize("changes", WAYS, ids=["alone", "in our place"])
@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_and_a_gradient_for_every_weight(name: str, changes: dict) -> None:
    net = network(name, **changes)
    parts, gates = net.encoder(BATCH)
    assert parts.shape == (12, 4, 16) and gates.shape == (12, 4)
    scores = answer(net, BATCH)
    (scores.logits.pow(2).sum() + scores.rating.sum() + scores.fuzzy.pow(2).sum()).backward()
    found = {n: p.grad for n, p in net.named_parameters() if p.requires_grad}
    assert [n for n, g in found.items() if g is None or not torch.isfinite(g).all()] == []
    still = [n for n, g in found.items() if g is not None and "encoder." in n and (g == 0).all()]
    assert still == []


@pytest.mark.parametrize("absent", range(4))
@pytest.mark.parametrize("name", NETWORKS)
def test_values_of_an_absent_modality_do_not_matter(name: str, absent: int) -> None:
    net = network(name, descriptors=True)
    present = BATCH.present.clone()
    present[:, absent] = 0
    modality = SEGMENTS.modalities[absent]
    changed = BATCH.signals | {modality: torch.ones_like(BATCH.signals[modality])}
    owner = torch.tensor([d.modality == modality for d in SEGMENTS.descriptor_infos])
    described = torch.where(owner, BATCH.descriptors + 5.0, BATCH.descriptors)
    parts, _ = net.encoder(BATCH._replace(present=present))
    assert (parts[:, absent] == 0).all()
    a = answer(net, BATCH._replace(present=present))
    b = answer(net, BATCH._replace(present=present, signals=changed, descriptors=described))
    for one, two in zip(a, b):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_present_and_nothing_measured_are_finite(name: str) -> None:
    net = network(name)
    nobody = answer(net, BATCH._replace(present=torch.zeros_like(BATCH.present)))
    blank = answer(net, BATCH._replace(signals={m: torch.zeros_like(x) for m, x in BATCH.signals.items()}))
    assert all(torch.isfinite(value).all() for value in (*nobody, *blank))
    assert (nobody.modality_weight == 0).all() and (net.encoder(BATCH._replace(present=torch.zeros_like(BATCH.present)))[0] == 0).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_segments_do_not_see_each_other_even_in_training(name: str) -> None:
    net = network(name, dropout=0.0, input_dropout=0.0).train()
    whole = answer(net, BATCH).logits
    one = Batch(*({m: v[3:4] for m, v in x.items()} if isinstance(x, dict) else x[3:4] for x in BATCH))
    torch.testing.assert_close(answer(net, one).logits, whole[3:4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_present_signal_is_heard(name: str) -> None:
    net = network(name)
    for modality, signal in BATCH.signals.items():
        other = signal.clone()
        other[:, :-1] = other[:, :-1].flip(0) + 1.0
        assert (answer(net, BATCH)[0] - answer(net, BATCH._replace(signals=BATCH.signals | {modality: other}))[0]).abs().max() > 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_of_a_task_map_as_in_a_loop(name: str) -> None:
    """MAML runs the encoder under `vmap` with weights that differ between tasks: values and gradients as in a loop."""
    net = network(name).double()
    double = lambda v: v.double() if v.is_floating_point() else v  # noqa: E731
    batch = Batch(*({m: v.double() for m, v in x.items()} if isinstance(x, dict) else double(x) for x in BATCH))
    own = {n: torch.stack([p.detach(), p.detach() * 1.1 + 0.01]).requires_grad_() for n, p in net.encoder.named_parameters()}

    def loss(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        parts, gates = functional_call(net.encoder, weights, (batch,))
        return (parts**2).mean() + (gates**2).mean()

    mapped = vmap(loss)(own)
    alone = torch.stack([loss({n: p[i] for n, p in own.items()}) for i in range(2)])
    torch.testing.assert_close(mapped, alone)
    grads = [torch.autograd.grad(x.sum(), list(own.values()), allow_unused=True) for x in (mapped, alone)]
    for one, two in zip(*grads):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            torch.testing.assert_close(one, two)


ODD = (
    SignalInfo("hr", 1.0, 3, 2, ("rate",)), SignalInfo("acc", 31.3, 97, 33, ("x", "y", "z")), SignalInfo("temp", 0.5, 1, 1, ("t",)),
    SignalInfo("face", 1.0, 1, 1, ("smile",), one_node=True, static=True),
)  # fmt: skip


@pytest.mark.parametrize("infos", [ODD, ODD[:1], ODD[3:]], ids=["odd", "one slow", "static"])
@pytest.mark.parametrize("name", NETWORKS)
def test_sensors_of_any_rate_and_length(name: str, infos: tuple[SignalInfo, ...]) -> None:
    config = NetworkConfig.model_validate({"signals": True, **SMALL, "encoder": name, "token_rate": 3.0})
    net = Network(config, infos, (DescriptorInfo("rate", infos[0].modality, "bpm"),), 2).eval()
    count = len(infos)
    signals = {i.modality: torch.cat([torch.randn(5, len(i.channels), i.samples), torch.ones(5, 1, i.samples)], 1) for i in infos}
    flat = torch.ones(5)
    rest = (flat.long(), flat, torch.zeros(5, 2), flat, torch.zeros(5, 3), flat, torch.zeros(5, 0))
    batch = Batch(signals, torch.zeros(5, 1), torch.ones(5, count), *rest)
    parts, gates = net.encoder(batch)
    assert parts.shape == (5, count, 16) and torch.isfinite(parts).all() and torch.isfinite(gates).all()


def test_a_rival_brings_what_it_stands_for_and_what_is_given_wins() -> None:
    alone, ours = NetworkConfig.model_validate({"encoder": "lstm"}), NetworkConfig.model_validate({"encoder": "lstm", "wide": True})
    assert (alone.fuzzy, alone.wide, alone.descriptors) == ("none", False, False)
    assert (ours.fuzzy, ours.wide) == ("none", True)
    assert NetworkConfig.model_validate(alone.model_dump()) == alone
    assert "encoder" not in NetworkConfig().facts() and NetworkConfig(encoder="spatio_temporal").hash == NetworkConfig().hash != alone.hash


def test_unknown_networks_and_switches_that_are_not_there() -> None:
    with pytest.raises(UnknownName, match="no networks entry named 'lsmt' - did you mean lstm"):
        build(NetworkConfig, {"encoder": "lsmt"}, where="x.toml")
    with pytest.raises(InvalidConfig, match="spatial = false is a switch of spatio_temporal, the encoder eegnet has no such"):
        build(NetworkConfig, {"encoder": "eegnet", "spatial": False}, where="x.toml")


def test_pooling_is_a_masked_mean_and_equals_adaptive_pooling() -> None:
    x, everywhere = torch.randn(2, 3, 10), torch.ones(2, 1, 10)
    for tokens in (1, 3, 5, 10, 16):
        torch.testing.assert_close(Pooling(10, 10, tokens)(x, everywhere), torch.nn.functional.adaptive_avg_pool1d(x, tokens))
    half = everywhere.clone()
    half[:, :, :5] = 0
    torch.testing.assert_close(Pooling(10, 10, 1)(x, half)[..., 0], x[..., 5:].mean(-1))
    torch.testing.assert_close(Pooling(10, 10, 1, last=0.3)(x, everywhere)[..., 0], x[..., 7:].mean(-1))
    assert shares(4, 8).sum(dim=0).eq(1).all()


def test_patches_end_with_the_segment_and_hold_slow_samples() -> None:
    fast = Patches(SignalInfo("a", 4.0, 8, 8, ("x",)), 3, 4.0, 4)
    assert fast.kernel == 4 and fast.place.tolist() == list(range(8))
    signal = torch.cat([torch.arange(8.0).reshape(1, 1, 8), torch.ones(1, 1, 8)], dim=1)
    assert fast(signal)[1].tolist() == [[0, 0, 1, 1]]
    slow = Patches(SignalInfo("b", 1.0, 2, 2, ("x",)), 3, 2.0, 4)
    assert slow.kernel == 1 and slow.place.tolist() == [0, 0, 1, 1]
    values, mask = slow(torch.cat([torch.tensor([[[5.0, 7.0]]]), torch.ones(1, 1, 2)], dim=1))
    assert mask.eq(1).all() and torch.equal(values[0, 2], values[0, 3]) and not torch.equal(values[0, 1], values[0, 2])


def test_strides_reach_the_rate() -> None:
    assert strides_to(SignalInfo("a", 64.0, 640, 128, ("x",)), 8.0, 3) == [2, 2, 2]
    assert strides_to(SignalInfo("a", 1.0, 10, 2, ("x",)), 8.0, 3) == [1, 1, 1]


def test_correlations_are_those_of_numpy_over_present_modalities() -> None:
    x, present = torch.randn(1, 3, 2, 9), torch.tensor([[1.0, 1.0, 0.0]])
    found = correlations(x, present)
    want = np.corrcoef(x[0, 0, 1].numpy(), x[0, 1, 1].numpy())[0, 1]
    assert float(found[0, 0, 1]) == pytest.approx(want, abs=1e-4) and (found[0, 2] == 0).all()
    alone = correlations(x, torch.tensor([[1.0, 0.0, 0.0]]))
    assert (alone == 0).all()


def test_segment_norm_equals_torch() -> None:
    x, norm, torchs = torch.randn(3, 4, 9), SegmentNorm(4), torch.nn.GroupNorm(1, 4)
    torch.testing.assert_close(norm(x), torchs(x))
