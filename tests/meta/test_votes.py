"""Labels of several annotators: shares beside the class, soft targets in training, and the same numbers where they agree."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.toy import toy_segments

from stf2m.core.errors import InvalidRecord
from stf2m.core.records import Annotation, Rating, Segments
from stf2m.core.tensors import Scores
from stf2m.evaluation.protocols.world import hide
from stf2m.meta.losses import class_loss
from stf2m.meta.outer import fuzzy_loss, fuzzy_terms
from stf2m.prepare.labels import majority_emotion, named_votes, rated_votes
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.run import train

SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4, "signals": False}, "steps": 6, "episodes": 3, "warm_up": 2, "centres_at": 3,
    "validate_every": 3, "validation_tasks": 1, "tasks": {"shots": (0, 2), "queries": 2},
}  # fmt: skip


def fit(segments: Segments, **changes: Any) -> Fitted:
    config = TrainConfig.model_validate({**SMALL, **changes})
    return train(segments, target="emotion", train_people=[0, 1, 2], validation_people=[3], config=config)


def voted(segments: Segments, shares: np.ndarray) -> Segments:
    return replace(segments, votes={"emotion": shares.astype(np.float32)})


def test_votes_are_weighted_by_confidence_and_overlap() -> None:
    labels = (
        Annotation(0, 2, "joy", source="a"), Annotation(0, 2, "fear", source="b", confidence=0.5),
        Annotation(2, 3, "fear", source="a"), Annotation(2, 4, "joy", source="b"),
    )  # fmt: skip
    spans = np.array([[0.0, 2.0], [2.0, 4.0], [8.0, 9.0]])
    found = named_votes(labels, spans, ("fear", "joy"))
    assert found is not None
    np.testing.assert_allclose(found, [[1 / 3, 2 / 3], [1 / 3, 2 / 3], [0, 0]], atol=1e-6)
    assert (found.argmax(axis=1)[:2] == majority_emotion(labels, spans, ("fear", "joy"), 0.5)[:2]).all()
    assert named_votes(labels[::2], spans, ("fear", "joy")) is None


def test_every_annotator_of_a_curve_has_one_vote() -> None:
    times = np.arange(0, 10, 0.5)
    curves = [Rating(f"r{i}", np.full((2, 20), level, np.float32), times, (-1.0, 1.0)) for i, level in enumerate((-0.8, -0.7, 0.9))]
    found = rated_votes(curves, np.array([[0.0, 2.0], [40.0, 42.0]]), 0.5, "valence3")
    assert found is not None
    np.testing.assert_allclose(found, [[2 / 3, 0, 1 / 3], [0, 0, 0]], atol=1e-6)
    assert rated_votes(curves[:1], np.array([[0.0, 2.0]]), 0.5, "valence3") is None


def test_votes_are_checked_and_hidden_with_the_label() -> None:
    segments = toy_segments()
    shares = np.eye(3)[segments.targets["emotion"]]
    hidden = hide(voted(segments, shares), np.arange(5))
    assert (hidden.votes["emotion"][:5] == 0).all() and (hidden.votes["emotion"][5:].sum(axis=1) == 1).all()
    with pytest.raises(InvalidRecord, match="votes on emotion"):
        voted(segments, shares[:-1])


@pytest.mark.parametrize("learner", ["recurrent", "protonet", "r2d2", "anil"])
def test_soft_equals_hard_when_all_votes_agree(learner: str) -> None:
    segments = toy_segments()
    agreed = voted(segments, np.eye(3)[segments.targets["emotion"]])
    hard, soft = fit(segments, learner=learner), fit(agreed, learner=learner)
    assert all(torch.equal(hard.params[name], soft.params[name]) for name in hard.params)
    a, b = (one.predict(data, np.arange(150, 156), np.arange(160, 170)).probability for one, data in ((hard, segments), (soft, agreed)))
    np.testing.assert_array_equal(a, b)


def test_votes_change_training_unless_switched_off() -> None:
    segments = toy_segments()
    split = voted(segments, 0.6 * np.eye(3)[segments.targets["emotion"]] + 0.4 / 3)
    weight = lambda fitted: fitted.params["net.classify.weight"]  # noqa: E731
    assert not torch.equal(weight(fit(segments)), weight(fit(split)))
    assert torch.equal(weight(fit(segments)), weight(fit(split, soft_labels=False)))


def test_the_control_does_not_keep_the_true_votes() -> None:
    """Shuffled labels stand alone: the votes of the true ones must not be told beside them."""
    segments = toy_segments()
    fitted, support = fit(voted(segments, np.eye(3)[segments.targets["emotion"]])), np.arange(150, 156)
    given = (segments.targets["emotion"][support] + 1) % 3
    told = fitted.predict(segments, support, np.arange(160, 170), support_target=given).probability
    votes = voted(segments, np.eye(3)[segments.targets["emotion"]])
    np.testing.assert_allclose(fitted.predict(votes, support, np.arange(160, 170), support_target=given).probability, told, atol=1e-6)


def test_soft_labels_come_nearer_to_the_truth_than_one_class_per_segment() -> None:
    """Ambiguous people: fitted to votes, a linear classifier answers nearer to the true shares than fitted to majorities."""
    rng = np.random.default_rng(0)
    x, w = torch.randn(400, 4, generator=torch.Generator().manual_seed(0)), torch.tensor(rng.normal(size=(4, 3)), dtype=torch.float32)
    true = (x @ w).softmax(dim=1)
    votes = torch.tensor(
        np.stack([rng.multinomial(5, p.double().numpy() / p.double().numpy().sum()) / 5 for p in true]), dtype=torch.float32
    )
    gap = []
    for labels in (votes, torch.eye(3)[votes.argmax(dim=1)]):
        weight = torch.zeros(4, 3, requires_grad=True)
        optimiser = torch.optim.LBFGS([weight], max_iter=60)

        def loss(labels: Any = labels, weight: Any = weight, optimiser: Any = optimiser) -> Any:
            optimiser.zero_grad()
            value = class_loss(x @ weight, labels)
            value.backward()
            return value

        optimiser.step(loss)
        gap.append(float(((x @ weight).softmax(dim=1) - true).detach().abs().mean()))
    assert gap[0] < 0.6 * gap[1], gap


def test_fuzzy_targets_follow_the_votes() -> None:
    meaning = torch.tensor([[0.8, 0.5], [-0.6, 0.7], [0.0, 0.0]])
    segments = toy_segments()
    segments.rating[:] = np.nan
    shares = np.tile([0.5, 0.5, 0.0], (len(segments), 1))
    from stf2m.prepare.normalise import fit_normaliser
    from stf2m.tasks.loader import Loader

    batch = Loader(voted(segments, shares), fit_normaliser(segments, np.arange(48)), "emotion").batch(np.arange(4))
    terms = fuzzy_terms(meaning)
    want = (terms[0] + terms[1]) / 2
    fuzzy = want.clamp(min=1e-6).log().reshape(1, 6).repeat(4, 1)
    scores = Scores(torch.zeros(4, 3), torch.zeros(4, 2), torch.zeros(4, 0), fuzzy, torch.zeros(4, 4))
    assert float(fuzzy_loss(scores, batch, meaning)) == pytest.approx(0.0, abs=1e-4)
