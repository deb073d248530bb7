"""Recurrent cells and heads against torch, scikit-learn and hand-made references."""

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import nn
from torch.func import vmap

from stf2m.meta.cells import GatedCell, SetReader
from stf2m.meta.heads import Spread, closed_form, posterior, prototype_head, ridge_change


def test_cell_equals_torch_and_maps_over_tasks() -> None:
    cell, reference = GatedCell(5, 7), nn.LSTMCell(5, 7)
    reference.load_state_dict(cell.state_dict())
    x, h, c = torch.randn(3, 5), torch.randn(3, 7), torch.randn(3, 7)
    want = reference(x, (h, c))
    got = cell(cell.drives(x), h, c)
    mapped = vmap(lambda a, b, d: cell(cell.drives(a), b, d))(x, h, c)
    for a, b, d in zip(want, got, mapped):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(a, d)


def test_reader_ignores_padding_and_reads_order() -> None:
    reader, x = SetReader(4, 6), torch.randn(5, 4)
    padded = torch.cat([x, torch.randn(3, 4)])
    weight = torch.tensor([1.0] * 5 + [0.0] * 3)
    torch.testing.assert_close(reader(padded, weight, 1), reader(x, torch.ones(5), 1))
    assert not torch.allclose(reader(x, torch.ones(5), 1), reader(x.flip(0), torch.ones(5), 1))


def test_reader_over_all_rotations_forgets_where_the_sequence_began() -> None:
    reader, x = SetReader(4, 6), torch.randn(4, 4)
    torch.testing.assert_close(reader(x, torch.ones(4), 4), reader(x.roll(1, 0), torch.ones(4), 4))


def test_empty_support_reads_to_zero() -> None:
    assert (SetReader(4, 6)(torch.zeros(0, 4), torch.zeros(0), 4) == 0).all()


def test_ridge_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    h, t, w = rng.normal(size=(12, 5)), rng.normal(size=(12, 3)), rng.uniform(0.5, 2, 12)
    weight, bias = ridge_change(*(torch.tensor(v) for v in (h, w, t)), torch.tensor(0.3, dtype=torch.float64))
    x = np.column_stack([h, np.ones(12)])
    want = Ridge(alpha=0.3 * 5, fit_intercept=False).fit(x, t, sample_weight=w).coef_
    np.testing.assert_allclose(np.column_stack([weight.numpy(), bias.numpy()]), want, rtol=1e-5, atol=1e-7)


def test_ridge_rows_without_weight_change_nothing() -> None:
    h, t = torch.randn(6, 4), torch.randn(6, 2)
    w = torch.tensor([1.0, 1, 1, 1, 0, 0])
    a, b = ridge_change(h, w, t, torch.tensor(0.5)), ridge_change(h[:4], w[:4], t[:4], torch.tensor(0.5))
    torch.testing.assert_close(a[0], b[0], rtol=1e-4, atol=1e-6)


def test_prototype_head_ranks_as_distances_do() -> None:
    h, labels = torch.randn(6, 4), torch.eye(3).repeat(2, 1)
    head = prototype_head(h, labels, torch.zeros(3, 4), torch.full((3,), 1e-9), torch.tensor(2.0))
    query = torch.randn(5, 4)
    prototypes = torch.stack([h[[c, c + 3]].mean(0) for c in range(3)])
    distance = -(torch.cdist(query, prototypes) ** 2) * 2.0 / 4
    got = query @ head.weight.T + head.bias
    torch.testing.assert_close(got - got.mean(1, keepdim=True), distance - distance.mean(1, keepdim=True), rtol=1e-4, atol=1e-4)


def test_class_without_labels_keeps_its_global_prototype() -> None:
    labels = torch.zeros(4, 3)
    labels[:, 0] = 1
    prior = torch.randn(3, 4)
    a = prototype_head(torch.randn(4, 4), labels, prior, torch.ones(3), torch.tensor(1.0))
    torch.testing.assert_close(a.weight[1], 2 * prior[1] / 4)


def test_closed_form_without_labels_changes_nothing() -> None:
    change = closed_form(torch.randn(3, 4), torch.zeros(3, 2), torch.randn(2, 4), torch.randn(2), torch.tensor(0.5), torch.tensor(1.5))
    assert (change.weight == 0).all() and (change.bias == 0).all()


def test_posterior_of_a_person_equals_gaussian_conditioning_by_hand() -> None:
    rng = np.random.default_rng(0)
    classes, counts, noise = 3, (2, 1, 0), 0.8
    means, offset, deviation, drift = rng.normal(size=classes), 0.7, rng.uniform(0.2, 1.0, classes), 0.3
    labels = np.repeat(np.eye(classes), counts, axis=0)
    x = rng.normal(size=len(labels))
    # the joint Gaussian of (o, e_1, ..., e_C) and of the labelled segments, conditioned the long way
    prior = np.diag([offset, *deviation])
    design = np.column_stack([np.ones(len(x)), labels])
    rest = drift * labels @ labels.T + noise * np.eye(len(x))
    gain = prior @ design.T @ np.linalg.inv(design @ prior @ design.T + rest)
    expected = gain @ (x - labels @ means)
    t = lambda value: torch.from_numpy(np.asarray(value, dtype=np.float64))  # noqa: E731
    spread = Spread(t([offset]), t(deviation[:, None]), t([drift]), t(noise))
    found = posterior(t(x[:, None]), torch.ones(len(x), 1, dtype=torch.float64), t(labels), t(means[:, None]), spread)
    np.testing.assert_allclose(found.offset.numpy(), expected[:1], atol=1e-10)
    np.testing.assert_allclose(found.means.numpy()[:, 0], means + expected[1:], atol=1e-10)


def test_posterior_without_labels_or_without_differences_is_people_in_general() -> None:
    x, means = torch.randn(4, 5), torch.randn(3, 5)
    labels = torch.eye(3)[torch.tensor([0, 1, 2, 2])]
    some = Spread(torch.rand(5), torch.rand(3, 5), torch.rand(5), torch.tensor(1.0))
    for given, spread in ((torch.zeros(4, 3), some), (labels, some._replace(offset=torch.zeros(5), deviation=torch.zeros(3, 5)))):
        found = posterior(x, torch.ones(4, 5), given, means, spread)
        assert not found.offset.any()
        torch.testing.assert_close(found.means, means)


def test_posterior_ignores_what_is_absent() -> None:
    x, means, present = torch.randn(4, 5), torch.randn(3, 5), torch.ones(4, 5)
    labels = torch.eye(3)[torch.tensor([0, 1, 2, 2])]
    present[0, :2] = 0
    spread = Spread(torch.rand(5), torch.rand(3, 5), torch.rand(5), torch.tensor(1.0))
    seen = posterior(x * present, present, labels, means, spread)
    fewer = posterior(x[1:], present[1:], labels[1:], means, spread)
    torch.testing.assert_close(seen.offset[:2], fewer.offset[:2])
    torch.testing.assert_close(seen.means[:, :2], fewer.means[:, :2])
