"""A study file's recipe and settings, everybody's recordings -> one bundle to use on other people."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stf2m.app.places import PEOPLE
from stf2m.core.consent import check_consent, narrowest
from stf2m.core.errors import InvalidConfig, NotAccessible, NotEnoughLabels
from stf2m.core.files import guard_space, write_json
from stf2m.core.records import Segments
from stf2m.core.registry import look_up
from stf2m.data.datasets.base import Dataset
from stf2m.data.store import PREPARED, RecordingStore
from stf2m.evaluation.calibrating import calibrate
from stf2m.evaluation.learned import Learned, config_of
from stf2m.evaluation.stores import check_vocabulary, cut_people, dataset_of, open_segments, permitted
from stf2m.evaluation.study import Study
from stf2m.prepare.store import prepare_dataset
from stf2m.training.bundle import Bundle, people_words, save_bundle, trained_on
from stf2m.training.calibration import Calibration
from stf2m.training.fitted import Fitted
from stf2m.training.run import train, untaught
from stf2m.training.words import never_said, rule_use

Tick = Callable[[int, int, str], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """What a training reads: the data set, its segments, and the store they came from, if any."""

    dataset: Dataset
    segments: Segments
    store: Path | None


def material_of(study: Study, *, data: Path | None, store: Path | None, runs: Path, tick: Tick, use: str = "research") -> Material:
    """Prepare (or find prepared) the study's people, from a store or from the data root; raises `NoConsent`."""
    if store is None:
        root = data or Path()
        found = dataset_of(study, root)
        return Material(found, open_segments(study, root, runs, tick, use=use), found.root if isinstance(found, RecordingStore) else None)
    dataset = RecordingStore(store)
    check_consent([dataset.card.consent], use, where=dataset.card.name)
    check_vocabulary(study, dataset.card)
    prepared = permitted(prepare_dataset(dataset, study.recipe.signals, store / PREPARED, tick), use, study.people)
    return Material(dataset, cut_people(prepared, study), store)


def train_bundle(
    study: Study,
    material: Material,
    out: Path,
    *,
    learner: str | None = None,
    target: str | None = None,
    work: Path | None = None,
    use: str = "research",
    start: Bundle | None = None,
    tick: Tick,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Meta-train on everybody with labels but the validation people, and write the bundle to `out`; returns its facts.

    `say` hears before the training of classes without labels. With `start` training goes on from a bundle, whose deleted and locked rules stay so. `work` keeps checkpoint and log, so that a killed training continues to the same numbers. One learner only, one seed.
    """
    segments, card = material.segments, material.dataset.card
    check_consent([card.consent, segments.consent, *([consent_of(start)] if start else [])], use, where=card.name)
    if study.recipe.normalisation == "transductive":
        hint = "use causal: a bundle would need the statistics of people it has never met, and would carry those of the training people"
        raise InvalidConfig(
            "normalisation of a bundle", where=f"study {study.name}", expected="causal or train_stats", got="transductive", hint=hint
        )
    check_place(out)
    target = target or study.targets[0]
    look_up(dict.fromkeys(segments.targets), target, family="targets")
    name = learner or (study.main if study.main in study.learners or not study.learners else next(iter(study.learners)))
    config = config_for(study, name)
    people, judges = divide_people(segments, target, study.validation_people, study.seed)

    def progress(facts: dict[str, float]) -> None:
        tick(int(facts.get("step", 0)), int(facts.get("of", 0)), f"loss {facts['loss']:.3f}" if "loss" in facts else "")

    where = work / f"{study.name}-{target}-{name}" if work else None
    if where:
        names = sorted(segments.subjects[i] for i in (*people, *judges))
        write_json(where / PEOPLE, {"dataset": card.name, "subjects": names})
    first = start.fitted if start else None
    if never := [n for n in untaught(segments, target, people, config) if first is None or n in first.untaught]:
        say(never_said(never))
    sides: dict[str, Any] = {"target": target, "train_people": people, "validation_people": judges}
    fitted = train(segments, **sides, config=config, out=where, progress=progress, start=first)
    if config.learner != fitted.config.learner:
        fitted = fitted.with_learner(config)
    return write_bundle(fitted, study, material, out, people, judges, start)


def consent_of(bundle: Bundle) -> str:
    """What the bundle's card permits."""
    return str(bundle.facts.get("consent", "unknown"))


def check_place(out: Path) -> None:
    """Raise `InvalidConfig` where a bundle cannot be written, before hours of training."""
    if out.exists() and not (out / "bundle.json").exists():
        raise InvalidConfig("something else lies here", where=out, hint="name a new folder for the bundle")
    with guard_space(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):
        raise NotAccessible("the bundle cannot be written here", where=out.parent, hint="name another folder")


def config_for(study: Study, learner: str) -> Any:
    """The study's settings of one learner; a learner that the study does not list gets the common settings."""
    settings = study.learner_settings(learner) if learner in study.learners else {"learner": learner, **study.training}
    where = f"study {study.name}, learner {learner}"
    if settings.get("sensors"):
        raise InvalidConfig("a bundle takes its sensors from the recipe", where=where, hint="name them under [recipe.signals]")
    config, _ = config_of(settings, normalisation=study.recipe.normalisation, where=where)
    return config.model_copy(update={"seed": study.seed})


def divide_people(segments: Segments, target: str, judges: int, seed: int) -> tuple[list[int], list[int]]:
    """(training people, validation people) among those with labels; raises `NotEnoughLabels`."""
    labelled = np.unique(segments.subject[segments.targets[target] >= 0])
    if len(labelled) < judges + 2:
        raise NotEnoughLabels("too few labelled people", where=segments.dataset, expected=f"at least {judges + 2}", got=len(labelled))
    order = np.random.default_rng(seed).permutation(labelled).tolist()
    return sorted(order[judges:]), sorted(order[:judges])


def write_bundle(
    fitted: Fitted, study: Study, material: Material, out: Path, people: list[int], judges: list[int], start: Bundle | None = None
) -> dict[str, Any]:
    """Save the bundle with its card, registered as derived from its people at the store that they came from.

    What was trained from another bundle carries that bundle's people, stores, edits and licence on, and permits no more than it. Validation people on whom that bundle was
    trained are no strangers to the network, so then nothing is calibrated.
    """
    card, segments = material.dataset.card, material.segments
    names = [segments.subjects[i] for i in (*people, *judges)]
    before = start.facts if start else {}
    names += [name for name in before.get("subjects", []) if name not in names]
    taught = list(dict.fromkeys([*(segments.subjects[i] for i in people), *trained_on(before)]))
    consents = [card.consent, segments.consent, *([consent_of(start)] if start else [])]
    licences: list[str] = list(dict.fromkeys([card.licence, *([str(before["licence"])] if "licence" in before else [])]))
    stores = [*([str(material.store.resolve())] if material.store else []), *before.get("stores", ())]
    facts: dict[str, Any] = {
        "stores": list(dict.fromkeys(stores)), "dataset": card.name, "licence": " and ".join(licences), "consent": narrowest(consents), "people": len(names), "subjects": names,
        "study": study.name, "marks": list(study.marks),
        "rated": bool(before.get("rated")) or bool(np.isfinite(segments.rating[np.isin(segments.subject, people)]).all(axis=1).any()),
        "judges": [segments.subjects[i] for i in judges], "trained_on": taught, "rule_use": rule_use(fitted, segments, people),
        **{name: before[name] for name in ("edits", "edited_from") if name in before},
    }  # fmt: skip
    strangers = not set(facts["judges"]) & set(trained_on(before))
    calibration = calibration_of(fitted, study, segments, judges) if strangers else None
    save_bundle(out, fitted, study.recipe, facts, calibration, origin=start.path if start else None)
    said = {"untaught": list(fitted.untaught), "calibration": calibration.sentence if calibration else "not calibrated"}
    said["made of"] = people_words(facts, calibrated=calibration is not None)
    return {"bundle": str(out), "target": fitted.target, "learner": fitted.config.learner, **facts, **fitted.facts, **said}


def calibration_of(fitted: Fitted, study: Study, segments: Segments, judges: list[int]) -> Calibration | None:
    """Temperature and thresholds from the validation people, asked as the study's first protocol asks; None where that leaves too little.

    They also chose the best step, which makes the fit a little too trusting.
    """
    learned = Learned(fitted.config)
    learned.fitted = (fitted,)
    protocol = study.asked[0]
    splits = [split for person in judges for split in protocol.splits(segments, fitted.target, person, study.seed)]
    found = calibrate(learned, segments, fitted.target, splits)
    return found if found.fits else None
