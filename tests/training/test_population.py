"""The Gaussian population of the training people: whitened as promised, equal to LDA, and blind to whom it is made without."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.toy import toy_segments

from stf2m.core.tensors import Params
from stf2m.prepare.normalise import fit_normaliser
from stf2m.tasks.loader import Loader
from stf2m.tasks.sampling import people_of
from stf2m.training import loop
from stf2m.training.build import inputs_of
from stf2m.training.config import TrainConfig
from stf2m.training.population import Population, fit_population, jackknife, whitening
from stf2m.training.run import populations, train

OWNER = np.array([0, 0, 0, 1, 1, 2])
SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4}, "steps": 2, "episodes": 6, "validate_every": 2, "validation_tasks": 1,
    "tasks": {"shots": (1,), "queries": 2},
}  # fmt: skip


def world(people: int = 4, each: int = 60, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """values, labels and subjects: correlated descriptors with an offset per person, classes of different sizes."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), each)
    labels = rng.choice(classes, len(subjects), p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    mixed = rng.normal(size=(len(subjects), len(OWNER))) @ rng.normal(size=(len(OWNER), len(OWNER)))
    return mixed + rng.normal(size=(classes, len(OWNER)))[labels] + 3 * rng.normal(size=(people, len(OWNER)))[subjects], labels, subjects


def residuals(values: np.ndarray, labels: np.ndarray, subjects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is left after a person's own mean (classes weighing the same) and the class means, row by row; and those means."""
    balanced = {p: np.mean([values[(subjects == p) & (labels == c)].mean(axis=0) for c in range(3)], axis=0) for p in set(subjects)}
    relative = np.stack([v - balanced[p] for v, p in zip(values, subjects)])
    means = np.stack([relative[labels == c].mean(axis=0) for c in range(3)])
    return relative - means[labels], means


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_whitened_scatter_within_person_and_class_is_the_identity_in_every_block(shrinkage: float) -> None:
    facts = world()
    found = fit_population(*facts, OWNER, 3, shrinkage)
    rest, means = residuals(*facts)
    for block in range(3):
        where = np.flatnonzero(block == OWNER)
        scatter = rest[:, where].T @ rest[:, where] / len(rest)
        shrunk = (1 - shrinkage) * scatter + shrinkage * np.trace(scatter) / len(where) * np.eye(len(where))
        metric = found.metric[np.ix_(where, where)].astype(np.float64)
        np.testing.assert_allclose(metric.T @ shrunk @ metric, np.eye(len(where)), atol=1e-4)
        assert not found.metric[np.ix_(where, block != OWNER)].any()
    np.testing.assert_allclose(found.means, means @ found.metric, atol=1e-4)


def test_whitening_of_something_constant_stays_finite() -> None:
    assert np.isfinite(whitening(np.zeros((5, 3)), 0.2)).all()


def test_one_person_without_shrinkage_is_linear_discriminant_analysis() -> None:
    values, _, _ = world(people=1, each=90)
    labels = np.arange(90) % 3
    values = values + 2.0 * np.eye(3, len(OWNER))[labels]
    found = fit_population(values, labels, np.zeros(90, dtype=int), np.zeros(len(OWNER), dtype=int), 3, 1e-9)
    usual = np.mean([values[labels == c].mean(axis=0) for c in range(3)], axis=0)
    new = np.random.default_rng(1).normal(size=(200, len(OWNER))) * 2 + usual
    near = (new - usual) @ found.metric
    logits = near @ found.means.T - (found.means**2).sum(axis=1) / 2
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=None, priors=[1 / 3] * 3).fit(values, labels).decision_function(new)
    np.testing.assert_array_equal(logits.argsort(axis=1), theirs.argsort(axis=1))
    centred = lambda x: x - x.mean(axis=1, keepdims=True)  # noqa: E731
    np.testing.assert_allclose(centred(logits), centred(theirs), atol=1e-3)


def test_a_person_leaves_no_trace_in_the_population_without_them() -> None:
    values, labels, subjects = world()
    rng, mine = np.random.default_rng(5), subjects == 2
    other_values, other_labels = values.copy(), labels.copy()
    other_values[mine] = 100 * rng.normal(size=other_values[mine].shape)
    other_labels[mine] = rng.permutation(labels[mine])
    before, after = (jackknife(v, y, subjects, OWNER, 3, 0.2, [0, 1, 2, 3]) for v, y in ((values, labels), (other_values, other_labels)))
    for a, b in zip(before[2], after[2]):
        np.testing.assert_array_equal(a, b)
    for person in (0, 1, 3):
        assert not np.allclose(before[person].metric, after[person].metric)
    alone = fit_population(values[~mine], labels[~mine], subjects[~mine], OWNER, 3, 0.2)
    assert isinstance(before[2], Population)
    np.testing.assert_array_equal(before[2].means, alone.means)


def test_every_task_meets_the_population_without_its_person(monkeypatch: pytest.MonkeyPatch) -> None:
    segments, config = toy_segments(), TrainConfig.model_validate(SMALL)
    stacks: list[Any] = []
    given: list[tuple[Params, Params]] = []
    judged: list[Params] = []
    draw, tasks, find = loop.draw_stack, loop.run_tasks, populations
    known: dict[int, Params] = {}

    def keep_stack(*facts: Any) -> Any:
        stacks.append(draw(*facts))
        return stacks[-1]

    def keep_own(net: Any, learner: Any, params: Params, *rest: Any) -> Any:
        if len(rest) == 5:
            given.append((params, rest[-1]))
        else:
            judged.append(params)
        return tasks(net, learner, params, *rest)

    def keep_known(*facts: Any) -> Any:
        everybody, without = find(*facts)
        known.update(without)
        known[-1] = everybody
        return everybody, without

    monkeypatch.setattr(loop, "draw_stack", keep_stack)
    monkeypatch.setattr(loop, "run_tasks", keep_own)
    monkeypatch.setattr("stf2m.training.run.populations", keep_known)
    train(segments, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)
    assert len(given) == 2 and judged and set(known) == {-1, 0, 1, 2}
    for (_, own), (stack, subjects) in zip(given, stacks):
        assert len(set(subjects)) > 1
        for i, person in enumerate(subjects):
            used = stack.support if stack.support.weight[i].any() else stack.query
            assert (segments.subject[stack.rows[used.place[i][used.weight[i] > 0]]] == person).all()
            for name in ("net.metric", "net.means"):
                assert torch.equal(own[name][i], known[person][name])
    assert all(torch.equal(params["net.means"], known[-1]["net.means"]) for params in judged)


def test_the_population_without_a_person_knows_neither_them_nor_the_validation_people() -> None:
    segments, config = toy_segments(), TrainConfig.model_validate(SMALL)
    changed = toy_segments()
    for person in (1, 3):
        mine = changed.subject == person
        changed.descriptors[mine] = 50.0
        changed.targets["emotion"][mine] = np.roll(changed.targets["emotion"][mine], 1)
    scale = fit_normaliser(segments, np.flatnonzero(np.isin(segments.subject, [0, 2])))
    found = []
    for one in (segments, changed):
        people = people_of(one, "emotion", [0, 1, 2])
        found.append(populations(Loader(one, scale, "emotion"), config, inputs_of(one, "emotion"), people)[1])
    for name in ("net.metric", "net.means"):
        assert torch.equal(found[0][1][name], found[1][1][name])
        assert not torch.equal(found[0][0][name], found[1][0][name])
