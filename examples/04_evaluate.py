"""A small study: floors that read no signal, a baseline and a learner on people they never met, in one table.

python examples/04_evaluate.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from stf2m.core.config import build
from stf2m.evaluation.execute import paths_of, read_timelines, run_study
from stf2m.evaluation.report import write_report
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import write_results
from stf2m.evaluation.study import Study

STUDY = {
    "name": "example",
    "dataset": "synthetic",
    "dataset_options": {"people": 8, "recordings": 3, "seconds": 60.0},
    "recipe": {"signals": {"modalities": ["hr", "eda", "pupil"]}, "cut": {"window": 3.0, "lag": 1.5, "targets": ["arousal2"]}},
    "targets": ["arousal2"],
    "folds": 2,
    "validation_people": 1,
    "protocols": [{"name": "new_person", "shots": [0, 1, 5], "draws": 2}],
    "baselines": ["refit"],
    "controls": ["shuffled_labels"],
    "detailed": ["recurrent"],
}


def main(folder: Path, steps: int = 20) -> None:
    study = build(Study, {**STUDY, "training": {"steps": steps}, "learners": {"recurrent": {}}}, where="example")
    paths = paths_of(study, runs=folder)
    rows = run_study(study, paths)
    print(write_results(study, rows))
    print("page:", write_report(report_of(study, rows, read_timelines(study, paths)), folder / "example.html"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="stf2m-")))
