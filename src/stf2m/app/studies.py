"""What the command line does with study files: train a bundle, run the cells, print the tables, write the report."""

from pathlib import Path

from stf2m.app.console import Console
from stf2m.app.data import warn_of_old_rates
from stf2m.app.places import note_pages
from stf2m.core.errors import NotEnoughLabels, NotStored
from stf2m.core.files import atomic_write_text
from stf2m.data.store import is_store
from stf2m.evaluation.execute import Paths, paths_of, read_timelines
from stf2m.evaluation.rows import Row, RowFile, current
from stf2m.evaluation.study import Study, cells_of, known_target, load_study, protocol_named
from stf2m.evaluation.table import Table, tables_of, verdicts


def run_train(
    study: Path,
    out: Path,
    learner: str | None,
    target: str | None,
    store: Path | None,
    data: Path | None,
    runs: Path,
    use: str,
    start: Path | None,
    console: Console,
) -> None:
    """Train on everybody of the study's data set, from scratch or on from a bundle, and write a bundle."""
    from stf2m.app.train import material_of, train_bundle
    from stf2m.training.bundle import load_bundle
    from stf2m.training.words import unheeded

    loaded = load_study(study)
    target = known_target(loaded, target)
    warn_of_old_rates(store or Path(loaded.dataset), console)
    with console.progress("prepare") as tick:
        material = material_of(loaded, data=data, store=store, runs=runs, tick=tick, use=use)
    for remark in left_out(loaded):
        console.say(f"note: {remark}")
    first = load_bundle(start) if start else None
    how = {"learner": learner, "target": target, "work": runs / "training", "use": use, "start": first}
    with console.progress("meta-train") as tick:
        facts = train_bundle(loaded, material, out, **how, tick=tick, say=lambda text: console.say(f"note: {text}"))
    text = f"{out}: {facts['learner']} for {facts['target']}, trained on {facts['dataset']}, {facts['made of']}"
    if remark := unheeded(facts):
        console.say(f"note: {remark}")
    console.result(facts, text)


def left_out(study: Study) -> list[str]:
    """What a study's table has and its bundle has not, in words."""
    said = (
        ["a bundle is one training, the study averages several"]
        if any(study.learner_settings(n).get("seeds", 1) > 1 for n in study.learners)
        else []
    )
    contexts = any(protocol.context for protocol in study.asked)
    return said + (["a bundle reads signals alone, without the context of the study's protocols"] if contexts else [])


def run_whole_study(
    study: Path, data: Path | None, runs: Path, rows: Path | None, jobs: int, console: Console, *, over_budget: bool = False
) -> None:
    """Do what is not yet done, print the tables, and write them beside the rows, with the page."""
    from stf2m.evaluation.execute import run_study
    from stf2m.evaluation.outputs import write_outputs

    loaded = load_study(study)
    paths = paths_of(loaded, data=data, runs=runs, rows=rows)
    warn_of_old_rates(Path(loaded.dataset), console)
    found = run_study(loaded, paths, jobs=jobs, say=console.say, over_budget=over_budget)
    show_tables(loaded, found, console)
    written = write_outputs(loaded, paths, found, command=again(loaded, study, data))
    facts = {"study": loaded.name, "settings": loaded.hash, "rows": str(paths.rows), "tables": tables_as_json(loaded, found)}
    facts["written"] = [str(path) for path in written]
    console.result(facts, f"rows: {paths.rows}; written: {', '.join(map(str, written))}")


def run_asking_study(study: Path, budget: int, data: Path | None, runs: Path, rows: Path | None, console: Console) -> None:
    """Do the folds that are not yet done, print the curves, and write them beside the rows."""
    from stf2m.evaluation.curves import asking_cells, asking_text, run_asking
    from stf2m.evaluation.execute import Heartbeat, one_thread
    from stf2m.evaluation.stores import open_segments
    from stf2m.evaluation.work import data_key

    one_thread()
    loaded = load_study(study)
    paths = paths_of(loaded, data=data, runs=runs, rows=rows or runs / "asking" / f"{loaded.name}.csv")
    with console.progress("prepare") as tick:
        segments = open_segments(loaded, paths.data, paths.runs, tick)
    cells, file = asking_cells(loaded, budget), RowFile(paths.rows)
    file.repair()
    have, key = file.finished(), data_key(segments)
    for i, cell in enumerate(cells):
        if (cell.settings, key) not in have:
            file.append(run_asking(loaded, segments, cell, budget, Heartbeat(cell, console.say)))
        console.say(f"[{i + 1}/{len(cells)}] {cell.label}: asked")
    text = asking_text(loaded, current(file.read(), {cell.settings for cell in cells}))
    page = paths.rows.with_suffix(".md")
    atomic_write_text(page, text)
    console.result({"rows": str(paths.rows), "text": str(page), "markdown": text}, f"{text}\nrows: {paths.rows}; written: {page}")


def run_report(study: Path, runs: Path, rows: Path | None, out: Path | None, markdown: bool, console: Console) -> None:
    """Write the page, or print the tables as Markdown, from the rows alone."""
    from stf2m.evaluation.results import write_results

    loaded = load_study(study)
    paths = paths_of(loaded, runs=runs, rows=rows)
    found = stored_rows(loaded, paths)
    if markdown:
        text = write_results(loaded, found)
        if out is not None:
            atomic_write_text(out, text)
            note_pages(paths.rows, [out])
        console.result({"markdown": text}, text if out is None else f"written: {out}")
        return
    page = write_page(loaded, found, paths, out or paths.rows.with_suffix(".html"), command=again(loaded, study, None))
    if out is not None:
        note_pages(paths.rows, [out])
    console.result({"report": str(page)}, f"report: {page}")


def again(study: Study, file: Path, data: Path | None) -> str:
    """The command that computes the study anew; `FOLDER` where the folder of the data set is not known."""
    needs = study.dataset != "synthetic" and not is_store(Path(study.dataset))
    return f"stf2m study {file}" + (f" --data {data or 'FOLDER'}" if needs else "")


def stored_rows(study: Study, paths: Paths) -> list[Row]:
    """Rows of the study's cells; raises `NotStored` when none is there."""
    cells = {cell.settings for cell in cells_of(study)}
    found = current(RowFile(paths.rows).read(), cells) if paths.rows.exists() else []
    if not found:
        raise NotStored("no results of this study", where=paths.rows, hint="run it first: stf2m study")
    return found


def write_page(study: Study, rows: list[Row], paths: Paths, out: Path, *, command: str) -> Path:
    """The self-contained HTML page."""
    from stf2m.evaluation.audit_words import read_audit
    from stf2m.evaluation.outputs import audit_of
    from stf2m.evaluation.report import write_report
    from stf2m.evaluation.report_study import report_of

    return write_report(report_of(study, rows, read_timelines(study, paths), command=command, audit=read_audit(audit_of(paths.rows))), out)


def asked_tables(study: Study, rows: list[Row]) -> list[Table]:
    """One table per target and protocol; raises `NotEnoughLabels` where no question could be asked at all."""
    tables = tables_of(rows, study.primary)
    if not tables:
        notes = dict.fromkeys(row["note"] for row in rows if row["note"] and row["person"])
        raise NotEnoughLabels(
            "nobody could be asked anything", where=f"study {study.name}", got="; ".join(notes) or "no scored row",
            hint="new_person needs two recordings or stimuli per person; with one use completion or first_minutes",
        )  # fmt: skip
    return tables


def show_tables(study: Study, rows: list[Row], console: Console) -> None:
    """One table per target and protocol, floors first, and what it says in words; raises `NotEnoughLabels`."""
    from stf2m.evaluation.few import few_in_table
    from stf2m.evaluation.reading import cell_words, reading
    from stf2m.evaluation.results import label

    for table in asked_tables(study, rows):
        protocol = protocol_named(study, table.group.card)
        lines = [(line.role, label(line, protocol.context), *(cell_words(table, line, k) for k in table.shots)) for line in table.lines]
        title = f"{table.group.target}, {protocol.heading}: {study.primary.replace('_', ' ')}, mean over {len(table.people)} people"
        console.table(("", "method", *(f"k = {k}" for k in table.shots)), lines, title=title)
        few = "" if table.is_leaky else few_in_table(verdicts(table, study.main))
        for sentence in [*([few] if few else []), *reading(table, study.main)]:
            console.result({}, f"- {sentence}") if not console.as_json else None
    for mark in study.marks:
        console.say(f"note: {mark}")


def tables_as_json(study: Study, rows: list[Row]) -> list[dict]:
    """Means and intervals of every line at every k."""
    found = []
    for table in tables_of(rows, study.primary):
        for line in table.lines:
            for k in table.shots:
                number = table.summary(line, k)
                if number.people:
                    facts = {"target": table.group.target, "protocol": table.group.protocol, "k": k, **line._asdict()}
                    if table.is_leaky:
                        facts |= {"leaky": True, "minus_floor": table.above_floor(line, k).mean}
                    found.append({**facts, "mean": number.mean, "low": number.low, "high": number.high, "people": number.people})
    return found
