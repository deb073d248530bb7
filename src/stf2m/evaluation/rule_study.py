"""Do other people and other seeds lead to the same rules? Several trainings of a study, all without the same test people."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import NotEnoughLabels
from stf2m.core.files import atomic_write_text, write_json
from stf2m.core.records import Segments
from stf2m.evaluation.evidence import evidence
from stf2m.evaluation.explanations import Agreement, Match, RuleFigures, fidelity, match_rules, rule_figures
from stf2m.evaluation.protocols import Split, folds
from stf2m.evaluation.rule_report import COLUMNS, LEGEND, as_json, fidelity_rows, figure_rows, markdown_table, match_rows
from stf2m.evaluation.study import Study
from stf2m.training.config import TrainConfig
from stf2m.training.fitted import Fitted
from stf2m.training.run import train
from stf2m.training.words import facts_of, rules_in_words


class Variant(NamedTuple):
    """One training: who trains and who judges, with which seed."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    seed: int


class Examined(NamedTuple):
    """One training's rules on the test people."""

    rules: tuple[str, ...]
    figures: list[RuleFigures]
    inputs: list[int]
    told: list[float]
    fidelity: dict[str, Agreement]


class RuleStudy(NamedTuple):
    """All trainings, and how their rules match: "folds" under one seed, "seeds" on the same people."""

    people: int
    """who are tested and were met by no training"""
    shots: int
    trainings: list[Examined]
    stability: dict[str, list[Match]]


def variants_of(study: Study, segments: Segments, target: str, seed: int, seeds: int) -> tuple[list[Variant], int, tuple[int, ...]]:
    """(trainings, how many of them differ by people, test people).

    The first fold's test people are kept from all. Every other group is left out of one training, where it judges; then come
    `seeds` further trainings like the first with other seeds. Raises `NotEnoughLabels` with fewer than three groups.
    """
    labelled = np.unique(segments.subject[segments.targets[target] >= 0]).tolist()
    found = folds(labelled, study.folds, study.seed, study.validation_people)
    if len(found) < 3:
        raise NotEnoughLabels("stability needs three groups of people", where=f"study {study.name}", expected="folds >= 3", got=len(found))
    test = found[0].test
    made = []
    for fold in found[1:]:
        rest = tuple(p for p in labelled if p not in (*test, *fold.test))
        made.append(Variant(rest, fold.test, seed))
    return [*made, *(made[0]._replace(seed=seed + 1000 * (i + 1)) for i in range(seeds))], len(made), test


def study_rules(
    study: Study,
    segments: Segments,
    target: str,
    config: TrainConfig,
    *,
    seeds: int = 2,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> RuleStudy:
    """Train every variant (checkpoints in `folder`, so that a kill loses little) and examine its rules on the test people.

    The questions are those of the study's first protocol, first draw, with most labels.
    """
    variants, count, test = variants_of(study, segments, target, config.seed, seeds)
    splits = questions(study, segments, target, test)
    trained, fired = [], []
    for i, variant in enumerate(variants):
        how, out = config.model_copy(update={"seed": variant.seed}), folder / str(i + 1) if folder else None
        fitted = train(
            segments, target=target, train_people=variant.train, validation_people=variant.validation, config=how, out=out
        )  # fmt: skip
        if how.learner != fitted.config.learner:
            fitted = fitted.with_learner(how)
        examined, firing = examine(fitted, segments, splits)
        trained.append(examined)
        fired.append(firing)
        say(f"[{i + 1}/{len(variants)}] trained and examined")
    pairs = {"folds": combinations(range(count), 2), "seeds": combinations([0, *range(count, len(variants))], 2)}
    stability = {name: [match_rules(fired[a], fired[b]) for a, b in which] for name, which in pairs.items()}
    return RuleStudy(len(splits), splits[0].shots, trained, {name: found for name, found in stability.items() if found})


def questions(study: Study, segments: Segments, target: str, people: tuple[int, ...]) -> list[Split]:
    """Per person the first draw with most labels; raises `NotEnoughLabels` when the protocol leaves nothing."""
    protocol = study.asked[0]
    found = []
    for person in people:
        mine = [s for s in protocol.splits(segments, target, person, study.seed) if s.draw == 0]
        found += [max(mine, key=lambda s: s.shots)] if mine else []
    if not found:
        raise NotEnoughLabels("the protocol leaves no question", where=f"study {study.name}", hint="name another protocol first")
    return found


def examine(fitted: Fitted, segments: Segments, splits: list[Split]) -> tuple[Examined, list[NDArray[np.floating]]]:
    """The rules of one training on these people, and their firing per person."""
    found = evidence(fitted, segments, splits)
    facts = facts_of(fitted)
    figures = rule_figures(found, [int(f.verdict.argmax()) for f in facts])
    numbers = [len(f.inputs) for f in facts], [f.told for f in facts]
    return Examined(rules_in_words(fitted), figures, *numbers, fidelity(found, len(facts))), [e.firing for e in found]


def write_rule_study(found: RuleStudy, study: Study, target: str, learner: str, folder: Path) -> tuple[Path, Path]:
    """Write `rules.md` and `rules.json` into `folder`; returns both."""
    about = {"study": study.name, "target": target, "learner": learner, "marks": list(study.marks)}
    write_json(folder / "rules.json", about | as_json(found))
    atomic_write_text(folder / "rules.md", rule_study_text(found, study, target, learner))
    return folder / "rules.md", folder / "rules.json"


def rule_study_text(found: RuleStudy, study: Study, target: str, learner: str) -> str:
    """The study of rules as Markdown."""
    first = found.trainings[0]
    lines = [
        f"# Rules of {learner} for {target}, study {study.name}", "",
        f"{len(found.trainings)} trainings, examined on the same {found.people} people whom none of them met, k = {found.shots}, "
        f"protocol {study.asked[0].title}.", *(f"Note: {mark}." for mark in study.marks), "",
        "## Are they the same rules again?", "",
        "Rules of two trainings are matched by the correlation of their firing on these people's segments; *shuffled* is what "
        "matching achieves when one side's segments are shuffled within each person.", "",
        markdown_table(("trainings differ by", "pairs", "mean matched correlation (range)", "shuffled"), match_rows(found.stability)),
        "## Do they say what the network does?", "",
        "Agreement with the network's decisions, mean over people and 95 % interval, of each training:", "",
    ]  # fmt: skip
    rows = [(str(i + 1), *row) for i, t in enumerate(found.trainings) for row in fidelity_rows(t.fidelity)]
    lines.append(markdown_table(("training", "", "agreement", "balanced agreement"), rows))
    lines += ["## Each rule of the first training", "", *(f"{i + 1}. {rule}" for i, rule in enumerate(first.rules)), ""]
    lines += [markdown_table(COLUMNS, figure_rows(first.figures, first.inputs, first.told)), LEGEND]
    return "\n".join(lines) + "\n"
