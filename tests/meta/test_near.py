"""Evidence from labels near in time: by hand, loop = vmap, silent without a support, and learned where labels last."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.meta.test_learners import LOADER, PEOPLE, SEGMENTS, first, item, made, stacked
from torch import Tensor

from stf2m.meta import LEARNERS
from stf2m.meta.learner import call
from stf2m.meta.near import FELT, SAID, WHEN, WithLabelTimes, class_evidence, closeness, pull_ratings
from stf2m.meta.outer import LossWeights, run_task, run_tasks
from stf2m.tasks.loader import FAR, Loader, gather, stack_tasks
from stf2m.tasks.sampling import TaskSettings, sample_task


def timed(name: str) -> tuple[Any, WithLabelTimes, dict[str, Tensor]]:
    net, learner, params = made(name)
    both = WithLabelTimes(learner)
    return net, both, both.init(net) | params


def test_evidence_by_hand() -> None:
    """One label of class 0 ten seconds away in the recording, one of class 1 in another recording twenty seconds away."""
    query, support = torch.tensor([[3.0, 50.0, 150.0]]), torch.tensor([[3.0, 40.0, 140.0], [4.0, 0.0, 170.0]])
    near = closeness(query, support, torch.tensor([20.0, 40.0]))
    torch.testing.assert_close(near[:, 0], torch.tensor([[math.exp(-0.5), 0.0], [0.0, math.exp(-0.5)]]))
    found = class_evidence(near, torch.eye(3)[:2], torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.25]))
    k, shares = math.exp(-0.5), (2 / 5, 2 / 5, 1 / 5)
    own, other = math.log((k / shares[0] + 1) / (k + 1)), math.log((k / shares[1] + 2) / (k + 2))
    none = [math.log(1 / (k + 1)), math.log(2 / (k + 2))]
    want = [0.5 * own + 0.25 * none[1], 0.5 * none[0] + 0.25 * other, 0.5 * none[0] + 0.25 * none[1]]
    torch.testing.assert_close(found, torch.tensor([want]))


def test_ratings_are_pulled_by_rated_labels_only() -> None:
    near = torch.tensor([[[1.0, 1.0]], [[0.0, 0.0]]])
    felt = torch.tensor([[0.8, -0.4, 1.0], [9.0, 9.0, 0.0]])
    said = pull_ratings(torch.tensor([[0.0, 0.0]]), near, felt, torch.tensor([3.0, 1.0]))
    torch.testing.assert_close(said, torch.tensor([[0.6, -0.3]]))


@pytest.mark.parametrize("name", LEARNERS)
def test_vmap_equals_the_loop(name: str) -> None:
    net, learner, params = timed(name)
    support, query = stacked(net, learner, params)
    together = run_tasks(net, learner, params, support, query, None, LossWeights())
    for i in range(4):
        alone = run_task(net, learner, params, item(support, i), item(query, i), None, LossWeights())
        torch.testing.assert_close(together.scores.logits[i], alone.scores.logits, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(together.scores.rating[i], alone.scores.rating, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["recurrent", "protonet", "frozen"])
def test_without_a_support_nothing_changes(name: str) -> None:
    net, learner, params = timed(name)
    support, query = stacked(net, learner, params, range(1), (0,))
    q = item(query, 0)
    for s in (item(support, 0), first(item(support, 0), 0)):
        with_times = learner.score(net, params, learner.adapt(net, params, s), q)
        without = learner.learner.score(net, params, learner.learner.adapt(net, params, s), q)
        assert (with_times.logits == without.logits).all() and (with_times.rating == without.rating).all()


def test_padding_and_unlabelled_segments_are_no_evidence() -> None:
    net, learner, params = timed("protonet")
    support, query = stacked(net, learner, params, range(1), (1,))
    padded, q = item(support, 0), item(query, 0)
    moved = padded._replace(when=torch.where(padded.weight[:, None] > 0, padded.when, q.when[:1]))
    a, b = (learner.score(net, params, learner.adapt(net, params, s), q).logits for s in (padded, moved))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    silent = padded._replace(known=torch.zeros_like(padded.known), rated=torch.zeros_like(padded.rated))
    memory = learner.adapt(net, params, silent).memory
    assert memory[SAID].abs().sum() == 0 and memory[FELT][:, 2].sum() == 0 and len(memory[WHEN]) == len(padded.weight)


def test_every_scalar_gets_a_gradient_and_starts_mildly() -> None:
    net, learner, params = timed("frozen")
    tasks = [sample_task(PEOPLE, SEGMENTS, "emotion", TaskSettings(shots=(6,), apart=("guard",), guard=0.0), seed) for seed in range(2)]
    stack = stack_tasks(tasks, SEGMENTS, "emotion", support_size=18, query_size=12)
    shared = call(net, params, "encode", LOADER.batch(stack.rows, stack.offered))
    support, query = gather(shared, stack.support), gather(shared, stack.query)
    leaves = {k: v.clone().requires_grad_() for k, v in params.items()}
    run_tasks(net, learner, leaves, support, query, None, LossWeights()).loss.mean().backward()
    for name in ("width", "prior", "strength", "felt"):
        slope = leaves[f"meta.near.{name}"].grad
        assert slope is not None and (slope != 0).all(), name
    near = closeness(query.when[0], query.when[0], torch.tensor([20.0, 120.0]))
    labels = torch.eye(3)[torch.arange(len(query.when[0])) % 3]
    assert class_evidence(near, labels, torch.ones(2), torch.tensor([0.5, 0.1])).abs().max() < 1.0


def test_times_of_recordings_without_a_session_clock_are_far_apart() -> None:
    assert SEGMENTS.has_session_clock and len(PEOPLE) == 4
    rows = [0, 6, 12]
    known = LOADER.batch(np.array(rows)).when
    assert known[:, 2].tolist() == [float(SEGMENTS.session_time[i]) for i in rows]
    loose = replace(SEGMENTS, session_time=SEGMENTS.spans[:, 0])
    when = Loader(loose, LOADER.normaliser, "emotion").batch(np.array(rows)).when
    assert not loose.has_session_clock and when[1, 2] - when[0, 2] >= FAR
