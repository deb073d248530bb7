"""What the command line does with rules: list them with checked figures, edit them and score again, compare trainings."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stf2m.app.conform import with_sensors
from stf2m.app.console import Console
from stf2m.app.places import PEOPLE
from stf2m.app.train import config_for, material_of
from stf2m.app.use import opened
from stf2m.core.consent import check_consent
from stf2m.core.counts import counted
from stf2m.core.errors import InvalidConfig, NotEnoughLabels, UnknownName
from stf2m.core.files import write_json
from stf2m.core.records import Segments
from stf2m.data.datasets import open_dataset
from stf2m.data.datasets.base import Dataset
from stf2m.data.store import PREPARED, RecordingStore
from stf2m.evaluation.evidence import evidence
from stf2m.evaluation.explanations import fidelity, rule_figures
from stf2m.evaluation.protocols import Split
from stf2m.evaluation.protocols.new_person import NewPerson
from stf2m.evaluation.rescore import Rescored, rescore
from stf2m.evaluation.rule_report import COLUMNS, as_json, fidelity_rows, figure_rows, number
from stf2m.evaluation.rule_study import Examined, study_rules, write_rule_study
from stf2m.evaluation.stores import dataset_of, permitted, store_folder
from stf2m.evaluation.study import known_target, load_study
from stf2m.prepare.cut import cut
from stf2m.prepare.store import prepare_dataset
from stf2m.training.bundle import Bundle, load_bundle, save_edited
from stf2m.training.edits import edit_rules, far_edits
from stf2m.training.words import LEGEND, facts_of

Tick = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Source:
    """Where labelled people are: a store, a data root, or a study that names its data set; none of them = no figures."""

    data: Path | None = None
    store: Path | None = None
    study: Path | None = None
    runs: Path = Path("runs")
    use: str = "research"

    @property
    def root(self) -> Path:
        """The data root: the given one, else `STF2M_DATA`, else the current folder."""
        return Path(self.data or os.environ.get("STF2M_DATA") or ".")

    @property
    def is_given(self) -> bool:
        """Somebody named data."""
        return any((self.data, self.store, self.study))


@dataclass(frozen=True)
class HeldOut:
    """Labelled people on whom figures are measured; `mark` says what must be printed beside every figure."""

    segments: Segments
    splits: list[Split]
    people: int
    mark: str = ""

    def at(self, shots: int) -> list[Split]:
        """The questions with this many labels per class."""
        return [split for split in self.splits if split.shots == shots]


def refuse_options(source: Path, kind: str, **given: Any) -> None:
    """Raise `InvalidConfig` for an option that only says something of another `kind` of source; None and empty were not given."""
    for name, value in given.items():
        if value is not None and value != []:
            raise InvalidConfig(f"--{name} is for a {kind}", where=source, hint=f"leave --{name} out, or name a {kind}")


def run_rules(bundle: Path, wishes: list[str], out: Path | None, source: Source, shots: int, console: Console) -> None:
    """Print the rules of a bundle with their figures; with edits, write the edited bundle to `out` and score both."""
    loaded = opened(bundle, console)
    if wishes and out is None:
        raise InvalidConfig("an edited bundle is a new bundle", where=bundle, hint="name its folder with --out")
    if out is not None and not wishes:
        raise InvalidConfig("nothing was edited", where=bundle, hint="say what with --delete, --edit or --lock")
    held = held_out(loaded, source, shots, console) if source.is_given else None
    shown = edited_bundle(loaded, wishes, out, source) if wishes and out is not None else loaded
    notes = far_edits(loaded.fitted, wishes)
    if shown is not loaded and loaded.calibration is not None:
        notes.append(f"{out} is not calibrated: the calibration of {bundle} was fitted to other answers")
    for note in notes:
        console.say(f"note: {note}")
    facts: dict[str, Any] = {"bundle": str(shown.path), "edits": shown.facts.get("edits", []), "notes": notes}
    facts["rules"] = show_words(shown, console)
    if held is not None:
        facts |= {"people": held.people, "shots": shots, "mark": held.mark, **show_figures(shown, held, shots, console)}
        if wishes:
            facts["rescored"] = show_rescored(rescore(loaded.fitted, shown.fitted, held.segments, held.splits), console)
    console.result(facts, f"{counted(len(wishes), 'edit')}; written: {out}" if wishes else "")


def edited_bundle(bundle: Bundle, wishes: list[str], out: Path, source: Source) -> Bundle:
    """Write the edited bundle, registered where the first one was and at a store of the same people, and read it back.

    Where somebody of the first one was forgotten since, the edited one says so too.
    """
    edited = edit_rules(bundle, wishes)
    if source.store is not None and RecordingStore(source.store).card.name == bundle.facts.get("dataset"):
        edited.facts["stores"] = list(dict.fromkeys([*edited.facts.get("stores", ()), str(source.store.resolve())]))
    save_edited(out, edited)
    return load_bundle(out)


def held_out(bundle: Bundle, source: Source, shots: int, console: Console) -> HeldOut:
    """People whom the bundle has never met, asked with 0 and `shots` labels per class.

    Where everybody was met, the validation people are asked and every figure is marked. Raises `NotEnoughLabels` when nobody is
    left, and `NoConsent`.
    """
    with console.progress("prepare") as tick:
        segments = segments_like(bundle, source, tick)
    target = bundle.fitted.target
    labelled = np.unique(segments.subject[segments.targets[target] >= 0]).tolist()
    met, judges = bundle.facts.get("subjects", []), bundle.facts.get("judges", [])
    people = [p for p in labelled if segments.subjects[p] not in met]
    mark = ""
    if not people:
        people = [p for p in labelled if segments.subjects[p] in judges]
        mark = "measured on the validation people, who chose when training ended: no held-out people are in these data"
    protocol = NewPerson(shots=(0, shots), draws=1)
    splits = [s for p in people for s in protocol.splits(segments, target, p, bundle.fitted.config.seed) if s.draw == 0]
    asked = {split.subject for split in splits}
    if not asked:
        raise NotEnoughLabels(
            "nobody is left to measure rules on", where=segments.dataset, got=f"{len(labelled)} labelled people, all met in training",
            expected="labelled people with two recordings whom the bundle has not met", hint="name other data with --data, --store or --study",
        )  # fmt: skip
    if mark:
        console.say(f"note: {mark}")
    return HeldOut(segments, splits, len(asked), mark)


def segments_like(bundle: Bundle, source: Source, tick: Tick) -> Segments:
    """The source's people, prepared and cut as the bundle's recipe says, with its sensors in its order."""
    recipe, fitted = bundle.recipe, bundle.fitted
    if source.store is not None:
        dataset, folder = RecordingStore(source.store), source.store / PREPARED
    elif source.study is not None:
        study = load_study(source.study)
        dataset, folder = dataset_of(study, source.root), store_folder(study, source.runs)
    else:
        dataset = dataset_named(str(bundle.facts["dataset"]), source.root)
        folder = source.runs / "stores" / dataset.card.name
    check_consent([dataset.card.consent, str(bundle.facts.get("consent", "unknown"))], source.use, where=dataset.card.name)
    prepared = permitted(prepare_dataset(dataset, recipe.signals, folder, tick), source.use)
    segments = cut(prepared, recipe.cut, emotions=bundle.emotions if fitted.target == "emotion" else ())
    return with_sensors(segments, fitted.inputs.infos, fitted.inputs.descriptors)


def dataset_named(name: str, root: Path) -> Dataset:
    """A built-in data set; raises `UnknownName` for a bundle of somebody's own, whose card does not say where its files are."""
    try:
        return open_dataset(name, root)
    except UnknownName as problem:
        hint = "for people of a mapping or of a store name --study STUDY or --store STORE"
        raise UnknownName(problem.what, where=problem.where, hint=hint) from None


def show_words(bundle: Bundle, console: Console) -> list[dict[str, Any]]:
    """The rules in words, and how much of each the words tell."""
    rows = [(text, round(facts.told, 3)) for text, facts in zip(bundle.rules, facts_of(bundle.fitted), strict=True)]
    console.table(("rule", "in words", "told"), [(i + 1, text, f"{told:.0%}") for i, (text, told) in enumerate(rows)])
    console.say(f"{LEGEND}; told: how much of the rule its sentence tells")
    return [{"rule": i + 1, "words": text, "told": told} for i, (text, told) in enumerate(rows)]


def show_figures(bundle: Bundle, held: HeldOut, shots: int, console: Console) -> dict[str, Any]:
    """Figures of every rule and the fidelity, as tables and as JSON."""
    facts = facts_of(bundle.fitted)
    found = evidence(bundle.fitted, held.segments, held.at(shots))
    figures = rule_figures(found, [int(f.verdict.argmax()) for f in facts])
    faithful = fidelity(found, len(facts))
    title = f"{held.people} people, {shots} labels per class"
    console.table(COLUMNS, figure_rows(figures, [len(f.inputs) for f in facts], [f.told for f in facts]), title=title)
    console.table(("decides as the network", "agreement", "balanced"), fidelity_rows(faithful), title=title)
    return {"figures": as_json(figures), "fidelity": as_json(faithful)}


def show_rescored(found: Rescored, console: Console) -> dict[str, Any]:
    """Balanced accuracy of floors, before and after, and the change."""
    shots = list(found.change)
    names = dict.fromkeys((line.role, line.name) for line in found.lines)
    score = {(line.role, line.name, line.shots): line.score for line in found.lines}
    rows = [(*name, *(number(score[*name, k].mean) if (*name, k) in score else "-" for k in shots)) for name in names]
    rows.append(("", "after - before", *(f"{d.mean:+.3f} ({d.low:+.3f} to {d.high:+.3f})" for d in found.change.values())))
    console.table(("", "balanced accuracy", *(f"k = {k}" for k in shots)), rows)
    return as_json(found)


def run_study_rules(path: Path, target: str | None, learner: str | None, seeds: int, source: Source, console: Console) -> None:
    """Train a study's learner on different people and with different seeds, and say whether the rules are the same again."""
    study = load_study(path)
    target = known_target(study, target)
    name = learner or (study.main if study.main in study.learners or not study.learners else next(iter(study.learners)))
    with console.progress("prepare") as tick:
        material = material_of(study, data=source.root, store=source.store, runs=source.runs, tick=tick, use=source.use)
    segments = material.segments
    folder = source.runs / "training" / f"{study.name}-{target}-{name}-rules"
    write_json(folder / PEOPLE, {"dataset": material.dataset.card.name, "subjects": list(segments.subjects)})
    found = study_rules(study, segments, target, config_for(study, name), seeds=seeds, folder=folder, say=console.say)
    text, numbers = write_rule_study(found, study, target, name, folder)
    first: Examined = found.trainings[0]
    console.table(COLUMNS, figure_rows(first.figures, first.inputs, first.told), title=f"{name} for {target}, first training")
    console.result({"markdown": str(text), "json": str(numbers), **as_json(found)}, f"written: {text}, {numbers}")
