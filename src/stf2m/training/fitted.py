"""A fitted learner: everything that it needs to meet a new person, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stf2m.core.emotions import has_classes
from stf2m.core.errors import Leak
from stf2m.core.records import Segments
from stf2m.core.tensors import Adaptation, Features, Params
from stf2m.meta.learner import (
    KEPT,
    LOCKED,
    NET,
    features_of,
    hidden_of,
    no_baseline,
    no_modulation,
)
from stf2m.meta.outer import encode_once
from stf2m.model.network import Network
from stf2m.prepare.normalise import Normaliser
from stf2m.tasks.loader import Loader
from stf2m.training.build import Inputs, build_learner
from stf2m.training.config import TrainConfig

NAMED = "named classes"
"""in the memory of a kept adaptation, where training taught not every class: those that the person's labels name"""


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
    untaught: tuple[str, ...] = ()
    """classes of which no training person had a label: they get probability 0 until a person's own labels name them"""
    _encoded: dict[Any, tuple[NDArray[np.int64], Any]] = field(default_factory=dict, repr=False)

    def with_learner(self, config: TrainConfig) -> "Fitted":
        """The same parameters under another test-time learner (`finetune` of a `frozen` training)."""
        if config.training != self.config.training:
            raise Leak("these settings need a training of their own", got=config.learner)
        learner = build_learner(config, self.net)[0]
        return Fitted(config, self.inputs, self.target, self.net, learner, self.params, self.normaliser, self.facts, self.untaught)

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
        shown = modalities if len(query) == 0 else shared(segments, query, modalities)
        batches = [self._batch(segments, support, shown), self._batch(segments, query, modalities)]
        if self.inputs.policy == "one_vs_rest":
            return self._one_vs_rest(batches[0], batches[1], np.asarray(labels))
        told = relabel(batches[0], labels)
        if support_target is not None:
            # with other labels the support's own ratings would still tell the truth
            ratings = np.full((len(support), 2), np.nan) if has_classes(self.target) else segments.rating[support_target]
            told = rerate(told, ratings)
        return self._answer(self._scores(told, batches[1]), self._named(labels))

    def _told(self, segments: Segments, support: NDArray[np.integer], given: NDArray[np.integer] | None) -> NDArray[np.integer]:
        """Class labels of the support, or the given ones in their place."""
        return segments.targets[self.target][support] if given is None or not has_classes(self.target) else given

    def adapt(self, segments: Segments, support: NDArray[np.integer], modalities: Sequence[str] | None = None) -> Adaptation:
        """The adaptation itself, to be kept for a person."""
        batch, labels = self._batch(segments, support, modalities), segments.targets[self.target][support]
        adaptation = self.learner.adapt(self.net, self.params, relabel(batch, labels))
        return adaptation._replace(memory=adaptation.memory | {NAMED: self._named(labels)}) if self.untaught else adaptation

    def score(self, adaptation: Adaptation, segments: Segments, rows: NDArray[np.integer]) -> Answer:
        """Answer rows under a kept adaptation."""
        named = adaptation.memory.get(NAMED, torch.zeros(len(self.inputs.emotions)))
        with torch.no_grad():
            return self._answer(self.learner.score(self.net, self.params, adaptation, self._batch(segments, rows, None)), named)

    def codes(self, segments: Segments, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """(row, hidden): what the head reads of each segment while nothing is known of the person."""
        with torch.no_grad():
            features = features_of(self.net, self.params, self._batch(segments, rows, None))
            still = no_baseline(features) | no_modulation(self.net, features.u)
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
        return self._answer(answer._replace(logits=torch.stack(odds, dim=1)), self._named(labels))

    def _named(self, labels: NDArray[np.integer]) -> Tensor:
        """(emotion,) 1 for the classes that a support's labels name."""
        return torch.from_numpy(np.isin(np.arange(len(self.inputs.emotions)), labels).astype(np.float32))

    def _answer(self, scores: Any, named: Tensor) -> Answer:
        """The scores on the host. A class that neither training nor these labels taught has weights that nothing ever moved: it is left out."""
        unknown = torch.tensor([name in self.untaught for name in self.inputs.emotions]) & (named == 0)
        return _answer(scores._replace(logits=scores.logits.masked_fill(unknown, -torch.inf)) if unknown.any() else scores)

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


def shared(segments: Segments, query: NDArray[np.integer], modalities: Sequence[str] | None) -> Sequence[str] | None:
    """The offered modalities without those that no query row has: what labels say in them cannot be asked for."""
    offered = segments.modalities if modalities is None else modalities
    there = [m for j, m in enumerate(segments.modalities) if m in offered and segments.present[query, j].any()]
    return modalities if len(there) == len(offered) else there


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
