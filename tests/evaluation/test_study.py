"""A study is a list of cells; its results file grows by whole cells, survives kills and never says two things for one cell."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from stf2m.app.console import Console
from stf2m.app.demo import run_cells
from stf2m.app.studies import show_tables, write_page
from stf2m.core.config import build
from stf2m.core.errors import CorruptStore, InUse, InvalidConfig, NoConsent, NoSpace, NotEnoughLabels, OverBudget, UnknownName
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.store import forget, import_dataset
from stf2m.evaluation import execute, questioning, work
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.cost import keep_seconds, read_seconds
from stf2m.evaluation.execute import paths_of, read_timelines, run_study
from stf2m.evaluation.outputs import figures_of, write_outputs
from stf2m.evaluation.predictor import Plain
from stf2m.evaluation.protocols import PROTOCOLS
from stf2m.evaluation.questioning import asked_as_one
from stf2m.evaluation.reading import cell_words
from stf2m.evaluation.results import markdown, table_csv, write_results
from stf2m.evaluation.rows import COST, RowFile, current
from stf2m.evaluation.stores import dataset_of, only_people, open_segments
from stf2m.evaluation.study import Study, cells_of, load_study
from stf2m.evaluation.table import Line, strongest, tables_of
from stf2m.evaluation.timeline import Timeline
from stf2m.prepare.join import join
from stf2m.prepare.store import forget_person
from stf2m.training.config import TrainConfig

SETTINGS = {
    "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 1, "seed": 3, "main": "prototypes", "detailed": ["prototypes"],
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}},
    "protocols": [{"name": "new_person", "shots": [0, 2], "draws": 2}, {"name": "completion", "shots": [0, 5], "draws": 1}],
    "baselines": ["prototypes"], "views": {"eda": ["eda"]},
}  # fmt: skip


def study_of(**changes) -> Study:
    return build(Study, {**SETTINGS, **changes}, where="test")


@pytest.fixture
def world(make_segments, monkeypatch):
    segments = make_segments(2, people=7, recordings=4, length=12, offset=2.0)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    return segments


def plain(rows):
    """Rows without what a clock or a checkout decides."""
    return [{k: v for k, v in row.items() if k not in COST} for row in rows]


def test_a_study_runs_once_and_says_the_same_again(world, tmp_path):
    study, said = study_of(), []
    paths = paths_of(study, runs=tmp_path)
    rows = run_study(study, paths, say=said.append)
    assert len({row["cell"] for row in rows}) == len(cells_of(study)) == 4
    assert "about" in said[-1] and "4/4" in said[-1]
    assert run_study(study, paths, say=said.append) == rows
    assert "4 already done" in said[-1]
    other = run_study(study, paths_of(study, runs=tmp_path / "again"), say=said.append)
    assert plain(other) == plain(rows)
    floors = {row["method"] for row in rows if row["role"] == "floor"}
    assert {"majority", "same_stimulus", "session_time", "presence_only"} <= floors
    assert {row["control"] for row in rows if row["method"] == "prototypes"} == {"", "shuffled_labels", "shuffled_signals"}
    assert {row["view"] for row in rows} == {"all", "eda", ""}


@pytest.mark.parametrize("lost", [1, 40, 3000, 30_000])
def test_a_kill_loses_at_most_the_running_cell(world, tmp_path, lost):
    study = study_of()
    paths = paths_of(study, runs=tmp_path)
    rows = run_study(study, paths, say=lambda _: None)
    whole = paths.rows.read_bytes()
    paths.rows.write_bytes(whole[: max(len(whole) - lost, 10)])
    left = RowFile(paths.rows).finished()
    assert len(left) < 4 and (lost > 5000 or len(left) == 3)
    again = run_study(study, paths, say=lambda _: None)
    key = lambda row: [str(v) for v in row.values()]  # noqa: E731
    assert sorted(plain(again), key=key) == sorted(plain(rows), key=key)


def test_a_change_of_settings_remakes_only_what_depends_on_it():
    learners = {"recurrent": {"steps": 5}, "protonet": {"steps": 5}}
    base, tuned = (study_of(learners={**learners, "recurrent": {"steps": n}}) for n in (5, 6))
    changed = {cell.methods for cell, other in zip(cells_of(base), cells_of(tuned), strict=True) if cell.settings != other.settings}
    assert changed == {("recurrent",)}
    other_seed = cells_of(study_of(learners=learners, seed=4))
    assert not {cell.settings for cell in other_seed} & {cell.settings for cell in cells_of(base)}


def test_learners_that_share_a_training_share_a_cell():
    study = study_of(training={"steps": 5}, learners={"frozen": {}, "finetune": {"options": {"steps": 3}}, "anil": {}})
    assert {cell.methods for cell in cells_of(study)} >= {("frozen", "finetune"), ("anil",)}
    with pytest.raises(InvalidConfig, match="stepz"):
        cells_of(study_of(learners={"anil": {"stepz": 3}}))


def test_a_cell_is_what_its_settings_mean(monkeypatch):
    """A default that is written out makes the same cell; one that changes with a new version makes another."""
    of = lambda **settings: cells_of(study_of(learners={"anil": settings}))[-1].settings  # noqa: E731
    short = of()
    assert of(steps=TrainConfig().steps) == short != of(steps=TrainConfig().steps + 1)
    assert of(network={"vote": False}) != short
    changed = type("Changed", (TrainConfig,), {"__annotations__": {"warm_up": int}, "warm_up": 21})
    monkeypatch.setattr("stf2m.evaluation.learned.TrainConfig", changed)
    assert of() != short


def test_rows_of_old_settings_and_old_data_are_not_read(world, make_segments, monkeypatch, tmp_path):
    study = study_of(floors=["majority"], baselines=[])
    paths = paths_of(study, runs=tmp_path)
    run_study(study, paths, say=lambda _: None)
    smaller = make_segments(2, people=6, recordings=4, length=12)
    monkeypatch.setattr(execute, "open_segments", lambda *_: smaller)
    rows = run_study(study, paths, say=lambda _: None)
    assert {row["person"] for row in rows} == set(smaller.subjects)
    assert len(RowFile(paths.rows).read()) > len(rows)
    assert current(RowFile(paths.rows).read(), {"elsewhere"}) == []


def test_every_training_of_an_average_is_asked_alone(world, tmp_path):
    training = {"steps": 2, "episodes": 2, "validate_every": 2, "centres_at": 1, "network": {"width": 8}}
    changes = {
        "main": "anil",
        "detailed": ["anil"],
        "floors": [],
        "baselines": [],
        "views": {},
        "controls": ["each_training"],
        "training": training,
    }
    changes["protocols"] = [{"name": "new_person", "shots": [2], "draws": 1}]
    study = study_of(learners={"anil": {"seeds": 2}}, **changes)
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    of = lambda number: {r["person"]: r["balanced_accuracy"] for r in rows if r["control"] == f"training_{number}"}  # noqa: E731
    assert of(1).keys() == of(2).keys() == {r["person"] for r in rows} and of(1) != of(2)
    alone = study_of(learners={"anil": {"seeds": 1}}, **changes)
    single = run_study(alone, paths_of(alone, runs=tmp_path / "alone"), say=lambda _: None)
    assert {r["control"] for r in single} == {""} and {r["person"]: r["balanced_accuracy"] for r in single} == of(1)
    text = write_results(study, rows)
    assert "one of the 2 trainings alone reaches" in text and "anil, training 2" in text


def test_a_study_says_where_trainings_are_not_asked_alone(world, tmp_path):
    plain, informed = ({"name": "new_person", "shots": [2], "draws": 1, "context": context} for context in ([], ["clock"]))
    changes = {"controls": ["each_training"], "detailed": ["anil"], "learners": {"anil": {"seeds": 2}}, "protocols": [plain, informed]}
    (text,) = asked_as_one(study_of(**changes))
    assert text.startswith("each_training asks nothing under new person, clock known: there context joins")
    for other in ({"protocols": [plain]}, {"controls": []}, {"learners": {"anil": {}}}, {"detailed": []}):
        assert asked_as_one(study_of(**changes | other)) == []
    said = []
    study = study_of(**changes | {"floors": ["majority"], "baselines": [], "max_cpu_hours": 1e-9})
    paths = paths_of(study, runs=tmp_path)
    keep_seconds(paths.seconds, cells_of(study)[0], 3600.0)
    with pytest.raises(OverBudget):
        run_study(study, paths, say=said.append)
    assert said.count(f"note: {text}") == 1


def test_published_scores_stand_beside_and_change_no_cell(world, tmp_path):
    one = {
        "source": "Somebody 2020",
        "asked": "three moods",
        "target": "mood",
        "metric": "accuracy",
        "score": 0.65,
        "shots": 2,
        "protocol": "new_person",
    }
    study, plain_study = study_of(published=[one]), study_of()
    assert [c.settings for c in cells_of(study)] == [c.settings for c in cells_of(plain_study)]
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    (line,) = [line for line in write_results(study, rows).splitlines() if line.startswith("| Somebody 2020")]
    table = tables_of(rows, "accuracy")[0]
    here = cell_words(table, Line("prototypes", "baseline"), 2)
    floor = strongest(table, table.plain("floor"), 2)
    assert f"| .650 | new person, k = 2 | {here} | {cell_words(table, floor, 2)}, " in line
    assert "published" not in write_results(plain_study, rows)
    for wrong in ({"target": "weather"}, {"metric": "charm"}):
        with pytest.raises(InvalidConfig, match="published: target must be one of mood and metric one of"):
            study_of(published=[one | wrong])


class Cheat(Plain):
    """Answers with labels of the query, as no predictor could."""

    def predict(self, segments, support, query, *, target, support_target=None, modalities=None):
        return np.eye(3, dtype=np.float32)[np.maximum(segments.targets[target][query], 0)] * 0.9 + np.float32(0.1 / 3)


def test_shuffled_signals_take_away_what_signals_gave(world, monkeypatch, tmp_path):
    monkeypatch.setitem(BASELINES, "prototypes", Cheat)
    rows = run_study(study_of(floors=[]), paths_of(study_of(), runs=tmp_path), say=lambda _: None)
    score = lambda control: np.mean([r["balanced_accuracy"] for r in rows if r["method"] == "prototypes" and r["control"] == control])  # noqa: E731
    assert score("") == 1.0 and score("shuffled_signals") < 0.5


def test_a_predictor_without_probabilities_is_refused(world, monkeypatch, tmp_path):
    class Wrong(Plain):
        def predict(self, segments, support, query, *, target, support_target=None, modalities=None):
            return np.ones((len(query), 3), np.float32)

    monkeypatch.setitem(BASELINES, "prototypes", Wrong)
    with pytest.raises(InvalidConfig, match="probabilities"):
        run_study(study_of(floors=[]), paths_of(study_of(), runs=tmp_path), say=lambda _: None)


def test_choices_never_see_test_people(world):
    """Validation and training people decide; labels of the test people can change without changing any answer at k = 0."""
    study = study_of(floors=["session_time"], protocols=[{"name": "new_person", "shots": [0], "draws": 1}])
    for cell in cells_of(study):
        fold = work.fold_of(study, world, cell)
        hidden = world.targets["mood"].copy()
        test = np.isin(world.subject, fold.test) & (hidden >= 0)
        hidden[test] = (hidden[test] + 1) % 3
        changed = dataclasses.replace(world, targets={"mood": hidden})
        said = []
        for segments in (world, changed):
            heard = []
            monkey = pytest.MonkeyPatch()
            monkey.setattr(questioning, "measure", lambda truth, p, *_, heard=heard: heard.append(p) or {})
            work.run_cell(study, segments, cell)
            monkey.undo()
            said.append(heard)
        assert all((a == b).all() for a, b in zip(*said, strict=True))


def test_the_report_text_is_built_from_the_rows_alone(world, tmp_path):
    study = study_of(marks=["generated"])
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    text = write_results(study, rows)
    for piece in (
        "### mood: new person",
        "*floors: no signal*",
        "(stimulus known)",
        "*oracles: look at true labels*",
        "**generated.**",
        "Card `completion-",
    ):
        assert piece in text
    assert "With k = 2, prototypes reaches" in text and "length only (segments are all of the same length)" in text
    unfinished = write_results(study, [row for row in rows if row["role"] != "baseline"])
    assert "2 of 4 cells are not finished" in unfinished
    assert table_csv(study, rows).count("\n") > 100
    made = write_outputs(study, paths_of(study, runs=tmp_path), rows)
    told = made.results.read_text(encoding="utf-8")
    assert told.startswith(text) and "## Every method against every other" in told[len(text) :]
    assert {path.name.split("-")[0] for path in figures_of(paths_of(study, runs=tmp_path).rows).glob("*.svg")} == {"curve", "ranks"}
    assert "</html>" in made.report.read_text(encoding="utf-8")[-20:]
    assert markdown(tables_of(rows, "balanced_accuracy")[0]).count("|") > 50


def test_timelines_are_kept_for_the_report(world, tmp_path):
    study = study_of(floors=[])
    paths = paths_of(study, runs=tmp_path)
    run_study(study, paths, say=lambda _: None)
    found = read_timelines(study, paths)
    assert len(found) == 4
    one = found[0]
    assert Timeline.from_json(one.to_json()) == one
    assert [a.label for a in one.answers] == ["0", "5"] and len(one.answers[1].support) == 5
    assert all(len(a.probability) == len(one.start) for a in one.answers)
    assert all(max(one.answers[1].probability[i]) == 1.0 for i in one.answers[1].support)
    with pytest.raises(CorruptStore):
        Timeline.from_json({"person": "P"})


def test_mistakes_in_a_study_file_are_said_in_one_sentence(tmp_path):
    path = tmp_path / "mine.toml"
    head = 'dataset = "ravdess"\n[recipe.signals]\nmodalities = ["voice"]\n[[protocols]]\nname = "new_person"\n'
    path.write_text(head)
    assert load_study(path).name == "mine"
    path.write_text(head + "shotz = [1]\n")
    with pytest.raises(InvalidConfig, match="shots"):
        load_study(path)
    for shots in ("shots = [0, -5]", "shots = []"):
        path.write_text(f"{head}{shots}\n")
        with pytest.raises(InvalidConfig, match="shots"):
            load_study(path)
    path.write_text("fold = 3\n" + head)
    with pytest.raises(InvalidConfig, match="did you mean folds"):
        load_study(path)
    path.write_text('baselines = ["refitt"]\n' + head)
    with pytest.raises(InvalidConfig, match="refitt"):
        load_study(path)
    path.write_text(head.replace("new_person", "new_persn"))
    with pytest.raises(UnknownName, match="new_person"):
        load_study(path)


@pytest.mark.parametrize(
    ("targets", "cut", "says"),
    [
        ('["arousl2"]', '["arousl2"]', "did you mean arousal2"),
        ('["valence2"]', '["arousal2"]', "targets and recipe.cut.targets must agree; expected valence2 in both.*under .recipe.cut."),
    ],
)
def test_a_target_that_is_not_cut_is_refused_before_anybody_is_prepared(tmp_path, targets, cut, says):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'dataset = "synthetic"\ntargets = {targets}\n[recipe.signals]\nmodalities = ["eda"]\n[recipe.cut]\ntargets = {cut}\n'
        '[[protocols]]\nname = "new_person"\n'
    )
    with pytest.raises((UnknownName, InvalidConfig), match=says):
        load_study(path)


@pytest.mark.parametrize("command", [["train", "--out", "x.stf2m"], ["rules"]])
def test_so_is_one_that_is_named_beside_the_study(tmp_path, root, command):
    from typer.testing import CliRunner

    from stf2m.app.cli import app

    study = str(root / "studies" / "synthetic.toml")
    found = CliRunner().invoke(app, [command[0], study, "--target", "arousal22", "--data", str(tmp_path / "nowhere"), *command[1:]])
    assert found.exit_code == UnknownName.exit_code and "did you mean arousal2" in found.output


def test_more_folds_than_people(world, tmp_path):
    study = study_of(folds=20, floors=["majority"], baselines=[])
    with pytest.raises(InvalidConfig, match="more folds"):
        run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)


def test_people_can_be_chosen(world):
    kept = only_people(world, ("P01", "P03"))
    assert set(kept.subject[kept.targets["mood"] >= 0]) == {1, 3}
    assert only_people(world, ()) is world
    with pytest.raises(UnknownName, match="P77"):
        only_people(world, ("P77",))


def test_generated_people_take_their_options():
    study = study_of(dataset="synthetic", dataset_options={"people": 3, "world": "null"})
    assert len(dataset_of(study, Path()).subjects()) == 3
    with pytest.raises(InvalidConfig, match="dataset_options"):
        dataset_of(study_of(dataset="synthetic", dataset_options={"persons": 3}), Path())
    with pytest.raises(InvalidConfig, match="generated"):
        dataset_of(study_of(dataset="ravdess", dataset_options={"people": 3}), Path())


def test_a_full_disk_is_said_and_costs_one_cell(world, tmp_path, monkeypatch):
    study = study_of(floors=["majority"])
    paths = paths_of(study, runs=tmp_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stf2m.evaluation.rows.os.fsync", full)
    with pytest.raises(NoSpace):
        run_study(study, paths, say=lambda _: None)
    monkeypatch.undo()
    monkeypatch.setattr(execute, "open_segments", lambda *_: world)
    assert len({row["cell"] for row in run_study(study, paths, say=lambda _: None)}) == 4


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CorruptStore, match="columns"):
        RowFile(path).read()


@pytest.mark.slow
def test_processes_give_the_same_rows(tmp_path):
    study = study_of(
        dataset="synthetic", dataset_options={"people": 6, "recordings": 3, "seconds": 40.0}, targets=["arousal2"],
        recipe={"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["arousal2"]}}, views={}, baselines=["refit"],
    )  # fmt: skip
    rows = [run_study(study, paths_of(study, runs=tmp_path / str(jobs)), jobs=jobs, say=lambda _: None) for jobs in (1, 2)]
    key = lambda row: [str(v) for v in row.values()]  # noqa: E731
    assert sorted(plain(rows[0]), key=key) == sorted(plain(rows[1]), key=key)


def test_committed_studies_are_valid(root):
    found = [load_study(path) for path in sorted((root / "studies").glob("*.toml"))]
    assert {"ravdess", "ceap360vr", "stress_predict", "synthetic", "synthetic_null"} <= {study.name for study in found}
    for study in found:
        # of one that takes a sensor away in the questions, k = 0 is the same question as with it taken away in both
        assert all(0 in protocol.shots or getattr(protocol, "side", "") == "query" for protocol in study.asked)
        assert len(cells_of(study)) == len({(c.settings, c.target) for c in cells_of(study)}) > 10


@pytest.mark.parametrize("mode", ["causal", "train_stats", "transductive"])
def test_learners_train_in_the_normalisation_of_the_recipe(world, monkeypatch, mode):
    from stf2m.app.train import config_for
    from stf2m.evaluation import learned

    class Enough(BaseException):
        pass

    def note(*_, config, **__):
        raise Enough(config.normalisation)

    monkeypatch.setattr(learned, "train", note)
    recipe = {**SETTINGS["recipe"], "normalisation": mode}
    study = study_of(recipe=recipe, learners={"anil": {"steps": 2}}, baselines=[])
    with pytest.raises(Enough, match=mode):
        work.run_cell(study, world, cells_of(study)[-1])
    assert config_for(study, "anil").normalisation == config_for(study, "r2d2").normalisation == mode


def test_the_normalisation_is_said_once():
    with pytest.raises(InvalidConfig, match=r"normalisation.*expected causal, got train_stats.*under \[recipe\]"):
        cells_of(study_of(learners={"anil": {"normalisation": "train_stats"}}))


EVERY = [
    {"name": "new_person", "shots": [0, 2], "draws": 1}, {"name": "completion", "shots": [0, 5], "draws": 1, "guard": 2.0},
    {"name": "first_minutes", "shots": [0, 1], "draws": 1}, {"name": "first_minutes", "shots": [0, 1], "draws": 1, "cut": 1.0},
    {"name": "missing_modality", "shots": [0, 1], "draws": 1}, {"name": "new_person_new_stimulus", "shots": [0, 1], "draws": 1, "groups": 3},
    {"name": "cross_dataset", "shots": [0, 1], "draws": 1}, {"name": "literature_random", "shots": [0], "draws": 1},
]  # fmt: skip


def told(page: Path) -> dict:
    """The data inside a written page."""
    text = page.read_text(encoding="utf-8")
    begin = text.index(">", text.index('<script type="application/json"')) + 1
    return json.loads(text[begin : text.index("</script>", begin)])


@pytest.mark.parametrize("way", ["study", "demo"])
def test_every_protocol_has_its_page_from_rows_and_timelines(make_segments, monkeypatch, tmp_path, way):
    world = join(make_segments(2, people=6, recordings=12, length=4), make_segments(3, people=6, recordings=12, length=4))
    monkeypatch.setattr(execute, "open_segments", lambda *_: world)
    monkeypatch.setattr(BASELINES["prototypes"], "options", {})  # nothing to choose, so that it is quick
    assert {values["name"] for values in EVERY} == set(PROTOCOLS)
    study = study_of(protocols=EVERY, floors=["majority"], views={}, controls=[])
    paths = paths_of(study, runs=tmp_path)
    if way == "study":
        run_study(study, paths, say=lambda _: None)
    else:
        run_cells(study, world, paths, Console(quiet=True))
    rows = current(RowFile(paths.rows).read(), {cell.settings for cell in cells_of(study)})
    folds = study.folds if way == "study" else 1
    assert len(list(paths.timelines.glob("*.json"))) == len(EVERY) * folds
    page = write_page(study, rows, paths, tmp_path / "page.html", command="stf2m study x.toml")
    found, titles = told(page), [protocol.title for protocol in study.asked]
    assert len(set(titles)) == len(EVERY) and titles[0] == "new person"
    assert [table["title"] for table in found["tables"]] == [f"mood · {title}" for title in titles]
    assert [table["card"] for table in found["tables"]] == [protocol.words for protocol in study.asked]
    assert sorted(line["setting"] for line in found["timelines"]) == sorted(titles * folds)
    for table in found["tables"]:
        hidden = {f"prototypes, with {m} dropped" for m in ("eda", "hr")} if "missing" in table["title"] else set()
        assert {line["label"] for line in table["lines"]} == {"majority", "prototypes"} | hidden and table["reading"]


def test_two_runs_never_write_one_results_file(world, tmp_path):
    study, paths = study_of(), paths_of(study_of(), runs=tmp_path)
    first = RowFile(paths.rows)
    first.repair()
    with pytest.raises(InUse, match="another run"):
        run_study(study, paths, say=lambda _: None)
    del first
    assert run_study(study, paths, say=lambda _: None)


def test_a_cut_line_of_seconds_is_passed_over(tmp_path):
    (tmp_path / "seconds.csv").write_text("refit,12.5\nrefit,1.5\nrecur")
    assert read_seconds(tmp_path / "seconds.csv") == {("refit",): [12.5, 1.5]}


def test_nobody_to_ask_is_said(make_segments, monkeypatch, tmp_path):
    segments = make_segments(2, people=7, recordings=1, stimuli=1, length=12)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    study = study_of(protocols=[{"name": "new_person", "shots": [0, 2], "draws": 1}])
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    with pytest.raises(NotEnoughLabels, match="two recordings or stimuli per person"):
        show_tables(study, rows, Console(quiet=True))


def test_withdrawn_people_are_in_no_study(tmp_path, monkeypatch):
    study = build(Study, {"name": "s", "dataset": "synthetic", "targets": ["arousal2"], "recipe": {"signals": {"modalities": ["hr"]}, "cut": {"window": 4.0, "targets": ["arousal2"]}},
                          "dataset_options": {"people": 3, "recordings": 1, "seconds": 30.0}, "protocols": [{"name": "new_person"}]}, where="test")  # fmt: skip
    real = SyntheticDataset.recordings

    def withdrawn(self, subject):
        for recording in real(self, subject):
            yield dataclasses.replace(recording, consent="none") if subject == "P02" else recording

    monkeypatch.setattr(SyntheticDataset, "recordings", withdrawn)
    with pytest.raises(NoConsent, match=r"P02.*withdrawn"):
        open_segments(study, tmp_path, tmp_path)
    assert open_segments(study.model_copy(update={"people": ("P01", "P03")}), tmp_path, tmp_path).consent != "none"


def test_a_store_is_studied_like_any_data_set_and_keeps_its_prepared_signals(tmp_path):
    whole = SyntheticDataset(people=3, recordings=1, seconds=30.0)
    import_dataset(whole, tmp_path / "store")
    cut = {"window": 4.0, "targets": ["arousal2"]}
    settings = {
        "name": "s",
        "targets": ["arousal2"],
        "recipe": {"signals": {"modalities": ["hr"]}, "cut": cut},
        "protocols": [{"name": "new_person"}],
    }
    study = build(Study, {**settings, "dataset": str(tmp_path / "store")}, where="test")
    found = open_segments(study, tmp_path, tmp_path / "runs")
    assert found.subjects == whole.subjects() and (tmp_path / "store" / "prepared").is_dir() and not (tmp_path / "runs").exists()
    forget(tmp_path / "store", "P02")
    forget_person(tmp_path / "store" / "prepared", "P02")
    assert open_segments(study, tmp_path, tmp_path / "runs").subjects == ("P01", "P03")
