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
from stf2m.training.population import Population, Rows, fit_population, groups_of, jackknife, whitening
from stf2m.training.run import populations, train

OWNER = np.array([0, 0, 0, 1, 1, 2])
SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4}, "steps": 2, "episodes": 6, "validate_every": 2, "validation_tasks": 1,
    "tasks": {"shots": (1,), "queries": 2},
}  # fmt: skip


def world(people: int = 4, each: int = 60, classes: int = 3, seed: int = 0) -> Rows:
    """Correlated descriptors with an offset per person, classes of different sizes, five recordings."""
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), each)
    labels = rng.choice(classes, len(subjects), p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    mixed = rng.normal(size=(len(subjects), len(OWNER))) @ rng.normal(size=(len(OWNER), len(OWNER)))
    values = mixed + rng.normal(size=(classes, len(OWNER)))[labels] + 3 * rng.normal(size=(people, len(OWNER)))[subjects]
    return Rows(values, labels, subjects, np.arange(len(subjects)) % 5)


def residuals(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """What is left after a person's own mean (classes weighing the same) and the class means, row by row; and those means."""
    values, labels, subjects, _ = rows
    balanced = {p: np.mean([values[(subjects == p) & (labels == c)].mean(axis=0) for c in range(3)], axis=0) for p in set(subjects)}
    relative = np.stack([v - balanced[p] for v, p in zip(values, subjects)])
    means = np.stack([relative[labels == c].mean(axis=0) for c in range(3)])
    return relative - means[labels], means + np.mean(list(balanced.values()), axis=0)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_whitened_scatter_within_person_and_class_is_the_identity_in_every_block(shrinkage: float) -> None:
    facts = world()
    found = fit_population(facts, OWNER, 3, shrinkage)
    rest, means = residuals(facts)
    for block in range(3):
        where = np.flatnonzero(block == OWNER)
        scatter = rest[:, where].T @ rest[:, where] / len(rest)
        shrunk = (1 - shrinkage) * scatter + shrinkage * np.trace(scatter) / len(where) * np.eye(len(where))
        metric = found.metric[np.ix_(where, where)].astype(np.float64)
        np.testing.assert_allclose(metric.T @ shrunk @ metric, np.eye(len(where)), atol=1e-4)
        assert not found.metric[np.ix_(where, block != OWNER)].any()
    np.testing.assert_allclose(found.means, means @ found.metric, atol=1e-4)


def test_what_nobody_shows_has_no_metric() -> None:
    rows = world()
    blank = rows._replace(values=np.concatenate([rows.values, np.zeros_like(rows.values)], axis=1))
    width = rows.values.shape[1]
    owner = np.repeat([0, 1], width)
    found, alone = fit_population(blank, owner, 3, 0.1), fit_population(rows, owner[:width], 3, 0.1)
    np.testing.assert_array_equal(found.metric[:width, :width], alone.metric)
    assert not found.metric[width:].any() and not found.metric[:, width:].any() and np.isfinite(found.spread).all()


def test_whitening_of_something_constant_stays_finite() -> None:
    assert np.isfinite(whitening(np.zeros((5, 3)), 0.2)).all()


def test_one_person_without_shrinkage_is_linear_discriminant_analysis() -> None:
    values = world(people=1, each=90).values
    labels = np.arange(90) % 3
    values = values + 2.0 * np.eye(3, len(OWNER))[labels]
    nobody_else = np.zeros(90, dtype=int)
    found = fit_population(Rows(values, labels, nobody_else, np.arange(90) % 4), np.zeros(len(OWNER), dtype=int), 3, 1e-9)
    new = np.random.default_rng(1).normal(size=(200, len(OWNER))) * 2 + values.mean(axis=0)
    near = new @ found.metric
    logits = near @ found.means.T - (found.means**2).sum(axis=1) / 2
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=None, priors=[1 / 3] * 3).fit(values, labels).decision_function(new)
    np.testing.assert_array_equal(logits.argsort(axis=1), theirs.argsort(axis=1))
    centred = lambda x: x - x.mean(axis=1, keepdims=True)  # noqa: E731
    np.testing.assert_allclose(centred(logits), centred(theirs), atol=1e-3)


def test_a_person_leaves_no_trace_in_the_population_without_them() -> None:
    facts = world()
    rng, mine = np.random.default_rng(5), facts.subjects == 2
    other_values, other_labels = facts.values.copy(), facts.labels.copy()
    other_values[mine] = 100 * rng.normal(size=other_values[mine].shape)
    other_labels[mine] = rng.permutation(facts.labels[mine])
    changed = facts._replace(values=other_values, labels=other_labels)
    before, after = (jackknife(rows, OWNER, 3, 0.2, [0, 1, 2, 3]) for rows in (facts, changed))
    for a, b in zip(before[2], after[2]):
        np.testing.assert_array_equal(a, b)
    for person in (0, 1, 3):
        assert not np.allclose(before[person].metric, after[person].metric)
    alone = fit_population(facts.without(2), OWNER, 3, 0.2)
    assert isinstance(before[2], Population)
    np.testing.assert_array_equal(before[2].means, alone.means)


def test_components_find_how_people_differ() -> None:
    """Offsets, deviations and drifts that were put in come out again, in the unit of the scatter within."""
    rng = np.random.default_rng(3)
    people, classes, groups, each, width = 60, 3, 4, 6, 5
    person, label, group, _ = (v.ravel() for v in np.meshgrid(*map(np.arange, (people, classes, groups, each)), indexing="ij"))
    offset, deviation, drift = 2.0, 0.5, 0.25
    values = rng.normal(size=(len(person), width)) + np.sqrt(offset) * rng.normal(size=(people, width))[person]
    values += np.sqrt(deviation) * rng.normal(size=(people, classes, width))[person, label]
    values += np.sqrt(drift) * rng.normal(size=(people, classes, groups, width))[person, label, group]
    found = fit_population(Rows(values, label, person, group), np.zeros(width, dtype=int), classes, 1e-9)
    within = 1.0 + (deviation * (classes - 1) / classes + drift) / 1.0  # the metric's unit: all scatter around balanced person means
    got = found.spread.mean(axis=1) * within
    np.testing.assert_allclose(got[:2], [offset, deviation], rtol=0.35)
    assert 0.1 < got[2] < 0.5


def test_people_who_do_not_differ_have_no_spread() -> None:
    rng = np.random.default_rng(4)
    person, label = np.repeat(np.arange(20), 60), np.tile(np.arange(3), 400)
    values = rng.normal(size=(1200, 4)) + rng.normal(size=(3, 4))[label]
    found = fit_population(Rows(values, label, person, rng.integers(0, 5, 1200)), np.zeros(4, dtype=int), 3, 0.1)
    assert found.spread.max() < 0.06


def test_a_person_with_one_recording_is_cut_into_quarters_in_time() -> None:
    none, recording, subjects = np.full(12, -1), np.array([0] * 8 + [1, 1, 2, 2]), np.array([0] * 8 + [1] * 4)
    found = groups_of(none, recording, subjects, np.r_[np.arange(8.0)[::-1], np.arange(4.0)])
    assert found[:8].tolist() == [3, 3, 2, 2, 1, 1, 0, 0] and found[8] == found[9] != found[10] == found[11]


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
            for name in ("net.metric", "net.means", "net.spread"):
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
    for name in ("net.metric", "net.means", "net.spread"):
        assert torch.equal(found[0][1][name], found[1][1][name])
        assert not torch.equal(found[0][0][name], found[1][0][name])
