"""Context is a switch of the protocol: nobody hears themselves, test people are heard by nobody, and views pay where they should."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stf2m.app.console import Console
from stf2m.app.studies import show_tables
from stf2m.core.errors import InvalidConfig
from stf2m.evaluation import execute
from stf2m.evaluation.baselines import BASELINES, make_baseline
from stf2m.evaluation.context import CONTEXT_MODALITIES, VIEWS, with_context
from stf2m.evaluation.crowd import hearers
from stf2m.evaluation.execute import paths_of, run_study
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.informed import Informed
from stf2m.evaluation.metrics import accuracy, balanced_accuracy
from stf2m.evaluation.protocols import Completion, Fold, NewPerson, make_protocol
from stf2m.evaluation.report_study import report_of
from stf2m.evaluation.results import write_results
from stf2m.evaluation.study import cells_of, load_study
from stf2m.prepare.normalise import fit_normaliser
from stf2m.prepare.windows import read_windows
from stf2m.tasks.loader import Loader

FOLD = Fold((0, 1, 2, 3), (4,), (5,))
WORLD = {"seed": st.integers(0, 999), "recordings": st.integers(2, 4), "length": st.integers(1, 6), "classes": st.integers(2, 3)}


def viewed(segments, kind="stimulus", fold=FOLD):
    """Descriptors of the view, (segment, descriptor)."""
    found = with_context(segments, (kind,), "mood", fold)
    return found.descriptors[:, [j for j, d in enumerate(found.descriptor_infos) if d.modality == VIEWS[kind].modality]]


def retold(segments, person, seed=0):
    """The same segments with other labels and ratings of one person."""
    rng, mine = np.random.default_rng(seed), segments.subject == person
    labels = np.where(mine, rng.integers(-1, len(segments.emotions["mood"]), len(segments)), segments.targets["mood"]).astype(np.int16)
    rating = np.where(mine[:, None], rng.uniform(-1, 1, (len(segments), 2)), segments.rating).astype(np.float32)
    return dataclasses.replace(segments, targets={"mood": labels}, rating=rating)


@pytest.mark.parametrize("kind", sorted(VIEWS))
@settings(max_examples=25, deadline=None)
@given(world=st.fixed_dictionaries(WORLD), person=st.integers(0, 5))
def test_nobody_hears_themselves_and_nobody_hears_test_people(make_segments, kind, world, person):
    segments = make_segments(people=6, unlabelled=0.2, **world)
    before, after = (viewed(s, kind) for s in (segments, retold(segments, person, world["seed"])))
    mine = segments.subject == person
    assert np.array_equal(before[mine], after[mine], equal_nan=True)
    if person in FOLD.test:
        assert np.array_equal(before, after, equal_nan=True)
    if person in FOLD.validation:
        assert np.array_equal(before[np.isin(segments.subject, FOLD.train)], after[np.isin(segments.subject, FOLD.train)], equal_nan=True)


def test_who_hears_whom():
    hears = hearers(FOLD, 6)
    assert hears[0].nonzero()[0].tolist() == [1, 2, 3]
    assert hears[4].nonzero()[0].tolist() == [0, 1, 2, 3]
    assert hears[5].nonzero()[0].tolist() == [0, 1, 2, 3, 4]


def test_the_crowd_is_the_mean_of_the_others_by_hand(make_segments):
    """Labels two seconds apart and a kernel of one second: the narrowest share is nearly the share at this very second."""
    segments = make_segments(3, people=6, stimuli=2, recordings=3, classes=3, unlabelled=0.0, window=2.0, hop=20.0)
    found = viewed(segments)
    row = int(np.flatnonzero((segments.subject == 5) & (segments.stimulus == 1))[2])
    said = []
    for other in range(5):
        same = (segments.subject == other) & (segments.stimulus == 1) & (segments.spans[:, 0] == segments.spans[row, 0])
        if same.any():
            labels = segments.targets["mood"][same]
            said.append([*np.bincount(labels, minlength=3) / same.sum(), *segments.rating[same].mean(axis=0)])
    mean, spread = np.mean(said, axis=0), np.std(said, axis=0)
    want = [*mean[:3], mean[3], spread[3], mean[4], spread[4], len(said) / 5]
    np.testing.assert_allclose(found[row, :8], want, atol=1e-5)


def test_the_view_is_a_static_modality_that_a_network_can_read(make_segments):
    segments = make_segments(1, people=6)
    found = with_context(segments, ("stimulus", "clock"), "mood", FOLD)
    assert found.modalities == ("eda", "hr", "crowd", "clock") == (*segments.modalities, *CONTEXT_MODALITIES)
    names = [d.name for d in found.descriptor_infos]
    assert len(set(names)) == len(names) and {"others heard (clip, 1 s)", "others heard (session, 5 s)"} <= set(names)
    rows = np.arange(0, len(found), 7)
    told = read_windows(found, rows, "crowd")[:, :, 0]
    columns = [j for j, d in enumerate(found.descriptor_infos) if d.modality == "crowd"]
    absent = ~found.present[rows, 2]
    assert np.array_equal(told, found.descriptors[np.ix_(rows, columns)], equal_nan=True) and absent.any()
    assert np.isnan(told[absent]).all() and absent[found.stimulus[rows] < 0].all() and not absent.all()
    batch = Loader(found, fit_normaliser(found, rows), "mood").batch(rows)
    assert batch.signals["crowd"].shape == (len(rows), len(columns) + 1, 1)


def test_context_that_is_not_there_is_refused(make_segments):
    segments = make_segments(1, people=6)
    with pytest.raises(InvalidConfig, match="no stimulus is known"):
        with_context(dataclasses.replace(segments, stimulus=np.full(len(segments), -1, np.int32)), ("stimulus",), "mood", FOLD)
    with pytest.raises(InvalidConfig, match="places in the session"):
        with_context(dataclasses.replace(segments, session_time=segments.spans[:, 0]), ("clock",), "mood", FOLD)
    with pytest.raises(InvalidConfig, match="offers no context 'label_times'"):
        make_protocol({"name": "new_person", "context": ["label_times"]})
    with pytest.raises(InvalidConfig, match="offers no context 'stimulus'"):
        make_protocol({"name": "new_person_new_stimulus", "context": ["stimulus"]})


def test_a_card_changes_with_context_and_not_without():
    plain, told = Completion(), Completion(context=("label_times", "stimulus"))
    assert "context" not in plain.card.settings and plain.card.words == plain.words
    assert told.card.hash != plain.card.hash and told.card == Completion(context=("stimulus", "label_times")).card
    assert told.heading == "completion, stimulus known, label times known"
    assert "`crowd`" in told.card.words and "times of the person's labels" in told.card.words


def clip_world(make_segments):
    """Everybody meets the same six clips; three of four labels follow clip and second, the sensors know all of them a little."""
    segments = make_segments(4, people=14, recordings=6, length=10, classes=2, unlabelled=0.0, offset=0.5, strength=0.0)
    rng, stimulus = np.random.default_rng(0), (segments.recording % 6).astype(np.int32)
    usual = rng.integers(0, 2, (6, 5))[stimulus, (segments.spans[:, 0] // 4).astype(int)]
    label = np.where(rng.random(len(segments)) < 0.75, usual, rng.integers(0, 2, len(segments)))
    shown = segments.descriptors + np.where(label > 0, 0.25, -0.25)[:, None]
    rating = np.stack([np.where(label > 0, 0.5, -0.5), np.zeros(len(label))], 1).astype(np.float32)
    targets = {"mood": label.astype(np.int16)}
    return dataclasses.replace(segments, targets=targets, descriptors=shown.astype(np.float32), rating=rating, stimulus=stimulus)


def score(predictor, segments, protocol, fold):
    predictor.fit(segments, "mood", list(fold.train), list(fold.validation), 0)
    predictor.tune(segments, "mood", [s for p in fold.validation for s in protocol.splits(segments, "mood", p, 0)])
    found = {}
    for person in fold.test:
        for s in protocol.splits(segments, "mood", person, 0):
            if len(s.support) or not getattr(predictor, "needs_support", False):
                said = predictor.predict(segments, s.support, s.query, target="mood")
                found.setdefault(s.shots, []).append(balanced_accuracy(segments.targets["mood"][s.query], said))
    return {k: float(np.mean(v)) for k, v in found.items()}


PEOPLE = Fold(tuple(range(8)), (8, 9, 10), (11, 12, 13))


@pytest.mark.parametrize("name", ["refit", "prototypes"])
def test_baselines_with_the_crowd_reach_the_floor_and_beat_themselves(make_segments, name):
    segments, protocol = clip_world(make_segments), NewPerson(shots=(0, 4), draws=3)
    floor = score(FLOORS["same_second"](balanced=True), segments, protocol, PEOPLE)
    without = score(BASELINES[name](), segments, protocol, PEOPLE)
    told = score(BASELINES[name](), with_context(segments, ("stimulus",), "mood", PEOPLE), protocol, PEOPLE)
    for k in (0, 4):
        assert told[k] > floor[k] - 0.02 and told[k] > without[k] + 0.02, (k, told, floor, without)


def lasting_world(make_segments):
    """Moods that last for about twenty seconds, in recordings of three minutes; sensors say little."""
    segments = make_segments(2, people=14, recordings=4, length=90, classes=2, unlabelled=0.0, strength=0.3)
    rng, label = np.random.default_rng(1), segments.targets["mood"].copy()
    for i in range(1, len(label)):
        same = segments.recording[i] == segments.recording[i - 1] and rng.random() > 0.1
        label[i] = label[i - 1] if same else rng.integers(0, 2)
    return dataclasses.replace(segments, targets={"mood": label})


def test_baselines_read_labels_near_in_time(make_segments):
    segments, protocol = lasting_world(make_segments), Completion(shots=(0, 24), draws=2)
    nearest = score(FLOORS["nearest_label"](), segments, protocol, PEOPLE)
    without = score(BASELINES["prototypes"](), segments, protocol, PEOPLE)
    told = score(Informed(BASELINES["prototypes"](), ("label_times",)), segments, protocol, PEOPLE)
    assert told[0] == without[0] and told[24] > nearest[24] - 0.04 and told[24] > without[24] + 0.15, (told, nearest, without)


def test_evidence_of_baselines_follows_the_labels_it_is_given(make_segments):
    segments, protocol = lasting_world(make_segments), Completion(shots=(24,), draws=1)
    predictor = Informed(BASELINES["prototypes"](), ("label_times",))
    score(predictor, segments, protocol, PEOPLE)
    split = next(iter(protocol.splits(segments, "mood", 12, 0)))
    labels = segments.targets["mood"]
    said = [
        predictor.predict(segments, split.support, split.query, target="mood", support_target=given)
        for given in (labels[split.support], 1 - labels[split.support])
    ]
    assert accuracy(labels[split.query], said[0]) > accuracy(labels[split.query], said[1]) + 0.2


def test_context_alone_says_what_is_expected_and_reads_no_signal(make_segments):
    segments, protocol = lasting_world(make_segments), Completion(shots=(0, 24), draws=2)
    deaf = dataclasses.replace(segments, descriptors=np.zeros_like(segments.descriptors))
    found = [score(Informed(make_baseline("context_alone"), ("label_times",)), world, protocol, PEOPLE) for world in (segments, deaf)]
    assert found[0] == found[1] and found[0][0] == 0.5 and found[0][24] > 0.6


def test_context_alone_needs_a_context_in_every_protocol(tmp_path):
    study = tmp_path / "mine.toml"
    text = 'dataset = "synthetic"\ntargets = ["arousal2"]\nbaselines = ["context_alone"]\n[recipe.signals]\nmodalities = ["hr"]\n[recipe.cut]\ntargets = ["arousal2"]\n'
    study.write_text(text + '[[protocols]]\nname = "completion"\ncontext = ["label_times"]\n')
    assert load_study(study).baselines == ("context_alone",)
    study.write_text(text + '[[protocols]]\nname = "completion"\n')
    with pytest.raises(InvalidConfig, match="context_alone answers from a protocol's context"):
        load_study(study)


STUDY = {
    "protocols": [
        {"name": "new_person", "shots": [0, 2], "draws": 1}, {"name": "new_person", "shots": [0, 2], "draws": 1, "context": ["stimulus"]},
        {"name": "completion", "shots": [0, 5], "draws": 1, "context": ["clock", "label_times"]},
    ],
    "views": {}, "controls": [],
}  # fmt: skip


def test_context_has_cells_and_a_table_of_its_own(make_segments, monkeypatch, tmp_path, capsys):
    from tests.evaluation.test_study import study_of

    segments = make_segments(2, people=7, recordings=4, length=12, offset=2.0)
    monkeypatch.setattr(execute, "open_segments", lambda *_: segments)
    study, usual = study_of(**STUDY), study_of(protocols=STUDY["protocols"][:1], views={}, controls=[])
    assert {c.settings for c in cells_of(usual)} < {c.settings for c in cells_of(study)} and len(cells_of(study)) == 12
    rows = run_study(study, paths_of(study, runs=tmp_path), say=lambda _: None)
    text = write_results(study, rows)
    parts = {part.split("\n")[0]: part for part in text.split("### ")[1:]}
    known = parts["mood: new person, stimulus known"]
    assert "| same second (stimulus known) |" in parts["mood: new person"] and "| same second |" in known
    assert "session time (time known)" in known and "| session time |" in parts["mood: completion, clock known, label times known"]
    page = {(t.title, line.label): line.note for t in report_of(study, rows).tables for line in t.lines}
    shown = {name for name, _ in page}
    assert {page[name, "session time"] for name in shown} == {"time known", ""}, "a floor that knows no more than methods is not marked"
    assert not any("known)" in line for _, line in page), "in the page the mark stands beside the name"
    show_tables(study, rows, Console())
    told = capsys.readouterr().out.split("mood, ")
    assert all(("session time (time known)" in part) == ("clock known" not in part) for part in told[1:])
    said = {row["card"]: row["balanced_accuracy"] for row in rows if row["method"] == "prototypes" and row["person"] == "P00"}
    assert len(said) == 3
    floors = {c: [r["balanced_accuracy"] for r in rows if r["method"] == "same_second" and r["card"] == c] for c in said}
    both = [p.card.hash for p in study.asked[:2]]
    assert floors[both[0]] == floors[both[1]]  # the same questions, with and without context


@pytest.mark.slow
def test_the_recurrent_learner_reads_the_crowd(make_segments):
    from stf2m.evaluation.learned import Learned
    from stf2m.training.config import TrainConfig

    config = TrainConfig(steps=40, validate_every=20, network={"signals": False}, tasks={"shots": (0, 4)}, centres_at=10)  # pyright: ignore[reportArgumentType]
    segments, protocol = clip_world(make_segments), NewPerson(shots=(0, 4), draws=2)
    floor = score(FLOORS["same_second"](balanced=True), segments, protocol, PEOPLE)
    without = score(Learned(config), segments, protocol, PEOPLE)
    told = score(Learned(config), with_context(segments, ("stimulus",), "mood", PEOPLE), protocol, PEOPLE)
    for k in (0, 4):
        assert told[k] > floor[k] - 0.02 and told[k] > without[k] + 0.01, (k, told, floor, without)


def test_a_network_reads_the_view_beside_its_sensors():
    import torch
    from tests.toy import toy_segments

    from stf2m.model.config import NetworkConfig
    from stf2m.model.network import Network

    found = with_context(toy_segments(people=6), ("stimulus", "clock"), "emotion", FOLD)
    only = dataclasses.replace(found, infos=found.infos[3:])  # nothing but static modalities
    batch = Loader(found, fit_normaliser(found, np.arange(40)), "emotion").batch(np.arange(8))
    net = Network(NetworkConfig(signals=True, width=16, node_width=8, rules=4), found.infos, found.descriptor_infos, 3).eval()
    heard, unheard = (net("encode", b).gates for b in (batch, batch._replace(signals={**batch.signals, "crowd": -batch.signals["crowd"]})))
    place = found.modalities.index("crowd")
    assert torch.isfinite(heard).all() and (heard[:, place] != unheard[:, place]).all()
    columns = tuple(d for d in found.descriptor_infos if d.modality in only.modalities)
    assert Network(NetworkConfig(signals=True, width=16, node_width=8, rules=4), only.infos, columns, 3).modalities == (
        "face",
        "crowd",
        "clock",
    )


def test_a_training_under_context_looks_like_its_protocol():
    from stf2m.evaluation.learned import config_of, config_under

    config, _ = config_of({"learner": "anil"}, normalisation="causal", where="test")
    assert config_under(Completion(), config) is config and "label_times" not in config.facts()
    told = config_under(Completion(shots=(0, 7), guard=3.0, context=("label_times",)), config)
    assert told.label_times and told.hash != config.hash
    assert (told.tasks.apart, told.tasks.counting, told.tasks.guard, told.tasks.shots) == (("guard",), ("total",), 3.0, (0, 7))
    heard = config_under(NewPerson(shots=(0, 3), context=("stimulus",)), config)
    assert not heard.label_times and heard.tasks.apart == ("stimulus",) and heard.tasks.shots == (0, 3)
    with pytest.raises(InvalidConfig, match=r"context = \["):
        config_of({"learner": "anil", "label_times": True}, normalisation="causal", where="test")
