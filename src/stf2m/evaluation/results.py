"""A study's rows as Markdown and CSV: the text of docs/results.md, built from nothing but the rows."""

import csv
import io
from collections.abc import Sequence

from stf2m.evaluation.cost import hours_of_rows
from stf2m.evaluation.floors import FLOORS
from stf2m.evaluation.grid import PLUS, is_pair
from stf2m.evaluation.metrics import PRIMARY, SMALLER_IS_BETTER
from stf2m.evaluation.reading import METRIC_WORDS, card_link, cell_words, number, reading
from stf2m.evaluation.rows import Row
from stf2m.evaluation.study import Study, cells_of, protocol_named
from stf2m.evaluation.table import Line, Table, strongest, tables_of
from stf2m.evaluation.trust import METRICS as TRUST
from stf2m.evaluation.trust import trust_of, trust_text

BESIDE = (
    "Taken from the sources, not computed again. Signals, people, cuts and splits differ, so these figures are no comparison; they say where the "
    "field stands, and the floor says how much of such a figure needs no signal."
)
TITLES = {
    "floor": "floors: no signal",
    "baseline": "baselines on descriptors",
    "learner": "learners",
    "pair": "networks + learners",
    "oracle": "oracles: look at true labels",
}


def write_results(study: Study, rows: Sequence[Row], cards: str = "") -> str:
    """One section: what was asked, a table per target and protocol with floors and intervals, the reading in words.

    `cards` is the page that holds the cards, for a link to each.
    """
    parts = [f"## {study.title or study.name}", "", _about(study, rows), ""]
    for table in tables_of(rows, study.primary):
        parts += [
            f"### {table.group.target}: {protocol_named(study, table.group.card).heading}",
            "",
            _card(study, table, cards),
            "",
            markdown(table, protocol_named(study, table.group.card).context),
            "",
        ]
        parts += [block for k in dict.fromkeys((table.shots[0], table.shots[-1])) if (text := matrix(table, k)) for block in (text, "")]
        parts += [f"- {line}" for line in reading(table, study.main)] + [""]
        parts += trust_text(trust_of(rows, table, study.main), study.validation_people)
    parts += beside_published(study, rows)
    return "\n".join(parts).rstrip() + "\n"


def beside_published(study: Study, rows: Sequence[Row]) -> list[str]:
    """Scores of others beside those of this study in the same metric; nothing where the study names none."""
    if not study.published:
        return []
    head = [
        "published",
        "what was asked",
        "target",
        "metric",
        "theirs",
        "protocol here",
        f"{study.main.replace('_', ' ')} here",
        "strongest floor here",
    ]
    text = [_row(head), _row(["---"] * len(head))]
    for one in study.published:
        for table in tables_of(rows, one.metric):
            if table.group.target == one.target and one.protocol in ("", table.group.protocol):
                own = next((line for line in table.plain("learner", "baseline") if line.method == study.main), None)
                floor = strongest(table, table.plain("floor"), one.shots)
                here = [cell_words(table, own, one.shots) if own else "–"]
                here.append(f"{cell_words(table, floor, one.shots)}, {label(floor)}" if floor else "–")
                asked = f"{protocol_named(study, table.group.card).heading}, k = {one.shots}"
                text.append(_row([one.source, one.asked, one.target, METRIC_WORDS[one.metric], number(one.score), asked, *here]))
    return ["### Beside published scores", "", BESIDE, "", *text, ""]


def markdown(table: Table, context: Sequence[str] = ()) -> str:
    """Methods down, k across; mean over people and 95 % bootstrap interval. Floors that know more than `context` say so."""
    head = ["", *(f"k = {k}" for k in table.shots)]
    text = [_row(head), _row(["---"] * len(head))]
    role = ""
    for line in table.lines:
        if (kind := "pair" if is_pair(line.method) else line.role) != role:
            role = kind
            text.append(_row([f"*{TITLES[role]}*", *("" for _ in table.shots)]))
        text.append(_row([label(line, context), *(cell_words(table, line, k) for k in table.shots)]))
    return "\n".join(text)


def matrix(table: Table, shots: int) -> str:
    """The declared grid at one k: networks down, learners across, "·" where a pair was not asked for; "" without a grid."""
    pairs = {tuple(line.method.split(PLUS)): line for line in table.plain("learner") if is_pair(line.method)}
    if not pairs:
        return ""
    networks, learners = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
    text = [_row([f"k = {shots}", *(name.replace("_", " ") for name in learners)]), _row(["---"] * (len(learners) + 1))]
    for network in networks:
        cells = [cell_words(table, pairs[network, x], shots) if (network, x) in pairs else "·" for x in learners]
        text.append(_row([network.replace("_", " "), *cells]))
    return "\n".join(text)


def label(line: Line, context: Sequence[str] = ()) -> str:
    """The line's name; a floor that knows the stimulus or the time is marked, so the two kinds are not mixed up."""
    known = knows_more(line, context)
    return f"{line.words} ({known} known)" if known else line.words


def knows_more(line: Line, context: Sequence[str]) -> str:
    """ "stimulus" or "time" where the floor knows it and the methods of a protocol with this context do not, else ""."""
    floor = FLOORS.get(line.method)
    return floor.uses if floor is not None and not set(floor.context) <= set(context) else ""


def table_csv(study: Study, rows: Sequence[Row]) -> str:
    """Every metric of every table as CSV: one line per target, protocol, k, method, view and control."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "target",
            "protocol",
            "card",
            "k",
            "method",
            "role",
            "view",
            "control",
            "metric",
            "people",
            "mean",
            "low",
            "high",
            "leaky",
            "minus_floor",
        ]
    )
    for metric in dict.fromkeys((*PRIMARY, *TRUST)):
        for table in tables_of(rows, metric):
            for line in table.lines:
                for k in table.shots:
                    found = table.summary(line, k)
                    if found.people:
                        numbers = [f"{v:.6g}" for v in (found.mean, found.low, found.high)]
                        group = table.group
                        marks = ["leaky", f"{table.above_floor(line, k).mean:.6g}"] if table.is_leaky else ["", ""]
                        writer.writerow([group.target, group.protocol, group.card, k, *line, metric, found.people, *numbers, *marks])
    return out.getvalue()


def _about(study: Study, rows: Sequence[Row]) -> str:
    cells = cells_of(study)
    done = {row["cell"] for row in rows}
    versions = sorted({row["code"] for row in rows})
    people = len({row["person"] for row in rows if row["person"]})
    settings = f"{study.folds} folds by person, {study.validation_people} validation people per fold, seed {study.seed}"
    unfinished = len({cell.settings for cell in cells} - done)
    text = f"Data: `{study.dataset}`, {people} people; {settings}. Score: {METRIC_WORDS[study.primary]}, per person (mean over draws), "
    text += f"then mean over people with a 95 % bootstrap interval{'; smaller is better' if study.primary in SMALLER_IS_BETTER else ''}. "
    text += (
        f"Normalisation `{study.recipe.normalisation}`. Study `{study.name}`, settings `{study.hash}`, code {', '.join(versions) or '–'}."
    )
    text += f" Fitting and answering took {hours_of_rows(rows):.1f} CPU-hours."
    if not study.detailed or not {"shuffled_labels", "shuffled_signals"} & set(study.controls):
        text += " Nothing was asked here with shuffled labels or shuffled signals."
    if study.marks:
        text += f" **{'; '.join(study.marks)}.**"
    return text + (f" **{unfinished} of {len(cells)} cells are not finished.**" if unfinished else "")


def _card(study: Study, table: Table, cards: str) -> str:
    protocol, target = protocol_named(study, table.group.card), table.group.target
    count = f"{len(table.people)} people, {table.query.mean:.0f} scored segments each on average"
    return f"Protocol `{protocol.name}`. {protocol.words_for(target)} Card {card_link(table.group.card, cards)}; {count}."


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
