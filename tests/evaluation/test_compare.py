"""Ranks and pairs equal their references; the diagram shows what the numbers say."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from stf2m.evaluation.compare import PAIR_COLUMNS, against, compare, compared_markdown, comparisons, pairwise_rows
from stf2m.evaluation.few import few_in_pairs, few_in_table
from stf2m.evaluation.figures import curve_svg, ranks_svg
from stf2m.evaluation.figures.svg import spread
from stf2m.evaluation.ranks import cliques, critical_difference, friedman, nemenyi, rank
from stf2m.evaluation.reading import number, reading
from stf2m.evaluation.rows import COLUMNS
from stf2m.evaluation.standing import standing_markdown
from stf2m.evaluation.statistics import interval, least_p, paired, people_needed, rank_biserial
from stf2m.evaluation.table import Line, tables_of, verdicts

METHODS = {
    "recurrent": ("learner", 0.8),
    "anil": ("learner", 0.79),
    "refit": ("baseline", 0.7),
    "majority": ("floor", 0.5),
    "time": ("floor", 0.6),
}


def table_of(methods=METHODS, *, protocol="new_person", people=20, shots=(0, 5), noise=0.03, metric="balanced_accuracy", without=()):
    """A table of methods with these means; `without` (method, person) was not scored."""
    rng, rows = np.random.default_rng(0), []
    for name, (role, mean) in methods.items():
        for p in range(people):
            for k in shots:
                row = dict.fromkeys(COLUMNS, "") | {"target": "mood", "card": "c", "protocol": protocol, "person": f"P{p}"}
                row |= {"method": name, "role": role, "view": "all", "shots": k, "draw": 0, "query": 10}
                if (name, p) not in without:
                    rows.append(row | {metric: mean + 0.1 * np.sin(p) + noise * rng.normal()})
    return tables_of(rows, metric)[0]


@pytest.mark.parametrize("ties", [False, True])
def test_friedman_is_scipys(ties):
    scores = np.random.default_rng(1).normal(loc=[0, 0.5, 0.2, 1.0], size=(15, 4))
    scores = scores.round(0) if ties else scores
    expected = stats.friedmanchisquare(*scores.T)
    found = rank(scores)
    assert found.statistic == pytest.approx(expected.statistic) and found.p == pytest.approx(expected.pvalue)
    np.testing.assert_allclose(found.mean, stats.rankdata(-scores, axis=1).mean(axis=0))


def test_the_critical_difference_is_demsars():
    """Table 5a and the worked example of Demsar (2006): 4 classifiers, 14 data sets, q = 2.569, CD = 1.25."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    for methods, q in ((2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)):
        assert critical_difference(methods, 30) / np.sqrt(methods * (methods + 1) / 180) == pytest.approx(q, abs=0.001)


def test_nemenyi_agrees_with_the_critical_difference():
    found = rank(np.random.default_rng(0).normal(size=(12, 5)) + np.arange(5) * 0.6)
    p, apart = nemenyi(found), np.abs(found.mean[:, None] - found.mean[None])
    assert ((p < 0.05) == (apart > found.critical)).all() and (np.diag(p) == 1).all() and np.allclose(p, p.T)


def test_bars_join_exactly_what_cannot_be_told_apart():
    found = rank(np.random.default_rng(3).normal(size=(25, 6)) + np.arange(6) * 0.5)
    joined = {frozenset((a, b)) for group in cliques(found) for a in group for b in group if a != b}
    for a in range(6):
        for b in range(a):
            assert (frozenset((a, b)) in joined) == (abs(found.mean[a] - found.mean[b]) <= found.critical)
    groups = [set(group) for group in cliques(found)]
    assert not any(a < b for a in groups for b in groups)


def test_nothing_is_told_from_too_few():
    assert rank(np.array([[0.1, 0.2]])).p == 1.0 and rank(np.zeros((0, 3))).people == 0
    same = rank(np.ones((9, 3)))
    assert same.p == 1.0 and same.statistic == 0.0 and friedman(np.full((4, 3), 2.0)) == (0.0, 1.0)
    assert rank(np.array([[0.1, np.nan], [0.3, 0.2]])).people == 1


def test_rank_biserial_is_wilcoxons_sums():
    rng = np.random.default_rng(2)
    gap = rng.normal(size=18) + 0.4
    above = stats.wilcoxon(gap, alternative="greater").statistic  # W+
    whole = 18 * 19 / 2
    assert rank_biserial(gap) == pytest.approx((above - (whole - above)) / whole)
    assert rank_biserial(np.abs(gap)) == 1.0 and rank_biserial(-np.abs(gap)) == -1.0 and rank_biserial(np.zeros(3)) == 0.0
    assert paired(gap, np.zeros(18)).rank_biserial == rank_biserial(gap) == -paired(np.zeros(18), gap).rank_biserial


def test_all_pairs_of_methods_and_the_strongest_floor():
    found = compare(table_of(), 5)
    assert [line.method for line in found.lines] == ["refit", "recurrent", "anil", "time"]
    assert len(found.pairs) == 6 and all(pair.gap.mean >= 0 for pair in found.pairs)
    p = [pair.gap.p for pair in found.pairs]
    assert [pair.p for pair in found.pairs] == pytest.approx(list(holm_by_hand(p)))
    by = {(pair.a.method, pair.b.method): pair for pair in found.pairs}
    assert by["recurrent", "refit"].gap.low > 0 and by["recurrent", "refit"].p < 0.01 and by["recurrent", "anil"].gap.low < 0.01


def holm_by_hand(p):
    order, out, worst = np.argsort(p), np.zeros(len(p)), 0.0
    for place, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - place) * p[i]))
        out[i] = worst
    return out


def test_people_without_a_method_are_not_ranked():
    found = compare(table_of(without={("anil", 0), ("refit", 3)}), 5)
    assert found.ranking.people == 18 and "18 people" in found.words


def test_smaller_errors_rank_first():
    found = compare(table_of({"recurrent": ("learner", 0.1), "refit": ("baseline", 0.3)}, metric="ece"), 5)
    best = found.lines[int(np.argmin(found.ranking.mean))]
    assert best.method == "recurrent" and found.pairs[0].a.method == "recurrent" and found.pairs[0].gap.low > 0
    errors = table_of({"recurrent": ("learner", 0.1), "refit": ("baseline", 0.3)}, metric="ece")
    assert any(re.match(r"k = 5: \.\d+ better than refit", line) for line in against(errors, "recurrent"))


def test_the_words_and_the_tables():
    table = table_of()
    lines = against(table, "recurrent")
    assert len(lines) == 8 and any(re.match(r"k = 5: \.\d+ above refit \(corrected", line) for line in lines)
    assert against(table, "nobody") == []
    text = compared_markdown([table], {"c": "new person"})
    assert text.count("every pair") == 2 and "Friedman chi-square" in text and "Holm" in text
    assert all(len(row) == len(PAIR_COLUMNS) for row in pairwise_rows(comparisons(table)[0]))
    assert compared_markdown([table_of({"recurrent": ("learner", 0.8)})], {"c": "new person"}) == ""


def test_what_shuffling_costs_is_corrected_for_every_k_and_control():
    """Twelve people whose labels seem to matter at one k: among four such sentences that is no longer told from chance."""
    gap = np.linspace(-0.05, 0.13, 12)
    assert paired(0.7 + gap, np.full(12, 0.7)).low > 0 > paired(0.7 + gap, np.full(12, 0.7), comparisons=4).low
    table, own = table_of(people=12, shots=(0, 1, 2, 5)), Line("recurrent", "learner")
    shuffled = Line("recurrent", "learner", control="shuffled_labels")
    for k in table.shots:
        table.scores[own, k], table.scores[shuffled, k] = 0.7 + gap, np.full(12, 0.7)
    said = [text for text in reading(table, "recurrent") if "shuffled" in text]
    assert len(said) == 4 and all("stays near" in text for text in said)


def test_a_page_says_where_the_main_method_stands():
    table = table_of()
    found = comparisons(table)
    text = standing_markdown([(table, found, "figures/x.svg")], {"c": "new person"}, "recurrent")
    assert "### mood: new person" in text and "](figures/x.svg)" in text and text.count("Friedman") == 2
    rows = {cells[1].strip(): [c.strip() for c in cells[2:4]] for line in text.splitlines() if len(cells := line.split("|")) == 5}
    last = dict(zip((line.words for line in found[-1].lines), found[-1].ranking.mean, strict=True))
    assert list(rows)[2:] == sorted(last, key=last.__getitem__) and "majority" not in rows  # not the strongest floor
    assert rows["recurrent"] == [f"{one.ranking.mean[one.lines.index(Line('recurrent', 'learner'))]:.2f}" for one in found]
    own, other = (table.of(Line(name, role), 5) for name, role in (("recurrent", "learner"), ("refit", "baseline")))
    gap = paired(own, other, comparisons=6)
    pair = next(p for p in found[1].pairs if {p.a.method, p.b.method} == {"recurrent", "refit"})
    _, difference, effect, p = rows["refit"][1].split("; ")
    assert difference == f"{number(gap.mean)} [{number(gap.low)}, {number(gap.high)}]" and gap.mean > 0
    assert (effect, p) == (f"{gap.effect:.2f}", "< .001") and pair.p < 0.001
    behind = standing_markdown([(table, found, "")], {"c": "new person"}, "refit")  # the same pair, seen from the other side
    assert f"{number(-gap.mean)} [{number(-gap.high)}, {number(-gap.low)}]; {-gap.effect:.2f}; < .001" in behind and "![" not in behind
    assert standing_markdown([(table, [], "")], {"c": "new person"}, "recurrent") == ""


def test_figures_are_pictures_of_the_numbers():
    table = table_of({**METHODS, 'odd <&"> name': ("baseline", 0.65)})
    found = compare(table, 5)
    for text in (ranks_svg(found, main="recurrent"), curve_svg(table, main="recurrent")):
        picture = ElementTree.fromstring(text)
        words = [node.text or "" for node in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert any("odd <&" in word for word in words) and any(word.startswith("recurrent") for word in words)
        width, height = (float(picture.attrib[side]) for side in ("width", "height"))
        for node in picture.iter("{http://www.w3.org/2000/svg}text"):
            assert 0 <= float(node.attrib["x"]) <= width and 0 <= float(node.attrib["y"]) <= height
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', ranks_svg(found))]
    assert dots == sorted(dots) and len(dots) == len(found.lines)


def test_labels_move_apart_and_keep_their_order():
    assert spread([10, 10, 11, 50], 5, 0, 100) == [10, 15, 20, 50]
    moved = spread([98, 99, 100], 5, 0, 100)
    assert moved == [90, 95, 100]


def test_nobody_is_ranked_under_a_leaky_protocol():
    table = table_of(protocol="literature_random")
    assert comparisons(table) == [] and against(table, "recurrent") == [] and compared_markdown([table], {"c": "new person"}) == ""
    assert "LEAKY protocol" in curve_svg(table, main="recurrent") and "LEAKY" not in curve_svg(table_of(), main="recurrent")


@pytest.mark.parametrize("people", [2, 3, 5, 18])
def test_chance_is_called_a_difference_as_rarely_as_promised(people):
    """Of 12 comparisons at 5 % in all, each may be wrong in .42 % of worlds in which nothing differs."""
    rng, worlds = np.random.default_rng(people), 1500
    found = [paired(rng.normal(size=people), np.zeros(people), comparisons=12) for _ in range(worlds)]
    wrong = sum(gap.low > 0 or gap.high < 0 for gap in found)
    assert wrong <= stats.binom.ppf(0.999, worlds, 0.05 / 12)


def test_one_person_proves_nothing_and_three_who_agree_prove_little():
    one = paired(np.array([0.9]), np.array([0.1]))
    assert np.isnan([one.low, one.high]).all() and not one.is_above
    assert not paired(np.full(3, 0.9), np.full(3, 0.1)).is_above and paired(np.full(9, 0.9), np.full(9, 0.1)).is_above


def test_the_interval_covers_students_and_the_bootstraps():
    gap = np.random.default_rng(5).normal(0.2, 1.0, 14)
    found, level = paired(gap, np.zeros(14), comparisons=6), 1 - 0.05 / 6
    low, high = stats.t.interval(level, 13, loc=gap.mean(), scale=stats.sem(gap))
    bootstrap = interval(gap, level=level)
    assert found.low == pytest.approx(min(low, bootstrap.low)) and found.high == pytest.approx(max(high, bootstrap.high))


@pytest.mark.parametrize("comparisons", [1, 6, 10])
def test_too_few_people_are_those_whom_no_difference_helps(comparisons):
    """The least p is that of differences of one sign, and exactly from `people_needed` on the corrected interval can leave 0."""
    needed = people_needed(comparisons)
    for people in (needed - 1, needed):
        apart = paired(np.linspace(0.3, 0.31, people), np.zeros(people), comparisons=comparisons)
        assert comparisons * apart.p == pytest.approx(least_p(people, comparisons))
        assert apart.is_above == (people == needed) == (least_p(people, comparisons) <= 0.05)


def test_a_table_of_few_people_says_what_it_cannot_tell():
    few, many = table_of(people=6), table_of(people=12)
    said = few_in_table(verdicts(few, "recurrent"))
    assert "With 6 people no corrected comparison" in said and "p of 4 comparisons is .125. At least 8 people" in said
    assert "at k = 5" in few_in_pairs(compare(few, 5)) and "p of 6 comparisons is .188" in few_in_pairs(compare(few, 5))
    assert few_in_table(verdicts(many, "recurrent")) == "" == few_in_pairs(compare(many, 5))
