"""The first five minutes: people -> prepare -> meta-train -> personalise people the model never met -> table -> page."""

import sys
import webbrowser
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from stf2m.app.console import Console
from stf2m.app.studies import show_tables, tables_as_json, write_page
from stf2m.core.config import build
from stf2m.core.errors import NothingToRead
from stf2m.core.records import Segments
from stf2m.evaluation.execute import Paths
from stf2m.evaluation.rows import Row
from stf2m.evaluation.study import Cell, Study, cells_of

SETS = ("ravdess", "ceap360vr", "stress_predict", "hku956")
"""known data sets, in the order in which a folder is searched"""
FOLD = 0


def run_demo(data: Path | None, out: Path, *, browser: bool, quick: bool, console: Console) -> None:
    """Everything in one go, one thread; prints the table and the path of the page. Of generated people it leaves a sample to go on with."""
    study = demo_study(data, quick=quick)
    console.say(study.title)
    paths = Paths(data or Path(), out, out / f"{study.name}.csv")
    segments = prepare_people(study, paths, console)
    rows = run_cells(study, segments, paths, console)
    show_tables(study, rows, console)
    command = "stf2m demo" + (f" --data {data.name}" if data else "")
    page = write_page(study, rows, paths, out / f"{study.name}.html", command=command).resolve()
    facts = {"report": str(page), "rows": str(paths.rows), "tables": tables_as_json(study, rows)}
    said = f"report: {page}"
    if data is None:
        from stf2m.app.sample import write_sample

        sample = write_sample(study, segments, out, console)
        facts["sample"] = {name: str(path) for name, path in sample._asdict().items()}
        said += f"\nto try it on somebody new:\n{sample.commands}"
    console.result(facts, said)
    if browser and not console.as_json and sys.stdout.isatty() and has_browser():
        webbrowser.open(page.as_uri())


def demo_study(data: Path | None, *, quick: bool = False) -> Study:
    """The study of generated people, or of the first known data set under `data`; raises `NothingToRead`."""
    import tomllib

    name = "synthetic" if data is None else found_in(data)
    values = tomllib.loads(files("stf2m.app").joinpath("demos", f"{name}.toml").read_text(encoding="utf-8"))
    values["name"] = f"demo-{name}"
    if quick:
        values["training"] = {**values["training"], "steps": 12, "episodes": 2}
        values["dataset_options"] = {**values.get("dataset_options", {}), "people": 9, "seconds": 60.0} if data is None else {}
    return build(Study, values, where=f"demo {name}")


def found_in(data: Path) -> str:
    """The known data set that lies in `data`; raises `NothingToRead` with the names it looked for."""
    from stf2m.data.datasets import open_dataset

    for name in SETS:
        if (data / name).is_dir() or data.name == name:
            return name
    for name in SETS:
        try:
            if open_dataset(name, data).subjects():
                return name
        except Exception as problem:  # another data set's files, or none
            from stf2m.core.errors import Stf2mError

            if not isinstance(problem, Stf2mError):
                raise
    raise NothingToRead(
        "no known data set lies here", where=data, expected=" or ".join(SETS), hint="name the folder that holds one of them"
    )


def prepare_people(study: Study, paths: Paths, console: Console) -> Segments:
    """Clean, grade, cut and label everybody."""
    from stf2m.evaluation.stores import open_segments

    with console.progress("prepare people") as tick:
        return open_segments(study, paths.data, paths.runs, tick)


def run_cells(study: Study, segments: Segments, paths: Paths, console: Console) -> list[Row]:
    """One fold: floors, baselines, then the learners with a bar and the time that is left. A finished cell is not done again."""
    from stf2m.evaluation.execute import keep_timelines, one_thread
    from stf2m.evaluation.rows import RowFile, current
    from stf2m.evaluation.work import data_key, run_cell

    one_thread()
    cells = [cell for cell in cells_of(study) if cell.fold == FOLD]
    file, key = RowFile(paths.rows), data_key(segments)
    file.repair()
    have = file.finished()
    for cell in cells:
        if (cell.settings, key) in have:
            continue
        with console.progress(words_of(cell)) as tick:
            result = run_cell(study, segments, cell, heartbeat(tick))
        file.append(result.rows)
        keep_timelines(paths.timelines, cell, result.timelines)
    return current(file.read(), {cell.settings for cell in cells})


def words_of(cell: Cell) -> str:
    """What a cell does, for the progress bar."""
    names = " and ".join(cell.methods)
    return f"{'meta-train' if 'recurrent' in cell.methods else 'work out'} {names}"


def heartbeat(tick: Callable[[int, int, str], None]) -> Callable[[dict[str, float]], None]:
    """A training's facts as a tick of the bar."""

    def beat(facts: dict[str, float]) -> None:
        done, of = int(facts.get("step", 0)), int(facts.get("of", 0))
        tick(done, of, f"loss {facts['loss']:.3f}" if "loss" in facts else "personalising unseen people")

    return beat


def has_browser() -> bool:
    """Whether this machine can show a page."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
