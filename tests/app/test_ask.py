"""A person is told which seconds to label next, and why."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from stf2m.app.ask import ask, choose
from stf2m.app.cli import app
from stf2m.app.labels import read_labels
from stf2m.app.personalise import personalise
from stf2m.core.errors import NotEnoughLabels
from stf2m.core.records import Annotation
from stf2m.evaluation.asking import Pool


def test_segments_are_named_once_with_reasons(bundle, strangers):
    found = ask(bundle, strangers[0], count=4)
    assert len({one.onset for one in found}) == 4
    for one in found:
        assert one.offset - one.onset == pytest.approx(2.0) and sum(one.probability.values()) == pytest.approx(1, abs=0.01)
        assert "no label of" in found[0].why and ("look like it" in one.why or "looks like it" in one.why)


def test_what_is_labelled_is_not_asked_again(bundle, strangers, files):
    labels = read_labels(files["labels"])
    found = ask(bundle, strangers[0], labels=labels, count=100)
    assert found and all(one.offset <= 10.0 or one.onset >= 34.0 for one in found)
    with pytest.raises(NotEnoughLabels, match="no segment is left"):
        ask(bundle, strangers[0], labels=[Annotation(0.0, 1000.0, emotion="low arousal")])


def test_a_person_is_asked_by_their_own_adaptation(bundle, strangers, tmp_path):
    personalise(bundle, strangers[:1], "ada", folder=tmp_path)
    own, general = (ask(bundle, strangers[1], person=who, folder=tmp_path) for who in ("ada", None))
    assert [one.probability for one in own] != [one.probability for one in general]
    assert not any("no label of" in one.why for one in own)


def test_later_choices_reckon_with_earlier_ones():
    rng = np.random.default_rng(0)
    found = choose(Pool(rng.normal(size=(20, 3)), np.full((20, 2), 0.5), (), np.zeros(2)), 3)
    assert [len(pool.asked) for pool, _ in found] == [0, 1, 2]
    assert found[2][0].counts.sum() == pytest.approx(2.0)
    assert len(choose(found[0][0], 50)) == 20


def test_the_command_speaks(bundle_path, files):
    said = CliRunner().invoke(app, ["ask", str(bundle_path), str(files["monday"]), "--count", "2"])
    assert said.exit_code == 0, said.stderr
    assert "1. " in said.stdout and " s: " in said.stdout and "3. " not in said.stdout
    facts = json.loads(CliRunner().invoke(app, ["ask", str(bundle_path), str(files["monday"]), "--json"]).stdout)
    assert len(facts["segments"]) == 5 and {"onset", "offset", "probability", "alike", "why"} == set(facts["segments"][0])
