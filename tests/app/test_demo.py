"""The demo and the study commands from the outside: tables with floors, a page that needs nothing, no work done twice."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stf2m.app.cli import app
from stf2m.app.demo import SETS, demo_study, found_in
from stf2m.app.places import pages_elsewhere
from stf2m.app.studies import again
from stf2m.core.errors import NothingToRead, NotStored
from stf2m.data.store import import_dataset

RUN = CliRunner()

STUDY = """
dataset = "synthetic"
targets = ["arousal2"]
folds = 2
validation_people = 1
baselines = ["refit"]
floors = ["majority", "nearest_label"]
controls = []
[dataset_options]
people = 6
recordings = 2
seconds = 40.0
[recipe.signals]
modalities = ["hr", "eda"]
[recipe.cut]
window = 4.0
targets = ["arousal2"]
[[protocols]]
name = "new_person"
shots = [0, 1]
draws = 1
[training]
steps = 4
episodes = 2
[learners.recurrent]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(STUDY)
    return "tiny.toml"


def test_a_study_runs_resumes_and_reports(study, tmp_path):
    first = RUN.invoke(app, ["study", study, "--json"])
    assert first.exit_code == 0, first.stderr
    facts = json.loads(first.stdout)
    methods = {line["method"] for line in facts["tables"]}
    assert {"majority", "refit", "recurrent"} <= methods
    again = RUN.invoke(app, ["study", study])
    assert again.exit_code == 0 and "recurrent" in again.stdout and "already done" in again.stderr
    page = RUN.invoke(app, ["report", study, "--out", str(tmp_path / "page.html"), "--quiet"])
    assert page.exit_code == 0, page.stderr
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "recurrent" in text and not re.search(
        r"<(script|link|img)[^>]*(src|href)=.?https?:", re.sub(r"(<script[^>]*>).*?</script>", r"\1", text, flags=re.S)
    )
    noted = RUN.invoke(app, ["report", study, "--markdown", "--out", str(tmp_path / "tables.md")])
    assert noted.exit_code == 0 and pages_elsewhere(tmp_path / "runs/studies/tiny.csv") == [tmp_path / "page.html", tmp_path / "tables.md"]
    assert "| majority |" in RUN.invoke(app, ["report", study, "--markdown"]).stdout


def test_a_page_says_how_to_make_it_again():
    study = demo_study(None)
    assert again(study, Path("a.toml"), Path("data")) == "stf2m study a.toml"
    own = study.model_copy(update={"dataset": "lab.toml", "dataset_options": {}})
    assert [again(own, Path("a.toml"), data) for data in (Path("lab"), None)] == [
        f"stf2m study a.toml --data {name}" for name in ("lab", "FOLDER")
    ]


def test_a_report_needs_results(study):
    result = RUN.invoke(app, ["report", study])
    assert result.exit_code == NotStored.exit_code and "run it first" in result.stderr


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (('dataset = "synthetic"', 'dataset = "lab.toml"'), 41, "lab.toml: no such file"),
        (("folds = 2", "folds = 9"), 41, "more folds than labelled people; expected at most 6, got 9"),
        (("validation_people = 1", "validation_people = 5"), 52, "expected at least 10 labelled people, got 6"),
        (('targets = ["arousal2"]\nfolds', 'targets = ["arousal2"]\npeople = ["P01"]\nfolds'), 52, "got 1 - add people"),
        (("arousal2", "emotion"), 52, "synthetic: nobody has labels of 'emotion'; expected emotions on its card"),
        (("window = 4.0", "window = 0"), 41, "window and hop must be longer than nothing"),
        (("window = 4.0", "window = 900"), 18, "synthetic: no recording is as long as one window; expected 900.0 s, got at most 40.00 s"),
        (('"hr", "eda"', '"hr", "edda"'), 40, "no modalities entry named 'edda' - did you mean eda"),
        (('targets = ["arousal2"]\nfolds', 'targets = ["arousal2"]\npeople = ["P99"]\nfolds'), 40, "no person 'P99' in synthetic"),
    ],
)
def test_a_plan_refuses_what_the_run_refuses_in_the_same_sentence(wrong, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = STUDY.replace(*wrong) if "lab" not in wrong[1] else re.sub(r"\[dataset_options\]\n(\w.*\n)*", "", STUDY.replace(*wrong))
    Path("tiny.toml").write_text(text)
    plan, run = (RUN.invoke(app, ["study", "tiny.toml", "--quiet", *words]) for words in (["--plan"], []))
    assert (plan.exit_code, run.exit_code) == (code, code) and said in plan.stderr and plan.stderr == run.stderr


def test_a_plan_without_the_data_says_what_it_did_not_check(tmp_path, root):
    shown = RUN.invoke(app, ["study", str(root / "studies" / "ravdess.toml"), "--plan", "--data", str(tmp_path)])
    assert shown.exit_code == 0 and "ravdess is not there, so people and lengths were not checked" in shown.stderr


def test_from_a_store_to_a_timeline_and_back_to_nothing(study, world, files, tmp_path):
    def stf2m(*words):
        result = RUN.invoke(app, [str(w) for w in words])
        assert result.exit_code == 0, result.stderr
        return result

    store, bundle, out = tmp_path / "store", tmp_path / "people.stf2m", tmp_path / "tuesday.csv"
    mapping = tmp_path / "tiny.toml"
    import_dataset(world, store)
    trained = json.loads(stf2m("train", mapping, "--out", bundle, "--store", store, "--json").stdout)
    assert trained["people"] == 6 and trained["consent"] == "research"
    stf2m("personalise", bundle, files["monday"], "--labels", files["labels"], "--person", "ada", "--people", store, "-q")
    stf2m("predict", bundle, files["tuesday"], "--person", "ada", "--people", store, "--out", out, "-q")
    assert out.read_text().startswith("recording,subject,onset,offset,emotion")
    gone = json.loads(stf2m("forget", "ada", "--store", store, "--json").stdout)
    assert str(out) in gone["removed"] and not out.exists() and not list((store / "adaptations").glob("*/*"))
    assert list((tmp_path / "runs" / "training").glob("*/people.json"))
    taken = json.loads(stf2m("forget", "P03", "--store", store, "--json").stdout)
    assert not list((tmp_path / "runs" / "training").iterdir())
    assert len(taken["to do"]) == 1 and "people.stf2m" in taken["to do"][0]
    assert "P03" not in json.loads(stf2m("info", store, "--json").stdout)["people"]
    assert RUN.invoke(app, ["forget", "P03", "--store", str(store)]).exit_code == NotStored.exit_code


def test_without_a_store_people_lie_beside_the_bundle(bundle_path, files, tmp_path):
    import shutil

    bundle, out = shutil.copytree(bundle_path, tmp_path / "b.stf2m"), tmp_path / "t.json"
    words = ["--person", "ada", "-q"]
    assert RUN.invoke(app, ["personalise", str(bundle), str(files["monday"]), *words]).exit_code == 0
    assert RUN.invoke(app, ["predict", str(bundle), str(files["tuesday"]), *words, "--out", str(out)]).exit_code == 0
    shown = RUN.invoke(app, ["predict", str(bundle), str(files["tuesday"])])
    assert "not_personalised" in shown.stdout and "answer is for people in general" in shown.stderr
    assert RUN.invoke(app, ["forget", "ada", "--store", f"{bundle}.people"]).exit_code == 0
    assert not out.exists() and RUN.invoke(app, ["forget", "ada", "--store", f"{bundle}.people"]).exit_code == NotStored.exit_code


@pytest.mark.slow
def test_the_quick_demo(tmp_path):
    result = RUN.invoke(app, ["demo", "--quick", "--out", str(tmp_path / "out"), "--no-browser", "--json"])
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert {"floor", "baseline", "learner"} <= {line["role"] for line in facts["tables"]}
    sample = facts["sample"]
    words = ["--person", "ada", "--json"]
    kept = RUN.invoke(app, ["personalise", sample["bundle"], sample["monday"], "--labels", sample["labels"], *words])
    assert kept.exit_code == 0 and set(json.loads(kept.stdout)["segments"].values()) == {5}, kept.stderr
    said = RUN.invoke(app, ["predict", sample["bundle"], sample["tuesday"], *words])
    assert said.exit_code == 0 and len(json.loads(said.stdout)["segments"]) == 20, said.stderr
    bundle = json.loads((tmp_path / "out" / "people.stf2m" / "bundle.json").read_text(encoding="utf-8"))
    assert "P09" not in bundle["subjects"] and len(bundle["subjects"]) == 8
    assert "plotly" in (tmp_path / "out" / "demo-synthetic.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SETS)
def test_every_demo_of_real_people_is_a_study(name, tmp_path):
    (tmp_path / name).mkdir()
    assert found_in(tmp_path) == name
    assert demo_study(tmp_path).dataset == name


def test_an_empty_folder_is_no_demo(tmp_path):
    with pytest.raises(NothingToRead, match="no known data set lies here"):
        demo_study(tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("name", SETS)
def test_the_people_of_the_demos_are_there(name, real_data):
    from stf2m.data.datasets import open_dataset

    study = demo_study(real_data / name)
    assert set(study.people) <= set(open_dataset(name, real_data).subjects())
