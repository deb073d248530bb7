"""What the command line does with study files: train a bundle, run the cells, print the tables."""

from pathlib import Path

from stf2m.app.console import Console
from stf2m.app.train import material_of, train_bundle
from stf2m.evaluation.study import load_study


def run_train(
    study: Path,
    out: Path,
    learner: str | None,
    target: str | None,
    store: Path | None,
    data: Path | None,
    runs: Path,
    use: str,
    console: Console,
) -> None:
    """Train on everybody of the study's data set, and write a bundle."""
    loaded = load_study(study)
    with console.progress("prepare") as tick:
        material = material_of(loaded, data=data, store=store, runs=runs, tick=tick)
    with console.progress("meta-train") as tick:
        facts = train_bundle(loaded, material, out, learner=learner, target=target, work=runs / "training", use=use, tick=tick)
    text = f"{out}: {facts['learner']} for {facts['target']}, trained on {facts['people']} people of {facts['dataset']}"
    console.result(facts, text)
