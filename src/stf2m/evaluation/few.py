"""What so few people cannot tell, however large a difference is: said before anybody reads a verdict."""

from collections.abc import Sequence

from stf2m.evaluation.compare import Comparison, p_value
from stf2m.evaluation.statistics import Difference, least_p, people_needed
from stf2m.evaluation.table import Verdict

LEVEL = 0.95


def is_too_few(people: int, comparisons: int) -> bool:
    """Even if everybody differs in one direction, no corrected p falls to .05 and no corrected interval leaves 0."""
    return least_p(people, comparisons) > 1 - LEVEL


def few_words(gaps: Sequence[Difference], whose: str) -> str:
    """One sentence where so few people can tell nothing by these comparisons (corrected for all of them), else nothing."""
    people, count = max((gap.people for gap in gaps), default=0), len(gaps)
    if not people or not is_too_few(people, count):
        return ""
    return (
        f"With {people} people no corrected comparison {whose} can be told from chance, however large: the smallest possible p of "
        f"{count} comparisons is {p_value(least_p(people, count))}. At least {people_needed(count, level=LEVEL)} people are needed."
    )


def gaps_of(verdicts: Sequence[Verdict]) -> list[Difference]:
    """The comparisons that a table's verdicts were corrected for: with floors and with best other methods."""
    return [gap for verdict in verdicts for gap in (verdict.above_floor, verdict.above_baseline) if gap is not None]


def few_in_table(verdicts: Sequence[Verdict]) -> str:
    """The sentence for the main method of a table."""
    return few_words(gaps_of(verdicts), "of the main method in this table")


def few_in_pairs(found: Comparison) -> str:
    """The sentence for every method against every other at one k."""
    return few_words([pair.gap for pair in found.pairs], f"of two methods at k = {found.shots}")
