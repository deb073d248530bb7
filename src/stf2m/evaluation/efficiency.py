"""What a learner costs beside what it scores: parameters, multiply-adds, time to adapt and to train, memory.

Every learner is measured in a fresh process, one after another on the same machine, so that the numbers of one table can be
compared. Weights do not matter for time, so a few outer steps are trained.
"""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from stf2m.core.errors import NotEnoughLabels
from stf2m.core.files import atomic_write_text, read_json
from stf2m.core.records import Segments
from stf2m.evaluation.execute import Paths, one_thread
from stf2m.evaluation.learned import config_of
from stf2m.evaluation.protocols import Split
from stf2m.evaluation.stores import only_sensors, open_segments
from stf2m.evaluation.study import Study, cells_of
from stf2m.evaluation.work import code_version, data_key, fold_of

STEPS, REPEATS = 6, 15
"""outer steps and adaptations that are timed; the median counts"""
QUERIES = 64
"""segments whose multiply-adds are counted"""


class Efficiency(NamedTuple):
    """One learner on one machine, one thread; ms are processor time, which other programs do not lengthen."""

    parameters: int
    """numbers that meta-training changes, of network and learner"""
    macs: float
    """multiply-adds per answered segment: encoder, rules and head"""
    adapt_ms: float
    """ms to encode the labelled segments of one person, at the largest k, and adapt to them"""
    step_ms: float
    """ms per outer step"""
    peak_mb: float
    """most memory of the process that trained, in MB, everything included"""


def measure(study: Study, segments: Segments, name: str) -> Efficiency:
    """Train learner `name` for a few steps on the first fold and time it; raises what training raises."""
    from stf2m.meta.learner import fixed
    from stf2m.tasks.loader import load_batch
    from stf2m.training.run import train

    settings = study.learner_settings(name)
    config, _ = config_of(settings, normalisation=study.recipe.normalisation, where=f"study {study.name}, learner {name}")
    config = config.model_copy(update={"steps": STEPS, "validate_every": STEPS, "centres_at": STEPS})
    cell = next(cell for cell in cells_of(study) if name in cell.methods)
    fold = fold_of(study, segments, cell)
    split = largest_support(study, segments, cell.target, fold.test)
    segments = only_sensors(segments, settings["sensors"]) if settings.get("sensors") else segments
    moments: list[float] = []
    fitted = train(
        segments, target=cell.target, train_people=fold.train, validation_people=fold.validation, config=config,
        progress=lambda _: moments.append(process_time()),
    )  # fmt: skip
    if config.learner != fitted.config.learner:
        fitted = fitted.with_learner(config)
    support = load_batch(segments, fitted.normaliser, cell.target, rows=split.support)
    query = load_batch(segments, fitted.normaliser, cell.target, rows=split.query[:QUERIES])
    adapt_ms, adaptation = _timed(lambda: fitted.learner.adapt(fitted.net, fitted.params, support))
    macs = _multiply_adds(lambda: fitted.learner.score(fitted.net, fitted.params, adaptation, query)) / len(query.weight)
    parameters = sum(value.numel() for key, value in fitted.params.items() if key not in fixed(fitted.net))
    # the last step also validates
    step = median(1000 * (b - a) for a, b in pairwise(moments[:-1]))
    return Efficiency(parameters, macs, adapt_ms, step, _peak())


def largest_support(study: Study, segments: Segments, target: str, people: tuple[int, ...]) -> Split:
    """The split with the most labels of the first test person who can be asked."""
    for person in people:
        found = [split for split in study.asked[0].splits(segments, target, person, study.seed) if split.draw == 0]
        if found:
            return max(found, key=lambda split: len(split.support))
    raise NotEnoughLabels("nobody of the first fold can be asked", where=f"study {study.name}")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(median ms, last result) of a few repeats, the first not counted."""
    took, result = [], work()
    for _ in range(REPEATS):
        began = process_time()
        result = work()
        took.append(1000 * (process_time() - began))
    return median(took), result


def _multiply_adds(work: Callable[[], Any]) -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 2


def _peak() -> float:
    """Most resident memory of this process so far, in MB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def measured(study: Study, paths: Paths, names: list[str], say: Callable[[str], None]) -> dict[str, Efficiency]:
    """Every learner of `names`, each in a process of its own; kept in `NAME-cost.json` until settings, data or code change."""
    segments = open_segments(study, paths.data, paths.runs)
    cells = {name: cell.settings for cell in cells_of(study) for name in cell.methods if cell.fold == 0}
    key = [code_version(), data_key(segments), {name: cells[name] for name in names}]
    path = paths.rows.with_name(f"{paths.rows.stem}-cost.json")
    kept = read_json(path) if path.exists() else {}
    if kept.get("key") == json.loads(json.dumps(key)):
        return {name: Efficiency(**numbers) for name, numbers in kept["learners"].items()}
    found = {}
    for i, name in enumerate(names):
        say(f"measuring {name} ({i + 1}/{len(names)})")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found[name] = pool.submit(_alone, study, paths, name).result()
    facts = {"key": key, "learners": {name: numbers._asdict() for name, numbers in found.items()}}
    atomic_write_text(path, json.dumps(facts, indent=1) + "\n")
    return found


def _alone(study: Study, paths: Paths, name: str) -> Efficiency:
    one_thread()
    return measure(study, open_segments(study, paths.data, paths.runs), name)
