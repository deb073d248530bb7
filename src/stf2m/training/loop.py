"""The outer loop: sample tasks, adapt and score them, step the meta-parameters; validate, keep the best, resume exactly."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from stf2m.core.emotions import has_classes
from stf2m.core.records import Segments
from stf2m.core.tensors import Batch, Params
from stf2m.meta.learner import LOCKED, RULES
from stf2m.meta.losses import concordance
from stf2m.meta.outer import LossWeights, encode_once, rule_use_loss, run_tasks
from stf2m.model.rules import hold
from stf2m.tasks.loader import Loader, Stack, gather, stack_tasks
from stf2m.tasks.sampling import Person, TaskSettings, sample_task
from stf2m.training.config import TrainConfig
from stf2m.training.state import TrainState, optimiser_moments

Report = Callable[[dict[str, float]], None]


@dataclass(frozen=True, eq=False)
class Setting:
    """What the loop works on; fixed during a training."""

    config: TrainConfig
    net: Any
    learner: Any
    loader: Loader
    train: Sequence[Person]
    validation: Sequence[Person]
    meaning: Tensor | None
    """(emotion, 2) circumplex places of named emotions, for fuzzy targets without ratings"""
    without: dict[int, Params]
    """of every training person: the population parameters computed without this person"""

    @property
    def segments(self) -> Segments:
        """Everybody's segments, training and validation people alike."""
        return self.loader.segments


PEOPLE_AT_ONCE = 4
"""validation people whose tasks are one stack: enough to make calls few, and no more memory than a step of training takes"""


def draw_stack(setting: Setting, tasks: TaskSettings, drawn_from: Sequence[tuple[Sequence[Person], int]]) -> tuple[Stack, list[int]]:
    """One stack of tasks, one for each (people, seed), padded to the sizes that the settings imply, and whose task each is."""
    target = setting.loader.target
    drawn = [sample_task(people, setting.segments, target, tasks, seed) for people, seed in drawn_from]
    ways = len(setting.segments.emotions[target])
    size = max(1, max(len(t.support) for t in drawn))
    stack = stack_tasks(drawn, setting.segments, target, support_size=size, query_size=tasks.queries_of(target) * ways)
    return stack, [t.subject for t in drawn]


def own_params(setting: Setting, subjects: Sequence[int]) -> Params:
    """The population that each task's person meets as a stranger, with a leading task axis."""
    if not setting.without:
        return {}
    each = [setting.without[subject] for subject in subjects]
    return {name: torch.stack([params[name] for params in each]) for name in each[0]}


def shift_people(batch: Batch, subjects: np.ndarray, spread: float, generator: torch.Generator) -> Batch:
    """Add one random offset per person to all of the person's descriptors: synthetic people."""
    if spread == 0:
        return batch
    _, who = np.unique(subjects, return_inverse=True)
    offset = spread * torch.randn(int(who.max()) + 1, batch.descriptors.shape[1], generator=generator)
    shown = (batch.descriptors != 0).to(offset.dtype)
    return batch._replace(descriptors=batch.descriptors + offset[torch.from_numpy(who)] * shown)


def outer_loss(
    setting: Setting, params: Params, stack: Stack, subjects: Sequence[int], generator: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    """Mean loss of a stack of tasks whose descriptors are shifted per person."""
    config = setting.config
    batch = setting.loader.batch(stack.rows, stack.offered)
    batch = shift_people(batch, setting.segments.subject[stack.rows], config.augment, generator)
    shared = encode_once(setting.net, params, batch, setting.learner.shares_encoder)
    weights = LossWeights(config.fuzzy, config.rule_use, config.rating, config.smoothing, config.ordinal, config.rating_loss)
    out = run_tasks(
        setting.net, setting.learner, params, gather(shared, stack.support), gather(shared, stack.query), setting.meaning, weights,
        own_params(setting, subjects),
    )  # fmt: skip
    loss = out.loss.mean() + config.rule_use * rule_use_loss(out.scores.firing)
    if RULES + "raw_relevance" in params:
        loss = loss + config.relevance * torch.sigmoid(hold(params[RULES + "raw_relevance"], params.get(LOCKED))).mean()
    return loss, {"task": float(out.task.detach().mean()), "fuzzy": float(out.fuzzy.detach().mean())}


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to 2 % of the rate."""
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(1, config.steps - config.warm_up)
    return config.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def take_step(setting: Setting, state: TrainState, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    """One outer step; a function of (seed, step) and the state alone."""
    config, step = setting.config, state.step
    torch.manual_seed(config.seed * 1_000_003 + step)
    generator = torch.Generator().manual_seed(config.seed * 7_368_787 + step)
    seeds = np.random.SeedSequence([config.seed, step]).generate_state(config.episodes).tolist()
    stack, subjects = draw_stack(setting, config.tasks, [(setting.train, seed) for seed in seeds])
    setting.net.train()
    loss, facts = outer_loss(setting, state.params, stack, subjects, generator)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    leaves = [p for p in state.params.values() if p.grad is not None]
    length = torch.nn.utils.clip_grad_norm_(leaves, config.clip)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(config, step) * group["pace"]
    optimiser.step()
    memory = min(config.average, (step + 1) / (step + 10))
    with torch.no_grad():
        for name, value in state.params.items():
            state.mean[name].lerp_(value, 1 - memory)
    state.step += 1
    return {"loss": float(loss.detach()), "gradient": float(length), **facts}


@torch.no_grad()
def validate(setting: Setting, params: Params, *, shuffle: bool = False) -> dict[str, float]:
    """Score and loss on the validation people, fixed tasks for every number of shots, all views.

    The score is balanced accuracy, or concordance for a target without classes. With `shuffle` the support labels (or
    ratings) of every task are permuted: a learner whose score does not fall ignores them.
    """
    config, found = setting.config, []
    for support, query in validation_tasks(setting, params, config.tasks.shots, config.validation_tasks, shuffle=shuffle):
        found.append(measured(setting, params, support, query))
    correct, losses = torch.cat(found).mean(dim=0)
    return {score_name(setting.loader.target): float(correct), "task": float(losses)}


def validation_tasks(
    setting: Setting, params: Params, shots: Sequence[int], each: int, *, shuffle: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Support and query of `each` tasks per validation person, in stacks of `PEOPLE_AT_ONCE` people with one number of shots; encoded
    where the learner allows it."""
    setting.net.eval()
    told = ("target", "votes", "rating", "rated")
    for count in shots:
        tasks = setting.config.tasks.model_copy(update={"shots": (count,), "all_views": 1.0, "queries": 8})
        drawn = [([person], 9_000_000 + 1000 * i + 10 * count + n) for i, person in enumerate(setting.validation) for n in range(each)]
        for first in range(0, len(drawn), PEOPLE_AT_ONCE * each):
            stack, _ = draw_stack(setting, tasks, drawn[first : first + PEOPLE_AT_ONCE * each])
            shared = encode_once(setting.net, params, setting.loader.batch(stack.rows, stack.offered), setting.learner.shares_encoder)
            support = gather(shared, stack.support)
            yield _shuffled(support, told, each) if shuffle else support, gather(shared, stack.query)


def measured(setting: Setting, params: Params, support: Any, query: Any) -> Float[Tensor, "task 2"]:
    """Score and loss of every task of a stack."""
    out = run_tasks(setting.net, setting.learner, params, support, query, setting.meaning, LossWeights())
    judged = _balanced_accuracy(out.scores.logits, query) if has_classes(setting.loader.target) else _concordance(out.scores.rating, query)
    return torch.stack([judged, out.task], dim=1).double()


def merit(correct: float, loss: float) -> float:
    """What a validation is judged by: balanced accuracy (of ratings: concordance), the loss breaking near ties."""
    return correct - 0.05 * loss


def score_name(target: str) -> str:
    """What validation people judge by."""
    return "balanced_accuracy" if has_classes(target) else "concordance"


def _balanced_accuracy(logits: Tensor, query: Any) -> Float[Tensor, " task"]:
    """Of every task the mean over present classes of recall."""
    use = (query.weight * query.known).unsqueeze(-1) * torch.nn.functional.one_hot(query.target, logits.shape[-1])
    hit = (logits.argmax(dim=-1) == query.target).unsqueeze(-1) * use
    count = use.sum(dim=1)
    recall = hit.sum(dim=1) / count.clamp(min=1)
    return recall.sum(dim=1) / (count > 0).sum(dim=1).clamp(min=1)


def _concordance(said: Tensor, query: Any) -> Float[Tensor, " task"]:
    """Of every task the mean over both axes of the concordance with the query's ratings."""
    return vmap(concordance)(said, query.rating, query.weight * query.rated).flatten(1).mean(dim=1)


def _shuffled(support: Any, names: Sequence[str], each: int) -> Any:
    """The same support with what is told of its segments (`names`) permuted within each of a person's `each` tasks, padding kept in place."""
    told = {name: getattr(support, name).clone() for name in names}
    for i, weight in enumerate(support.weight):
        n = int(weight.sum())
        order = torch.randperm(n, generator=torch.Generator().manual_seed(i % each)) if n else torch.arange(0)
        for value in told.values():
            value[i, :n] = value[i, :n][order]
    return support._replace(**told)


def run(setting: Setting, state: TrainState, optimiser: torch.optim.Optimizer, hooks: "Hooks", names: list[str]) -> TrainState:
    """Step until done or stale; every hook sees the state it needs to write."""
    config, began = setting.config, time.monotonic()
    while not state.finished:
        if state.step == config.centres_at:
            hooks.place_centres(setting, state)
        facts = take_step(setting, state, optimiser) if state.step < config.steps else {}
        last = state.step >= config.steps
        if last or state.step % config.validate_every == 0:
            facts |= {f"validation_{k}": v for k, v in judge(setting, state).items()}
            state.finished = last or state.stale >= config.patience
        hooks.report({"step": float(state.step), "seconds": time.monotonic() - began, **facts})
        if state.finished or state.step % config.checkpoint_every == 0:
            state.moments = optimiser_moments(optimiser, names)
            hooks.save(state)
    return state


def judge(setting: Setting, state: TrainState) -> dict[str, float]:
    """Validate the running mean and keep it when it is the best so far; ties go to the smaller loss."""
    if not setting.validation:
        state.best = {name: value.detach().clone() for name, value in state.mean.items()}
        state.best_step = state.step
        return {}
    found = validate(setting, state.mean)
    score = merit(found[score_name(setting.loader.target)], found["task"])
    if score > state.best_score:
        state.best = {name: value.detach().clone() for name, value in state.mean.items()}
        state.best_score, state.best_step, state.stale = score, state.step, 0
    else:
        state.stale += 1
    return found


@dataclass(frozen=True)
class Hooks:
    """What happens at the rim of the loop."""

    report: Report
    save: Callable[[TrainState], None]
    place_centres: Callable[[Setting, TrainState], None]
