"""One training from prepared segments to a fitted learner, and what a fitted learner answers."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.emotions import has_classes, is_ordinal
from stf2m.core.errors import InvalidConfig, Leak
from stf2m.core.files import sweep_parts
from stf2m.core.records import Segments
from stf2m.core.tensors import Adaptation, Features, Params
from stf2m.meta.learner import (
    BELIEF,
    CAUTION,
    FIXED,
    KEPT,
    LOCKED,
    META,
    NET,
    features_of,
    hidden_of,
    no_baseline,
    no_modulation,
    reason,
    remove_baseline,
)
from stf2m.meta.outer import encode_once
from stf2m.model.network import Network
from stf2m.prepare.normalise import Normaliser, add_people, fit_normaliser, standardise_descriptors
from stf2m.tasks.loader import Loader
from stf2m.tasks.sampling import Person, people_of
from stf2m.training.build import Inputs, build, build_learner, inputs_of
from stf2m.training.config import TrainConfig
from stf2m.training.heeding import choose_heeding
from stf2m.training.log import JsonLines
from stf2m.training.loop import Hooks, Report, Setting, meaning_of, run, score_name, validate
from stf2m.training.population import MOST_ROWS, Rows, fit_population, groups_of, jackknife
from stf2m.training.state import TrainState, load_state, restore_moments, save_state


class Answer(NamedTuple):
    """What a fitted learner says about query rows, on the host."""

    probability: NDArray[np.float32]
    """(query, emotion), rows sum to 1"""
    rating: NDArray[np.float32]
    """(query, 2) valence, arousal in -1..1"""
    firing: NDArray[np.float32]
    """(query, rule)"""
    modality_weight: NDArray[np.float32]
    """(query, modality)"""


@dataclass(eq=False)
class Fitted:
    """A meta-trained learner with all it needs to meet a new person."""

    config: TrainConfig
    inputs: Inputs
    target: str
    net: Network
    learner: Any
    params: Params
    normaliser: Normaliser
    facts: dict[str, float] = field(default_factory=dict)
    _encoded: dict[Any, tuple[NDArray[np.int64], Any]] = field(default_factory=dict, repr=False)

    def with_learner(self, config: TrainConfig) -> "Fitted":
        """The same parameters under another test-time learner (`finetune` of a `frozen` training)."""
        if config.training != self.config.training:
            raise Leak("these settings need a training of their own", got=config.learner)
        return Fitted(
            config, self.inputs, self.target, self.net, build_learner(config, self.net)[0], self.params, self.normaliser, self.facts
        )

    def load(self, changed: Params | None = None) -> Network:
        """Put the parameters, with those that adapting `changed`, into the network itself, for code that reads modules.

        A person's edits of rules are not loaded: the network is shared, and they belong to these parameters alone.
        """
        own = {n: v for n, v in (self.params | (changed or {})).items() if n.startswith(NET) and n not in (KEPT, LOCKED)}
        self.net.load_state_dict({name[len(NET) :]: value for name, value in own.items()})
        return self.net

    def predict(
        self,
        segments: Segments,
        support: NDArray[np.integer],
        query: NDArray[np.integer],
        *,
        support_target: NDArray[np.integer] | None = None,
        modalities: Sequence[str] | None = None,
    ) -> Answer:
        """Adapt to one person's support rows and answer the query rows.

        `support_target` replaces the support's labels (controls), or, for a target without classes, names the rows whose
        ratings are told in the place of the support's own; `modalities` shows only these views.
        """
        if np.intersect1d(support, query).size:
            raise Leak("support and query share segments", where=segments.dataset)
        labels = self._told(segments, support, support_target)
        batches = [self._batch(segments, rows, modalities) for rows in (support, query)]
        if self.inputs.policy == "one_vs_rest":
            return self._one_vs_rest(batches[0], batches[1], np.asarray(labels))
        told = relabel(batches[0], labels)
        if support_target is not None:
            # with other labels the support's own ratings would still tell the truth
            ratings = np.full((len(support), 2), np.nan) if has_classes(self.target) else segments.rating[support_target]
            told = rerate(told, ratings)
        return _answer(self._scores(told, batches[1]))

    def _told(self, segments: Segments, support: NDArray[np.integer], given: NDArray[np.integer] | None) -> NDArray[np.integer]:
        """Class labels of the support, or the given ones in their place."""
        return segments.targets[self.target][support] if given is None or not has_classes(self.target) else given

    def adapt(self, segments: Segments, support: NDArray[np.integer], modalities: Sequence[str] | None = None) -> Adaptation:
        """The adaptation itself, to be kept for a person."""
        batch = self._batch(segments, support, modalities)
        return self.learner.adapt(self.net, self.params, relabel(batch, segments.targets[self.target][support]))

    def score(self, adaptation: Adaptation, segments: Segments, rows: NDArray[np.integer]) -> Answer:
        """Answer rows under a kept adaptation."""
        with torch.no_grad():
            return _answer(self.learner.score(self.net, self.params, adaptation, self._batch(segments, rows, None)))

    def codes(self, segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """(row, hidden): what the head reads of each segment while nothing is known of the person."""
        with torch.no_grad():
            features = features_of(self.net, self.params, self._batch(segments, rows, None))
            still = no_baseline(self.net, features) | no_modulation(self.net, features.u)
            return hidden_of(self.net, self.params, features, still).h.numpy()

    def _scores(self, support: Any, query: Any) -> Any:
        with torch.no_grad():
            adaptation = self.learner.adapt(self.net, self.params, support)
            return self.learner.score(self.net, self.params, adaptation, query)

    def _one_vs_rest(self, support: Any, query: Any, labels: NDArray[np.integer]) -> Answer:
        """One binary adaptation per emotion; probabilities from the log-odds of "this one"."""
        odds, answer = [], None
        for c in range(len(self.inputs.emotions)):
            answer = self._scores(relabel(support, np.where(labels < 0, -1, labels == c)), query)
            odds.append(answer.logits[:, 1] - answer.logits[:, 0])
        assert answer is not None
        return _answer(answer._replace(logits=torch.stack(odds, dim=1)))

    def _batch(self, segments: Segments, rows: NDArray[np.integer], modalities: Sequence[str] | None) -> Any:
        """Rows as the learner reads them; shared encoders read each person once and keep the features."""
        self.net.eval()
        rows = np.asarray(rows, dtype=np.int64)
        if not self.learner.shares_encoder or len(rows) == 0:
            return self._read(segments, rows, modalities)
        who, shown = int(segments.subject[rows[0]]), None if modalities is None else tuple(modalities)
        key = (segments, who, shown)
        if key not in self._encoded or not np.isin(rows, self._encoded[key][0]).all():
            everything = np.flatnonzero(segments.subject == who)
            if len(self._encoded) > 8:
                self._encoded.clear()
            self._encoded[key] = (everything, self._read(segments, everything, modalities))
        known, features = self._encoded[key]
        place = torch.from_numpy(np.searchsorted(known, rows))
        return Features(*(value[place] for value in features))

    def _read(self, segments: Segments, rows: NDArray[np.int64], modalities: Sequence[str] | None) -> Any:
        loader = Loader(segments, self.normaliser, self.target, signals=self.config.network.signals, votes=uses_votes(self.config))
        shown = np.ones(len(segments.modalities), dtype=bool)
        if modalities is not None:
            shown = np.isin(segments.modalities, list(modalities))
        parts = []
        with torch.no_grad():
            for chunk in np.array_split(rows, max(1, -(-len(rows) // 512))):
                batch = loader.batch(chunk, np.tile(shown, (len(chunk), 1)))
                parts.append(encode_once(self.net, self.params, batch, self.learner.shares_encoder))
        return _concatenate(parts)


def uses_votes(config: TrainConfig) -> bool:
    """One class against the rest has labels of its own; else the setting decides."""
    return config.soft_labels and config.tasks.policy != "one_vs_rest"


def relabel(batch: Any, labels: NDArray[np.integer]) -> Any:
    """The same segments with these class labels; -1 = unlabelled. Votes stay only where nothing was changed."""
    labels = np.asarray(labels, dtype=np.int64)
    known, target = torch.from_numpy((labels >= 0).astype(np.float32)), torch.from_numpy(np.maximum(labels, 0))
    is_own = torch.equal(known, batch.known) and torch.equal(target * (known > 0), batch.target * (known > 0))
    votes = batch.votes if is_own else batch.votes[:, :0]
    rating = batch.rating * known.unsqueeze(1)
    return batch._replace(target=target, known=known, rating=rating, rated=batch.rated * known, votes=votes)


def rerate(batch: Any, ratings: NDArray[np.floating]) -> Any:
    """The same segments with these ratings (segment, 2); NaN = unrated."""
    rated = np.isfinite(ratings[:, 0]) & np.isfinite(ratings[:, 1])
    known = torch.from_numpy(np.where(rated[:, None], ratings, 0.0).astype(np.float32))
    return batch._replace(rating=known, rated=torch.from_numpy(rated.astype(np.float32)))


def _concatenate(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    columns = []
    for values in zip(*parts):
        if isinstance(values[0], dict):
            columns.append({name: torch.cat([v[name] for v in values]) for name in values[0]})
        else:
            columns.append(torch.cat(values))
    return type(parts[0])(*columns)


def _answer(scores: Any) -> Answer:
    numbers = (scores.logits.softmax(dim=1), scores.rating, scores.firing, scores.modality_weight)
    return Answer(*(value.detach().numpy() for value in numbers))


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
    setting = Setting(config, net, learner, loader, people, judges, meaning_of(inputs.emotions), without)
    key = training_key(config, inputs, segments, target, train_people, validation_people)
    first = starting_params(params, start)
    state = optimise(setting, first | population, key if start is None else f"{key}-{digest(start.params)}", out, progress, start is None)
    params = state.best | choose_heeding(setting, state.best)
    trusted = {name.removeprefix(META): float(params[name]) for name in (BELIEF, CAUTION) if name in params}
    facts = {"best_step": float(state.best_step), "steps": float(state.step), **trusted, **heed(setting, params)}
    return Fitted(config, inputs, target, net, learner, params, normaliser, facts)


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
    return _copy(start.params)


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
    named = lambda p: {f"net.{name}": torch.from_numpy(value) for name, value in p._asdict().items()}  # noqa: E731
    shrinkage = config.network.shrinkage
    without = jackknife(*facts, shrinkage, [p.subject for p in people]) if len(people) > 1 else {}
    return named(fit_population(*facts, shrinkage)), {person: named(p) for person, p in without.items()}


def optimise(setting: Setting, params: Params, key: str, out: Path | None, progress: Report | None, place_rules: bool = True) -> TrainState:
    """Run the outer loop from the start or from its checkpoint; `place_rules` moves the rules' centres once, after warming up."""
    path = out / "state.safetensors" if out else None
    if out:
        sweep_parts(out)
    saved = load_state(path, key) if path else None
    state = saved or TrainState(params, _copy(params), _copy(params))
    # by name, as a file gives them back: sums over parameters then add up in the same order after resuming
    state.params = {name: state.params[name].requires_grad_(name not in FIXED) for name in sorted(state.params)}
    groups, names = _groups(state.params, setting.config.weight_decay, setting.config.scalar_pace)
    optimiser = torch.optim.AdamW(groups, lr=setting.config.rate, betas=(0.9, 0.98))
    restore_moments(optimiser, names, state.moments)
    log = JsonLines(out / "log.jsonl", keep_until=state.step) if out else None

    def report(facts: dict[str, float]) -> None:
        if log:
            log.write(facts)
        if progress:
            progress(facts | {"of": float(setting.config.steps)})

    def save(now: TrainState) -> None:
        if path:
            save_state(path, now, key)

    return run(setting, state, optimiser, Hooks(report, save, place_centres if place_rules else lambda setting, state: None), names)


def _copy(params: Params) -> Params:
    return {name: value.detach().clone() for name, value in params.items()}


def _kind(name: str, value: Tensor) -> str:
    """`weight` matrices shrink; norms, centres, relevances and step sizes per coordinate stay free; a learner's own scalars
    also move faster."""
    if ".alpha." in name:
        return "free"
    if name == "net.loudness" or (name.startswith(META) and value.ndim <= 1 and ".reading." not in name):
        return "scalar"
    return "weight" if value.ndim >= 2 and ".rules." not in name and "prototypes" not in name else "free"


def _groups(params: Params, decay: float, pace: float) -> tuple[list[dict[str, Any]], list[str]]:
    """Optimiser groups and the names in their order."""
    kinds = {"weight": (decay, 1.0), "free": (0.0, 1.0), "scalar": (0.0, pace)}
    names = {kind: [n for n, v in params.items() if n not in FIXED and _kind(n, v) == kind] for kind in kinds}
    groups = [{"params": [params[n] for n in names[k]], "weight_decay": d, "pace": p} for k, (d, p) in kinds.items()]
    return groups, [name for kind in kinds for name in names[kind]]


def place_centres(setting: Setting, state: TrainState) -> None:
    """Move rule centres to the k-means centres of the rules' inputs, as they are after warming up."""
    if "net.rules.centre" not in state.params:
        return
    from sklearn.cluster import KMeans

    rows = np.concatenate([p.rows for p in setting.train])
    rows = np.sort(np.random.default_rng(setting.config.seed).permutation(rows)[:2000])
    with torch.no_grad():
        setting.net.eval()
        features = features_of(setting.net, state.params, setting.loader.batch(rows))
        if setting.learner.centre:
            features = remove_baseline(features, people_means(features, setting.segments.subject[rows]))
        inputs = rule_inputs(setting.net, state.params, features)
        rules = state.params["net.rules.centre"].shape[0]
        count = min(rules, len(rows))
        found = KMeans(count, n_init="auto", random_state=setting.config.seed).fit(inputs.numpy())
        centres = torch.from_numpy(found.cluster_centers_.astype(np.float32))
        for store in (state.params, state.mean):
            store["net.rules.centre"][:count] = centres


def people_means(features: Features, subjects: NDArray[np.integer]) -> Params:
    """Each row's person mean, in the place of the support baseline, while centres are being placed."""
    _, who = np.unique(subjects, return_inverse=True)
    index = torch.from_numpy(who)
    one_hot = torch.nn.functional.one_hot(index).to(features.u.dtype)
    share = (one_hot / one_hot.sum(dim=0)).T
    mean = {
        "usual_parts": torch.einsum("ps,smd->pmd", share, features.parts),
        "usual_u": share @ features.u,
    }
    return {name: value[index] for name, value in mean.items()}


def rule_inputs(net: Network, params: Params, features: Features) -> Tensor:
    """What the rule layer reads of these features: descriptors and directions of z."""
    return reason(net, params, features, no_modulation(net, features.u) | no_baseline(net, features)).u


def training_key(
    config: TrainConfig, inputs: Inputs, segments: Segments, target: str, train_people: Sequence[int], validation_people: Sequence[int]
) -> str:
    """Hash of everything that decides the numbers of a training."""
    names = [[segments.subjects[i] for i in side] for side in (train_people, validation_people)]
    facts = [config.hash, inputs.hash, segments.recipe_hash, segments.dataset, target, names, len(segments)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
