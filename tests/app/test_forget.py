"""Forgetting reaches what studies, demos and trainings keep, touches nobody else, and says what it did."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.app.forget import forget_everywhere
from stf2m.app.places import note_pages
from stf2m.core.errors import InvalidConfig, NotStored
from stf2m.core.files import write_json
from stf2m.data.store import import_dataset
from stf2m.evaluation.outputs import outputs_of
from stf2m.evaluation.rows import RowFile, remove_person
from stf2m.prepare.recipe import SignalRecipe
from stf2m.prepare.store import open_prepared, prepare_dataset

RUN = CliRunner()
RECIPE = SignalRecipe(modalities=("hr", "eda"))
PEOPLE = ("P01", "P02", "P03")


def a_few(world, dataset: str = "synthetic"):
    """Three of the generated people, with one recording each."""
    card = world.card.model_copy(update={"name": dataset})
    return SimpleNamespace(card=card, subjects=lambda: PEOPLE, recordings=lambda s: iter([next(iter(world.recordings(s)))]))


def rows_of(dataset: str = "synthetic", cells: tuple[str, ...] = ("a", "b")) -> list[list[dict]]:
    base = {"dataset": dataset, "data": "00", "target": "arousal2", "fold": 0, "shots": 1, "draw": 0, "balanced_accuracy": 0.123456789}
    return [[{**base, "cell": cell, "person": person} for person in PEOPLE for _ in range(2)] for cell in cells]


def keep_study(folder: Path, name: str, dataset: str = "synthetic") -> RowFile:
    """What a study leaves: rows, a timeline per person, page and tables."""
    file = RowFile(folder / f"{name}.csv")
    for rows in rows_of(dataset):
        file.append(rows)
    for person in PEOPLE:
        write_json(folder / name / "timelines" / f"arousal2-new_person-{person[-1]}.json", {"person": person, "target": "arousal2"})
    for path in outputs_of(file.path):
        path.write_text(f"of {', '.join(PEOPLE)}")
    return file


@pytest.fixture
def runs(world, tmp_path):
    """A working folder with everything in it, of two data sets that share names of people."""
    root = tmp_path / "runs"
    prepare_dataset(a_few(world), RECIPE, root / "stores" / "synthetic")
    prepare_dataset(a_few(world), RECIPE, root / "demo" / "stores" / "synthetic-1234")
    prepare_dataset(a_few(world, "others"), RECIPE, root / "stores" / "others")
    keep_study(root / "studies", "mine")
    keep_study(root / "demo", "demo-mine")
    keep_study(root / "studies", "theirs", "others")
    for name, dataset in (("mine", "synthetic"), ("theirs", "others")):
        write_json(root / "training" / f"{name}-arousal2-recurrent" / "people.json", {"dataset": dataset, "subjects": list(PEOPLE)})
        (root / "training" / f"{name}-arousal2-recurrent" / "state.safetensors").write_bytes(b"weights")
    return root


def holding(root: Path, name: str) -> set[str]:
    """Files below `root` that name a person."""
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and name.encode() in p.read_bytes()}


def test_nothing_of_the_person_is_left_and_everybody_else_is(runs):
    before = {p: open_prepared(runs / p, RECIPE) for p in ("stores/synthetic", "stores/others")}
    kept = {
        p: [np.array(s[:, e.bounds["hr"][0] : e.bounds["hr"][1]]) for e in before[p].entries for s in [before[p].signals["hr"]]]
        for p in before
    }
    gone = forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    assert all(re.search("others|theirs", path) for path in holding(runs, "P02"))
    assert len(holding(runs, "P02")) == 9 and holding(runs, "P03")
    after = open_prepared(runs / "stores/synthetic", RECIPE)
    for entry, values in zip(after.entries, (kept["stores/synthetic"][0], kept["stores/synthetic"][2]), strict=True):
        np.testing.assert_array_equal(after.signals["hr"][:, slice(*entry.bounds["hr"][:2])], values)
    assert len(open_prepared(runs / "stores/others", RECIPE).entries) == 3
    assert {row["person"] for row in RowFile(runs / "studies/mine.csv").read()} == {"P01", "P03"}
    assert not (runs / "training/mine-arousal2-recurrent").exists() and (runs / "training/theirs-arousal2-recurrent").exists()
    kinds = [re.split(r"[ :]", text, maxsplit=1)[0] for text in gone.sentences]
    assert kinds == ["prepared", "results", "timelines", "pages", "trainings"]
    assert "2 folders" in gone.sentences[0] and "8 rows" in gone.sentences[1] and "2 files" in gone.sentences[1]
    assert sum("run the study again" in text for text in gone.remake) == 2
    with pytest.raises(NotStored, match="no person 'P02'"):
        forget_everywhere(None, "P02", runs=runs, dataset="synthetic")


def test_rows_of_others_stay_as_they_were(tmp_path):
    file = RowFile(tmp_path / "rows.csv")
    for rows in rows_of():
        file.append(rows)
    before = [row for row in file.read() if row["person"] != "P01"]
    with file.path.open("a") as handle:
        handle.write("half a row of P01 that a kill le")
    assert remove_person(file.path, "synthetic", "P01") == 4 and "P01" not in file.path.read_text()
    assert [{**row, "cell_rows": 6} for row in file.read()] == before
    assert {row["cell_rows"] for row in file.read()} == {4}
    assert remove_person(file.path, "synthetic", "P01") == 0
    (tmp_path / "table.csv").write_text("target,mean\nP01,1\n")
    assert remove_person(tmp_path / "table.csv", "synthetic", "P01") == 0


def test_a_killed_call_is_finished_by_the_next(runs, monkeypatch):
    from stf2m.evaluation import outputs

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(outputs, "remove_person", stop)
        forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    assert all(re.search("others|theirs", path) for path in holding(runs, "P02"))


def test_with_bundles_the_results_go_as_a_whole(runs):
    gone = forget_everywhere(None, "P02", runs=runs, dataset="synthetic", bundles=True)
    assert not (runs / "studies/mine.csv").exists() and not (runs / "studies/mine").exists()
    assert (runs / "studies/theirs.csv").exists() and runs / "studies/mine.csv" in gone.removed


def test_a_timeline_without_its_rows_goes_too(runs):
    (runs / "studies/mine.csv").unlink()
    gone = forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    left = {path.name for path in (runs / "studies/mine/timelines").iterdir()}
    assert left == {"arousal2-new_person-1.json", "arousal2-new_person-3.json"} and gone.rows == 4


def test_a_store_names_its_data_set(runs, world, tmp_path):
    store = tmp_path / "store"
    import_dataset(world, store)
    words = ["forget", "P03", "--store", str(store), "--runs", str(runs)]
    said = RUN.invoke(app, words)
    assert said.exit_code == 0, said.stderr
    assert said.stdout.startswith("recordings: ") and "prepared signals" in said.stdout and "to do: " in said.stdout
    assert all(re.search("others|theirs", path) for path in holding(runs, "P03")) and not holding(store, "P03")
    assert RUN.invoke(app, words).exit_code == NotStored.exit_code


def test_without_a_store_the_data_set_is_named(runs):
    facts = json.loads(RUN.invoke(app, ["forget", "P01", "--dataset", "synthetic", "--runs", str(runs), "--json"]).stdout)
    assert facts["rows"] == 8 and any("demo-mine.html" in path for path in facts["removed"])
    assert all(re.search("others|theirs", path) for path in holding(runs, "P01"))
    wrong = RUN.invoke(app, ["forget", "P01", "--dataset", "sinthetic", "--runs", str(runs)])
    assert wrong.exit_code == NotStored.exit_code and "others, synthetic" in wrong.stderr
    nowhere = RUN.invoke(app, ["forget", "P01", "--runs", str(runs)])
    assert nowhere.exit_code == InvalidConfig.exit_code and "--store" in nowhere.stderr and "--dataset" in nowhere.stderr


def test_bundles_below_the_working_folder_are_named_or_deleted(runs):
    for name, dataset, people in (("mine", "synthetic", PEOPLE), ("few", "synthetic", ("P01",)), ("theirs", "others", PEOPLE)):
        write_json(runs / f"{name}.stf2m" / "bundle.json", {"dataset": dataset, "subjects": list(people)})
    gone = forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    assert [text for text in gone.remake if "train it again" in text] == [
        f"{runs / 'mine.stf2m'}: trained with this person; train it again without them"
    ]
    assert (runs / "mine.stf2m" / "STALE.json").exists() and not (runs / "few.stf2m" / "STALE.json").exists()
    forget_everywhere(None, "P02", runs=runs, dataset="synthetic", bundles=True)
    assert sorted(path.name for path in runs.glob("*.stf2m")) == ["few.stf2m", "theirs.stf2m"]


def test_pages_written_elsewhere_are_found(runs, tmp_path):
    page, figures, theirs = tmp_path / "out" / "page.html", tmp_path / "figures", tmp_path / "theirs.html"
    for rows, paths in (("mine", (page, figures / "curve-a.svg")), ("theirs", (theirs,))):
        for path in paths:
            path.parent.mkdir(exist_ok=True)
            path.write_text("made of the rows")
        note_pages(runs / f"studies/{rows}.csv", paths)
    note_pages(runs / "studies/mine.csv", [page, tmp_path / "moved away.html"])
    gone = forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    assert not page.exists() and not (figures / "curve-a.svg").exists() and theirs.exists()
    assert {page, figures / "curve-a.svg"} <= set(gone.removed)


def test_a_page_that_names_somebody_without_a_row_goes_too(runs):
    page = outputs_of(runs / "studies/mine.csv").results
    remove_person(runs / "studies/mine.csv", "synthetic", "P02")
    (runs / "studies/mine/timelines/arousal2-new_person-2.json").unlink()
    page.write_text("for example P02, clip 3")
    forget_everywhere(None, "P02", runs=runs, dataset="synthetic")
    assert not page.exists()
