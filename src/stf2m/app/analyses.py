"""What the command line does with a study's rows beside its tables: compare every method, draw the curve, take the method apart."""

import json
from pathlib import Path

from stf2m.app.console import Console
from stf2m.app.places import note_pages
from stf2m.app.studies import asked_tables, show_tables, stored_rows
from stf2m.core.files import atomic_write_text
from stf2m.core.plain import finite
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.rows import RowFile
from stf2m.evaluation.study import cells_of, load_study, protocol_named
from stf2m.evaluation.table import tables_of


def run_plan(study: Path, data: Path | None, runs: Path, rows: Path | None, console: Console) -> None:
    """Say what a study will cost, and run nothing; what the run would refuse is refused."""
    from stf2m.evaluation.cost import COLUMNS, check_study, plan_lines, plan_of, plan_words
    from stf2m.evaluation.questioning import asked_as_one

    loaded = load_study(study)
    paths = paths_of(loaded, data=data, runs=runs, rows=rows)
    for remark in [*filter(None, [check_study(loaded, paths.data)]), *asked_as_one(loaded)]:
        console.say(f"note: {remark}")
    cells, found = cells_of(loaded), RowFile(paths.rows).read()
    done = {row["cell"] for row in found}
    plan = plan_of(loaded, cells, [cell for cell in cells if cell.settings not in done], found, paths.seconds)
    console.table(COLUMNS, plan_lines(plan), title=f"{loaded.name}: what is left to do")
    kinds = [{**kind._asdict(), "methods": list(kind.methods)} for kind in plan.kinds]
    facts = {"study": loaded.name, "kinds": kinds, "cpu_hours": plan.declared, "cpu_hours_left": plan.hours}
    console.result(facts | {"max_cpu_hours": loaded.max_cpu_hours}, plan_words(plan))


def run_compare(study: Path, runs: Path, rows: Path | None, out: Path | None, console: Console) -> None:
    """Rank all methods and pair each with each, from the rows alone; write the diagrams."""
    from stf2m.evaluation.compare import PAIR_COLUMNS, against, comparisons, pairwise_rows
    from stf2m.evaluation.outputs import figures_of, write_figures

    loaded = load_study(study)
    paths = paths_of(loaded, runs=runs, rows=rows)
    tables = asked_tables(loaded, stored_rows(loaded, paths))
    facts, told = [], []
    for table in tables:
        where = f"{table.group.target}, {protocol_named(loaded, table.group.card).heading}"
        for found in comparisons(table):
            console.table(PAIR_COLUMNS, pairwise_rows(found), title=f"{where}, k = {found.shots}: every pair, Holm over all of them")
            ranks = {line.words: float(mean) for line, mean in zip(found.lines, found.ranking.mean, strict=True)}
            console.table(("method", "average rank"), [(n, f"{r:.2f}") for n, r in sorted(ranks.items(), key=lambda pair: pair[1])])
            told.append(f"{where}: {found.words}")
            pairs = [
                {"method": a.words, "against": b.words, **gap._asdict(), "p_holm": p, "p_nemenyi": apart}
                for a, b, gap, p, apart in found.pairs
            ]
            ranking = {"ranks": ranks, "friedman_p": found.ranking.p, "people": found.ranking.people}
            facts.append(
                {
                    "target": table.group.target,
                    "protocol": table.group.protocol,
                    "k": found.shots,
                    **finite(ranking),
                    "pairs": [finite(p) for p in pairs],
                }
            )
        told += [f"{where}, {loaded.main.replace('_', ' ')} at {sentence}" for sentence in against(table, loaded.main)]
    written = write_figures(loaded, tables, out or figures_of(paths.rows))
    if out is not None:
        note_pages(paths.rows, written)
    told.append(f"figures: {written[0].parent}")
    console.result({"study": loaded.name, "comparisons": facts, "figures": [str(path) for path in written]}, "\n".join(told))


def run_curve(study: Path, runs: Path, rows: Path | None, out: Path | None, console: Console) -> None:
    """The score over the number of labels, from the rows alone; write the curves."""
    from stf2m.app.studies import tables_as_json
    from stf2m.evaluation.outputs import figures_of, write_figures

    loaded = load_study(study)
    paths = paths_of(loaded, runs=runs, rows=rows)
    found = stored_rows(loaded, paths)
    show_tables(loaded, found, console)
    drawn = write_figures(loaded, tables_of(found, loaded.primary), out or figures_of(paths.rows))
    if out is not None:
        note_pages(paths.rows, drawn)
    written = [path for path in drawn if path.name.startswith("curve")]
    facts = {"study": loaded.name, "curve": tables_as_json(loaded, found), "figures": [str(path) for path in written]}
    console.result(facts, f"curves: {', '.join(map(str, written))}")


def run_ablation(
    study: Path, targets: list[str], only: list[str], data: Path | None, runs: Path, rows: Path | None, jobs: int,
    over_budget: bool, console: Console,
) -> None:  # fmt: skip
    """Run the main learner's variants as methods of their own, measure each, and print what every part adds and costs."""
    from stf2m.evaluation.ablation import ablation_of
    from stf2m.evaluation.ablation_table import ablation_json, ablation_markdown, caption, columns, lines, training_seconds
    from stf2m.evaluation.efficiency import measured
    from stf2m.evaluation.outputs import write_outputs

    ablation = ablation_of(load_study(study), targets=tuple(targets), only=tuple(only))
    grid = ablation.study
    paths = paths_of(grid, data=data, runs=runs, rows=rows)
    for name, why in ablation.left_out.items():
        console.say(f"not in the grid: {name} ({why})")
    found = run_study(grid, paths, jobs=jobs, say=console.say, over_budget=over_budget)
    costs = measured(grid, paths, list(ablation.words), console.say)
    for table in tables_of(found, grid.primary):
        console.table(
            columns(table), lines(table, ablation, costs, training_seconds(found)), title=f"{table.group.target}, {table.group.protocol}"
        )
    made = write_outputs(grid, paths, found, command=f"stf2m ablation {study}")
    text = made.results.read_text(encoding="utf-8") + "\n" + ablation_markdown(ablation, found, costs)
    atomic_write_text(made.results, text)
    numbers = [finite(entry) for entry in ablation_json(ablation, found, costs)]
    atomic_write_text(made.facts, json.dumps(numbers, indent=1) + "\n")
    facts = {"study": grid.name, "rows": str(paths.rows), "left_out": ablation.left_out, "variants": numbers}
    console.result(facts, f"{caption(grid.primary)}\nrows: {paths.rows}; written: {made.results}, {made.report}")
