"""Ratings as the question itself, and classes with an order: targets, splits, floors, metrics, tables, trainings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from stf2m.core.config import build
from stf2m.core.emotions import TARGETS, classes_of, has_classes, is_ordinal
from stf2m.core.errors import CorruptStore, InvalidConfig, NotEnoughLabels
from stf2m.evaluation import execute, work
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.metrics import (
    OF_RATINGS,
    ORDINAL_METRICS,
    PRIMARY,
    SMALLER_IS_BETTER,
    VOTE_METRICS,
    class_error,
    measure_votes,
    quadratic_kappa,
    vote_brier,
    vote_cross_entropy,
)  # fmt: skip
from stf2m.evaluation.predictor import Plain, Reply
from stf2m.evaluation.protocols import make_protocol
from stf2m.evaluation.reading import METRIC_WORDS, reading
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import table_csv, write_results
from stf2m.evaluation.rows import COLUMNS, LATER, RowFile
from stf2m.evaluation.study import Study, cells_of
from stf2m.evaluation.table import Line, tables_of, verdicts
from stf2m.tasks.sampling import TaskSettings, people_of, sample_task
from stf2m.training.config import TrainConfig
from stf2m.training.run import train


def rated(segments, *, signal: float = 1.5, seed: int = 0):
    """The same people with a rating that the first two descriptors carry, each person's own offset, and the target `rating`."""
    rng = np.random.default_rng(seed)
    offset = rng.normal(size=(len(segments.subjects), 2)) * 0.3
    felt = rng.normal(size=(len(segments), 2)) * 0.35
    rating = np.clip(felt + offset[segments.subject], -1, 1).astype(np.float32)
    rating[rng.random(len(rating)) < 0.1] = np.nan
    descriptors = segments.descriptors.copy()
    descriptors[:, :2] += signal * 4 * felt
    labels = classes_of(TARGETS["rating"], rating)
    return replace(
        segments, rating=rating, descriptors=descriptors, targets={**segments.targets, "rating": labels},
        emotions={**segments.emotions, "rating": ("rated",)},
    )  # fmt: skip


@pytest.fixture
def world(make_segments, monkeypatch):
    segments = rated(make_segments(2, people=7, recordings=4, length=12, offset=1.0))
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    return segments


SETTINGS = {
    "name": "ratings", "dataset": "random", "targets": ["rating"], "folds": 2, "validation_people": 1, "primary": "ccc_mean",
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["rating"]}}, "baselines": [],
    "protocols": [{"name": "new_person", "shots": [0, 3], "draws": 2}, {"name": "completion", "shots": [0, 6], "draws": 1}],
    "training": {"steps": 4, "episodes": 2, "centres_at": 2, "validate_every": 4, "validation_tasks": 1,
                 "network": {"width": 12, "node_width": 6, "rules": 4, "signals": False}, "tasks": {"shots": [0, 3]}},
    "learners": {"recurrent": {}}, "detailed": ["recurrent"],
}  # fmt: skip


def study_of(**changes) -> Study:
    return build(Study, {**SETTINGS, **changes}, where="test")


# targets


def test_a_target_says_what_it_is():
    assert not has_classes("rating") and has_classes("emotion") and has_classes("valence5")
    assert is_ordinal("valence3") and is_ordinal("arousal5") and not is_ordinal("quadrant") and not is_ordinal("emotion")
    nine = np.array([1.0, 2.59, 2.61, 4.21, 5.0, 5.81, 7.39, 7.41, 9.0])
    found = classes_of(TARGETS["valence5"], ((nine - 5) / 4)[:, None].repeat(2, axis=1))
    assert found.tolist() == [0, 0, 1, 2, 2, 3, 3, 4, 4] and len(TARGETS["arousal5"].emotions) == 5
    known = np.array([[0.1, 0.2], [np.nan, 0.2], [0.1, np.nan]])
    assert classes_of(TARGETS["rating"], known).tolist() == [0, -1, -1]


# metrics


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), count=st.integers(2, 60), classes=st.integers(2, 6))
def test_ordinal_metrics_equal_scikit_learn(seed, count, classes):
    rng = np.random.default_rng(seed)
    truth, probability = rng.integers(0, classes, count), rng.dirichlet(np.ones(classes), count).astype(np.float32)
    said = probability.argmax(1)
    if len(np.union1d(truth, said)) > 1:
        want = reference.cohen_kappa_score(truth, said, weights="quadratic", labels=np.arange(classes))
        assert quadratic_kappa(truth, probability) == pytest.approx(want)
    assert class_error(truth, probability) == pytest.approx(reference.mean_absolute_error(truth, said))
    hard = np.eye(classes)[truth]
    assert vote_cross_entropy(hard, probability) == pytest.approx(reference.log_loss(truth, probability, labels=range(classes)), rel=1e-4)
    if classes == 2:
        assert vote_brier(hard, probability) == pytest.approx(2 * reference.brier_score_loss(truth, probability[:, 1]), rel=1e-4)


def test_metrics_of_one_class_and_of_nobody():
    assert quadratic_kappa(np.zeros(4, int), np.eye(3)[[0, 0, 0, 0]]) == 0.0
    assert quadratic_kappa(np.arange(3), np.eye(3)) == 1.0
    votes = np.array([[0.5, 0.5], [0.0, 0.0]])
    found = measure_votes(votes, np.array([[0.5, 0.5], [1.0, 0.0]]))
    assert found["vote_brier"] == 0.0 and found["vote_cross_entropy"] == pytest.approx(np.log(2))
    assert measure_votes(votes[1:], np.array([[0.5, 0.5]])) == {}


def test_every_metric_has_words_and_a_direction():
    assert set(PRIMARY) == set(METRIC_WORDS)
    assert {"mae_mean", "mae_valence", "ece", "class_error", "vote_brier"} <= SMALLER_IS_BETTER
    assert not {"ccc_mean", "pearson_arousal", "quadratic_kappa"} & SMALLER_IS_BETTER


# tables


def scored(values: dict[str, tuple[str, float]], *, people: int = 20):
    rng = np.random.default_rng(0)
    person = rng.normal(size=people) * 0.1
    rows = []
    for method, (role, mean) in values.items():
        for p in range(people):
            for k, gain in ((0, 0.1), (5, 0.0)):
                row = dict.fromkeys(COLUMNS, "") | {"target": "rating", "card": "c", "protocol": "new_person", "person": f"P{p}"}
                row |= {"method": method, "role": role, "view": "all", "shots": k, "draw": 0, "query": 10, "balanced_accuracy": None}
                at = mean + gain + person[p]
                rows.append(
                    row | {"mae_valence": at + rng.normal() * 0.01, "mae_arousal": at + 0.2, "ccc_valence": 0.3, "ccc_arousal": None}
                )
    return rows


def test_an_error_is_better_when_smaller_and_the_words_say_so():
    rows = scored(
        {"recurrent": ("learner", 0.3), "anil": ("learner", 0.35), "majority": ("floor", 0.5), "support_majority": ("floor", 0.45)}
    )
    table = tables_of(rows, "mae_valence")[0]
    found = verdicts(table, "recurrent")[1]
    assert found.beats and found.floor == Line("support_majority", "floor") and found.baseline == Line("anil", "learner")
    text = " ".join(reading(table, "recurrent"))
    assert "better than the strongest floor" in text and "It beats both." in text and "lowers the error by" in text and "above" not in text
    worse = tables_of(scored({"recurrent": ("learner", 0.6), "majority": ("floor", 0.5)}), "mae_valence")[0]
    assert not verdicts(worse, "recurrent")[1].beats and "worse than a floor that uses no signal" in " ".join(reading(worse, "recurrent"))


def test_the_mean_over_both_axes_is_made_from_the_rows():
    rows = scored({"recurrent": ("learner", 0.3)})
    mean, valence = (tables_of(rows, name)[0] for name in ("mae_mean", "mae_valence"))
    line = Line("recurrent", "learner")
    np.testing.assert_allclose(mean.of(line, 5), (valence.of(line, 5) + tables_of(rows, "mae_arousal")[0].of(line, 5)) / 2, atol=1e-12)
    assert tables_of(rows, "ccc_mean") == [] and tables_of(rows, "balanced_accuracy") == []


# results files of earlier versions


def row_of(cell: str, **values):
    return {"cell": cell, "data": "d", "dataset": "x", "target": "rating", "person": "P0", "shots": 0, **values}


def test_a_file_without_newer_columns_is_read_and_grows(tmp_path):
    path = tmp_path / "rows.csv"
    file = RowFile(path)
    file.append([row_of("a", accuracy=0.5)])
    first = [i for i, name in enumerate(COLUMNS) if name not in {*ORDINAL_METRICS, *VOTE_METRICS}]
    old = [[line.split(",")[i] for i in first] for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(line) + "\n" for line in old))
    (row,) = file.read()
    assert row["accuracy"] == 0.5 and all(row[name] is None for name in LATER)
    file.repair()
    file.append([row_of("b", class_error=0.25)])
    assert [r["class_error"] for r in file.read()] == [None, 0.25] and path.read_text().splitlines()[0] == ",".join(COLUMNS)
    path.write_text(path.read_text().replace("class_error", "klass_error"))
    with pytest.raises(CorruptStore, match="columns"):
        file.read()


# splits and tasks


def test_without_classes_k_counts_in_total_and_the_card_says_so(world):
    for name in ("new_person", "completion"):
        protocol = make_protocol({"name": name, "shots": [0, 3], "draws": 2})
        found = [s for p in range(7) for s in protocol.splits(world, "rating", p, 0)]
        assert {len(s.support) for s in found} == {0, 3} and all(np.isfinite(world.rating[s.query]).all() for s in found)
        assert "k counts labelled segments in total" in protocol.words_for("rating") and protocol.words_for("mood") == protocol.card.words
    with pytest.raises(InvalidConfig, match="minutes"):
        list(make_protocol({"name": "first_minutes"}).splits(world, "rating", 0, 0))
    assert list(make_protocol({"name": "first_minutes", "cut": 1.0}).splits(world, "rating", 0, 0))


def test_tasks_without_classes_ask_several_ratings(world):
    people = people_of(world, "rating", range(7))
    task = sample_task(people, world, "rating", TaskSettings(shots=(5,), queries=3), 0)
    assert len(task.support) == 5 and len(task.query) == 12 and np.isfinite(world.rating[task.query]).all()
    nobody = replace(world, targets={"rating": np.full(len(world), -1, np.int16)}, emotions={"rating": ("rated",)})
    with pytest.raises(NotEnoughLabels, match="3 rated segments"):
        people_of(nobody, "rating", range(7))


# studies


def test_a_study_of_ratings_runs_with_floors_controls_and_words(world, tmp_path):
    study = study_of()
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    answered = [row for row in rows if row["person"] and not row["note"]]
    assert all(
        row["balanced_accuracy"] is None and row["ccc_valence"] is not None and row["quadratic_kappa"] is row["aurc"] is None
        for row in answered
    )
    assert {"majority", "support_majority", "same_stimulus", "session_time", "time_and_nearest", "recurrent"} <= {
        r["method"] for r in answered
    }
    text = write_results(study, rows)
    assert "concordance correlation, mean of valence and arousal" in text and "k counts labelled segments in total" in text
    assert "With k = 3, recurrent reaches" in text and "shuffled support labels the score" in text
    assert "ccc_mean" in table_csv(study, rows)
    assert len(report_of(study, rows).tables) == 2


def test_shuffled_ratings_are_told_and_not_the_true_ones(world):
    """The control reaches every kind of predictor: floors and learners answer otherwise when ratings change places."""
    protocol = make_protocol({"name": "new_person", "shots": [4], "draws": 1})
    split = next(iter(protocol.splits(world, "rating", 6, 0)))
    given = np.roll(split.support, 1)
    nearest = FLOORS["nearest_label"]()
    nearest.fit(world, "rating", [0, 1, 2], [3], 0)
    fitted = train(
        world, target="rating", train_people=[0, 1, 2], validation_people=[3], config=TrainConfig.model_validate(SETTINGS["training"])
    )

    def floor(told):
        rating = nearest.reply(world, split.support, split.query, target="rating", support_target=told).rating
        assert rating is not None
        return rating

    for ask in (floor, lambda told: fitted.predict(world, split.support, split.query, support_target=told).rating):
        assert np.abs(ask(None) - ask(given)).max() > 1e-3
        np.testing.assert_allclose(ask(None), ask(split.support), atol=1e-6)
    same = replace(world, rating=world.rating.copy())
    same.rating[split.support] = world.rating[given]
    np.testing.assert_allclose(
        fitted.predict(same, split.support, split.query).rating,
        fitted.predict(world, split.support, split.query, support_target=given).rating, atol=1e-6,
    )  # fmt: skip


class KnowsTheRating(Plain):
    """Answers with the true ratings of the query."""

    def reply(self, segments, support, query, *, target, support_target=None, modalities=None):
        return Reply(np.ones((len(query), 1), np.float32), segments.rating[query])


def test_a_baseline_with_ratings_is_judged_by_them(world, monkeypatch, tmp_path):
    monkeypatch.setitem(BASELINES, "prototypes", KnowsTheRating)
    study = study_of(baselines=["prototypes"], main="prototypes", detailed=["prototypes"], learners={}, floors=["majority"])
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    table = tables_of(rows, "ccc_mean")[0]
    assert np.nanmin(table.of(Line("prototypes", "baseline"), 0)) == pytest.approx(1.0)
    assert verdicts(table, "prototypes")[0].beats
    assert np.nanmean(table.of(Line("prototypes", "baseline", control="shuffled_signals"), 0)) < 0.3


def test_classifiers_refuse_ratings_in_one_sentence(world):
    for name in ("refit", "prototypes"):
        with pytest.raises(InvalidConfig, match="has no classes"):
            BASELINES[name]().fit(world, "rating", [0, 1, 2], [3], 0)


def test_scores_that_do_not_fit_the_target_are_refused():
    with pytest.raises(InvalidConfig, match="primary must be one of"):
        study_of(primary="balanced_accuracy")
    with pytest.raises(InvalidConfig, match="have no order"):
        study_of(targets=["mood"], primary="quadratic_kappa")
    assert study_of(targets=["valence5"], primary="quadratic_kappa").primary == "quadratic_kappa"
    assert all(study_of(primary=name).primary == name for name in OF_RATINGS)


def test_the_data_key_follows_ratings_only_where_they_are_the_target(world):
    changed = replace(world, rating=world.rating * np.float32(0.5))
    classes = lambda s: replace(s, targets={"mood": s.targets["mood"]}, emotions={"mood": s.emotions["mood"]})  # noqa: E731
    assert work.data_key(changed) != work.data_key(world)
    assert work.data_key(classes(changed)) == work.data_key(classes(world))


# trainings


SMALL = {
    "network": {"width": 12, "node_width": 6, "rules": 4, "signals": False}, "steps": 40, "episodes": 4, "warm_up": 4, "rate": 5e-3,
    "centres_at": 10, "validate_every": 20, "validation_tasks": 2, "tasks": {"shots": (0, 4, 8), "queries": 4},
}  # fmt: skip


@pytest.mark.parametrize("learner", ["recurrent", "anil", "protonet", "r2d2", "siamese", "black_box", "meta_lstm", "meta_sgd"])
def test_rated_support_moves_the_answers_of_every_learner(make_segments, learner):
    """Whoever rates everything higher is answered higher: at least the person's mean offset is followed."""
    segments = rated(make_segments(3, people=6, recordings=4, length=12))
    config = TrainConfig.model_validate({**SMALL, "steps": 6, "learner": learner})
    fitted = train(segments, target="rating", train_people=[0, 1, 2, 3], validation_people=[4], config=config)
    assert fitted.facts.keys() >= {"validation", "validation_shuffled"}
    rows = np.flatnonzero((segments.subject == 5) & (segments.targets["rating"] == 0))
    said = []
    for level in (-0.5, 0.5):
        told = replace(segments, rating=np.full_like(segments.rating, level))
        said.append(fitted.predict(told, rows[:12], rows[20:]).rating.mean(axis=0))
    assert (said[1] > said[0] + 0.1).all(), said
    none = fitted.predict(segments, rows[:0], rows[20:]).rating
    assert np.isfinite(none).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["squared", "ccc"])
def test_ratings_that_signals_carry_are_learned_with_either_loss(make_segments, kind):
    segments = rated(make_segments(3, people=8, recordings=4, length=12), signal=2.0)
    config = TrainConfig.model_validate({**SMALL, "steps": 80, "rating_loss": kind})
    fitted = train(segments, target="rating", train_people=range(6), validation_people=[6], config=config)
    rows = np.flatnonzero((segments.subject == 7) & (segments.targets["rating"] == 0))
    said = fitted.predict(segments, rows[:10], rows[10:]).rating
    for axis in range(2):
        assert np.corrcoef(said[:, axis], segments.rating[rows[10:], axis])[0, 1] > 0.4
    assert fitted.facts["validation"] > 0.2 and fitted.facts["validation"] > fitted.facts["validation_shuffled"]


def test_settings_that_a_target_cannot_have_are_refused(world):
    for target, changes, words in (
        ("mood", {"ordinal": 1.0}, "have no order"),
        ("rating", {"tasks": {"policy": "one_vs_rest"}}, "no classes to set"),
    ):
        config = TrainConfig.model_validate({**SMALL, **changes})
        with pytest.raises(InvalidConfig, match=words):
            train(world, target=target, train_people=[0, 1, 2], validation_people=[3], config=config)


def test_the_ordinal_loss_trains_and_is_off_by_default(make_segments):
    plain = make_segments(4, people=5, classes=5, recordings=4, length=15)
    segments = replace(plain, targets={"valence5": plain.targets["mood"]}, emotions={"valence5": TARGETS["valence5"].emotions})
    options = {"target": "valence5", "train_people": [0, 1, 2], "validation_people": [3]}
    small = {**SMALL, "steps": 4, "validate_every": 4}
    found = {
        w: train(segments, **options, config=TrainConfig.model_validate({**small, **({} if w is None else {"ordinal": w})}))
        for w in (None, 0.0, 2.0)
    }
    weight = lambda w: found[w].params["net.classify.weight"]  # noqa: E731
    assert (weight(None) == weight(0.0)).all() and not (weight(0.0) == weight(2.0)).all()
    assert found[None].config.hash == found[0.0].config.hash != found[2.0].config.hash
    assert found[2.0].learner.ordinal == 2.0


def test_hashes_of_standing_studies_do_not_move(root: Path):
    """Cells of the committed rows are those of the committed studies."""
    from stf2m.evaluation.study import load_study

    study = load_study(root / "studies" / "synthetic_null.toml")
    rows = RowFile(root / "studies" / "results" / "synthetic_null.csv").read()
    assert {cell.settings for cell in cells_of(study)} <= {row["cell"] for row in rows}
