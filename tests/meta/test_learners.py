"""Contract of every learner: loop = vmap, padding and emptiness do nothing, classes may be renamed, support matters."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments
from torch import Tensor

from stf2m.core.tensors import Batch
from stf2m.meta import LEARNERS
from stf2m.meta.frozen import start_global
from stf2m.meta.learner import call, descend, fixed, global_head
from stf2m.meta.outer import LossWeights, encode_once, fuzzy_terms, rule_use_loss, run_task, run_tasks
from stf2m.model.config import NetworkConfig
from stf2m.model.network import Network
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader, gather, stack_tasks
from stf2m.tasks.sampling import TaskSettings, people_of, sample_task

SEGMENTS = toy_segments()
LOADER = Loader(SEGMENTS, fit_normaliser(SEGMENTS, np.arange(len(SEGMENTS))), "emotion")
PEOPLE = people_of(SEGMENTS, "emotion", range(4))


def made(name: str) -> tuple[Any, Any, dict[str, Tensor]]:
    torch.manual_seed(0)
    net = Network(NetworkConfig(signals=True, width=16, node_width=8, rules=4), SEGMENTS.infos, SEGMENTS.descriptor_infos, 3).eval()
    learner = LEARNERS[name]()
    params = learner.init(net)
    params["net.means"] = torch.randn_like(params["net.means"])
    params["net.spread"] = torch.rand_like(params["net.spread"])
    noisy = {k: v + 0.05 * torch.randn_like(v) if "decide" in k else v for k, v in params.items()}
    return net, learner, noisy


def stacked(
    net: Any, learner: Any, params: dict[str, Tensor], seeds: range = range(4), shots: tuple[int, ...] = (0, 1, 2)
) -> tuple[Any, Any]:
    tasks = [sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=shots), s) for s in seeds]
    stack = stack_tasks(tasks, SEGMENTS, "emotion", support_size=7, query_size=12)
    shared = encode_once(net, params, LOADER.batch(stack.rows, stack.offered), learner.shares_encoder)
    return gather(shared, stack.support), gather(shared, stack.query)


def item(batch: Any, i: int) -> Any:
    return type(batch)(*({k: v[i] for k, v in x.items()} if isinstance(x, dict) else x[i] for x in batch))


def first(batch: Any, n: int) -> Any:
    return type(batch)(*({k: v[:n] for k, v in x.items()} if isinstance(x, dict) else x[:n] for x in batch))


@pytest.mark.parametrize("name", LEARNERS)
def test_vmap_equals_the_loop(name: str) -> None:
    net, learner, params = made(name)
    support, query = stacked(net, learner, params)
    together = run_tasks(net, learner, params, support, query, None, LossWeights())
    for i in range(4):
        alone = run_task(net, learner, params, item(support, i), item(query, i), None, LossWeights())
        torch.testing.assert_close(together.scores.logits[i], alone.scores.logits, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(together.loss[i], alone.loss, rtol=1e-4, atol=1e-5)


def double(batch: Any) -> Any:
    """The same batch in float64, labels as they are."""
    cast = lambda v: v.double() if v.is_floating_point() else v  # noqa: E731
    return type(batch)(*({k: cast(v) for k, v in x.items()} if isinstance(x, dict) else cast(x) for x in batch))


@pytest.mark.parametrize("name", LEARNERS)
def test_outer_gradient_equals_the_loop(name: str) -> None:
    net, learner, params = made(name)
    net.double()
    if hasattr(learner, "steps"):
        learner.steps = 2
    found = []
    for way in ("vmap", "loop"):
        leaves = {k: v.double().requires_grad_() for k, v in params.items()}
        tasks = [sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=(1,)), s) for s in range(2)]
        stack = stack_tasks(tasks, SEGMENTS, "emotion", support_size=4, query_size=12)
        shared = encode_once(net, leaves, double(LOADER.batch(stack.rows, stack.offered)), learner.shares_encoder)
        support, query = double(gather(shared, stack.support)), double(gather(shared, stack.query))
        if way == "vmap":
            loss = run_tasks(net, learner, leaves, support, query, None, LossWeights()).loss.mean()
        else:
            each = [run_task(net, learner, leaves, item(support, i), item(query, i), None, LossWeights()).loss for i in range(2)]
            loss = torch.stack(each).mean()
        loss.backward()
        found.append({k: v.grad for k, v in leaves.items() if v.grad is not None})
    assert found[0].keys() == found[1].keys()
    for key, grad in found[0].items():
        torch.testing.assert_close(grad, found[1][key], rtol=1e-6, atol=1e-9, msg=lambda m, key=key: f"{key}: {m}")


# heads made of prototypes replace the classes' global head; the inner loss has no fuzzy term
UNREAD = {"protonet": "net.classify.", "siamese": "net.classify.", "meta_sgd": "meta.alpha.net.fuzzy."}


@pytest.mark.parametrize("name", LEARNERS)
def test_outer_gradient_reaches_every_meta_parameter(name: str) -> None:
    net, learner, params = made(name)
    leaves = {k: v.requires_grad_(k not in fixed(net)) for k, v in params.items()}
    support, query = stacked(net, learner, leaves, range(4), (2,))
    run_tasks(net, learner, leaves, support, query, None, LossWeights()).loss.mean().backward()
    unmoved = {k for k, v in leaves.items() if v.requires_grad and (v.grad is None or not v.grad.abs().max() > 0)}
    assert all(k.startswith(UNREAD.get(name, "nothing")) for k in unmoved), unmoved


@pytest.mark.parametrize("name", LEARNERS)
def test_padding_changes_nothing(name: str) -> None:
    net, learner, params = made(name)
    if hasattr(learner, "rotations"):
        learner.rotations = 1  # rotating a padded sequence begins elsewhere
    support, query = stacked(net, learner, params, range(1), (1,))
    padded, q = item(support, 0), item(query, 0)
    n = int(padded.weight.sum())
    a = learner.score(net, params, learner.adapt(net, params, padded), q)
    b = learner.score(net, params, learner.adapt(net, params, first(padded, n)), q)
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_what_an_absent_modality_holds_does_not_matter(name: str) -> None:
    net, learner, params = made(name)
    batch, answers = LOADER.batch(np.arange(12)), []
    batch.present[:, 1] = 0
    owner = torch.tensor([d.modality == SEGMENTS.modalities[1] for d in SEGMENTS.descriptor_infos])
    changed = batch._replace(
        signals=batch.signals | {SEGMENTS.modalities[1]: batch.signals[SEGMENTS.modalities[1]] + 3.0},
        descriptors=torch.where(owner, batch.descriptors + 5.0, batch.descriptors),
    )
    for one in (batch, changed):
        shared = encode_once(net, params, one, learner.shares_encoder)
        answers.append(learner.score(net, params, learner.adapt(net, params, first(shared, 7)), shared).logits)
    torch.testing.assert_close(answers[0], answers[1])


@pytest.mark.parametrize("name", LEARNERS)
def test_empty_support_is_allowed_and_ignores_padding_content(name: str) -> None:
    net, learner, params = made(name)
    support, query = stacked(net, learner, params, range(1), (0,))
    padded, q = item(support, 0), item(query, 0)
    assert padded.weight.sum() == 0
    answers = [learner.score(net, params, learner.adapt(net, params, s), q).logits for s in (padded, first(padded, 0))]
    torch.testing.assert_close(answers[0], answers[1], rtol=1e-4, atol=1e-5)
    assert torch.isfinite(answers[0]).all()


@pytest.mark.parametrize("name", [n for n in LEARNERS if n != "frozen"])
def test_support_labels_matter(name: str) -> None:
    net, learner, params = made(name)
    support, query = stacked(net, learner, params, range(1), (2,))
    one, q = item(support, 0), item(query, 0)
    other = one._replace(target=(one.target + 1) % 3)
    a, b = (learner.score(net, params, learner.adapt(net, params, s), q).logits for s in (one, other))
    assert (a - b).abs().max() > 1e-4


@pytest.mark.parametrize("dropped", [0, 1, 3])
def test_frozen_ignores_labels(dropped: int) -> None:
    """Whether the support is balanced or not: without some of its segments, and whatever each of the others is called."""
    net, learner, params = made("frozen")
    support, query = stacked(net, learner, params, range(1), (2,))
    one, q = item(support, 0), item(query, 0)
    one = one._replace(weight=one.weight * (torch.arange(len(one.weight)) >= dropped))
    expected = learner.score(net, params, learner.adapt(net, params, one), q).logits
    for seed in range(3):
        names = torch.randint(3, one.target.shape, generator=torch.Generator().manual_seed(seed))
        found = learner.score(net, params, learner.adapt(net, params, one._replace(target=names)), q).logits
        torch.testing.assert_close(found, expected)


def test_a_balanced_support_has_the_same_baseline_with_and_without_its_labels() -> None:
    net, learner, params = made("frozen")
    one = item(stacked(net, learner, params, range(1), (2,))[0], 0)
    labelled_start = start_global(net, params, one)[0].memory
    for name, value in learner.adapt(net, params, one).memory.items():
        torch.testing.assert_close(value, labelled_start[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["protonet", "siamese", "r2d2", "anil", "finetune", "maml", "meta_sgd", "reptile", "meta_lstm"])
def test_renaming_classes_renames_scores(name: str) -> None:
    net, learner, params = made(name)
    order = torch.tensor([2, 0, 1])
    renamed = {k: v[order] if k.startswith("net.classify") or k in ("meta.prototypes", "net.means") else v for k, v in params.items()}
    support, query = stacked(net, learner, params, range(1), (2,))
    one, q = item(support, 0), item(query, 0)
    moved = one._replace(target=order.argsort()[one.target])
    a = learner.score(net, params, learner.adapt(net, params, one), q).logits
    b = learner.score(net, renamed, learner.adapt(net, renamed, moved), q).logits
    torch.testing.assert_close(a[:, order], b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["recurrent", "meta_lstm", "anil", "maml", "meta_sgd", "reptile"])
def test_zero_steps_equal_the_start(name: str) -> None:
    net, learner, params = made(name)
    learner.steps = 0
    support, _ = stacked(net, learner, params, range(1), (2,))
    adaptation = learner.adapt(net, params, item(support, 0))
    assert len(adaptation.losses) == 0
    if name != "recurrent":
        start = params if name in ("maml", "meta_sgd", "reptile") else global_head(net, params, adaptation.memory)
        for key, value in adaptation.params.items():
            torch.testing.assert_close(value, start[key])


@pytest.mark.parametrize("name", ["recurrent", "meta_lstm", "anil", "maml", "meta_sgd", "reptile", "finetune"])
def test_inner_steps_lower_the_support_loss(name: str) -> None:
    net, learner, params = made(name)
    support, _ = stacked(net, learner, params, range(1), (2,))
    losses = learner.adapt(net, params, item(support, 0)).losses
    assert losses[-1] < losses[0]


def test_recurrent_starts_as_the_identity() -> None:
    net, learner, _ = made("recurrent")
    params = learner.init(net)
    support, _ = stacked(net, learner, params, range(1), (2,))
    decided = learner.read(params, torch.randn(7, net.config.width), torch.eye(3).repeat(3, 1)[:7], item(support, 0))
    assert all((value == 0).all() for value in decided.values())


def test_first_order_maml_moves_as_maml_does() -> None:
    net, _, params = made("maml")
    support, _ = stacked(net, LEARNERS["maml"](), params, range(1), (2,))
    one = item(support, 0)
    exact, cheap = (LEARNERS["maml"](first_order=f).adapt(net, params, one).params for f in (False, True))
    for key, value in exact.items():
        torch.testing.assert_close(value, cheap[key], rtol=1e-4, atol=1e-6)


def test_descend_equals_gradient_descent_by_hand_and_carries_second_order() -> None:
    """On a quadratic 0.5 a x^2: x1 = (1 - s a) x0, and d x1 / d s = -a x0."""
    x0, size = torch.tensor(2.0), torch.tensor(0.1, requires_grad=True)
    moved, losses = descend(lambda p: 1.5 * p["x"] ** 2, {"x": x0}, {"x": size}, 2)
    torch.testing.assert_close(moved["x"], torch.tensor(2.0 * 0.7**2))
    torch.testing.assert_close(losses, torch.tensor([6.0, 1.5 * 1.4**2]))
    moved["x"].backward()
    torch.testing.assert_close(size.grad, torch.tensor(2.0 * 2 * 0.7 * -3.0))


def test_fuzzy_terms_are_the_declared_triangles() -> None:
    nine = torch.tensor([1.0, 3.0, 4.0, 5.0, 6.5, 7.0, 9.0])
    terms = fuzzy_terms(((nine - 5) / 4).unsqueeze(1).expand(-1, 2))[:, 0]
    want = [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.25, 0.75], [0, 0, 1], [0, 0, 1]]
    torch.testing.assert_close(terms, torch.tensor(want))


def test_rule_use_is_zero_when_even_and_log_r_when_collapsed() -> None:
    even, one = torch.full((5, 4), 0.25), torch.eye(4)[:1].expand(5, 4)
    assert abs(float(rule_use_loss(even))) < 1e-6
    torch.testing.assert_close(rule_use_loss(one), torch.log(torch.tensor(4.0)))


def test_encoder_runs_outside_the_map_for_shared_learners() -> None:
    net, _, params = made("anil")
    batch = LOADER.batch(np.arange(3))
    assert isinstance(batch, Batch) and encode_once(net, params, batch, False) is batch
    torch.testing.assert_close(encode_once(net, params, batch, True).parts, call(net, params, "encode", batch).parts)


@pytest.mark.parametrize("name", LEARNERS)
def test_without_centring_nothing_of_the_support_is_removed(name: str) -> None:
    net, learner, params = made(name)
    support, _ = stacked(net, learner, params, shots=(2,))
    kept = ("usual_parts", "usual_u", "offset")
    usual = lambda: {k: v for k, v in learner.adapt(net, params, item(support, 0)).memory.items() if k in kept}  # noqa: E731
    assert len(usual()) == 3 and all(v.abs().max() > 0 for v in usual().values())
    shapes = {k: v.shape for k, v in usual().items()}
    learner.centre = False
    assert all((v == 0).all() and v.shape == shapes[k] for k, v in usual().items())
