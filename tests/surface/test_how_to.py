"""The whole examples of the how-to pages do what a registered member of their family must do."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.evaluation.conftest import random_segments
from tests.meta import test_learners as learners
from tests.model import test_networks as networks

from stf2m.core.errors import NothingToRead
from stf2m.data.store import import_dataset
from stf2m.evaluation.leaks import Case
from stf2m.evaluation.protocols import PROTOCOLS, NewPerson, folds, make_protocol
from stf2m.meta import LEARNERS
from stf2m.model.baselines import NETWORKS

MARK = "<!-- runs in tests/surface/test_how_to.py -->\n```python\n"


@pytest.fixture
def example(root: Path, request: pytest.FixtureRequest) -> SimpleNamespace:
    """What the code of the page of this name defines."""
    page = root / "docs" / "how-to" / f"{request.param}.md"
    (code,) = [block.split("```")[0] for block in page.read_text(encoding="utf-8").split(MARK)[1:]]
    space: dict = {"__name__": f"how_to_{request.param}"}
    exec(compile(code, str(page), "exec"), space)
    return SimpleNamespace(**space)


@pytest.mark.parametrize("example", ["dataset"], indirect=True)
def test_a_data_set(example, files, tmp_path):
    (tmp_path / "lab").mkdir()
    for name, file in (("ada-1", "monday"), ("ada-2", "tuesday"), ("bo-1", "monday")):
        shutil.copy(files[file], tmp_path / "lab" / f"{name}.csv")
    people = example.OurLab(tmp_path / "lab")
    store = import_dataset(people, tmp_path / "store")
    assert store.subjects() == people.subjects() == ("ada", "bo")
    assert [(r.order, r.stimulus, r.consent) for r in store.recordings("ada")] == [(0, "1", "research"), (1, "2", "research")]
    with pytest.raises(NothingToRead, match="no recording of our_lab"):
        example.OurLab(tmp_path)


@pytest.mark.parametrize("example", ["learner"], indirect=True)
def test_a_learner(example, monkeypatch):
    monkeypatch.setitem(LEARNERS, "own_shares", example.OwnShares)
    learners.test_vmap_equals_the_loop("own_shares")


@pytest.mark.parametrize("example", ["network"], indirect=True)
def test_a_network(example, monkeypatch):
    monkeypatch.setitem(NETWORKS, "moments", example.Moments)
    networks.test_shapes_and_a_gradient_for_every_weight("moments", {})
    networks.test_values_of_an_absent_modality_do_not_matter("moments", 0)
    networks.test_nothing_present_and_nothing_measured_are_finite("moments")


@pytest.mark.parametrize("example", ["protocol"], indirect=True)
def test_a_protocol(example, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "first_labels", example.FirstLabels)
    protocol, segments = make_protocol({"name": "first_labels", "shots": [0, 3]}), random_segments()
    found = list(protocol.splits(segments, "mood", 0, 0))
    assert [split.shots for split in found] == [0, 3] and len(found[1].support) == 3
    np.testing.assert_array_equal(found[0].query, found[1].query)
    assert segments.session_time[found[1].support].max() < segments.session_time[found[1].query].min()
    assert protocol.card.words.endswith(".") and protocol.card.picture.startswith("<svg")


@pytest.mark.parametrize("example", ["leak"], indirect=True)
def test_a_leak(example):
    segments, protocol = random_segments(), NewPerson(shots=(0, 2), draws=1)
    fold = folds(range(len(segments.subjects)), 2, 0, 1)[0]
    splits = tuple(split for person in fold.test for split in protocol.splits(segments, "mood", person, 0))
    case = Case(segments, segments, "mood", fold, (), splits, protocol)
    leaked = example.LABEL_COUNT.spoil(case)
    assert example.LABEL_COUNT.reason(case) == "" and len(leaked.rows) == len(case.query)
    shown = leaked.case.ask.descriptors[:, -1]
    first = segments.recording == 0
    assert set(shown[first & np.isfinite(shown)]) == {float((segments.targets["mood"][first] >= 0).sum())}
