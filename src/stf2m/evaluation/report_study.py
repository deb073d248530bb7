"""The report of a study, from its rows and the timelines that were kept."""

from collections.abc import Sequence

import numpy as np

from stf2m.core.emotions import has_classes
from stf2m.evaluation.audit_words import COLUMNS, Finding, lines
from stf2m.evaluation.compare import PAIR_COLUMNS, Comparison, comparisons, pairwise_rows
from stf2m.evaluation.few import few_in_pairs, few_in_table
from stf2m.evaluation.figures import ranks_svg
from stf2m.evaluation.metrics import SMALLER_IS_BETTER
from stf2m.evaluation.protocols.base import Protocol
from stf2m.evaluation.reading import METRIC_WORDS, reading
from stf2m.evaluation.report import Headline, ReportAudit, ReportData, ReportLine, ReportRanks, ReportTable, ReportTrust, Score
from stf2m.evaluation.results import knows_more
from stf2m.evaluation.rows import Row
from stf2m.evaluation.selective import SHARES
from stf2m.evaluation.study import Study, protocol_named
from stf2m.evaluation.table import Line, Table, Verdict, tables_of, verdicts
from stf2m.evaluation.timeline import Timeline
from stf2m.evaluation.trust import Trust, promise, trust_of
from stf2m.training.calibration import AXES


def report_of(
    study: Study, rows: Sequence[Row], timelines: Sequence[Timeline] = (), *, command: str = "", audit: tuple[str, list[Finding]] = ("", [])
) -> ReportData:
    """Everything the rows say, ready to be rendered."""
    tables = tables_of(rows, study.primary)
    people = len({row["person"] for row in rows if row["person"]})
    versions = sorted({row["code"] for row in rows})
    facts = [
        ("Data", f"{', '.join(sorted({row['dataset'] for row in rows})) or study.dataset}, {people} people"),
        ("Sensors", ", ".join(study.recipe.signals.modalities)),
        ("Segments", f"{study.recipe.cut.window:g} s" if isinstance(study.recipe.cut.window, float) else "one per recording"),
        ("Folds", f"{study.folds} by person, {study.validation_people} validation people each, seed {study.seed}"),
        ("Normalisation", study.recipe.normalisation),
        ("Study", f"{study.name}, settings {study.hash}"),
        ("Code", ", ".join(versions)),
    ]
    known = any(protocol.person_is_known for protocol in study.asked)
    met = "people, partly met in training (leaky)" if known else "people the model had never met"
    subtitle = f"{people} {met}, {METRIC_WORDS[study.primary]} per person, floors beside every number."
    return ReportData(
        study.title or study.name, subtitle, list(study.marks), [report_table(study, table, rows) for table in tables], list(timelines), facts,
        command or f"stf2m study {study.name}.toml", ReportAudit(audit[0], list(COLUMNS), [list(line) for line in lines(audit[1])]) if audit[1] else None,
    )  # fmt: skip


def report_table(study: Study, table: Table, rows: Sequence[Row]) -> ReportTable:
    """One table with its verdicts and its reading in words."""
    found, protocol = verdicts(table, study.main), protocol_named(study, table.group.card)
    few = "" if table.is_leaky else few_in_table(found)
    by_k = {verdict.shots: verdict for verdict in found}
    lines = table.lines
    at = lambda line: lines.index(line) if line is not None else -1  # noqa: E731
    return ReportTable(
        title=f"{table.group.target.replace('_', ' ')} · {protocol.heading}",
        card=protocol.words_for(table.group.target), metric=_metric_words(table.metric), k=list(table.shots),
        people=list(table.people), lines=[_line(study, table, line, protocol.context) for line in lines], headlines=[_headline(v, table.is_leaky, bool(few)) for v in found],
        floor=[at(by_k[k].floor) if k in by_k else -1 for k in table.shots],
        best=[at(by_k[k].baseline) if k in by_k else -1 for k in table.shots],
        reading=reading(table, study.main), trust=[_trust(study, one) for one in trust_of(rows, table, study.main)],
        promise=promise(study.validation_people) if study.validation_people else "",
        ranks=[_ranks(study, found) for found in comparisons(table)],
        card_hash=protocol.card.hash, picture=protocol.card.picture, k_words=k_words(protocol, table), few=few,
    )  # fmt: skip


def k_words(protocol: Protocol, table: Table) -> str:
    """What k counts, with the table's largest as an example."""
    k = max(table.shots)
    if has_classes(table.group.target) and "total" not in protocol.tasks.get("counting", ()):
        return f"k: labelled segments per class; k = {k} is {2 * k} labels of two classes"
    return "k: labelled segments in total"


TRUSTED = (
    "aurc",
    "ece",
    "ece_calibrated",
    "size_segments",
    "size_people",
    *(f"{w}_{a}_people" for a in AXES for w in ("coverage", "width")),
)


def _trust(study: Study, one: Trust) -> ReportTrust:
    mean = lambda name: float(np.nanmean(one.numbers[name])) if name in one.numbers else None  # noqa: E731
    each = lambda name: [round(float(v), 4) if np.isfinite(v) else None for v in one.numbers.get(name, ())]  # noqa: E731
    curve = [mean(name) for name in ("accuracy", *(f"accuracy_at_{share}" for share in SHARES))]
    coverage = each("coverage_segments"), each("coverage_people")
    return ReportTrust(
        one.shots, one.line.words, one.line.role, one.line.method == study.main, curve, *coverage, {name: mean(name) for name in TRUSTED}
    )


def _metric_words(metric: str) -> str:
    return METRIC_WORDS[metric] + (" (smaller is better)" if metric in SMALLER_IS_BETTER else "")


def _ranks(study: Study, found: Comparison) -> ReportRanks:
    pairs = [list(row) for row in pairwise_rows(found)]
    words = " ".join(text for text in (found.words, few_in_pairs(found)) if text)
    return ReportRanks(found.shots, words, ranks_svg(found, main=study.main), list(PAIR_COLUMNS), pairs)


def _line(study: Study, table: Table, line: Line, context: Sequence[str]) -> ReportLine:
    known = knows_more(line, context)
    note = f"{known} known" if known else ""
    is_detail = line.view != "all" or bool(line.control)
    return ReportLine(
        line.words, line.role, [_score(table, line, k) for k in table.shots], note, line.method == study.main and not is_detail, is_detail
    )


def _score(table: Table, line: Line, k: int) -> Score:
    found = table.summary(line, k)
    if not found.people:
        return Score(None)
    people = [round(float(v), 4) if np.isfinite(v) else None for v in table.of(line, k)]
    left = table.above_floor(line, k) if table.is_leaky and line.role in ("baseline", "learner") else None
    return Score(found.mean, found.low, found.high, people, left.mean if left and left.people else None)


def _headline(verdict: Verdict, is_leaky: bool, is_few: bool) -> Headline:
    """`above floors and all others`, `not above the floor`, ... with a tone for the colour; `is_few`: nothing can be told."""
    floor, best = verdict.above_floor, verdict.above_baseline
    if is_leaky:
        gap = "" if floor is None else f", {floor.mean:+.3f} to the floor"
        words, tone = f"leaky{gap}", "poor"
    elif is_few:
        words, tone = f"{verdict.score.people} people: too few to tell", "few"
    elif verdict.beats:
        words, tone = "above floors and all others", "good"
    elif floor is not None and floor.high < 0:
        words, tone = "below a floor", "poor"
    elif floor is not None and not floor.is_above:
        words, tone = "not above the floor", "poor"
    elif best is not None and best.high < 0:
        words, tone = "above floors, below another", "open"
    else:
        words, tone = "above floors, level with best", "open"
    score = Score(verdict.score.mean, verdict.score.low, verdict.score.high)
    return Headline(verdict.shots, score, words, tone)
