"""Rules before the outer loop: grown as a tree on training people, made fuzzy, and tuned so that they tell emotions apart.

The outer loop ends early where the rest of the network is good, long before random rules would mean anything. So rules come first:
every leaf of a small decision tree becomes a rule that asks for what is on its way (fuzzy CART, Jang 1994), and gradient steps tune
centres, widths, shapes, relevances and verdicts together. Tasks of a training person meet rules that were fitted without them, as
tasks of a new person will.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.tensors import Params
from stf2m.meta.learner import FITTED, RULES
from stf2m.meta.losses import class_loss
from stf2m.model.membership import FLOOR, GAUSSIAN
from stf2m.model.rules import RuleLayer

MOST_ROWS = 20_000
"""rows that rules are fitted to, evenly spread"""
INPUTS = 24
"""antecedents that any rule may ask for: those that a four times larger tree finds most useful"""
ON_THE_WAY, ELSEWHERE, NEVER = 0.9, 0.01, 1e-6
"""relevance at the start: of an input on the way to the leaf, of another one of `INPUTS`, and of all others for good"""
NARROWEST = 0.3
"""least standard deviation of a leaf, in those of the input"""
SHARP = 1.5
"""logarithm of the sharpness at the start"""
STEPS, ROWS, RATE = 100, 512, 0.02
SMOOTH = 0.1
"""share of every label that is spread over all classes: a rule that is sure of a dozen people is too sure of the next one"""
SHORT = 0.1
"""weight of the number of inputs that a rule effectively asks for: rules short enough to read"""
GROUPS = 4
"""of training people, each of whom meets rules fitted to the other groups"""
REMEMBERED = 64
"""fits whose rules are kept: learners that are compared on the same people share theirs (about 10 kB each)"""
_fitted: dict[str, Params] = {}


class Examples(NamedTuple):
    """Labelled segments of the training people."""

    inputs: NDArray[np.float32]
    """(row, antecedent) standardised, 0 where absent"""
    present: NDArray[np.float32]
    """(row, antecedent)"""
    labels: NDArray[np.float32]
    """(row, outcome) shares that sum to 1"""
    subjects: NDArray[np.integer]

    def only(self, rows: NDArray[np.bool_]) -> "Examples":
        """These rows."""
        return Examples(self.inputs[rows], self.present[rows], self.labels[rows], self.subjects[rows])


def fit_rules(like: RuleLayer, examples: Examples, spread: float, seed: int, *, centre: bool = True) -> Params:
    """Antecedents and verdicts of all rules, under their names in `Params`, for a layer `like` this one.

    `spread`: s.d. of the offset that every training person gets anew at every step, so that rules hold for people whose usual is
    not known yet; in half of the rows the person's mean is removed, as it is when it is known; in none without `centre`. The same examples give
    the same rules, and are not fitted a second time while they are among the last `REMEMBERED`.
    """
    key = key_of(like, examples, spread, seed, centre)
    found = _fitted.pop(key, None) or _fit(like, examples, spread, seed, centre)
    _fitted[key] = found  # the latest last
    while len(_fitted) > REMEMBERED:
        del _fitted[next(iter(_fitted))]
    return {name: value.clone() for name, value in found.items()}


def key_of(like: RuleLayer, examples: Examples, spread: float, seed: int, centre: bool) -> str:
    """Digest of all that decides what `fit_rules` finds."""
    facts = [like.kind, *like.centre.shape, like.verdict.shape[1], spread, seed, centre, STEPS]
    total = hashlib.sha256(repr(facts).encode())
    for values in examples:
        total.update(repr((values.shape, values.dtype)).encode() + np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _fit(like: RuleLayer, examples: Examples, spread: float, seed: int, centre: bool) -> Params:
    usual = usual_of(examples) if centre else np.zeros_like(examples.inputs)
    relative = (examples.inputs - usual) * examples.present
    rules, outcomes = like.verdict.shape
    hard = examples.labels.argmax(axis=1)
    chosen = useful_inputs(relative, hard, rules, seed)
    with torch.random.fork_rng():
        layer = RuleLayer(len(chosen), rules, 1, outcomes, like.kind)
    plant(layer, relative[:, chosen], hard, seed)
    tune(layer, examples._replace(inputs=relative[:, chosen], present=examples.present[:, chosen]), usual[:, chosen], spread, seed)
    found = {name: value.detach() for name, value in layer.named_parameters()}
    antecedents = like.centre.shape[1]
    spread_out = {"centre": 0.0, "raw_width": 0.8, "raw_shape": GAUSSIAN, "raw_relevance": logit(NEVER)}
    for name, elsewhere in spread_out.items():
        wide = torch.full((rules, antecedents), elsewhere)
        wide[:, torch.from_numpy(chosen)] = found[name]
        found[name] = wide
    return {name: found[name.removeprefix(RULES)] for name in FITTED}


def usual_of(examples: Examples) -> NDArray[np.float32]:
    """(row, antecedent): the mean of the row's person over what is present."""
    found = np.zeros_like(examples.inputs)
    for person in np.unique(examples.subjects):
        own = examples.subjects == person
        there = examples.present[own]
        found[own] = (examples.inputs[own] * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return found


def grown(inputs: NDArray[np.floating], labels: NDArray[np.integer], leaves: int, seed: int) -> Any:
    """A decision tree with at most so many leaves, every class having the same say."""
    from sklearn.tree import DecisionTreeClassifier

    least = max(1, min(5, len(inputs) // (4 * leaves)), len(inputs) // 100)
    tree = DecisionTreeClassifier(max_leaf_nodes=max(2, leaves), min_samples_leaf=least, class_weight="balanced", random_state=seed)
    return tree.fit(inputs, labels)


def useful_inputs(inputs: NDArray[np.floating], labels: NDArray[np.integer], rules: int, seed: int) -> NDArray[np.int64]:
    """Sorted columns: those on the way to a leaf, and the most important ones of a larger tree, `INPUTS` in all."""
    own = grown(inputs, labels, rules, seed).tree_.feature
    rank = grown(inputs, labels, 4 * rules, seed).feature_importances_.argsort(kind="stable")[::-1]
    both = [*np.unique(own[own >= 0]).tolist(), *rank.tolist()]
    return np.sort(np.array(list(dict.fromkeys(both))[: max(INPUTS, len(np.unique(own[own >= 0])))], dtype=np.int64))


@torch.no_grad()
def plant(layer: RuleLayer, inputs: NDArray[np.floating], labels: NDArray[np.integer], seed: int) -> None:
    """Every leaf of a tree becomes a rule: centre and width from its segments, relevance from the way to it.

    A tree that needs fewer leaves than there are rules is planted again, a little moved, until all rules are there.
    """
    rules, classes = layer.verdict.shape
    tree = grown(inputs, labels, rules, seed)
    leaf, ways = tree.apply(inputs), ways_to_leaves(tree.tree_)
    rng = np.random.default_rng(seed)
    for r in range(rules):
        node, on_the_way = list(ways.items())[r % len(ways)]
        own = inputs[leaf == node]
        moved = 0.1 * rng.standard_normal(inputs.shape[1]) if r >= len(ways) else 0.0
        layer.centre[r] = torch.from_numpy((own.mean(axis=0) + moved).astype(np.float32))
        # exp(-(d / sigma)^2) has the standard deviation sigma / sqrt 2
        sigma = np.sqrt(2) * np.maximum(own.std(axis=0), NARROWEST) - FLOOR
        layer.raw_width[r] = torch.from_numpy(np.log(np.expm1(sigma)).astype(np.float32))
        relevance = np.full(inputs.shape[1], logit(ELSEWHERE), np.float32)
        relevance[sorted(on_the_way)] = logit(ON_THE_WAY)
        layer.raw_relevance[r] = torch.from_numpy(relevance)
        share = np.bincount(labels[leaf == node], minlength=classes) / np.maximum(np.bincount(labels, minlength=classes), 1)
        layer.verdict[r] = torch.from_numpy(np.log(share / share.sum() + 1e-2).astype(np.float32))
    sums = layer.relevance.sum(dim=1).mean() if layer.kind == "tsk" else torch.tensor(1.0)
    layer.sharpness.copy_(SHARP - sums.log())


def ways_to_leaves(tree: Any) -> dict[int, frozenset[int]]:
    """Leaf -> the inputs that are asked on the way to it."""
    found, open_nodes = {}, [(0, frozenset[int]())]
    while open_nodes:
        node, way = open_nodes.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            found[node] = way
        else:
            way = way | {int(tree.feature[node])}
            open_nodes += [(left, way), (right, way)]
    return dict(sorted(found.items()))


def tune(layer: RuleLayer, examples: Examples, usual: NDArray[np.float32], spread: float, seed: int) -> None:
    """Gradient steps on everything but the consequents, for the class-balanced cross-entropy of what the rules alone say.

    The inputs of `examples` are relative to `usual` (row, antecedent).
    """
    dice = torch.Generator().manual_seed(seed)
    person = torch.from_numpy(np.unique(examples.subjects, return_inverse=True)[1])
    relative, present, labels, common = (torch.from_numpy(v) for v in (*examples[:3], usual))
    own = [value for name, value in layer.named_parameters() if RULES + name in FITTED]
    optimiser = torch.optim.Adam(own, lr=RATE)
    still = torch.zeros(relative.shape[1])
    for _ in range(STEPS):
        rows = torch.randperm(len(relative), generator=dice)[:ROWS]
        unknown = (torch.rand(len(rows), 1, generator=dice) < 0.5).float()
        offset = spread * torch.randn(int(person.max()) + 1, relative.shape[1], generator=dice)
        u = (relative[rows] + unknown * common[rows] + offset[person[rows]]) * present[rows]
        said = layer.spoken(layer.firing(u, present[rows], still))
        loss = class_loss(said, labels[rows], smoothing=SMOOTH) + SHORT * shortness(layer.relevance)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()


def groups_of_people(people: Sequence[int], seed: int) -> list[list[int]]:
    """The people dealt into at most `GROUPS` groups."""
    order = np.random.default_rng(seed).permutation(np.sort(np.asarray(people)))
    return [sorted(part.tolist()) for part in np.array_split(order, min(GROUPS, len(order)))]


def logit(share: float) -> float:
    """log(p / (1 - p)) of a share held in `NEVER` .. 1 - `NEVER`."""
    share = min(max(share, NEVER), 1 - NEVER)
    return math.log(share / (1 - share))


def shortness(relevance: Float[Tensor, "rule antecedent"]) -> Tensor:
    """Mean over rules of (sum w)^2 / sum w^2, the number of inputs that a rule effectively asks for: 1 where it asks for one."""
    return (relevance.sum(dim=1) ** 2 / (relevance**2).sum(dim=1)).mean()
