"""What each asked label is worth: balanced accuracy over the number of asked labels, per strategy, for people never met.

One training per fold, of the study's main learner. A test person's pool are the segments of the support recordings, as the
protocol draws them; strategies choose from it, one label at a time, and only then is the label shown. The score is taken on
the query, whose segments no strategy sees. Rows have the columns of a study's, with the strategy as the method and the
number of asked labels as k.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stf2m.core.errors import InvalidConfig, NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.evaluation.asking import STRATEGIES, Pool, check_classes
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.metrics import measure
from stf2m.evaluation.predictor import Predictor
from stf2m.evaluation.protocols import Protocol, Split, conceal
from stf2m.evaluation.protocols.split import generator
from stf2m.evaluation.reading import relation, with_interval
from stf2m.evaluation.results import markdown
from stf2m.evaluation.rows import Row
from stf2m.evaluation.statistics import interval, paired
from stf2m.evaluation.study import FLOOR_CELL, Cell, Study, cells_of, protocols_of
from stf2m.evaluation.table import Line, Table, tables_of
from stf2m.evaluation.work import code_version, data_key, in_context, methods_of, world_of

OURS = "representative"
EVERYTHING = 10**6
"""k that takes the whole of the support recordings"""


def asking_cells(study: Study, budget: int) -> list[Cell]:
    """One per target and fold: the training of the main learner; raises `InvalidConfig` when the study has none, or a target has no classes."""
    for target in study.targets:
        check_classes(target)
    mine = [cell for cell in cells_of(study) if study.main in cell.methods and study.main in study.learners]
    if not mine:
        raise InvalidConfig(
            "asking needs a learner", where=f"study {study.name}", got=f"main = {study.main}", hint="name one of [learners]"
        )
    hashed = lambda cell: hashlib.sha256(f"asking {cell.settings} {budget}".encode()).hexdigest()[:12]  # noqa: E731
    return [cell._replace(methods=(study.main,), settings=hashed(cell)) for cell in mine]


def run_asking(study: Study, segments: Segments, cell: Cell, budget: int, heartbeat: Any = None) -> list[Row]:
    """Train, and ask every test person with every strategy; floors answer with the labels that `random` asked for."""
    world = world_of(study, segments, cell)
    base = {"cell": cell.settings, "data": data_key(segments), "dataset": segments.dataset, "target": cell.target, "fold": cell.fold}
    base |= {"code": code_version(), "view": "all", "control": "", "short": "", "note": ""}
    world, segments = in_context(study, segments, cell, world)
    (method,) = methods_of(study, segments, world, cell, [], base, heartbeat)
    floors = [m for m in methods_of(study, segments, world, cell._replace(methods=(FLOOR_CELL,)), [], base, None) if m.role == "floor"]
    for one in (method, *floors):
        one.predictor.fit(world.segments, cell.target, world.fold.train, world.fold.validation, study.seed)
    rows: list[Row] = []
    for protocol in protocols_of(study, cell):
        for one in floors:
            one.predictor.tune(world.segments, cell.target, protocol.rehearsals(world, cell.target, study.seed))
        for person in world.fold.test:
            for split in pools_of(protocol, segments, cell, person, study.seed):
                about = {
                    **base,
                    "person": segments.subjects[person],
                    "protocol": protocol.name,
                    "card": protocol.card.hash,
                    "draw": split.draw,
                }
                for strategy in STRATEGIES:
                    asked = ask_person(method.predictor, segments, cell.target, split, strategy, budget, study.seed)
                    rows += [{**about, "method": strategy, "role": "learner", **row} for row, _ in asked]
                    if strategy == "random":
                        supports = [support for _, support in asked]
                        rows += [{**about, **row} for row in _floor_rows(floors, segments, cell.target, split, supports)]
    if not rows:
        raise NotEnoughLabels("no protocol of the study leaves recordings to ask about", where=f"study {study.name}", hint="use new_person")
    return rows


def pools_of(protocol: Protocol, segments: Segments, cell: Cell, person: int, seed: int) -> list[Split]:
    """Per draw a split whose support is the whole pool: every labelled segment of the recordings that may be labelled."""
    whole = protocol.model_copy(update={"shots": (EVERYTHING,)})
    return [split for split in whole.questions(segments, cell.target, person, seed, cell.turn) if len(split.support)]


def ask_person(
    predictor: Predictor, segments: Segments, target: str, split: Split, strategy: str, budget: int, seed: int
) -> list[tuple[Row, np.ndarray]]:
    """(scored row, rows asked so far) for 0, 1, ... `budget` asked labels, or until the pool is empty."""
    rng = generator(seed, f"asking {split.protocol}", segments.subjects[split.subject], split.draw)
    segments = conceal(segments, split)
    labels, classes = segments.targets[target], len(segments.emotions[target])
    code = predictor.codes(segments, split.support)  # pyright: ignore[reportAttributeAccessIssue]
    asked: list[int] = []
    found = []
    for count in range(min(budget, len(split.support)) + 1):
        support, left = split.support[np.sort(np.array(asked, np.int64))], np.setdiff1d(np.arange(len(split.support)), asked)
        reply = predictor.reply(segments, support, np.concatenate([split.support[left], split.query]), target=target)
        missing = np.setdiff1d(labels[split.support], labels[support]) if count else []
        row: Row = {
            "shots": count,
            "support": count,
            "query": len(split.query),
            "missing": "|".join(segments.emotions[target][c] for c in missing),
        }
        found.append((row | measure(labels[split.query], reply.probability[len(left) :]), support))
        if count == min(budget, len(split.support)):
            break
        probability = np.zeros((len(split.support), classes), np.float32)
        probability[left] = reply.probability[: len(left)]
        pool = Pool(code, probability, tuple(asked), np.bincount(labels[support], minlength=classes).astype(np.float64))
        asked.append(STRATEGIES[strategy](pool, rng))
    return found


def _floor_rows(floors: Sequence[Any], segments: Segments, target: str, split: Split, supports: Sequence[np.ndarray]) -> Iterator[Row]:
    for support in supports:
        for floor in floors:
            if len(support) or not FLOORS[floor.name].needs_support:
                reply = floor.predictor.reply(segments, support, split.query, target=target)
                row = {"method": floor.name, "role": "floor", "shots": len(support), "support": len(support), "query": len(split.query)}
                yield {**row, "missing": "", **measure(segments.targets[target][split.query], reply.probability)}


def asking_text(study: Study, rows: Sequence[Row], stops: Sequence[int] = (0, 1, 2, 3, 4, 6, 8, 12, 16)) -> str:
    """Markdown: the curve at some numbers of labels with floors, the area under it, and what can be told apart."""
    parts = [f"## Asking for labels: {study.title or study.name}", ""]
    for table in tables_of(rows, study.primary):
        kept = tuple(k for k in table.shots if k in stops)
        shown = Table(**{**vars(table), "shots": kept})
        parts += [f"### {table.group.target}: {table.group.protocol.replace('_', ' ')}, k asked labels in total", "", markdown(shown), ""]
        parts += [f"- {line}" for line in comparison(table)] + [""]
    return "\n".join(parts + [f"*{mark}*" for mark in study.marks]).rstrip() + "\n"


def area(table: Table, strategy: str) -> np.ndarray:
    """(person,) mean score over 1, 2, ... asked labels: the normalised area under the curve."""
    line = Line(strategy, "learner")
    return np.nanmean(np.stack([table.of(line, k) for k in table.shots if k and (line, k) in table.scores]), axis=0)


def comparison(table: Table) -> list[str]:
    """Areas with intervals, and ours against the others, paired over people and corrected for two comparisons."""
    others = [name for name in STRATEGIES if name != OURS]
    areas = {name: area(table, name) for name in STRATEGIES}
    most = max(table.shots)
    text = [f"Mean score over 1 to {most} asked labels: " + "; ".join(f"{n} {with_interval(interval(a))}" for n, a in areas.items()) + "."]
    for name in others:
        gap = paired(areas[OURS], areas[name], comparisons=len(others))
        text.append(f"Over the whole curve {OURS} is {relation(gap, name)}.")
    return text
