"""The work of one cell: fit on some people, choose on others, and put every question of every protocol to the test people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any
from zlib import crc32

import numpy as np

from stf2m import __version__
from stf2m.core.emotions import has_classes
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.records import Segments
from stf2m.evaluation.baselines import make_baseline
from stf2m.evaluation.calibrating import calibrate
from stf2m.evaluation.context import with_context
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.informed import Informed
from stf2m.evaluation.predictor import Predictor, training_rows
from stf2m.evaluation.protocols import Fold, Protocol, World, folds
from stf2m.evaluation.questioning import Method, Questioning
from stf2m.evaluation.rows import Row
from stf2m.evaluation.study import FLOOR_CELL, Cell, Study, floor_kinds, protocols_of
from stf2m.evaluation.timeline import Timeline, timeline_of


@dataclass
class CellResult:
    """Rows of a finished cell, and the timelines kept for the report."""

    rows: list[Row]
    timelines: list[Timeline] = field(default_factory=list)
    seconds: float = 0.0


def run_cell(study: Study, segments: Segments, cell: Cell, heartbeat: Any = None) -> CellResult:
    """Do the work of one cell; the same cell gives the same rows again (but for the seconds)."""
    if cell.target not in segments.targets:
        raise UnknownName(f"no target {cell.target!r} in {segments.dataset}", hint=f"known: {', '.join(segments.targets)}")
    world = world_of(study, segments, cell)
    result = CellResult([])
    base = {"cell": cell.settings, "data": data_key(segments), "dataset": segments.dataset, "target": cell.target, "fold": cell.fold}
    base["code"] = code_version()
    world, segments = in_context(study, segments, cell, world)
    for method in methods_of(study, segments, world, cell, result.rows, base, heartbeat):
        began = process_time()
        method.predictor.fit(world.segments, cell.target, world.fold.train, world.fold.validation, study.seed)
        fit_seconds = process_time() - began
        for protocol in protocols_of(study, cell):
            rehearsals = protocol.rehearsals(world, cell.target, study.seed)
            method.predictor.tune(world.segments, cell.target, rehearsals)
            # floors have learnt the validation people's labels, so these cannot say how far a floor is to be trusted
            learnt = method.role in ("floor", "oracle")
            calibration = None if learnt else calibrate(method.predictor, world.segments, cell.target, rehearsals)
            about = {**base, "card": protocol.card.hash, "fit_seconds": fit_seconds}
            asking = Questioning(study, segments, cell, method, protocol, calibration)
            result.rows += [{**about, **row} for row in asking.rows(world.fold.test)]
            if method.name == study.main and not cell.turn:
                result.timelines += _timelines(study, segments, cell, method, protocol, world.fold)
    return result


def world_of(study: Study, segments: Segments, cell: Cell) -> World:
    """What the cell's training may see; the protocols of a cell share it."""
    return protocols_of(study, cell)[0].world(segments, cell.target, fold_of(study, segments, cell), study.seed, cell.turn)


def in_context(study: Study, segments: Segments, cell: Cell, world: World) -> tuple[World, Segments]:
    """World and whole segments with the views that the cell's protocol adds; floors read no view and get none."""
    context = protocols_of(study, cell)[0].context
    if not context or cell.methods == (FLOOR_CELL,):
        return world, segments
    seen = with_context(world.segments, context, cell.target, world.fold)
    whole = seen if world.segments is segments else with_context(segments, context, cell.target, world.fold, known=world.segments)
    return world._replace(segments=seen), whole


def fold_of(study: Study, segments: Segments, cell: Cell) -> Fold:
    """Who trains, validates and is tested in this cell: people with labels of the target."""
    labelled = np.unique(segments.subject[segments.targets[cell.target] >= 0]).tolist()
    origin = segments.origin or (0,) * len(segments.subjects)
    parts = [[p for p in labelled if origin[p] == number] for number in sorted(set(origin))]
    # every data set is dealt into folds by itself, so that each fold has people of each
    found = [merged(each) for each in zip(*(folds(part, study.folds, study.seed, study.validation_people) for part in parts))]
    if cell.fold >= len(found):
        raise InvalidConfig(
            "more folds than labelled people", where=f"study {study.name}", expected=f"at most {len(found)}", got=study.folds
        )
    return found[cell.fold]


def merged(parts: Sequence[Fold]) -> Fold:
    """The folds of several data sets as one."""
    train, validation, test = (tuple(sorted(p for part in parts for p in part[side])) for side in range(3))
    return Fold(train, validation, test)


def methods_of(study: Study, segments: Segments, world: World, cell: Cell, rows: list[Row], base: Row, heartbeat: Any) -> Iterator[Method]:
    """The cell's predictors; floors that are not defined leave a row with the reason."""
    if cell.methods == (FLOOR_CELL,):
        balanced = study.primary in ("balanced_accuracy", "macro_f1")
        for name in floor_kinds(study):
            floor = FLOORS[name](balanced=balanced)
            reason = floor.reason(world.segments, cell.target)
            if not reason and floor.uses == "stimulus" and not _knows_a_stimulus(study, segments, world, cell):
                reason = "training met no stimulus that is scored"
            if reason:
                rows.append({**base, "method": name, "role": "oracle" if floor.is_oracle else "floor", "note": reason})
            else:
                yield Method(name, "oracle" if floor.is_oracle else "floor", floor)
    elif cell.methods[0] in study.baselines:
        baseline = make_baseline(cell.methods[0], study.recipe.normalisation)
        yield Method(cell.methods[0], "baseline", informed(study, cell, baseline))
    else:
        yield from _learners(study, cell, heartbeat)


def informed(study: Study, cell: Cell, predictor: Predictor) -> Predictor:
    """The predictor with what the cell's protocol lets everybody know beside signals."""
    context = protocols_of(study, cell)[0].context
    return Informed(predictor, context) if context else predictor


def _knows_a_stimulus(study: Study, segments: Segments, world: World, cell: Cell) -> bool:
    """Some stimulus under question occurs in what training sees."""
    people = [*world.fold.train, *world.fold.validation]
    seen = world.segments.stimulus[training_rows(world.segments, cell.target, people)]
    questions = [(protocol, person) for protocol in protocols_of(study, cell) for person in world.fold.test]
    asked = [q.query for protocol, person in questions for q in protocol.questions(segments, cell.target, person, study.seed, cell.turn)]
    return not asked or bool(np.isin(segments.stimulus[np.concatenate(asked)], seen[seen >= 0]).any())


def _learners(study: Study, cell: Cell, heartbeat: Any) -> Iterator[Method]:
    from stf2m.evaluation.learned import Learned, config_of, config_under

    first = None
    for name in cell.methods:
        how = {"normalisation": study.recipe.normalisation, "where": f"study {study.name}, learner {name}"}
        settings = study.learner_settings(name)
        config, seeds = config_of(settings, **how)
        config = config_under(protocols_of(study, cell)[0], config)
        learned = Learned(config, seeds=seeds, sensors=settings.get("sensors", ()), sibling=first, heartbeat=heartbeat)
        first = first or learned
        yield Method(name, "learner", informed(study, cell, learned))


def _timelines(study: Study, segments: Segments, cell: Cell, method: Method, protocol: Protocol, fold: Fold) -> Iterator[Timeline]:
    """The first test person of the fold who can be asked, for the report."""
    for person in fold.test:
        splits = [s for s in protocol.questions(segments, cell.target, person, study.seed) if s.draw == 0 and s.lost is None]
        if splits:
            yield timeline_of(
                segments, cell.target, method.predictor, splits, setting=protocol.heading, rules=getattr(method.predictor, "rules", ())
            )
            return


def data_key(segments: Segments) -> str:
    """Hash of what the rows depend on beside the settings: preparation, people, labels."""
    facts = [
        segments.dataset,
        segments.recipe_hash,
        ",".join(segments.subjects),
        *(segments.targets[t].tobytes().hex() for t in sorted(segments.targets)),
        *(segments.rating.tobytes().hex() for t in segments.targets if not has_classes(t)),
        *(segments.votes[t].tobytes().hex() for t in sorted(segments.votes)),
    ]
    return f"{crc32('|'.join(facts).encode()):08x}"


@cache
def code_version() -> str:
    """Version of the package and, in a checkout, its commit; a "+" marks changes of the package that are not committed."""
    import subprocess

    here = Path(__file__).resolve().parent
    try:
        run = lambda *words: subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, timeout=5, check=True).stdout  # noqa: E731
        commit, changed = (
            run("rev-parse", "--short=10", "HEAD").strip(),
            run("status", "--porcelain", "--untracked-files=no", "--", str(here.parent)).strip(),
        )
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__}-{commit}{'+' if changed else ''}"
