"""Run the cells of a study: one after another or in local processes, with the same rows either way."""

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from stf2m.core.files import atomic_write_text
from stf2m.core.records import Segments
from stf2m.evaluation.cost import keep_seconds, plan_of
from stf2m.evaluation.questioning import asked_as_one
from stf2m.evaluation.rows import Row, RowFile, current
from stf2m.evaluation.stores import open_segments
from stf2m.evaluation.study import Cell, Study, cells_of
from stf2m.evaluation.timeline import Timeline
from stf2m.evaluation.work import CellResult, data_key, run_cell

Say = Callable[[str], None]


class Paths(NamedTuple):
    """Where a study reads and writes."""

    data: Path
    """root of the data sets"""
    runs: Path
    """git-ignored working folder"""
    rows: Path
    """the results file"""

    @property
    def timelines(self) -> Path:
        """Folder of the timelines kept for the report."""
        return self.rows.with_suffix("") / "timelines"

    @property
    def seconds(self) -> Path:
        """How long cells took on this machine."""
        return self.rows.with_suffix("") / "seconds.csv"


def paths_of(study: Study, *, data: Path | None = None, runs: Path | None = None, rows: Path | None = None) -> Paths:
    """Defaults: `STF2M_DATA` or the current folder; `runs/`; `runs/studies/NAME.csv`."""
    root = Path(data or os.environ.get("STF2M_DATA") or ".")
    runs = Path(runs or "runs")
    return Paths(root, runs, Path(rows) if rows else runs / "studies" / f"{study.name}.csv")


def to_stderr(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def run_study(study: Study, paths: Paths, *, jobs: int = 1, say: Say = to_stderr, over_budget: bool = False) -> list[Row]:
    """Do every cell that is not yet in the results file; returns the rows of all cells.

    Cells are appended in the order in which they finish; a kill loses at most the running ones. Raises `OverBudget` as soon
    as what is left is known to take longer than the study may, unless `over_budget` allows it.
    """
    segments = open_segments(
        study, paths.data, paths.runs, lambda done, of, who: say(f"prepared {done}/{of} people ({who})") if done == of else None
    )
    cells = cells_of(study)
    file = RowFile(paths.rows)
    file.repair()
    have, key = file.finished(), data_key(segments)
    todo = [cell for cell in cells if (cell.settings, key) not in have]
    say(f"{study.name}: {segments!r}; {len(cells)} cells, {len(cells) - len(todo)} already done, {jobs} process{'es' if jobs > 1 else ''}")
    for text in asked_as_one(study):
        say(f"note: {text}")
    clock, plan = Clock(len(todo)), plan_of(study, cells, todo, file.read(), paths.seconds)
    # several processes take the longest cells first, so that none is left alone with one at the end
    todo = plan.first(todo, rest_backwards=jobs > 1)
    if todo and not over_budget:
        plan.check()
    for cell, result in _one_by_one(study, segments, todo, say) if jobs <= 1 else _in_processes(study, paths, todo, jobs):
        file.append(result.rows)
        keep_timelines(paths.timelines, cell, result.timelines)
        keep_seconds(paths.seconds, cell, result.seconds)
        plan.done(cell, result.seconds)
        say(clock.tick(cell, result.seconds))
        if not over_budget:
            plan.check()
    return current(file.read(), {cell.settings for cell in cells})


class Clock:
    """Progress lines with the time that is left, if what is left goes on at the mean pace so far."""

    def __init__(self, total: int):
        self.total, self.done, self.began = total, 0, time.monotonic()

    def tick(self, cell: Cell, seconds: float) -> str:
        """The line for a cell that has just finished."""
        self.done += 1
        spent = time.monotonic() - self.began
        left = spent / self.done * (self.total - self.done)
        return f"[{self.done}/{self.total}] {cell.label}: {seconds:.0f} s; {spent / 60:.1f} min spent, about {left / 60:.0f} min left"


def _one_by_one(study: Study, segments: Segments, cells: list[Cell], say: Say):
    one_thread()
    for cell in cells:
        yield cell, _timed(study, segments, cell, Heartbeat(cell, say))


class Heartbeat:
    """Says where a long training is, at most every 20 s."""

    def __init__(self, cell: Cell, say: Say):
        self.cell, self.say, self.last = cell, say, time.monotonic()

    def __call__(self, facts: dict[str, float]) -> None:
        """`facts` of one training step."""
        if time.monotonic() - self.last > 20:
            self.last = time.monotonic()
            self.say(f"  {self.cell.label}: step {facts.get('step', 0):.0f} of {facts.get('of', 0):.0f}")


def _in_processes(study: Study, paths: Paths, cells: list[Cell], jobs: int):
    one_thread()  # inherited
    waiting = list(cells)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(study, paths)) as pool:
        running: dict[Future[CellResult], Cell] = {}
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    cell = waiting.pop(0)
                    running[pool.submit(_work, cell)] = cell
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_here: dict[str, Any] = {}


def _begin(study: Study, paths: Paths) -> None:
    """Open the prepared store once per process."""
    one_thread()
    _here["study"], _here["segments"] = study, open_segments(study, paths.data, paths.runs)


def _work(cell: Cell) -> CellResult:
    return _timed(_here["study"], _here["segments"], cell, None)


def _timed(study: Study, segments: Segments, cell: Cell, heartbeat: Heartbeat | None) -> CellResult:
    began = time.monotonic()
    result = run_cell(study, segments, cell, heartbeat)
    result.seconds = time.monotonic() - began
    return result


def one_thread() -> None:
    """One thread per process: the same sums in the same order everywhere."""
    import torch
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    threadpool_limits(1)


def keep_timelines(folder: Path, cell: Cell, timelines: list[Timeline]) -> None:
    """Write a finished cell's timelines for the report."""
    for timeline in timelines:
        name = f"{timeline.target}-{timeline.setting.replace(' ', '_').replace(',', '')}-{cell.fold}.json"
        atomic_write_text(folder / name, json.dumps({"cell": cell.settings, **timeline.to_json()}, ensure_ascii=False))


def read_timelines(study: Study, paths: Paths) -> list[Timeline]:
    """Timelines kept by finished cells of the study as it is now, in order of target, protocol and fold."""
    cells = {cell.settings for cell in cells_of(study)}
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(paths.timelines.glob("*.json"))]
    return [Timeline.from_json({n: v for n, v in one.items() if n != "cell"}) for one in kept if one.get("cell") in cells]
