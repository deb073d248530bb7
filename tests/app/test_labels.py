"""Labels files: what is read, and one sentence with file and line for what cannot be."""

import pytest

from stf2m.app.labels import label_notes, read_labels
from stf2m.core.errors import InvalidRecord, LabelOutOfScale, NothingToRead, UnknownColumn, UnreadableFile


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_named_emotions(write):
    first, second = read_labels(write("onset,offset,emotion\n0,2,happy\n\n4.5,6,sad\n"))
    assert (first.onset, first.offset, first.emotion, first.valence) == (0.0, 2.0, "happy", None)
    assert (second.onset, second.emotion, second.source) == (4.5, "sad", "self")


def test_ratings_come_to_minus_one_to_one(write):
    (label,) = read_labels(write("onset,offset,valence,arousal\n0,2,9,3\n"), scale=(1, 9))
    assert (label.valence, label.arousal) == (1.0, -0.5)


def test_spreadsheet_habits_are_accepted(write):
    (label,) = read_labels(write("Onset , OFFSET,Emotion\n0, 2, happy\n", encoding="utf-8-sig"))
    assert label.emotion == "happy"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("", UnknownColumn, "a column is missing"),
        ("onset,offset,emotion\n", NothingToRead, "no labels in it"),
        ("onset,offset,mood\n0,1,happy\n", UnknownColumn, "'mood'"),
        ("onset,offset,valence\n0,1,0.5\n", UnknownColumn, "a column is missing"),
        ("onset,offset,emotion\n0,1,happy\n3,2,sad\n", InvalidRecord, "line 3"),
        ("onset,offset,emotion\n-1,1,happy\n", InvalidRecord, "seconds since"),
        ("onset,offset,emotion\nzero,1,happy\n", UnreadableFile, "not a number"),
        ("onset,offset,emotion\n0,nan,happy\n", UnreadableFile, "not a number"),
        ("onset,offset,emotion\n0,1,\n", InvalidRecord, "no label"),
        ("onset,offset,valence,arousal\n0,1,5,0\n", LabelOutOfScale, "expected -1..1, got 5"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(write, text, kind, words):
    with pytest.raises(kind) as caught:
        read_labels(write(text))
    message = str(caught.value)
    assert words in message and "labels.csv" in message and "\n" not in message


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(NothingToRead, match="no such labels file"):
        read_labels(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UnreadableFile):
        read_labels(tmp_path / "x.csv")


def test_ratings_on_a_cut_and_a_scale_that_nobody_named_are_said(write):
    path = write("onset,offset,valence,arousal\n0,2,5,5\n2,4,5,5.5\n4,6,6,1\n")
    nine = read_labels(path, scale=(1, 9))
    assert label_notes(nine, "arousal2", (1, 9)) == ["1 label of 3 lies exactly on a cut: arousal 5 counts as high arousal"]
    both = label_notes(nine, "quadrant", (1, 9))
    assert both[0] == "2 labels of 3 lie exactly on a cut: valence 5 counts as high valence" and "arousal 5" in both[1]
    assert label_notes(nine, "valence3", (1, 9)) == ["1 label of 3 lies exactly on a cut: valence 6 counts as high valence"]
    assert label_notes(nine, "rating", (1, 9)) == label_notes(nine, "emotion", (1, 9)) == []
    usual = label_notes(read_labels(write("onset,offset,valence,arousal\n0,2,1,0\n")), "arousal2", (-1.0, 1.0))
    assert "on a scale of -1 to 1; if they were given on another" in usual[0] and "arousal 0 counts as high arousal" in usual[1]
    assert label_notes(read_labels(write("onset,offset,emotion\n0,2,sad\n")), "emotion", (-1.0, 1.0)) == []
