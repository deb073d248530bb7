"""The ablation grid: a study's main learner, and the same with one part taken away or exchanged, each a method of its own.

The grid is a list of data: a variant names settings that differ. What does not apply to a study (a learner that is not
registered, an option that the learner does not take, a part that the study does not use) is left out with a reason.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.registry import look_up
from stf2m.evaluation.learned import config_of
from stf2m.evaluation.study import Study
from stf2m.meta import LEARNERS
from stf2m.training.config import TrainConfig


class Variant(NamedTuple):
    """One way to differ from the full method."""

    name: str
    """of the method in rows and tables"""
    words: str
    change: Mapping[str, Any] = {}
    """training settings, tables merged one level deep"""
    learner: str = ""
    """another learner in the place of the main one; "" = the same"""
    needs: tuple[str, ...] = ()
    """switches of the network that must be on, else there is nothing to take away"""
    sensors: tuple[str, ...] = ()
    """built for these sensors alone"""


def _network(**switches: Any) -> dict[str, Any]:
    return {"network": switches}


GRID = (
    Variant("all_views", "every training task shows every modality", {"tasks": {"all_views": 1.0}}),
    Variant("no_temporal_gate", "temporal convolution without its gate", _network(temporal_gate=False), needs=("signals",)),
    Variant("no_spatial", "no convolution between sensors", _network(spatial=False), needs=("signals",)),
    Variant("no_fuzzy", "no fuzzy rules", _network(fuzzy="none"), needs=("fuzzy",)),
    Variant("equal_perceptron", "a perceptron of equal size for the rules", _network(fuzzy="mlp"), needs=("fuzzy",)),
    Variant(
        "rules_along", "rules learnt along with the network instead of first", _network(rules_first=False), needs=("fuzzy", "rules_first")
    ),
    Variant("no_vote", "rules have no vote of their own", _network(vote=False), needs=("fuzzy", "vote")),
    Variant("no_fuzzy_loss", "rules without the fuzzy loss", {"fuzzy": 0.0}, needs=("fuzzy",)),
    Variant("plain_tsk", "sum instead of mean of log-memberships", _network(fuzzy="tsk"), needs=("fuzzy",)),
    Variant("no_centre_shift", "rule centres do not move with the person", {"options": {"centre_shift": False}}, needs=("fuzzy",)),
    Variant("no_wide_path", "the head does not read descriptors directly", _network(wide=False), needs=("wide", "descriptors")),
    Variant("no_signals", "descriptors only, no convolution", _network(signals=False), needs=("signals", "descriptors")),
    Variant("with_signals", "the spatio-temporal convolution beside descriptors", _network(signals=True), needs=("descriptors",)),
    Variant(
        "no_descriptors", "signals only; descriptors stay in the rules", _network(signals=True, descriptors=False), needs=("descriptors",)
    ),
    *(Variant(f"steps_{n}", f"K = {n} inner steps", {"options": {"steps": n}}) for n in (0, 1, 3, 5)),
    Variant("by_anil", "steps on the head instead of a recurrent network", learner="anil"),
    Variant("by_black_box", "a recurrent network reads support and query", learner="black_box"),
    Variant("not_adapted", "the trained network, labels ignored", learner="frozen"),
)


@dataclass(frozen=True)
class Ablation:
    """A study whose learners are the full method and its variants."""

    study: Study
    words: dict[str, str]
    """method -> what it is; the full method first"""
    left_out: dict[str, str] = field(default_factory=dict)
    """variant -> why it is not in the grid"""


def ablation_of(study: Study, *, targets: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Ablation:
    """Expand the study's main learner; `only` keeps these variants, `targets` these targets.

    Floors stay, baselines, views and controls go. Raises `InvalidConfig` when the main method is no learner, `UnknownName`
    for a variant or target that does not exist.
    """
    for target in targets:
        look_up(dict.fromkeys(study.targets), target, family="targets")
    if study.main not in study.learners:
        raise InvalidConfig("the main method is not a learner of this study", where=f"study {study.name}", got=study.main)
    variants = {variant.name: variant for variant in (*GRID, *single_sensors(study))}
    for name in only:
        look_up(variants, name, family="variants")
    full = study.learner_settings(study.main)
    learners, words, left_out = {study.main: full}, {study.main: "the full method"}, {}
    seen = {_identity(study, full): study.main}
    for variant in variants.values():
        if only and variant.name not in only:
            continue
        settings, reason = settings_of(variant, full, study)
        identity = "" if reason else _identity(study, settings)
        reason = reason or (f"is the same as {seen[identity]}" if identity in seen else "")
        if reason:
            left_out[variant.name] = reason
            continue
        seen[identity] = variant.name
        learners[variant.name], words[variant.name] = settings, variant.words
    changes = {
        "name": f"{study.name}-ablation",
        "title": f"Ablation: {study.title or study.name}",
        "learners": learners,
        "training": {},
        "grid": (),
    }
    changes |= {"baselines": (), "detailed": (), "targets": targets or study.targets}
    return Ablation(study.model_copy(update=changes), words, left_out)


def single_sensors(study: Study) -> Iterator[Variant]:
    """One variant per sensor of the recipe."""
    for name in study.recipe.signals.modalities:
        yield Variant(f"only_{name}", f"{name} alone", sensors=(name,))


def settings_of(variant: Variant, full: dict[str, Any], study: Study) -> tuple[dict[str, Any], str]:
    """(training settings of the variant, why it does not apply or "")."""
    settings = dict(full)
    if variant.learner:
        settings |= {"learner": variant.learner, "options": {}}
    for key, value in variant.change.items():
        both = isinstance(value, Mapping) and isinstance(settings.get(key), Mapping)
        settings[key] = {**settings[key], **value} if both else value
    if variant.sensors:
        settings["sensors"] = list(variant.sensors)
    return settings, _reason(variant, settings, _config(study, full), study)


def _reason(variant: Variant, settings: dict[str, Any], full: TrainConfig, study: Study) -> str:
    """Why the variant does not apply, or ""."""
    for need in variant.needs:
        if getattr(full.network, need) in (False, "none"):
            return f"the study's network has no {need}"
    if variant.sensors and len(study.recipe.signals.modalities) < 2:
        return "the study has one sensor"
    try:
        kind = look_up(LEARNERS, settings["learner"], family="learners")
    except UnknownName:
        return f"no learner {settings['learner']!r} is registered"
    missing = [name for name in variant.change.get("options", {}) if name not in inspect.signature(kind).parameters]
    return f"{settings['learner']} takes no option {missing[0]!r}" if missing else ""


def _identity(study: Study, settings: dict[str, Any]) -> str:
    """Equal for settings that mean the same: options at their defaults do not count."""
    config = _config(study, settings)
    usual = {name: p.default for name, p in inspect.signature(look_up(LEARNERS, config.learner, family="learners")).parameters.items()}
    options = {name: value for name, value in config.options.items() if usual.get(name) != value}
    return "-".join([config.model_copy(update={"options": options}).hash, *settings.get("sensors", ())])


def _config(study: Study, settings: dict[str, Any]) -> TrainConfig:
    return config_of(settings, normalisation=study.recipe.normalisation, where=f"study {study.name}, ablation")[0]
