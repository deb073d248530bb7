"""From rows to tensors: finite, masked, and each segment once."""

import numpy as np
import torch
from tests.toy import toy_segments

from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader, gather, load_batch, stack_tasks
from stf2m.tasks.sampling import TaskSettings, people_of, sample_task

SEGMENTS = toy_segments()
NORMALISER = fit_normaliser(SEGMENTS, np.arange(len(SEGMENTS)))
LOADER = Loader(SEGMENTS, NORMALISER, "emotion")


def test_batch_is_finite_and_marks_what_is_measured() -> None:
    batch = load_batch(SEGMENTS, NORMALISER, "emotion", np.arange(10))
    assert all(torch.isfinite(v).all() for v in batch.signals.values())
    early = batch.signals["eda"][0, -1]
    assert early[:32].sum() == 0 and early[32:].sum() == 8  # the first window has no past


def test_hidden_modality_has_no_descriptors() -> None:
    shown = np.ones((3, 4), dtype=bool)
    shown[:, 0] = False
    batch = LOADER.batch(np.arange(3), shown)
    assert (batch.descriptors[:, :3] == 0).all() and (batch.present[:, 0] == 0).all()


def test_kept_in_memory_equals_gathered_from_the_map() -> None:
    kept = Loader(SEGMENTS, NORMALISER, "emotion")
    kept.keep(np.arange(40))
    rows = np.array([5, 1, 33])
    for a, b in zip(kept.batch(rows).signals.values(), LOADER.batch(rows).signals.values()):
        assert torch.equal(a, b)


def test_stack_gathers_what_each_task_asked_for() -> None:
    people = people_of(SEGMENTS, "emotion", range(4))
    tasks = [sample_task(people, SEGMENTS, "emotion", TaskSettings(all_views=0.3), s) for s in range(5)]
    stack = stack_tasks(tasks, SEGMENTS, "emotion", support_size=12, query_size=12)
    shared = LOADER.batch(stack.rows, stack.offered)
    support, query = gather(shared, stack.support), gather(shared, stack.query)
    for i, task in enumerate(tasks):
        for side, rows, offered in ((support, task.support, task.offered_support), (query, task.query, task.offered_query)):
            own = LOADER.batch(rows, offered)
            n = len(rows)
            assert torch.equal(side.descriptors[i, :n], own.descriptors) and torch.equal(side.present[i, :n], own.present)
            assert torch.equal(side.signals["bvp"][i, :n], own.signals["bvp"]) and torch.equal(side.target[i, :n], own.target)
            assert side.weight[i].tolist() == [1.0] * n + [0.0] * (12 - n)
    pairs = np.column_stack([stack.rows, stack.offered @ (1 << np.arange(4))])
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_one_vs_rest_relabels() -> None:
    people = people_of(SEGMENTS, "emotion", range(4))
    task = sample_task(people, SEGMENTS, "emotion", TaskSettings(policy="one_vs_rest"), 1)
    stack = stack_tasks([task], SEGMENTS, "emotion", support_size=12, query_size=12)
    labels = SEGMENTS.targets["emotion"][task.query]
    assert stack.query.target[0, : len(labels)].tolist() == (labels == task.focus).astype(int).tolist()
