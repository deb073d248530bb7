"""The answer and the error tree as a person meets them."""

import re

import numpy as np
import pytest

from stf2m.core import errors
from stf2m.core.errors import InvalidRecord, Stf2mError
from stf2m.core.prediction import Prediction, Status


def answer(probability):
    count, ways = probability.shape
    empty = np.zeros(count, np.float32)
    return Prediction(
        recording="r", subject="s", spans=np.zeros((count, 2)), emotions=("low", "high")[:ways], probability=probability.astype(np.float32),
        valence=empty, arousal=empty, uncertainty=empty, abstained=np.zeros(count, bool), status=(Status.OK,) * count, modalities=("eda",),
        modality_weight=np.ones((count, 1), np.float32), firing=np.zeros((count, 0), np.float32), rules=(),
    )  # fmt: skip


def test_the_most_probable_emotion_is_the_answer():
    assert answer(np.array([[0.9, 0.1], [0.2, 0.8]])).emotion == ["low", "high"]
    assert answer(np.zeros((0, 2))).emotion == []


def test_probabilities_must_sum_to_one_and_fit_the_emotions():
    with pytest.raises(InvalidRecord, match="sum to 1"):
        answer(np.array([[0.9, 0.2]]))
    with pytest.raises(InvalidRecord, match="prediction"):
        Prediction(**{**vars(answer(np.array([[0.5, 0.5]]))), "emotions": ("low",)})


def test_every_status_has_a_sentence_and_a_stable_name():
    assert [s.value for s in Status] == ["ok", "low_quality", "modality_missing", "warming_up", "not_personalised"]
    assert all(s.sentence.endswith(".") for s in Status)
    assert len({s.sentence for s in Status}) == len(Status)


def test_the_drawn_tree_gives_every_exit_code_as_it_is():
    drawn = {name: int(code) for name, code in re.findall(r"-- (\w+)\s+(\d+)\s", errors.__doc__ or "")}
    leaves = {
        k.__name__: k.exit_code
        for k in vars(errors).values()
        if isinstance(k, type) and issubclass(k, Stf2mError) and not k.__subclasses__()
    }
    assert drawn == leaves


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({}, "broken"),
        ({"where": "a.csv"}, "a.csv: broken"),
        ({"expected": 4}, "broken; expected 4"),
        ({"got": 0.5}, "broken; got 0.5"),
        ({"where": "a.csv", "expected": "4 Hz", "got": "2 Hz", "hint": "check it"}, "a.csv: broken; expected 4 Hz, got 2 Hz - check it"),
    ],
)
def test_sentences_leave_empty_parts_out(parts, sentence):
    assert Stf2mError("broken", **parts).sentence == str(Stf2mError("broken", **parts)) == sentence
