"""What training may see under each protocol, and that the harness shows it nothing else."""

import dataclasses

import numpy as np
import pytest

from stf2m.core.config import build
from stf2m.core.errors import NotEnoughLabels
from stf2m.evaluation import questioning, work
from stf2m.evaluation.baselines import BASELINES
from stf2m.evaluation.predictor import Plain
from stf2m.evaluation.protocols import Fold, NewPerson, NewPersonNewStimulus, hide
from stf2m.evaluation.study import Study, cells_of

FOLD = Fold((0, 1, 2), (3, 4), (5, 6))
NEW = {"name": "new_person_new_stimulus", "shots": [0, 2], "draws": 2, "groups": 3}
PLAIN = [{"name": "new_person", "shots": [0, 2], "draws": 2}, {"name": "completion", "shots": [0, 5], "draws": 1}]
SETTINGS = {
    "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 1, "seed": 3, "main": "prototypes",
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "baselines": ["prototypes"], "detailed": [],
    "floors": ["majority"],
}  # fmt: skip


def study_of(*protocols, **changes) -> Study:
    return build(Study, {**SETTINGS, "protocols": protocols, **changes}, where="test")


@pytest.fixture
def people(make_segments):
    return make_segments(2, people=7, recordings=20, stimuli=4, length=4)


def test_hidden_rows_say_nothing(people):
    rows = np.arange(10, 30)
    seen = hide(people, rows)
    assert (seen.targets["mood"][rows] == -1).all() and np.isnan(seen.rating[rows]).all() and np.isnan(seen.descriptors[rows]).all()
    assert not seen.present[rows].any() and not seen.quality[rows].any()
    others = np.setdiff1d(np.arange(len(people)), rows)
    assert (seen.targets["mood"][others] == people.targets["mood"][others]).all()
    assert np.array_equal(seen.descriptors[others], people.descriptors[others], equal_nan=True)
    assert hide(people, rows[:0]) is people


def test_usual_protocols_hide_nothing(people):
    assert NewPerson().world(people, "mood", FOLD, 0) == (people, FOLD, 0)


def test_what_is_scored_as_new_is_in_nobodys_training(people):
    protocol = NewPersonNewStimulus(shots=(0, 2), draws=2, groups=4)
    scored = {person: set() for person in FOLD.test}
    for turn in range(protocol.turns):
        world = protocol.world(people, "mood", FOLD, 3, turn)
        seen = lambda side, world=world: set(world.segments.stimulus[np.isin(people.subject, side) & (world.segments.targets["mood"] >= 0)])  # noqa: E731
        for person in FOLD.test:
            for split in protocol.questions(people, "mood", person, 3, turn):
                asked = set(people.stimulus[split.query])
                scored[person] |= asked
                assert not asked & seen(FOLD.train + FOLD.validation) and -1 not in asked
                assert set(people.stimulus[split.support]) <= seen(FOLD.train)
        rehearsed = protocol.rehearsals(world, "mood", 3)
        assert {split.subject for split in rehearsed} == set(FOLD.validation)
        for split in rehearsed:
            assert not set(people.stimulus[split.query]) & seen(FOLD.train)
            assert set(people.stimulus[split.support]) <= seen(FOLD.train)
            assert (world.segments.targets["mood"][np.r_[split.support, split.query]] >= 0).all()
    for person, stimuli in scored.items():
        assert stimuli == set(people.stimulus[people.subject == person]) - {-1} and len(stimuli) > 2
    with pytest.raises(NotEnoughLabels, match="5 groups"):
        NewPersonNewStimulus(groups=5).world(people, "mood", FOLD, 3)


def test_only_other_trainings_have_cells_of_their_own():
    plain, mixed, alone = study_of(*PLAIN), study_of(*PLAIN, NEW), study_of(NEW)
    assert {cell.settings for cell in cells_of(plain)} < {cell.settings for cell in cells_of(mixed)}
    assert {cell.settings for cell in cells_of(mixed)} == {c.settings for c in cells_of(plain)} | {c.settings for c in cells_of(alone)}
    assert len(cells_of(alone)) == 3 * len(cells_of(plain)) == len({cell.settings for cell in cells_of(alone)})
    assert {(cell.card.partition("-")[0], cell.turn) for cell in cells_of(alone)} == {(NEW["name"], turn) for turn in range(3)}


def test_a_cell_shows_its_method_the_world_and_asks_its_turn(people, monkeypatch):
    shown = []

    class Spy(Plain):
        def fit(self, segments, target, train_people, validation_people, seed):
            shown.append(("fit", segments, None))

        def tune(self, segments, target, splits):
            shown.append(("tune", segments, splits))

        def predict(self, segments, support, query, *, target, support_target=None, modalities=None):
            shown.append(("ask" if segments is people else "calibrate", segments, query))
            return np.full((len(query), 3), 1 / 3, np.float32)

    monkeypatch.setitem(BASELINES, "prototypes", Spy)
    study = study_of(NEW, floors=[], main="refit")  # so that no timeline is made
    protocol = study.asked[0]
    for cell in cells_of(study):
        shown.clear()
        rows = work.run_cell(study, people, cell).rows
        world = work.world_of(study, people, cell)
        told = [segments for what, segments, _ in shown if what != "ask"]
        assert len(told) > 2 and all(segments is told[0] for segments in told)
        assert [what for what, *_ in shown[:2]] == ["fit", "tune"] and "ask" in {what for what, *_ in shown}
        assert all((told[0].targets["mood"] == world.segments.targets["mood"]).tolist())
        group = protocol.group_of(people, study.seed)
        assert {int(g) for what, _, query in shown if what == "ask" for g in group[query]} == {cell.turn}
        assert {row["draw"] % 3 for row in rows if row["query"]} == {cell.turn}


def test_hidden_labels_change_no_answer(people):
    """Labels of the stimuli under question may be anything: no method says anything else."""
    study = study_of({**NEW, "shots": [0, 2]})
    heard = []
    for cell in cells_of(study):
        fold, group = work.fold_of(study, people, cell), study.asked[0].group_of(people, study.seed)
        asked = (group == cell.turn) & (people.targets["mood"] >= 0) | np.isin(people.subject, fold.test) & (group == (cell.turn + 1) % 3)
        lied = np.where(asked & (people.targets["mood"] >= 0), (people.targets["mood"] + 1) % 3, people.targets["mood"]).astype(np.int16)
        for segments in (people, dataclasses.replace(people, targets={"mood": lied})):
            said = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(questioning, "measure", lambda truth, p, said=said: said.append(p) or {})
                work.run_cell(study, segments, cell)
            heard.append(said)
    assert all(len(a) == len(b) > 0 and all(map(np.array_equal, a, b)) for a, b in zip(heard[::2], heard[1::2], strict=True))
