"""Nothing that a method fits, chooses or calibrates changes when everything about the test people is something else."""

import dataclasses

import numpy as np
import pytest
from tests.toy import toy_segments

from stf2m.core.config import build
from stf2m.evaluation import work
from stf2m.evaluation.calibrating import calibrate
from stf2m.evaluation.informed import Informed
from stf2m.evaluation.study import Study, cells_of, protocols_of

TRAINING = {"steps": 4, "episodes": 2, "validate_every": 2, "centres_at": 1, "cautious": True, "network": {"signals": True}}
SETTINGS = {
    "name": "small", "dataset": "toy", "targets": ["emotion"], "folds": 3, "validation_people": 1, "seed": 3, "floors": [], "controls": [],
    "recipe": {"signals": {"modalities": ["eda", "bvp"]}, "cut": {"targets": ["emotion"]}}, "training": TRAINING,
    "learners": {"recurrent": {}, "protonet": {}},
}  # fmt: skip
TIMES = ("clock", "label_times")
PAIRS = (
    ("recurrent", ()), ("recurrent", TIMES), ("protonet", ("stimulus",)), ("refit", ()), ("refit", TIMES), ("prototypes", ("stimulus",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def people():
    return toy_segments(people=6, each=32)


def others(segments, fold, seed=1):
    """The same people, but of the test people every label, rating, descriptor, signal and presence is something else."""
    rng = np.random.default_rng(seed)
    test = np.isin(segments.subject, fold.test)
    label = np.where(test, rng.permutation(segments.targets["emotion"]), segments.targets["emotion"])
    signals = {}
    for j, (name, values) in enumerate(segments.signals.items()):
        signals[name] = values.copy()
        for recording in np.unique(segments.recording[test]):
            begin, end = segments.bounds[recording, j]
            signals[name][:, begin:end] = rng.normal(3.0, 5.0, (len(values), end - begin))
    return dataclasses.replace(
        segments, signals=signals, targets={"emotion": label.astype(np.int16)},
        rating=np.where(test[:, None], -segments.rating, segments.rating),
        descriptors=np.where(test[:, None], rng.normal(3.0, 5.0, segments.descriptors.shape), segments.descriptors).astype(np.float32),
        present=segments.present & ~(test[:, None] & (rng.random(segments.present.shape) < 0.3)),
    )  # fmt: skip


def prepared(study, segments, cell):
    """What is fitted, tuned and calibrated of the cell's method, as one flat dict."""
    world, segments = work.in_context(study, segments, cell, work.world_of(study, segments, cell))
    (method,) = work.methods_of(study, segments, world, cell, [], {}, None)
    fold, (protocol,) = world.fold, protocols_of(study, cell)
    method.predictor.fit(world.segments, cell.target, fold.train, fold.validation, study.seed)
    rehearsals = protocol.rehearsals(world, cell.target, study.seed)
    method.predictor.tune(world.segments, cell.target, rehearsals)
    found = {"calibration": calibrate(method.predictor, world.segments, cell.target, rehearsals).model_dump_json()}
    inside = method.predictor
    if isinstance(inside, Informed):
        found["trust"], inside = repr(inside.chosen), inside.inside
    if hasattr(inside, "fitted"):
        (fitted,) = inside.fitted
        return found | {name: value.numpy() for name, value in fitted.params.items()} | fitted.normaliser.to_arrays()
    return found | {"chosen": repr(inside.chosen), **inside.normaliser.to_arrays()}


@pytest.mark.parametrize(("method", "context"), PAIRS, ids=lambda what: what if isinstance(what, str) else "+".join(what) or "signals")
def test_nothing_is_learnt_from_test_people(people, method, context):
    protocol = {"name": "completion" if "label_times" in context else "new_person", "shots": [0, 2], "draws": 1, "context": context}
    learners = {method: {}} if method in SETTINGS["learners"] else {}
    main = {"main": method, "baselines": [] if learners else [method], "learners": learners, "detailed": []}
    study = build(Study, {**SETTINGS, **main, "protocols": [protocol]}, where="test")
    cell = cells_of(study)[0]
    fold = work.fold_of(study, people, cell)
    changed = others(people, fold)
    assert np.abs(changed.descriptors - people.descriptors).max() > 1 and (changed.targets["emotion"] != people.targets["emotion"]).any()
    one, two = prepared(study, people, cell), prepared(study, changed, cell)
    assert one.keys() == two.keys() and len(one) > 3
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)


def test_it_would_be_seen_if_a_training_person_were_changed(people):
    study = build(
        Study,
        {**SETTINGS, "protocols": [{"name": "new_person", "shots": [0, 2], "draws": 1}], "baselines": [], "detailed": []},
        where="test",
    )
    cell = next(cell for cell in cells_of(study) if cell.methods == ("recurrent",))
    fold = work.fold_of(study, people, cell)
    changed = others(people, fold._replace(test=fold.train[:1]))
    one, two = prepared(study, people, cell), prepared(study, changed, cell)
    assert [name for name in one if not np.array_equal(one[name], two[name])]
