"""`stf2m rules`: what it prints, what it writes, what it refuses; and an edited bundle goes on working."""

import json

import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.app.people import load_adaptation
from stf2m.app.personalise import adapt_to, personalise
from stf2m.app.predict import predict, predict_with
from stf2m.app.timeline import to_rows
from stf2m.core.errors import InvalidConfig, NotStored
from stf2m.training.bundle import load_bundle
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


def test_a_personalised_prediction_speaks_in_the_persons_own_centres(bundle, strangers):
    adaptation, _, _ = adapt_to(bundle, strangers[:1])
    moved = adaptation._replace(memory=adaptation.memory | {"centre_shift": adaptation.memory["centre_shift"] + 1.0})
    assert predict(bundle, strangers[1]).rules == bundle.rules
    assert predict_with(bundle, strangers[1], moved).rules == rules_in_words(bundle.fitted, moved) != bundle.rules
