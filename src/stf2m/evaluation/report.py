"""One self-contained HTML file: tables with floors, people as dots, the curve over k, and timelines that bend to the person.

Everything is inlined (plotly.js from its wheel, styles, script, data): the file opens offline and may be mailed.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stf2m.core.files import atomic_write_text
from stf2m.core.plain import finite
from stf2m.evaluation.timeline import Timeline

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Score:
    """One cell of a table: mean over people, 95 % interval, and the number of every person (None = not scored)."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    people: list[float | None] = field(default_factory=list)
    minus_floor: float | None = None
    """under a leaky protocol: what is left of a method above the strongest floor"""


@dataclass(frozen=True)
class ReportLine:
    """One row of a table; `role` is floor, baseline, learner or oracle, `note` says what the method knows or lacks."""

    label: str
    role: str
    scores: list[Score]
    """one per k"""
    note: str = ""
    is_main: bool = False
    is_detail: bool = False
    """a view or a control of the method above"""


@dataclass(frozen=True)
class Headline:
    """What the main method reaches at one k, in a tile."""

    k: int
    score: Score
    verdict: str
    """three or four words"""
    tone: str
    """good, open, poor, or few: so few people cannot tell"""


@dataclass(frozen=True)
class ReportTrust:
    """How far one method can be trusted at one k; means over people, None = not measured."""

    k: int
    label: str
    role: str
    is_main: bool
    curve: list[float | None]
    """accuracy where all, and where the surest 80, 60, 40 and 20 % of the segments are answered"""
    coverage: list[float | None]
    """of every person, thresholds over segments"""
    coverage_people: list[float | None]
    """of every person, thresholds over whole people"""
    numbers: dict[str, float | None]
    """aurc, ece, ece_calibrated, size_segments, size_people, and of the intervals coverage and width"""


@dataclass(frozen=True)
class ReportRanks:
    """Every method against every other at one k: the critical-difference diagram and the pairs as text."""

    k: int
    words: str
    svg: str
    """drawn by us, so it may stand in the page as it is"""
    columns: list[str]
    pairs: list[list[str]]


@dataclass(frozen=True)
class ReportTable:
    """One target under one protocol."""

    title: str
    card: str
    """the protocol in words"""
    metric: str
    k: list[int]
    people: list[str]
    lines: list[ReportLine]
    headlines: list[Headline]
    floor: list[int]
    """per k the position of the strongest floor in `lines`, -1 = none"""
    best: list[int]
    """per k the position of the best method beside the main one, -1 = none"""
    reading: list[str]
    trust: list[ReportTrust] = field(default_factory=list)
    promise: str = ""
    """what coverage means here"""
    ranks: list[ReportRanks] = field(default_factory=list)
    card_hash: str = ""
    """numbers link to the card by it"""
    picture: str = ""
    """the protocol as an SVG element, made by this program"""
    k_words: str = ""
    """what k counts"""
    few: str = ""
    """what so few people cannot tell, "" = they can"""


@dataclass(frozen=True)
class ReportAudit:
    """What leaks would have done; stands under a red banner."""

    caption: str
    columns: list[str]
    lines: list[list[str]]


@dataclass(frozen=True)
class ReportData:
    """All that a report shows; every part may be empty."""

    title: str
    subtitle: str = ""
    marks: list[str] = field(default_factory=list)
    """what must be read before any number"""
    tables: list[ReportTable] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    """label and value, for the foot: data, settings, code, licence"""
    command: str = ""
    """the command line that makes this again"""
    audit: ReportAudit | None = None


def render(data: ReportData) -> str:
    """The whole HTML document as text."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape
    from plotly.offline import get_plotlyjs

    environment = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True)
    environment.filters["score"] = lambda value: "–" if value is None else f"{value:.3f}"
    page = environment.get_template("report.html")
    return page.render(
        data=data, style=read("report.css"), script=read("report.js"), plotly=get_plotlyjs(), payload=payload(data),
    )  # fmt: skip


def write_report(data: ReportData, path: Path) -> Path:
    """Write the report to `path`, whole or not at all; raises `NoSpace`."""
    atomic_write_text(Path(path), render(data))
    return Path(path)


def payload(data: ReportData) -> str:
    """The data as JSON that may stand inside a script element; what the page already holds as text is left out."""
    facts = asdict(data)
    del facts["audit"]
    for table in facts["tables"]:
        del table["ranks"]
    text = json.dumps(finite(facts), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def read(name: str) -> str:
    """A file that stands beside this one."""
    return (HERE / name).read_text(encoding="utf-8")
