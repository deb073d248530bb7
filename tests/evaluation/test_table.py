"""Verdicts are what the definition of "beats" says they are."""

import numpy as np
import pytest

from stf2m.evaluation.reading import number, reading, sentence, with_interval
from stf2m.evaluation.rows import COLUMNS
from stf2m.evaluation.statistics import Interval
from stf2m.evaluation.table import Line, strongest, tables_of, verdicts


def rows_of(scores: dict[str, tuple[str, float]], *, people: int = 20, spread: float = 0.1, noise: float = 0.02, shots=(1,)):
    """Rows of methods whose mean is given; people differ by `spread`, methods within a person by `noise`."""
    rng = np.random.default_rng(0)
    person = rng.normal(size=people) * spread
    rows = []
    for name, (role, mean) in scores.items():
        method, _, control = name.partition("+")
        for p in range(people):
            for k in shots:
                for draw in range(2):
                    value = mean + person[p] + rng.normal() * noise
                    row = dict.fromkeys(COLUMNS, "") | {"target": "mood", "card": "c", "protocol": "new_person", "person": f"P{p}"}
                    row |= {"method": method, "role": role, "view": "all", "control": control, "shots": k, "draw": draw, "query": 10}
                    rows.append(row | {"balanced_accuracy": value, "ece": 1 - value})
    return rows


def verdict_of(**scores):
    table = tables_of(rows_of(scores), "balanced_accuracy")[0]
    return verdicts(table, "recurrent")[0]


def test_beats_needs_both():
    both = verdict_of(recurrent=("learner", 0.8), majority=("floor", 0.5), refit=("baseline", 0.75))
    assert both.beats and both.floor == Line("majority", "floor") and both.baseline == Line("refit", "baseline")
    assert "It beats both." in sentence(both, "recurrent")
    tied = verdict_of(recurrent=("learner", 0.75), majority=("floor", 0.5), refit=("baseline", 0.75))
    assert not tied.beats and "not told apart" in sentence(tied, "recurrent") and "not the best other method" in sentence(tied, "recurrent")
    below = verdict_of(recurrent=("learner", 0.45), majority=("floor", 0.5), refit=("baseline", 0.4))
    assert not below.beats and "below a floor that uses no signal" in sentence(below, "recurrent")
    worse = verdict_of(recurrent=("learner", 0.7), majority=("floor", 0.5), anil=("learner", 0.8))
    assert worse.baseline == Line("anil", "learner") and "worse than the best other method" in sentence(worse, "recurrent")


def test_oracles_views_and_controls_are_never_compared_with():
    rows = rows_of(
        {
            "recurrent": ("learner", 0.8),
            "previous_label": ("oracle", 0.99),
            "recurrent+shuffled_labels": ("learner", 0.5),
            "refit": ("baseline", 0.7),
        }
    )
    table = tables_of(rows, "balanced_accuracy")[0]
    found = verdicts(table, "recurrent")[0]
    assert found.baseline == Line("refit", "baseline") and found.floor is None and found.beats
    assert any("shuffled support labels the score falls" in line for line in reading(table, "recurrent"))
    assert [line.role for line in table.lines] == ["baseline", "learner", "learner", "oracle"]


def test_smaller_is_better_for_errors():
    table = tables_of(rows_of({"recurrent": ("learner", 0.8), "refit": ("baseline", 0.7), "prototypes": ("baseline", 0.6)}), "ece")[0]
    assert strongest(table, table.plain("baseline"), 1) == Line("refit", "baseline")
    assert verdicts(table, "recurrent")[0].beats


def test_draws_are_averaged_before_people():
    table = tables_of(rows_of({"refit": ("baseline", 0.5)}, people=3), "balanced_accuracy")[0]
    assert table.of(Line("refit", "baseline"), 1).shape == (3,) and np.isnan(table.of(Line("x", "floor"), 1)).all()
    assert verdicts(table, "recurrent") == [] and "Best with k = 1: refit" in reading(table, "recurrent")[0]


def test_numbers_as_papers_print_them():
    assert [number(v) for v in (0.9123, -0.034, 1.0, float("nan"))] == [".912", "-.034", "1.000", "–"]
    assert with_interval(Interval(0.5, 0.45, 0.55, 9)) == ".500 [.450, .550]"
    assert with_interval(Interval(np.nan, np.nan, np.nan, 0)) == "–"
    with pytest.raises(TypeError):
        number("x")
