"""The ablation grid: every variant differs in what it says, what does not apply is said, costs are measured and not guessed."""

import dataclasses

import numpy as np
import pytest
from tests.toy import toy_segments

from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.evaluation import execute
from stf2m.evaluation.ablation import GRID, Variant, ablation_of, settings_of
from stf2m.evaluation.ablation_table import ablation_json, ablation_markdown, columns, effects, lines, views_of
from stf2m.evaluation.efficiency import Efficiency, measure
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.learned import Learned, config_of
from stf2m.evaluation.statistics import interval
from stf2m.evaluation.stores import only_sensors
from stf2m.evaluation.study import Study, cells_of
from stf2m.evaluation.table import ALL, Group, Line, Table, tables_of
from stf2m.meta import LEARNERS

SMALL = {"signals": True, "width": 8, "node_width": 4, "rules": 3, "semantics": 4, "token_rate": 2.0, "directions": 2}
SETTINGS = {
    "name": "toy", "dataset": "toy", "targets": ["emotion"], "folds": 2, "validation_people": 1, "floors": ["majority"], "baselines": ["prototypes"],
    "recipe": {"signals": {"modalities": ["eda", "bvp", "voice", "face"]}}, "protocols": [{"name": "new_person", "shots": [0, 2], "draws": 1}],
    "training": {"steps": 2, "episodes": 2, "validate_every": 2, "validation_tasks": 1, "centres_at": 1, "network": SMALL, "tasks": {"shots": [0, 2]}},
    "learners": {"recurrent": {"options": {"state": 6, "token": 6}}, "frozen": {}},
}  # fmt: skip


def study_of(**changes) -> Study:
    return build(Study, {**SETTINGS, **changes}, where="test")


@pytest.fixture(scope="module")
def people():
    return toy_segments(people=6, each=24)


def config(study, name):
    return config_of(study.learner_settings(name), normalisation="causal", where="test")[0]


def flat_of(values, head=()):
    """Nested settings as one dict."""
    out = {}
    for key, value in values.items():
        out |= flat_of(value, (*head, key)) if isinstance(value, dict) else {(*head, key): value}
    return out


def flat(settings):
    return flat_of(settings.model_dump())


def test_every_variant_differs_in_what_it_says_and_nothing_else():
    study = study_of()
    grid = ablation_of(study).study
    full = config(grid, "recurrent")
    assert full == config(study, "recurrent")
    for variant in GRID:
        if variant.name in grid.learners and not variant.learner:
            assert flat(config(grid, variant.name)) == flat(full) | flat_of(variant.change), variant.name
    assert config(grid, "by_anil").learner == "anil" and config(grid, "by_anil").options == {}
    assert len({config(grid, name).hash for name in grid.learners if not name.startswith("only_")}) == len(
        [name for name in grid.learners if not name.startswith("only_")]
    )
    assert {f"only_{m}" for m in study.recipe.signals.modalities} <= set(grid.learners)


def test_cells_of_variants_are_their_own_and_stay_when_the_grid_grows():
    cells = {cell.methods: cell.settings for cell in cells_of(ablation_of(study_of()).study) if cell.fold == 0}
    few = {
        cell.methods: cell.settings for cell in cells_of(ablation_of(study_of(), only=("no_spatial", "only_eda")).study) if cell.fold == 0
    }
    assert set(few) == {("floors",), ("recurrent",), ("no_spatial",), ("only_eda",)}
    assert all(cells[methods] == settings for methods, settings in few.items())
    assert len(set(cells.values())) == len(cells)


def test_what_does_not_apply_is_said(monkeypatch):
    monkeypatch.delitem(LEARNERS, "anil")
    found = ablation_of(study_of(learners={"protonet": {"network": {"fuzzy": "none", "signals": False}}}, main="protonet"))
    out = found.left_out
    assert out["by_anil"] == "no learner 'anil' is registered" and out["no_spatial"] == "the study's network has no signals"
    assert out["no_fuzzy_loss"] == "the study's network has no fuzzy" and out["steps_1"] == "protonet takes no option 'steps'"
    assert ablation_of(study_of()).left_out["steps_3"] == "is the same as recurrent"
    one = study_of(recipe={"signals": {"modalities": ["eda"]}})
    assert ablation_of(one).left_out["only_eda"] == "the study has one sensor"
    assert settings_of(Variant("x", "", learner="black_box_9"), one.learner_settings("recurrent"), one)[1].startswith("no learner")


def test_mistakes_are_named():
    with pytest.raises(InvalidConfig, match="not a learner of this study"):
        ablation_of(study_of(main="prototypes"))
    with pytest.raises(UnknownName, match="no_spatial"):
        ablation_of(study_of(), only=("no_spatil",))
    with pytest.raises(UnknownName, match="emotion"):
        ablation_of(study_of(), targets=("emotions",))


def test_a_learner_built_for_one_sensor_sees_nothing_else(people):
    study = study_of()
    narrow = Learned(config(study, "recurrent"), sensors=("eda",))
    narrow.fit(people, "emotion", (0, 1, 2), (3,), 0)
    assert narrow.fitted[0].inputs.infos == people.infos[:1]
    noise = people.descriptors.copy()
    noise[:, 3:] = 99.0
    rows = np.flatnonzero(people.subject == 4)
    said = [
        narrow.predict(world, rows[:4], rows[4:], target="emotion") for world in (people, dataclasses.replace(people, descriptors=noise))
    ]
    np.testing.assert_array_equal(*said)
    with pytest.raises(UnknownName, match="hair"):
        only_sensors(people, ["hair"])


def test_costs_are_those_of_the_network(people):
    grid = ablation_of(study_of(), only=("no_signals", "only_eda", "steps_0", "not_adapted")).study
    cost = {name: measure(grid, people, name) for name in ("recurrent", "no_signals", "only_eda", "steps_0", "not_adapted")}
    for name, one in cost.items():
        assert one.parameters > 0 and one.macs > 0 and one.adapt_ms > 0 and one.step_ms > 0 and one.peak_mb > 50, name
    assert cost["no_signals"].macs < cost["only_eda"].macs < cost["recurrent"].macs
    assert cost["no_signals"].parameters < cost["recurrent"].parameters and cost["not_adapted"].parameters < cost["recurrent"].parameters
    assert cost["steps_0"].macs == cost["recurrent"].macs and cost["steps_0"].adapt_ms < cost["recurrent"].adapt_ms


@pytest.mark.slow
def test_the_grid_runs_and_resumes_and_says_what_parts_add(people, monkeypatch, tmp_path):
    monkeypatch.setattr(execute, "open_segments", lambda *_: people)
    ablation = ablation_of(study_of(), only=("no_signals", "not_adapted"))
    paths = paths_of(ablation.study, runs=tmp_path)
    rows = run_study(ablation.study, paths, say=lambda _: None)
    said = []
    assert run_study(ablation.study, paths, say=said.append) == rows and "8 already done" in said[-1]
    table = tables_of(rows, "balanced_accuracy")[0]
    found = effects(table, ablation)
    assert [(e.method, e.shots) for e in found] == [(m, k) for m in ("recurrent", "no_signals", "not_adapted") for k in (0, 2)]
    assert found[0].gap is None and all(e.gap and e.gap.people == 6 for e in found[2:])
    full, other = (table.of(Line(name, "learner"), 2) for name in ("recurrent", "no_signals"))
    assert found[3].gap is not None and found[3].gap.mean == pytest.approx(float((other - full).mean()))
    assert {e.view for e in found} == {ALL}
    costs = {"recurrent": Efficiency(1000, 2e6, 3.0, 4.0, 500.0)}
    text = ablation_markdown(ablation, rows, costs)
    assert "| recurrent |" in text and "1,000 | 2.00 | 3.0 | 4 |" in text and "descriptors only, no convolution" in text
    assert all(len(line) == len(columns(table)) for line in lines(table, ablation, costs, {}))
    assert {entry["method"] for entry in ablation_json(ablation, rows, costs)} == {"recurrent", "no_signals", "not_adapted"}


def test_a_part_is_judged_in_every_view():
    """Where sensors are missing a variant stands beside the full method of the same view, corrected for all of them."""
    scores = {"recurrent": {ALL: 0.8, "with eda dropped": 0.7}, "all_views": {ALL: 0.8, "with eda dropped": 0.5}}
    rng = np.random.default_rng(0)
    table = Table(
        Group("arousal2", "card", "missing_modality"),
        "balanced_accuracy",
        (2,),
        tuple("ABCDEFGHIJKL"),
        {(Line(name, "learner", view), 2): mean + 0.01 * rng.random(12) for name, views in scores.items() for view, mean in views.items()},
        {},
        {},
        {},
        interval(np.full(12, 8.0)),
    )
    found = {(e.method, e.view): e for e in effects(table, ablation_of(study_of(), only=("all_views",)))}
    assert list(found) == [("recurrent", ALL), ("all_views", ALL), ("recurrent", "with eda dropped"), ("all_views", "with eda dropped")]
    views = ["with bvp dropped", "with temp dropped", ALL, "with acc dropped", "with eda dropped"]
    shuffled = dataclasses.replace(table, scores={(Line("recurrent", "learner", view), 2): np.zeros(12) for view in views})
    assert views_of(shuffled) == [ALL, *sorted(set(views) - {ALL})]
    gap = found["all_views", "with eda dropped"].gap
    assert gap is not None and gap.mean == pytest.approx(-0.2, abs=0.01) and gap.high < 0
    whole = found["all_views", ALL].gap
    assert whole is not None and whole.low < 0.01 and abs(whole.mean) < 0.01
