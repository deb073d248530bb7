"""One training: from prepared segments and named people to a fitted learner."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stf2m.core.emotions import has_classes, is_ordinal
from stf2m.core.errors import InvalidConfig, Leak
from stf2m.core.records import Segments
from stf2m.core.tensors import Params
from stf2m.meta.learner import BELIEF, CAUTION, KEPT, LOCKED, META, NET, RULES
from stf2m.model.network import Network
from stf2m.model.rules import RuleLayer
from stf2m.prepare.normalise import Normaliser, add_people, fit_normaliser, standardise_descriptors
from stf2m.tasks.loader import Loader
from stf2m.tasks.sampling import Person, people_of
from stf2m.training.build import Inputs, build, inputs_of
from stf2m.training.config import TrainConfig
from stf2m.training.first_rules import MOST_ROWS as MOST_EXAMPLES
from stf2m.training.first_rules import Examples, fit_rules, groups_of_people
from stf2m.training.fitted import Fitted, uses_votes
from stf2m.training.heeding import choose_heeding
from stf2m.training.loop import Setting, score_name, validate
from stf2m.training.optimise import copied, optimise
from stf2m.training.outcomes import meaning_of, outcome_labels, terms_of_outcomes
from stf2m.training.population import MOST_ROWS, Rows, fit_population, groups_of, jackknife

VERDICT, MEANING = RULES + "verdict", RULES + "meaning"


def train(
    segments: Segments,
    *,
    target: str,
    train_people: Sequence[int],
    validation_people: Sequence[int],
    config: TrainConfig,
    out: Path | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    start: Fitted | None = None,
) -> Fitted:
    """Meta-train on some people, choose the best step on others.

    With `out` a checkpoint and a JSONL log are kept there; a run that was killed continues to the same numbers.
    `progress` receives the facts of every step. With `start` training goes on from there: deleted rules stay out and locked
    rules stay as they are. Raises `Leak` when a person is on both sides, `InvalidConfig` when `start` is another network or a
    setting is one that the target cannot have.
    """
    if set(train_people) & set(validation_people):
        raise Leak("a person is in training and in validation", where=segments.dataset)
    check_target(config, target)
    if "time" in config.tasks.apart and not segments.has_session_clock:
        raise InvalidConfig(
            "tasks apart in time", where=segments.dataset, got="recordings whose places in the session are unknown",
            hint='set training.tasks.apart = ["stimulus"] or ["guard"]',
        )  # fmt: skip
    config = config.training if config.learner == "finetune" else config
    inputs = inputs_of(segments, target, config.tasks.policy)
    people = people_of(segments, target, train_people)
    judges = people_of(segments, target, validation_people) if len(validation_people) else []
    everything = np.sort(np.concatenate([p.rows for p in people]))
    normaliser = fit_normaliser(segments, everything, mode=config.normalisation) if start is None else _same_scale(start, segments, config)
    loader = Loader(segments, normaliser, target, signals=config.network.signals, votes=uses_votes(config))
    loader.keep(np.sort(np.concatenate([everything, *(p.rows for p in judges)])))
    net, learner, params = build(config, inputs)
    population, without = populations(loader, config, inputs, people)
    if MEANING in params and start is None:
        labelled = everything[segments.targets[target][everything] >= 0]
        population[MEANING] = terms_of_outcomes(target, inputs.emotions, segments.targets[target][labelled], segments.rating[labelled])
    if start is None:
        rules, other_rules = first_rules(loader, config, net, people)
        population |= rules
        without = {person: without.get(person, {}) | other_rules.get(person, {}) for person in without | other_rules}
    setting = Setting(config, net, learner, loader, people, judges, meaning_of(inputs.emotions), without)
    key = training_key(config, inputs, segments, target, train_people, validation_people)
    first = starting_params(params, start)
    state = optimise(
        setting, first | population, key if start is None else f"{key}-{digest(start.params)}", out, progress, start is not None
    )
    params = state.best | choose_heeding(setting, state.best)
    trusted = {name.removeprefix(META): float(params[name]) for name in (BELIEF, CAUTION) if name in params}
    facts = {"best_step": float(state.best_step), "steps": float(state.step), **trusted, **heed(setting, params)}
    never = [name for name in untaught(segments, target, train_people, config) if start is None or name in start.untaught]
    fitted = Fitted(config, inputs, target, net, learner, params, normaliser, facts, tuple(never))
    if isinstance(net.rules, RuleLayer) and not (net.rules_first or net.vote):
        locked = params.get(LOCKED, torch.zeros(len(params[VERDICT]))).unsqueeze(1)
        params[VERDICT] = torch.where(locked > 0, params[VERDICT], verdicts(fitted, segments, train_people))
    return fitted


def untaught(segments: Segments, target: str, train_people: Sequence[int], config: TrainConfig) -> tuple[str, ...]:
    """Classes of the target of which a training on these people would meet no label and no annotator's vote."""
    rows = np.concatenate([person.rows for person in people_of(segments, target, train_people)])
    met = np.isin(np.arange(len(segments.emotions[target])), segments.targets[target][rows])
    if uses_votes(config) and target in segments.votes:
        met |= (segments.votes[target][rows] > 0).any(axis=0)
    return tuple(name for name, is_met in zip(segments.emotions[target], met, strict=True) if not is_met)


def verdicts(fitted: Fitted, segments: Segments, people: Sequence[int]) -> Tensor:
    """(rule, outcome) logarithm of the share of each outcome where a rule fires, every outcome being equally frequent, without labels
    of these people: for rules that were learnt along with the network and have no vote."""
    seen = torch.zeros_like(fitted.params[VERDICT])
    classes = segments.targets[fitted.target]
    for person in people:
        rows = np.flatnonzero((segments.subject == person) & (classes >= 0))
        firing = torch.from_numpy(fitted.predict(segments, rows[:0], rows).firing)
        seen += firing.T @ torch.from_numpy(
            outcome_labels(fitted.target, classes[rows], len(fitted.inputs.emotions), segments.rating[rows])
        )
    share = seen / seen.sum(dim=0).clamp(min=1e-6)
    return (share / share.sum(dim=1, keepdim=True).clamp(min=1e-6) + 1e-3).log()


def starting_params(params: Params, start: Fitted | None) -> Params:
    """Freshly drawn parameters, or those of `start` with a person's edits; raises `InvalidConfig` when they do not fit."""
    if start is None:
        return params
    drawn, given = ({n: tuple(v.shape) for n, v in own.items() if n not in (KEPT, LOCKED)} for own in (params, start.params))
    if drawn != given:
        odd = sorted(n for n in drawn.keys() | given.keys() if drawn.get(n) != given.get(n))
        raise InvalidConfig(
            "the training begins with another network", expected=f"{odd[0]} {drawn.get(odd[0], 'absent')}",
            got=given.get(odd[0], "absent"), hint="train with the settings, sensors and classes of the bundle",
        )  # fmt: skip
    return copied(start.params)


def _same_scale(start: Fitted, segments: Segments, config: TrainConfig) -> Normaliser:
    """The statistics that `start` was trained in: in any others its weights and a rule's "8 bpm" would mean something else."""
    if start.normaliser.mode != config.normalisation:
        raise InvalidConfig("normalisation", expected=start.normaliser.mode, got=config.normalisation, hint="as in the bundle")
    return add_people(start.normaliser, segments) if start.normaliser.mode == "transductive" else start.normaliser


def digest(params: Params) -> str:
    """Twelve digits that change with any number of the parameters."""
    total = hashlib.sha256()
    for name in sorted(params):
        total.update(name.encode() + params[name].detach().contiguous().numpy().tobytes())
    return total.hexdigest()[:12]


def check_target(config: TrainConfig, target: str) -> None:
    """Raise `InvalidConfig` for settings that make no sense with this target."""
    if config.ordinal and not is_ordinal(target):
        raise InvalidConfig(
            f"the classes of {target!r} have no order", where="training", got=f"ordinal = {config.ordinal:g}", hint="leave it 0"
        )
    if config.tasks.policy == "one_vs_rest" and not has_classes(target):
        raise InvalidConfig(f"{target!r} has no classes to set one against the rest", where="training", hint="use the policy grid")


def heed(setting: Setting, params: Params) -> dict[str, float]:
    """The validation score with the support's labels (or ratings), and with these shuffled.

    Labels mean the same in every task, so a learner could ignore its support; one that heeds it falls when labels lie.
    """
    if not setting.validation:
        return {}
    found = {name: validate(setting, params, shuffle=mixed) for name, mixed in (("validation", False), ("validation_shuffled", True))}
    return {name: facts[score_name(setting.loader.target)] for name, facts in found.items()}


def populations(loader: Loader, config: TrainConfig, inputs: Inputs, people: Sequence[Person]) -> tuple[Params, dict[int, Params]]:
    """Population parameters from all training people, and without each of them; nothing where the wide path is off."""
    if not (config.network.wide and config.network.descriptors):
        return {}, {}
    if inputs.policy == "one_vs_rest":
        raise InvalidConfig("the wide path knows named classes only", hint="set network.wide = false with policy one_vs_rest")
    rows = np.sort(np.concatenate([p.rows for p in people]))
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    segments = loader.segments
    values = np.nan_to_num(standardise_descriptors(loader.normaliser, segments, rows))
    owner = np.array([segments.modalities.index(d.modality) for d in inputs.descriptors])
    subjects = segments.subject[rows]
    groups = groups_of(segments.stimulus[rows], segments.recording[rows], subjects, segments.session_time[rows])
    facts = (Rows(values, segments.targets[loader.target][rows].astype(int), subjects, groups), owner, inputs.outputs)
    named = lambda p: {NET + name: torch.from_numpy(value) for name, value in p._asdict().items()}  # noqa: E731
    shrinkage = config.network.shrinkage
    without = jackknife(*facts, shrinkage, [p.subject for p in people]) if len(people) > 1 else {}
    return named(fit_population(*facts, shrinkage)), {person: named(p) for person, p in without.items()}


def first_rules(loader: Loader, config: TrainConfig, net: Network, people: Sequence[Person]) -> tuple[Params, dict[int, Params]]:
    """Rules fitted to all training people, and for each of them rules of a fit without their group; nothing where rules are learnt along."""
    layer = net.rules
    if not net.rules_first or not isinstance(layer, RuleLayer):
        return {}, {}
    if config.tasks.policy == "one_vs_rest":
        raise InvalidConfig("rules that come first know named classes only", hint="set network.rules_first = false with policy one_vs_rest")
    rows = np.sort(np.concatenate([p.rows for p in people]))
    rows = rows[:: -(-len(rows) // MOST_EXAMPLES)]
    segments = loader.segments
    readable, owner = net.readable.numpy(), net.owner.numpy()
    present = segments.present[np.ix_(rows, owner)].astype(np.float32)
    seen = np.nan_to_num(standardise_descriptors(loader.normaliser, segments, rows))[:, readable].astype(np.float32) * present
    labels = outcome_labels(loader.target, segments.targets[loader.target][rows], net.emotions, segments.rating[rows])
    examples = Examples(seen, present, labels, segments.subject[rows])
    centre = config.normalisation != "train_stats"
    fit = lambda some: fit_rules(layer, some, config.augment, config.seed, centre=centre)  # noqa: E731
    without = {}
    for group in groups_of_people([p.subject for p in people], config.seed) if len(people) > 1 else []:
        others = fit(examples.only(~np.isin(examples.subjects, group)))
        without |= dict.fromkeys(group, others)
    return fit(examples), without


def training_key(
    config: TrainConfig, inputs: Inputs, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int]
) -> str:
    """Hash of everything that decides the numbers of a training, what was measured and said included."""
    names = [[segments.subjects[i] for i in side] for side in (train_people, validation_people)]
    facts = [config.hash, inputs.hash, segments.recipe_hash, segments.dataset, target, names, len(segments)]
    total = hashlib.sha256(json.dumps(facts).encode())
    votes = segments.votes.get(target, np.zeros(0))
    for values in (segments.descriptors, segments.targets[target], segments.rating, segments.present, segments.spans, votes):
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()[:16]
