"""The shipped artefact: weights, recipe, vocabulary, versions, a card and the rules in words. No pickle."""

import json
import os
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli_w
import torch
from safetensors.torch import load, save

from stf2m.core.config import build as build_settings
from stf2m.core.config import without_none
from stf2m.core.counts import counted
from stf2m.core.emotions import has_classes
from stf2m.core.errors import CorruptStore, InvalidConfig, NotStored, SensorMismatch, WrongVersion
from stf2m.core.files import atomic_directory, read_json, sha256, write_json
from stf2m.data.forget import STALE, STALE_WORDS
from stf2m.data.store import RecordingStore, is_store, register_derived
from stf2m.prepare.normalise import Normaliser
from stf2m.prepare.recipe import Recipe
from stf2m.training.build import Inputs, build
from stf2m.training.calibration import Calibration
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.words import rules_in_words

FORMAT = 3
WEIGHTS = "network.safetensors"
CALIBRATION = "calibration.json"
WRITTEN = ("format", "version", "torch", "sha256")
"""facts about the files of a bundle, made anew whenever one is written"""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A fitted learner with the recipe its inputs need. `facts` is the machine-readable part of the card."""

    fitted: Fitted
    recipe: Recipe
    facts: dict[str, Any]
    rules: tuple[str, ...]
    path: Path | None = None
    calibration: Calibration | None = None
    """fitted on validation people; None in edited bundles, whose answers are other ones, and where nobody judged"""
    origin: Path | None = None
    """where the bundle lies that was edited, until the edited one is written"""

    @property
    def net(self) -> Any:
        """The network that was trained, without its weights, which are `params`."""
        return self.fitted.net

    @property
    def learner(self) -> Any:
        """How the bundle adapts to a person."""
        return self.fitted.learner

    @property
    def params(self) -> Any:
        """Meta-parameters by name: the network's and the learner's own."""
        return self.fitted.params

    @property
    def emotions(self) -> tuple[str, ...]:
        """Classes of the bundle's target, in the order of its scores."""
        return self.fitted.inputs.emotions


def save_bundle(
    path: Path, fitted: Fitted, recipe: Recipe, facts: dict[str, Any], calibration: Calibration | None = None, *, origin: Path | None = None
) -> Path:
    """Write a bundle folder whole or not at all (an older one at `path` is replaced).

    `facts`: what the card must say, at least `dataset`, `licence`, `consent`, `people` (how many), `subjects` (names, so
    that a deleted person can be found). `judges` and `trained_on`: which of them validated, and which taught. `stores`: absolute
    paths of the stores that know these people; the bundle is registered at each that is there, and names it relative to itself.
    `origin`: the bundle that this one was made from, which may lie at `path`; whoever was forgotten since it was trained took part in
    this one too.
    """
    tensors = {f"params/{n}": v.detach().contiguous().clone() for n, v in fitted.params.items()}
    tensors |= {f"normaliser/{n}": torch.from_numpy(v.copy()) for n, v in fitted.normaliser.to_arrays().items()}
    rules = rules_in_words(fitted, use=facts.get("rule_use"))
    inputs = fitted.inputs.model_dump(mode="json")
    card = {
        "format": FORMAT, "version": version("stf2m"), "torch": torch.__version__.split("+")[0], "target": fitted.target,
        "emotions": list(fitted.inputs.emotions), "learner": fitted.config.learner, **facts, **fitted.facts,
        "untaught": list(fitted.untaught),
    }  # fmt: skip
    stores = [Path(store) for store in facts.get("stores", ()) if is_store(Path(store))]
    card["stores"] = [os.path.relpath(store.resolve(), Path(path).resolve()) for store in stores]
    stale = origin is not None and (origin / STALE).exists()
    with atomic_directory(path, replace=True) as folder:
        (folder / WEIGHTS).write_bytes(save(tensors))
        (folder / "config.toml").write_text(tomli_w.dumps(without_none(fitted.config.model_dump(mode="json"))), encoding="utf-8")
        (folder / "recipe.toml").write_text(tomli_w.dumps(without_none(recipe.model_dump(mode="json"))), encoding="utf-8")
        (folder / "inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
        if calibration is not None:
            (folder / CALIBRATION).write_text(calibration.model_dump_json(indent=1), encoding="utf-8")
        (folder / "rules.txt").write_text("\n".join(rules) + "\n", encoding="utf-8")
        (folder / "card.md").write_text(card_text(card, rules, calibration), encoding="utf-8")
        sums = {p.name: sha256(p) for p in sorted(folder.iterdir())}
        (folder / "bundle.json").write_text(json.dumps({**card, "sha256": sums}, indent=1), encoding="utf-8")
    for store in stores:
        known = RecordingStore(store).subjects()
        register_derived(store, Path(path), "bundle", [name for name in facts.get("subjects", ()) if name in known], origin=origin)
    if stale:
        write_json(Path(path) / STALE, STALE_WORDS)
    return path


def save_edited(path: Path, bundle: Bundle) -> Path:
    """Write a bundle that was made from another one as a new one, registered wherever that one was, and stale where that one is.

    Raises `InvalidConfig` where something already lies there.
    """
    if Path(path).exists():
        raise InvalidConfig("something lies here already", where=path, hint="an edited bundle is a new bundle; name a new folder")
    facts = {n: v for n, v in bundle.facts.items() if n not in WRITTEN}
    return save_bundle(Path(path), bundle.fitted, bundle.recipe, facts, origin=bundle.origin)


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle; raises `NotStored`, `WrongVersion` or `CorruptStore`, each naming the file."""
    path = Path(path)
    if not (path / "bundle.json").exists():
        raise NotStored("no bundle here", where=path, expected="a folder written by stf2m train", hint="check the path")
    facts = read_json(path / "bundle.json")
    if facts.get("format") != FORMAT:
        hint = "train it again with this version, or install the version that wrote it"
        raise WrongVersion(
            "bundle of another version", where=path, expected=f"format {FORMAT}", got=f"format {facts.get('format')}", hint=hint
        )
    facts["stores"] = [str((path.resolve() / store).resolve()) for store in facts.get("stores", ())]
    for name, digest in facts["sha256"].items():
        if sha256(path / name) != digest:
            raise CorruptStore("the file is not as it was written", where=path / name, hint="copy the bundle again from its source")
    config = build_settings(TrainConfig, tomllib.loads((path / "config.toml").read_text(encoding="utf-8")), where=str(path / "config.toml"))
    recipe = build_settings(Recipe, tomllib.loads((path / "recipe.toml").read_text(encoding="utf-8")), where=str(path / "recipe.toml"))
    inputs = build_settings(Inputs, read_json(path / "inputs.json"), where=str(path / "inputs.json"))
    parts: dict[str, dict[str, torch.Tensor]] = {"params": {}, "normaliser": {}}
    for full, value in load((path / WEIGHTS).read_bytes()).items():
        part, _, name = full.partition("/")
        parts[part][name] = value
    normaliser = Normaliser.from_arrays({n: v.numpy() for n, v in parts["normaliser"].items()})
    net, learner, _ = build(config, inputs)
    fitted = Fitted(
        config, inputs, facts["target"], net.eval(), learner, parts["params"], normaliser, untaught=tuple(facts.get("untaught", ()))
    )
    rules = tuple((path / "rules.txt").read_text(encoding="utf-8").splitlines()) if config.network.fuzzy in ("htsk", "tsk") else ()
    calibration = None
    if CALIBRATION in facts["sha256"]:
        calibration = build_settings(Calibration, read_json(path / CALIBRATION), where=str(path / CALIBRATION))
    return Bundle(fitted, recipe, facts, rules, path, calibration)


def check_sensors(bundle: Bundle, modalities: tuple[str, ...], *, where: str) -> tuple[str, ...]:
    """The bundle's modalities that a recording offers; raises `SensorMismatch` in words when there are none."""
    wanted = tuple(info.modality for info in bundle.fitted.inputs.infos)
    usable = tuple(m for m in wanted if m in modalities)
    if not usable:
        raise SensorMismatch(
            "the bundle knows none of this recording's sensors", where=where, expected=" or ".join(wanted),
            got=", ".join(modalities) or "nothing", hint="record one of these sensors or train on people who wore yours",
        )  # fmt: skip
    return usable


def trained_on(facts: dict[str, Any]) -> list[str]:
    """Names of the people whose labels taught the weights; bundles of before `trained_on` only name all people and the judges."""
    return list(facts.get("trained_on", [name for name in facts.get("subjects", ()) if name not in facts.get("judges", ())]))


def people_words(facts: dict[str, Any], *, calibrated: bool) -> str:
    """`7 people, 1 more for early stopping and calibration`: who taught the weights, and who only judged them."""
    subjects = facts.get("subjects", ())
    more = len(set(subjects) - set(trained_on(facts)))
    taught = counted(int(facts.get("people", len(subjects))) - more, "person", "people")
    return f"{taught}, {more} more for early stopping{' and calibration' if calibrated else ''}" if more else taught


def answers_of(card: dict[str, Any]) -> str:
    """What a bundle can say, for its card: the classes that it was taught, those that only a person can teach it, and ratings."""
    if not has_classes(card["target"]):
        return "valence and arousal in -1..1"
    others = list(card.get("untaught", ()))
    said = [", ".join(name for name in card["emotions"] if name not in others)]
    said += [f"{', '.join(others)} only for a person who labelled it, because no training person did"] if others else []
    ratings = "valence and arousal in -1..1" if card.get("rated", True) else "nothing of valence and arousal, because nobody rated them"
    return "; ".join([*said, ratings])


def card_text(card: dict[str, Any], rules: tuple[str, ...], calibration: Calibration | None = None) -> str:
    """The model card in Markdown: what it is, what it was trained on, what it must not be used for."""
    limits = "non-commercial use only" if card.get("consent") == "non-commercial" else str(card.get("consent", "unknown"))
    lines = [
        f"# Model card: {card['target']} ({card['learner']})", "",
        f"- trained on: {card.get('dataset', 'unknown')}, {people_words(card, calibrated=calibration is not None)}; licence of the data: {card.get('licence', 'unknown')}",
        f"- permitted use: **{limits}**",
        f"- answers: {answers_of(card)}",
        f"- probabilities: {'not calibrated' if calibration is None else calibration.sentence}",
        f"- written by stf2m {card['version']}, torch {card['torch']}, format {card['format']}", "",
        "## Intended use and limits", "",
        "For research and for people who agreed to it, on their own data. Not for decisions about people, not at work or in",
        "education (EU AI Act, Art. 5(1)(f)). Answers are estimates of self-reported or acted emotion of people like the",
        "training people; without labels of a person they are answers for people in general.", "",
        "## Rules", "",
        *(f"{i + 1}. {rule}" for i, rule in enumerate(rules)),
    ]  # fmt: skip
    if card.get("edits"):
        lines += ["", f"## Edits by a person (of the bundle {card.get('edited_from') or 'unknown'})", ""]
        lines += [f"- `{edit}`" for edit in card["edits"]]
    return "\n".join(lines) + "\n"
