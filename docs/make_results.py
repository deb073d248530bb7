"""Write docs/results.md and a page per study from the committed rows, and from nothing else: `python docs/make_results.py`."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from digest import filled

from stf2m.core.files import atomic_write_text
from stf2m.evaluation.ablation import Ablation, ablation_of
from stf2m.evaluation.ablation_table import ablation_markdown
from stf2m.evaluation.audit_words import audit_markdown, read_audit
from stf2m.evaluation.compare import comparisons
from stf2m.evaluation.cost import hours_of_rows
from stf2m.evaluation.curves import asking_cells, asking_text
from stf2m.evaluation.efficiency import Efficiency
from stf2m.evaluation.figures import ranks_svg
from stf2m.evaluation.outputs import ranks_name
from stf2m.evaluation.results import write_results
from stf2m.evaluation.rows import Row, RowFile, current
from stf2m.evaluation.standing import standing_markdown
from stf2m.evaluation.study import Study, cells_of, load_study
from stf2m.evaluation.table import Table, tables_of

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "studies" / "results"
CARDS = "../protocols.md"
BUDGET = 16
"""labels asked of a person, as `stf2m asking` does by default"""
ORDER = (
    "ravdess", "ravdess_named", "ravdess_missing", "ravdess_seconds", "ravdess_methods", "ravdess_convolution", "ceap360vr", "ceap_three", "ceap_seconds",
    "ceap_three_seconds", "ceap_rating", "ceap_first_minutes", "ceap_context", "ceap_new_stimulus", "ceap_missing", "stress_predict",
    "stress_context", "hku956", "cross_wrist", "synthetic", "synthetic_methods", "synthetic_convolution", "synthetic_others",
    "synthetic_missing", "synthetic_null", "literature_ceap",
)  # fmt: skip


def main(out: Path = ROOT / "docs") -> None:
    """The head with a list of the pages, and one page per study that has rows, into the folder `out`."""
    head = (ROOT / "docs" / "results.head.md").read_text(encoding="utf-8").rstrip()
    lines = [filled(head, tables_named), "", "## Every study", ""]
    for name in ORDER:
        study = load_study(ROOT / "studies" / f"{name}.toml")
        if not (ROWS / f"{name}.csv").exists():
            lines.append(f"- {study.title}: nobody has computed it yet (`stf2m study studies/{name}.toml`).")
            continue
        rows = rows_of(study, name)
        sections = [
            write_results(study, rows, CARDS),
            *parts_of(study, name),
            *rules_of(name),
            *asking_of(study, name),
            *leaks_of(study, name),
        ]
        sections += standing_of(study, rows, out / "results")
        heading = f"# {study.title}\n\n[All results](../results.md), how to read them, and what they say in short.\n"
        atomic_write_text(out / "results" / f"{name}.md", "\n".join([heading, *sections]).replace(f"## {study.title}\n\n", "", 1))
        people = len({row["person"] for row in rows if row["person"]})
        more = {"its parts taken away": parts_of(study, name), "its rules": rules_of(name), "asking for labels": asking_of(study, name)}
        more["leaks on purpose"] = leaks_of(study, name)
        lines.append(
            f"- [{study.title}](results/{name}.md): {', '.join([f'{people} people', *(word for word, there in more.items() if there)])}."
        )
    lines += ["", "## What they cost", "", *costs()]
    atomic_write_text(out / "results.md", "\n".join(lines) + "\n")


def costs() -> list[str]:
    """CPU-hours of all kept rows per data set."""
    hours: dict[str, list[float]] = {}
    for name in ORDER:
        study = load_study(ROOT / "studies" / f"{name}.toml")
        data = study.dataset + (f" and {study.second.dataset}" if study.second else "")
        files = [file for file in (ROWS / f"{name}{kind}.csv" for kind in ("", "-ablation", "-asking")) if file.exists()]
        hours.setdefault(data, []).extend(hours_of_rows(read(file)) for file in files)
    text = [
        "Fitting and answering on one core, as the rows report it; a study may take 12 CPU-hours before it asks.",
        "",
    ]
    text += ["| data | studies and ablations | CPU-hours |", "| --- | --- | --- |"]
    return text + [f"| {data} | {len(each)} | {sum(each):.1f} |" for data, each in hours.items()]


def tables_named(name: str) -> tuple[Study, list[Table]]:
    """A study, or the ablation of one (`NAME-ablation`), with its tables."""
    study = load_study(ROOT / "studies" / f"{name.removesuffix('-ablation')}.toml")
    if name.endswith("-ablation"):
        study = shown_ablation(study).study
    return study, tables_of(rows_of(study, name), study.primary)


def standing_of(study: Study, rows: list[Row], out: Path) -> list[str]:
    """Ranks and effects, with a critical-difference diagram per table that has three methods, written into `out`/figures."""
    compared = []
    for table in tables_of(rows, study.primary):
        found, picture = comparisons(table), ""
        if found and len(found[-1].lines) > 2 and found[-1].ranking.people > 1:
            name = f"{study.name}-{ranks_name(study, table, found[-1].shots)}"
            atomic_write_text(out / "figures" / name, ranks_svg(found[-1], main=study.main))
            picture = f"figures/{name}"
        compared.append((table, found, picture))
    text = standing_markdown(compared, {protocol.card.hash: protocol.heading for protocol in study.asked}, study.main, CARDS)
    return [text] if text else []


def asking_of(study: Study, name: str) -> list[str]:
    """Which label to ask for next, where `stf2m asking` was run."""
    file = ROWS / f"{name}-asking.csv"
    if not file.exists():
        return []
    return [asking_text(study, current(read(file), {cell.settings for cell in asking_cells(study, BUDGET)}))]


def rules_of(name: str) -> list[str]:
    """What `stf2m rules` wrote of the study's rules, where it was run, one level of headings deeper."""
    file = ROWS / f"{name}-rules.md"
    return [file.read_text(encoding="utf-8").replace("\n## ", "\n### ").replace("# ", "## ", 1)] if file.exists() else []


def rows_of(study: Study, stem: str) -> list[Row]:
    """The rows that belong to the study as it stands."""
    return current(read(ROWS / f"{stem}.csv"), {cell.settings for cell in cells_of(study)})


@cache
def read(file: Path) -> list[Row]:
    """Every row of a file, read once."""
    return RowFile(file).read()


def parts_of(study: Study, name: str) -> list[str]:
    """The study's ablation, where there is one; what it cost was measured in the same run and stands beside the rows."""
    if not (ROWS / f"{name}-ablation.csv").exists():
        return []
    ablation = shown_ablation(study)
    facts = json.loads((ROWS / f"{name}-ablation.json").read_text(encoding="utf-8"))
    costs = {e["method"]: Efficiency(*(e[key] for key in Efficiency._fields)) for e in facts if "parameters" in e}
    return [ablation_markdown(ablation, rows_of(ablation.study, f"{name}-ablation"), costs, CARDS)]


def shown_ablation(study: Study) -> Ablation:
    """The study's ablation with the variants that were computed; the others of the grid are left out with a reason."""
    asked = {row["method"] for row in read(ROWS / f"{study.name}-ablation.csv")}
    whole = ablation_of(study)
    shown = ablation_of(study, only=tuple(name for name in whole.words if name in asked and name != study.main))
    missing = {name: "not computed" for name in whole.words if name not in shown.words}
    return replace(shown, left_out={**whole.left_out, **missing})


def leaks_of(study: Study, name: str) -> list[str]:
    """The study's audit, where there is one."""
    _, found = read_audit(ROWS / f"{name}-audit.json")
    return [audit_markdown(study, found, CARDS)] if found else []


if __name__ == "__main__":
    main()
