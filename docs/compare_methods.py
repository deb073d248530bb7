"""How the main method of a study stands against each other method, paired over people: `python docs/compare_methods.py synthetic`.

From the committed rows alone; intervals are corrected for all comparisons of the table (Bonferroni).
"""

import sys
from pathlib import Path

from stf2m.evaluation.reading import relation
from stf2m.evaluation.rows import RowFile, current
from stf2m.evaluation.statistics import paired
from stf2m.evaluation.study import cells_of, load_study
from stf2m.evaluation.table import tables_of

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """One line per table, number of labels and other method."""
    study = load_study(ROOT / "studies" / f"{sys.argv[1]}.toml")
    rows = current(RowFile(ROOT / "studies" / "results" / f"{study.name}.csv").read(), {c.settings for c in cells_of(study)})
    for table in tables_of(rows, study.primary):
        lines = table.plain("floor", "baseline", "learner")
        own = next(line for line in lines if line.method == study.main)
        pairs = [(k, o) for k in table.shots for o in lines if o != own and {(own, k), (o, k)} <= table.scores.keys()]
        for k, other in pairs:
            gap = paired(table.scores[own, k], table.scores[other, k], comparisons=len(pairs))
            print(f"{table.group.target}, {table.group.protocol}, k = {k}: {relation(gap, other.words)}")


if __name__ == "__main__":
    main()
