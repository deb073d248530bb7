"""Units, emotions, look-ups and settings: round trips, cuts, and the neighbours of a mistyped name."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from stf2m.core.config import Settings, build, later, load_toml
from stf2m.core.emotions import CIRCUMPLEX, RAVDESS_EMOTIONS, TARGETS, Target, classes_of, groups_of, nine_point
from stf2m.core.errors import InvalidConfig, MissingExtra, UnknownName
from stf2m.core.registry import look_up
from stf2m.core.units import CONVERT, PLAUSIBLE, conversion

RATINGS = npst.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(2)), elements=st.floats(-1, 1, width=32) | st.just(np.nan))


def test_every_unit_ends_in_a_default_unit_that_maps_to_itself():
    for unit in CONVERT:
        default, factor, _ = conversion(unit)
        assert factor > 0
        assert conversion(default) == (default, 1.0, 0.0)
    assert all(low < high and conversion(unit)[0] == unit for unit, (low, high) in PLAUSIBLE.items())


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(98.6, "degF", 37.0), (9.80665, "m/s2", 1.0), (64, "g/64", 1.0), (812, "ms", 0.812), (np.pi, "rad", 180)],
)
def test_known_conversions(value, unit, expected):
    _, factor, offset = conversion(unit)
    assert value * factor + offset == pytest.approx(expected)


def test_an_unknown_unit_names_the_known_ones():
    with pytest.raises(UnknownName, match=r"unknown unit 'Kelvin' - known units: .*degC"):
        conversion("Kelvin")


@given(RATINGS, st.sampled_from(sorted(TARGETS)))
def test_classes_lie_in_the_vocabulary_and_missing_ratings_have_none(rating, name):
    target = TARGETS[name]
    found = classes_of(target, rating)
    assert found.dtype == np.int16
    assert found.shape == (len(rating),)
    known = np.isfinite(rating).all(axis=1) if target.axis is None else np.isfinite(rating[:, target.axis])
    np.testing.assert_array_equal(found >= 0, known)
    assert (found < len(target.emotions)).all()


@given(RATINGS)
def test_quadrants_are_the_two_binary_cuts_together(rating):
    valence, arousal, quadrant = (classes_of(TARGETS[n], rating) for n in ("valence2", "arousal2", "quadrant"))
    both = (valence >= 0) & (arousal >= 0)
    np.testing.assert_array_equal(quadrant[both], (2 * arousal + valence)[both])


@given(RATINGS)
def test_a_higher_rating_never_has_a_lower_class(rating):
    order = np.argsort(rating[:, 1])
    found = classes_of(TARGETS["arousal3"], rating)[order]
    assert (np.diff(found[found >= 0]) >= 0).all()


@pytest.mark.parametrize(
    ("nine", "two", "three"), [(1, 0, 0), (2.99, 0, 0), (3, 0, 1), (4.99, 0, 1), (5, 1, 1), (5.99, 1, 1), (6, 1, 2), (9, 1, 2)]
)
def test_a_value_on_a_cut_belongs_to_the_upper_class(nine, two, three):
    rating = np.full((1, 2), (nine - 5) / 4)
    assert nine_point(rating)[0, 0] == pytest.approx(nine)
    assert (classes_of(TARGETS["valence2"], rating)[0], classes_of(TARGETS["valence3"], rating)[0]) == (two, three)


def test_targets_without_ratings_are_refused_and_orienting_points_exist():
    with pytest.raises(UnknownName, match="known: valence2"):
        classes_of(Target("emotion", ("sad", "happy")), np.zeros((1, 2)))
    assert set(RAVDESS_EMOTIONS) <= set(CIRCUMPLEX)
    assert all(-1 <= v <= 1 and -1 <= a <= 1 for v, a in CIRCUMPLEX.values())
    assert all(len(t.emotions) == (len(t.cuts) + 1 if t.axis is not None else 4 if t.has_classes else 1) for t in TARGETS.values())


LEARNERS: dict[str, int] = {"recurrent": 1, "protonet": 2, "maml": 3}


@given(st.sampled_from(sorted(LEARNERS)))
def test_known_names_are_found(name):
    assert look_up(LEARNERS, name, family="learners") == LEARNERS[name]


def test_a_mistyped_name_meets_its_neighbours():
    with pytest.raises(UnknownName, match="no learners entry named 'recurent' - did you mean recurrent"):
        look_up(LEARNERS, "recurent", family="learners")
    with pytest.raises(UnknownName, match="known learners: maml, protonet, recurrent"):
        look_up(LEARNERS, "xyz", family="learners")


def test_entry_points_of_other_packages_are_found(monkeypatch):
    class Point:
        name = "mine"
        group = "stf2m.learners"
        asked: ClassVar[list[str]] = []

        def load(self):
            return 42

    def points(group):
        Point.asked.append(group)
        return [Point()]

    monkeypatch.setattr("stf2m.core.registry.entry_points", points)
    assert look_up(LEARNERS, "mine", family="learners") == 42
    assert look_up(LEARNERS, "maml", family="learners") == 3
    assert Point.asked == ["stf2m.learners"]


def test_an_entry_point_that_cannot_be_loaded_says_what_it_lacks(monkeypatch):
    class Broken:
        name, value = "mine", "other.package:learner"

        def load(self):
            raise ModuleNotFoundError("No module named 'other'")

    monkeypatch.setattr("stf2m.core.registry.entry_points", lambda group: [Broken()])
    with pytest.raises(MissingExtra, match=r"other\.package:learner: 'mine' cannot be loaded: No module named 'other' - install"):
        look_up(LEARNERS, "mine", family="learners")


class Inner(Settings):
    learning_rate: float = 1e-3


class Outer(Settings):
    steps: int = 3
    inner: Inner = Inner()
    choices: tuple[str, ...] = ()


@given(st.integers(0, 10), st.integers(0, 10))
def test_the_hash_changes_with_any_setting_and_only_then(a, b):
    assert (Outer(steps=a).hash == Outer(steps=b).hash) == (a == b)
    assert len(Outer().hash) == 12
    assert Outer().hash != Outer(inner=Inner(learning_rate=2e-3)).hash
    assert build(Outer, Outer(steps=a).model_dump(), where="x").hash == Outer(steps=a).hash


def test_an_unknown_key_names_its_neighbours_at_its_own_level():
    with pytest.raises(InvalidConfig, match=r"study\.toml: there is no key 'step' - did you mean steps") as caught:
        build(Outer, {"step": 4}, where="study.toml")
    assert caught.value.exit_code == 41
    with pytest.raises(InvalidConfig, match=r"there is no key 'inner\.learning_rat' - did you mean learning_rate"):
        build(Outer, {"inner": {"learning_rat": 1}}, where="study.toml")
    with pytest.raises(InvalidConfig, match="known keys: choices, inner, steps"):
        build(Outer, {"zzz": 1}, where="study.toml")


def test_a_wrong_value_is_shown():
    with pytest.raises(InvalidConfig, match=r"study\.toml: the key 'steps' has a wrong value; expected a whole number, got 'many'$"):
        build(Outer, {"steps": "many"}, where="study.toml")


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Outer().steps = 4


def test_toml_mistakes_name_the_file_and_line(tmp_path):
    (tmp_path / "good.toml").write_text("steps = 4\n[inner]\nlearning_rate = 0.1\n")
    assert build(Outer, load_toml(tmp_path / "good.toml"), where="good").inner.learning_rate == 0.1
    (tmp_path / "bad.toml").write_text("steps = 4\nsteps 5\n")
    with pytest.raises(InvalidConfig, match=r"bad\.toml: not valid TOML: .*line 2"):
        load_toml(tmp_path / "bad.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfig, match=r"odd\.toml"):
        load_toml(tmp_path / "odd.toml")
    with pytest.raises(InvalidConfig, match="no such file"):
        load_toml(tmp_path / "gone.toml")


def test_a_setting_added_later_leaves_hashes_alone_until_it_is_used():
    class Before(Settings):
        size: int = 3

    class Inner(Settings):
        size: int = 3
        extra: bool = later(False)

    class Outer(Settings):
        inner: Inner = Inner()
        other: float = later(0.5)

    assert Inner().hash == Before().hash
    assert Inner(extra=True).hash != Before().hash
    assert Outer().facts() == {"inner": {"size": 3}}
    assert Outer(other=0.7, inner=Inner(extra=True)).facts() == {"inner": {"size": 3, "extra": True}, "other": 0.7}


def test_the_eight_emotions_are_grouped_as_documented():
    valence, arousal = (groups_of(TARGETS[name], RAVDESS_EMOTIONS) for name in ("named_valence3", "named_arousal2"))
    assert dict(zip(RAVDESS_EMOTIONS, valence.tolist())) == {
        "neutral": 1, "calm": 2, "happy": 2, "sad": 0, "angry": 0, "fearful": 0, "disgust": 0, "surprised": 1
    }  # fmt: skip
    assert {name for name, group in zip(RAVDESS_EMOTIONS, arousal) if not group} == {"neutral", "calm", "sad"}
    assert groups_of(TARGETS["named_valence3"], ("boredom",)).tolist() == [-1]


def test_what_is_wrong_with_the_whole_is_said_without_repeating_the_whole():
    from stf2m.evaluation.study import Study

    values = {
        "name": "x",
        "dataset": "synthetic",
        "recipe": {"signals": {"modalities": ["eda"]}},
        "protocols": [{"name": "new_person"}],
        "floors": ["moved_session"],
    }
    with pytest.raises(InvalidConfig) as told:
        build(Study, values, where="study.toml")
    assert str(told.value).startswith("study.toml: no such baseline or floor: moved_session;") and "got" not in str(told.value)
