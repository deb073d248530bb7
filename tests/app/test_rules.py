"""`stf2m rules`: what it prints, what it writes, what it refuses; and an edited bundle goes on working."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.app.people import load_adaptation
from stf2m.app.personalise import adapt_to, personalise
from stf2m.app.predict import predict, predict_with
from stf2m.app.timeline import to_rows
from stf2m.core.errors import InvalidConfig, NotEnoughLabels, NotStored
from stf2m.data.store import derived, forget, import_dataset
from stf2m.training.bundle import load_bundle, save_bundle, save_edited
from stf2m.training.edits import edit_rules
from stf2m.training.words import rules_in_words

RUN = CliRunner()


def test_rules_are_listed_and_edited_into_a_new_bundle(bundle_path, tmp_path):
    before = json.loads(RUN.invoke(app, ["rules", str(bundle_path), "--json"]).stdout)
    assert len(before["rules"]) == 12 and before["edits"] == [] and 0 < before["rules"][0]["told"] <= 1
    words = ["--delete", "3", "--edit", "2: heart rate > usual + 8 bpm", "--lock", "5", "--out", str(tmp_path / "edited.stf2m"), "--json"]
    result = RUN.invoke(app, ["rules", str(bundle_path), *words])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["edits"] == ["delete 3", "2: heart rate > usual + 8 bpm", "lock 5"]
    assert found["rules"][2]["words"].endswith("[deleted]") and found["rules"][4]["words"].endswith("[locked]")
    assert "heart rate is 8 bpm above usual (high)" in found["rules"][1]["words"]
    assert RUN.invoke(app, ["rules", str(bundle_path), *words]).exit_code == 41


def test_an_edit_needs_a_folder_and_a_folder_an_edit(bundle_path, tmp_path):
    result = RUN.invoke(app, ["rules", str(bundle_path), "--delete", "3"])
    assert result.exit_code == 41 and "name its folder with --out" in result.stderr
    result = RUN.invoke(app, ["rules", str(bundle_path), "--out", str(tmp_path / "x")])
    assert result.exit_code == 41 and "nothing was edited" in result.stderr
    result = RUN.invoke(app, ["rules", str(bundle_path), "--edit", "2: hart rate > usual", "--out", str(tmp_path / "x")])
    assert result.exit_code == 40 and "did you mean heart rate" in result.stderr and not (tmp_path / "x").exists()


def test_a_person_of_the_first_bundle_is_not_a_person_of_the_edited(bundle, strangers, tmp_path):
    personalise(bundle, strangers[:1], "ada", folder=tmp_path)
    RUN.invoke(app, ["rules", str(bundle.path), "--delete", "1", "--out", str(tmp_path / "e.stf2m")])
    edited = load_bundle(tmp_path / "e.stf2m")
    with pytest.raises(NotStored, match="another bundle"):
        load_adaptation(tmp_path, "ada", edited)
    personalise(edited, strangers[:1], "ada", folder=tmp_path)
    said = predict(edited, strangers[1], person="ada", folder=tmp_path)
    assert (said.firing[:, 0] == 0).all() and not any(said.rules[0] in rule for row in to_rows(said) for rule in row["rules"])
    with pytest.raises(InvalidConfig, match="write it with save_edited"):
        personalise(edit_rules(bundle, ["delete 1"]), strangers[:1], "ada", folder=tmp_path)


def test_a_place_that_no_input_reaches_is_said(bundle_path, tmp_path):
    words = ["--edit", "2: heart rate > usual + 900 bpm", "--edit", "3: heart rate > usual + 8 bpm", "--out", str(tmp_path / "e.stf2m")]
    result = RUN.invoke(app, ["rules", str(bundle_path), *words])
    assert result.exit_code == 0 and result.stderr.count("standard deviations of the training people") == 1
    assert "'2: heart rate > usual + 900 bpm' lies" in result.stderr and "is read up to 5 (" in result.stderr
    assert "the number behind a term or an emotion is its share" in result.stderr


def test_an_edited_bundle_is_registered_where_its_first_one_was(world, bundle, tmp_path):
    store, first = tmp_path / "store", tmp_path / "sub" / "first.stf2m"
    import_dataset(world, store)
    facts = {n: v for n, v in bundle.facts.items() if n not in ("sha256", "stores")}
    save_bundle(first, bundle.fitted, bundle.recipe, {**facts, "stores": [str(store)]})
    assert json.loads((first / "bundle.json").read_text())["stores"] == ["../../store"]
    for words in (["--delete", "1", "--out", str(tmp_path / "a.stf2m")], ["--lock", "1", "--out", str(tmp_path / "b.stf2m")]):
        assert RUN.invoke(app, ["rules", str(first), *words]).exit_code == 0
    save_edited(tmp_path / "c.stf2m", edit_rules(load_bundle(tmp_path / "a.stf2m"), ["restore 1"]))
    assert {(one.path.name, one.kind) for one in derived(store)} == {(f"{n}.stf2m", "bundle") for n in ("first", "a", "b", "c")}
    gone = RUN.invoke(app, ["forget", "P03", "--store", str(store), "--runs", str(tmp_path / "runs")])
    assert all(f"{name}.stf2m" in gone.stdout for name in ("first", "a", "b", "c"))
    late = RUN.invoke(app, ["rules", str(first), "--delete", "2", "--out", str(tmp_path / "late.stf2m")])
    assert "removed since" in late.stderr and (tmp_path / "late.stf2m" / "STALE.json").exists()
    save_edited(tmp_path / "later.stf2m", edit_rules(edit_rules(load_bundle(first), ["delete 2"]), ["lock 1"]))
    stale = {one.path.name for one in derived(store) if one.stale}
    assert {"late.stf2m", "later.stf2m"} <= stale and (tmp_path / "later.stf2m" / "STALE.json").exists()
    forget(store, "P03", bundles=True)
    assert not any((tmp_path / name).exists() for name in ("late.stf2m", "later.stf2m"))
    save_bundle(first, bundle.fitted, bundle.recipe, {**facts, "stores": [str(store)]})
    shutil.rmtree(store)
    assert RUN.invoke(app, ["rules", str(first), "--delete", "1", "--out", str(tmp_path / "d.stf2m")]).exit_code == 0


def test_a_personalised_prediction_speaks_in_the_persons_own_centres(bundle, strangers):
    adaptation, _, _ = adapt_to(bundle, strangers[:1])
    moved = adaptation._replace(memory=adaptation.memory | {"centre_shift": adaptation.memory["centre_shift"] + 1.0})
    assert predict(bundle, strangers[1]).rules == bundle.rules
    assert predict_with(bundle, strangers[1], moved).rules == rules_in_words(bundle.fitted, moved) != bundle.rules


def study_file(folder, text=""):
    path = folder / "generated.toml"
    options = "[dataset_options]\npeople = 8\nrecordings = 3\nseconds = 40.0\nseed = 3\n"
    path.write_text(
        'dataset = "synthetic"\ntargets = ["arousal2"]\nfolds = 4\nvalidation_people = 1\n' + text + options
        + '[recipe.signals]\nmodalities = ["hr", "eda", "temp"]\n[recipe.cut]\nwindow = 2.0\nlag = 1.0\ntargets = ["arousal2"]\n'
        + '[[protocols]]\nname = "new_person"\nshots = [0, 2]\n[training]\nsteps = 1\nepisodes = 1\n[learners.protonet]\n'
    )  # fmt: skip
    return path


def test_rules_are_measured_on_people_whom_the_bundle_never_met_and_scored_again(bundle_path, tmp_path):
    study = study_file(tmp_path)
    words = ["--study", str(study), "--runs", str(tmp_path), "--shots", "2", "--delete", "1", "--out", str(tmp_path / "e.stf2m")]
    result = RUN.invoke(app, ["rules", str(bundle_path), *words, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["people"] == 3 and found["mark"] == ""  # P06, P07, P08: the bundle was made from P01 to P05
    assert len(found["figures"]) == 12 and found["figures"][0]["strongest"] == 0
    assert sum(f["strongest"] for f in found["figures"]) == pytest.approx(1, abs=1e-5)
    assert set(found["fidelity"]) == {"rules", "constant", "tree"}
    lines = {(line["name"], line["shots"]): line for line in found["rescored"]["lines"]}
    assert {("before", 0), ("after", 2), ("majority", 0), ("same stimulus", 0)} <= lines.keys()
    shown = RUN.invoke(app, ["rules", str(bundle_path), *words[:6]])
    assert "precision" in shown.stdout and "a decision tree of equal size" in shown.stdout


def test_figures_on_validation_people_are_marked_and_nobody_left_is_refused(bundle, bundle_path, tmp_path):
    study = study_file(tmp_path, 'people = ["P01", "P02", "P05"]\n')
    everybody = [f"P{i:02d}" for i in range(1, 9)]
    facts = {**bundle.facts, "subjects": everybody, "judges": ["P05"]}
    save_bundle(tmp_path / "all.stf2m", bundle.fitted, bundle.recipe, {n: v for n, v in facts.items() if n != "sha256"})
    words = ["--study", str(study), "--runs", str(tmp_path), "--json"]
    found = json.loads(RUN.invoke(app, ["rules", str(tmp_path / "all.stf2m"), *words]).stdout)
    assert found["people"] == 1 and "no held-out people" in found["mark"] and set(found["fidelity"]) == {"rules"}
    save_bundle(tmp_path / "none.stf2m", bundle.fitted, bundle.recipe, {n: v for n, v in facts.items() if n not in ("sha256", "judges")})
    refused = RUN.invoke(app, ["rules", str(tmp_path / "none.stf2m"), *words])
    assert refused.exit_code == NotEnoughLabels.exit_code and "all met in training" in refused.stderr


@pytest.mark.slow
def test_a_study_compares_the_rules_of_its_trainings(tmp_path):
    study = study_file(tmp_path)
    result = RUN.invoke(app, ["rules", str(study), "--runs", str(tmp_path), "--seeds", "0", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert len(found["trainings"]) == 3 and len(found["stability"]["folds"]) == 3
    folder = tmp_path / "training" / "generated-arousal2-protonet-rules"
    assert "mean matched correlation" in (folder / "rules.md").read_text() and (folder / "people.json").exists()


@pytest.mark.slow
def test_training_goes_on_from_an_edited_bundle_and_its_card_keeps_the_edits(tmp_path):
    study = str(study_file(tmp_path))
    for name, words in {"a": [], "c": ["--start", str(tmp_path / "b.stf2m")]}.items():
        if name == "c":
            edits = ["--lock", "2", "--out", str(tmp_path / "b.stf2m")]
            assert RUN.invoke(app, ["rules", str(tmp_path / "a.stf2m"), *edits]).exit_code == 0
        result = RUN.invoke(app, ["train", study, "--out", str(tmp_path / f"{name}.stf2m"), "--runs", str(tmp_path), *words])
        assert result.exit_code == 0, result.output
    first, last = (load_bundle(tmp_path / f"{name}.stf2m") for name in "ac")
    assert last.facts["edits"] == ["lock 2"] and "[locked]" in last.rules[1]
    assert len(first.facts["rule_use"]) == 12 and len(first.facts["judges"]) == 1
    assert (last.params["net.rules.centre"][1] == first.params["net.rules.centre"][1]).all()
