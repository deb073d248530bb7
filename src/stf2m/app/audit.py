"""What the command line does with leaks: run each beside the honest study, print, and write what was found."""

from pathlib import Path

from stf2m.app.console import Console
from stf2m.core.files import atomic_write_text
from stf2m.evaluation.audit import Audit, Exposed, Part, overlapping_cut, parts_of
from stf2m.evaluation.audit_words import COLUMNS, audit_markdown, caption, findings, lines, write_audit
from stf2m.evaluation.execute import one_thread, paths_of
from stf2m.evaluation.outputs import outputs_of
from stf2m.evaluation.rows import RowFile, current
from stf2m.evaluation.stores import open_segments
from stf2m.evaluation.study import load_study
from stf2m.evaluation.work import data_key


def run_audit(
    study: Path, methods: list[str], main: bool, leaks: list[str], targets: list[str], folds: list[int], data: Path | None,
    runs: Path, rows: Path | None, console: Console,
) -> None:  # fmt: skip
    """Do every part that is not yet done, and print honest beside leaky; rows go to `NAME-audit.csv`."""
    one_thread()
    loaded = load_study(study)
    paths = paths_of(loaded, data=data, runs=runs, rows=rows)
    paths = paths._replace(rows=paths.rows.with_name(f"{paths.rows.stem}-audit.csv"))
    asked = [*(methods or ["prototypes"]), *([loaded.main] if main else [])]
    parts = parts_of(loaded, methods=list(dict.fromkeys(asked)), targets=targets, leaks=leaks, folds=[fold - 1 for fold in folds])
    segments = open_segments(loaded, paths.data, paths.runs)
    halved = overlapping_cut(loaded)
    audit = Audit(loaded, segments, (lambda: open_segments(halved, paths.data, paths.runs)) if halved else None)
    file, key = RowFile(paths.rows), data_key(segments)
    file.repair()
    done, exposed = file.finished(), dict[Part, Exposed]()
    console.say(f"{loaded.name}, LEAKY ON PURPOSE: {len(parts)} parts, {sum((audit.hash(p), key) in done for p in parts)} already done")
    for i, part in enumerate(parts):
        if (audit.hash(part), key) not in done:
            file.append(audit.run(part).rows)
            console.say(f"[{i + 1}/{len(parts)}] {part.leak}, {part.method}, {part.target}, fold {part.fold + 1}")
        if (found := audit.exposed(part)) is not None:
            exposed[part] = found
    told = findings(loaded, current(file.read(), {audit.hash(part) for part in parts}), exposed)
    for method, target in dict.fromkeys((f.method, f.target) for f in told):
        mine = [f for f in told if (f.method, f.target) == (method, target)]
        console.table(COLUMNS, lines(mine), title=f"LEAKY ON PURPOSE: {method}, {target}")
    made = outputs_of(paths.rows)
    atomic_write_text(made.results, audit_markdown(loaded, told))
    write_audit(made.facts, loaded, told)
    facts = {"study": loaded.name, "rows": str(paths.rows), "findings": [f.facts() for f in told]}
    console.result(facts, f"{caption(loaded, told)}\nrows: {paths.rows}; written: {made.results}, {made.facts}")
