"""The whole network: absent equals masked, every switch runs, gradients reach everything."""

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import InvalidConfig
from stf2m.core.tensors import Batch
from stf2m.model.config import NetworkConfig
from stf2m.model.explain import rule_facts
from stf2m.model.network import Network
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import load_batch

SEGMENTS = toy_segments(people=2)
BATCH = load_batch(SEGMENTS, fit_normaliser(SEGMENTS, np.arange(len(SEGMENTS))), "emotion", np.arange(12))


def network(**changes: object) -> Network:
    torch.manual_seed(0)
    return Network(
        NetworkConfig(**{"signals": True, "width": 16, "node_width": 8, **changes}), SEGMENTS.infos, SEGMENTS.descriptor_infos, 3
    ).eval()


def answer(net: Network, batch: Batch) -> tuple[torch.Tensor, ...]:
    features = net("encode", batch)
    zero = torch.zeros
    hidden = net("fuse", net("reason", features, zero(net.antecedents), zero(4), zero(len(net.wide_owner))), zero(16), zero(16), zero(()))
    return net("head", hidden, *net("global_head", zero(4)))


SWITCHES = [
    {}, {"signals": False}, {"descriptors": False}, {"temporal_gate": False}, {"spatial": False}, {"fuzzy": "tsk"},
    {"fuzzy": "mlp"}, {"fuzzy": "none"}, {"directions": 0}, {"blocks": 2}, {"rules_first": False}, {"rules_first": False, "vote": False}, {"vote": False},
]  # fmt: skip


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_every_ablation_runs_and_trains_every_weight(changes: dict) -> None:
    net = network(**changes)
    scores = answer(net, BATCH)
    assert scores.logits.shape == (12, 3) and scores.rating.abs().max() <= 1
    (scores.logits.sum() + scores.logits.pow(2).sum() + scores.rating.sum() + scores.fuzzy.pow(2).sum()).backward()
    idle = [n for n, p in net.named_parameters() if p.grad is None and p.requires_grad]
    assert idle == []


@pytest.mark.parametrize("absent", range(4))
def test_values_of_an_absent_modality_do_not_matter(absent: int) -> None:
    net = network()
    present = BATCH.present.clone()
    present[:, absent] = 0
    name = SEGMENTS.modalities[absent]
    changed = BATCH.signals | {name: BATCH.signals[name] + 3.0}
    owner = torch.tensor([d.modality == name for d in SEGMENTS.descriptor_infos])
    described = torch.where(owner, BATCH.descriptors + 5.0, BATCH.descriptors)
    a = answer(net, BATCH._replace(present=present))
    b = answer(net, BATCH._replace(present=present, signals=changed, descriptors=described))
    for one, two in zip(a, b):
        torch.testing.assert_close(one, two)


def test_absent_equals_distrusted() -> None:
    """A modality whose weight is driven to 0 leaves the same code as one that is absent (rules see descriptors apart)."""
    net = network(fuzzy="none", spatial=False)
    features = net("encode", BATCH)
    present = BATCH.present.clone()
    present[:, 2] = 0
    zero = torch.zeros
    trust = torch.tensor([0.0, 0.0, -1e4, 0.0])
    a = net("reason", features, zero(net.antecedents), trust, zero(len(net.wide_owner)))
    b = net("reason", net("encode", BATCH._replace(present=present)), zero(net.antecedents), zero(4), zero(len(net.wide_owner)))
    torch.testing.assert_close(a.z, b.z)


def test_nothing_present_is_finite() -> None:
    scores = answer(network(), BATCH._replace(present=torch.zeros_like(BATCH.present)))
    assert all(torch.isfinite(value).all() for value in scores)
    assert (scores.modality_weight == 0).all()


def test_segments_do_not_see_each_other() -> None:
    net = network()
    whole = answer(net, BATCH).logits
    one = Batch(*({m: v[3:4] for m, v in x.items()} if isinstance(x, dict) else x[3:4] for x in BATCH))
    torch.testing.assert_close(answer(net, one).logits, whole[3:4])


def test_every_rule_is_explained() -> None:
    net = network()
    net.rules.meaning.data = torch.rand(net.rules.meaning.shape)
    facts = rule_facts(net)
    assert len(facts) == 12
    assert all(1 <= len(f.inputs) <= 3 and abs(float(f.terms.sum()) - 2.0) < 1e-4 for f in facts)
    assert rule_facts(network(fuzzy="mlp")) == []


def test_rules_vote_by_their_verdicts_and_the_less_the_more_labels_are_known() -> None:
    net, silent = network(), network(vote=False)
    net.load_state_dict(silent.state_dict(), strict=False)
    with torch.no_grad():
        net.rules.verdict.copy_(torch.randn(net.rules.verdict.shape))
        net.voice.copy_(torch.tensor([0.3, -0.2]))
    features = net("encode", BATCH)
    zero = torch.zeros
    reasoned = net("reason", features, zero(net.antecedents), zero(4), zero(len(net.wide_owner)))
    firing, share = reasoned.firing.detach().numpy(), net.rules.verdict.detach().softmax(dim=1).numpy()
    alone = np.log(np.einsum("sr,rc->sc", firing, share))
    quiet = silent("head", silent("fuse", reasoned, zero(16), zero(16), zero(())), *silent("global_head", zero(4))).logits
    for count in (0.0, 6.0):
        loud = net("head", net("fuse", reasoned, zero(16), zero(16), torch.tensor(count)), *net("global_head", zero(4))).logits
        want = np.exp(0.3) / (1 + np.exp(-0.2) * count / 3) * alone
        np.testing.assert_allclose((loud - quiet).detach().numpy(), want, rtol=1e-4, atol=1e-5)


def test_a_rule_that_is_deleted_says_nothing() -> None:
    net = network()
    with torch.no_grad():
        net.rules.verdict.copy_(torch.randn(net.rules.verdict.shape))
    u, seen = torch.randn(5, net.antecedents), torch.ones(5, net.antecedents)
    kept = torch.ones(net.config.rules)
    kept[2] = 0
    firing = torch.func.functional_call(net.rules, {"kept": kept}, (u, seen, torch.zeros(net.antecedents))).firing
    whole = net.rules(u, seen, torch.zeros(net.antecedents)).firing
    others = whole * kept
    torch.testing.assert_close(firing, others / others.sum(dim=1, keepdim=True))
    share = net.rules.verdict.softmax(dim=1)
    torch.testing.assert_close(net.rules.spoken(firing).exp(), firing[:, kept > 0] @ share[kept > 0])


def test_a_sensor_that_nothing_would_be_read_of_is_refused() -> None:
    described = tuple(d for d in SEGMENTS.descriptor_infos if d.modality != "bvp")
    with pytest.raises(InvalidConfig, match=r"the sensor bvp has no descriptors.*expected network\.signals = true"):
        Network(NetworkConfig(), SEGMENTS.infos, described, 3)
    Network(NetworkConfig(signals=True), SEGMENTS.infos, described, 3)


def test_something_is_always_read() -> None:
    assert not NetworkConfig().signals and NetworkConfig(descriptors=False).signals and NetworkConfig(encoder="lstm").signals
    with pytest.raises(ValueError, match="leave nothing to read"):
        NetworkConfig(signals=False, descriptors=False)
