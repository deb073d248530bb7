"""Terms of the losses equal their references; soft labels are the mean of hard ones."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from stf2m.evaluation.metrics import ccc
from stf2m.meta.losses import balanced, ccc_loss, class_loss, class_weights, concordance, rating_loss, squared_emd, squared_error


def numbers(seed: int, count: int) -> Any:
    rng = np.random.default_rng(seed)
    true, said = rng.uniform(-1, 1, (2, count, 2)).astype(np.float32)
    return torch.from_numpy(said), torch.from_numpy(true)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 40), padding=st.integers(0, 5))
def test_the_ccc_loss_is_one_minus_the_metric(seed: int, count: int, padding: int) -> None:
    said, true = numbers(seed, count)
    want = 1 - np.mean([ccc(true[:, i].numpy(), said[:, i].numpy()) for i in range(2)])
    weight = torch.cat([torch.ones(count), torch.zeros(padding)])
    said, true = (torch.cat([value, torch.full((padding, 2), 0.7)]) for value in (said, true))
    assert float(ccc_loss(said, true, weight)) == pytest.approx(want, abs=2e-5)


def test_the_ccc_loss_of_too_few_ratings_asks_nothing() -> None:
    said = torch.randn(5, 2, requires_grad=True)
    loss = ccc_loss(said, torch.zeros(5, 2), torch.tensor([1.0, 0, 0, 0, 0]))
    loss.backward()
    assert float(loss.detach()) == 0 and said.grad is not None and (said.grad == 0).all()
    assert torch.equal(concordance(torch.zeros(4, 2), torch.zeros(4, 2), torch.ones(4)), torch.zeros(2))


def test_a_constant_answer_still_has_a_slope() -> None:
    """An answer that does not vary has concordance 0; the loss must know where to go from there."""
    _, true = numbers(0, 12)
    said = torch.zeros(12, 2, requires_grad=True)
    ccc_loss(said, true, torch.ones(12)).backward()
    assert said.grad is not None and torch.isfinite(said.grad).all()
    assert float((said.grad * (true - true.mean(dim=0))).sum()) < 0


def test_rating_losses_by_name() -> None:
    said, true = numbers(1, 9)
    weight = torch.ones(9)
    torch.testing.assert_close(rating_loss(said, true, weight), squared_error(said, true, weight))
    torch.testing.assert_close(squared_error(said, true, weight), ((said - true) ** 2).sum(dim=1).mean())
    torch.testing.assert_close(rating_loss(said, true, weight, "ccc"), ccc_loss(said, true, weight))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_squared_emd_equals_its_definition_and_grows_with_the_miss(classes: int) -> None:
    rng = np.random.default_rng(classes)
    logits, truth = torch.from_numpy(rng.normal(size=(1, classes)).astype(np.float32)), int(rng.integers(classes))
    labels = torch.eye(classes)[[truth]]
    p, y = logits.softmax(dim=1)[0].numpy(), labels[0].numpy()
    want = sum((p[: c + 1].sum() - y[: c + 1].sum()) ** 2 for c in range(classes))
    assert float(squared_emd(logits, labels)) == pytest.approx(want, abs=1e-6)
    sure = [float(squared_emd(40.0 * torch.eye(classes)[[c]], torch.eye(classes)[[0]])) for c in range(classes)]
    places = np.arange(classes)
    assert sure == pytest.approx([wasserstein_distance(places, places, np.eye(classes)[c], np.eye(classes)[0]) for c in range(classes)])


def test_one_hot_labels_balance_to_themselves() -> None:
    labels = torch.eye(4)[[0, 0, 1, 3, 3, 3]]
    labels[1] = 0
    assert torch.equal(balanced(labels), labels)
    torch.testing.assert_close(class_weights(labels).sum(), torch.tensor(1.0))
    torch.testing.assert_close(labels.T @ class_weights(labels), torch.tensor([1.0, 1.0, 0.0, 1.0]) / 3)


def test_the_soft_loss_gives_every_class_the_same_say() -> None:
    """-sum_ic y_ic / n_c log p_ic / classes: each class weighs the same, whoever voted for it."""
    rng = np.random.default_rng(0)
    soft = torch.from_numpy(rng.dirichlet(np.ones(3), 20).astype(np.float32))
    logits = torch.from_numpy(rng.normal(size=(20, 3)).astype(np.float32))
    want = -(soft / soft.sum(dim=0) * logits.log_softmax(dim=1)).sum() / 3
    torch.testing.assert_close(class_loss(logits, soft), want)


@pytest.mark.parametrize("options", [{}, {"smoothing": 0.05}, {"ordinal": 0.7}, {"smoothing": 0.1, "ordinal": 0.2}])
def test_rows_without_a_label_cost_nothing(options: Any) -> None:
    labels = torch.eye(3)[[0, 1, 2, 2]]
    logits = torch.randn(6, 3)
    padded = torch.cat([labels, torch.zeros(2, 3)])
    torch.testing.assert_close(class_loss(logits, padded, **options), class_loss(logits[:4], labels, **options))
    assert float(class_loss(logits, torch.zeros(6, 3), **options)) == 0
