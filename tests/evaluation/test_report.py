"""The report is one file that needs nothing else, says what the rows say, and works in a browser."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from stf2m.evaluation.report import ReportData, ReportLine, ReportTable, Score, payload, render, write_report
from stf2m.evaluation.timeline import Answers, Signal, Timeline

NASTY = "</script><script>alert(1)</script>"


def timeline(*, person: str = "P01", classes: int = 2, rated: bool = True, rules: bool = True, takes: bool = False) -> Timeline:
    rng = np.random.default_rng(0)
    count = 24
    recording = list(range(count)) if takes else [i // 12 for i in range(count)]
    start = [0.0 if takes else 2.0 * (i % 12) for i in range(count)]

    def answer(k: int) -> Answers:
        p = rng.dirichlet(np.ones(classes), count).round(3)
        return Answers(
            str(k), k, list(range(k)), p.tolist(), rng.uniform(size=count).round(3).tolist(),
            rng.uniform(-1, 1, count).tolist() if rated else None, rng.uniform(-1, 1, count).tolist() if rated else None,
            [-1 if i < k else i % 3 for i in range(count)] if rules else None, [0.5] * count if rules else None,
        )  # fmt: skip

    truth: list[int | None] = [int(c) for c in rng.integers(0, classes, count)]
    ratings: list[float | None] = [0.1] * count if rated else [None] * count
    return Timeline(
        person, "arousal2", "new_person", [f"emotion {c}" for c in range(classes)], [f"r{r}" for r in sorted(set(recording))], recording,
        start, [s + 2 for s in start], truth, ratings, ratings, [1.0] * count, [answer(k) for k in (0, 1, 5)],
        [Signal("heart rate", "bpm", [None, *([70.0] * (count - 1))])], ["IF heart rate is high THEN high arousal"] * 3 if rules else [],
    )  # fmt: skip


def report() -> ReportData:
    score = lambda mean: Score(mean, mean - 0.1, mean + 0.1, [mean - 0.05, mean + 0.05, None])  # noqa: E731
    lines = [
        ReportLine("majority", "floor", [score(0.5), score(0.5)]), ReportLine("refit", "baseline", [score(0.6), score(0.7)]),
        ReportLine("recurrent", "learner", [Score(None), score(0.8)], is_main=True), ReportLine("previous label", "oracle", [score(0.9), score(0.9)]),
    ]  # fmt: skip
    table = ReportTable("mood", "Words.", "balanced accuracy", [0, 5], ["A", "B", "C"], lines, [], [0, 0], [1, 1], ["A sentence."])
    lines_of_time = [timeline(), timeline(person=NASTY, classes=8, rated=False, rules=False, takes=True)]
    return ReportData("A report", "of few", ["whole-take face"], [table], lines_of_time, [("Data", "none")], "stf2m study x.toml")


def test_the_file_needs_nothing_else(tmp_path):
    text = write_report(report(), tmp_path / "report.html").read_text(encoding="utf-8")
    head = text[: text.index('<script type="application/json"')]
    assert not re.search(r"<script[^>]+src=|<link|@import|url\(", head)
    assert "Plotly" in text and "whole-take face" in head and "stf2m study x.toml" in head
    assert "Oracles: they look at true labels" in head and '<tr class="main' in head


def test_data_cannot_break_out_of_the_page():
    data = report()
    text = render(data)
    assert NASTY not in text
    assert "<" not in payload(data)
    assert json.loads(payload(data))["timelines"][1]["person"] == NASTY


def test_an_empty_report_renders():
    text = render(ReportData("Nothing yet"))
    assert "How good" not in text.split("<script")[0] and "Nothing yet" in text


def test_tables_say_on_every_width_what_they_are():
    """A caption stands outside of what scrolls, so that a narrow page does not cut it."""
    head = render(report()).split("<script")[0]
    assert "<caption" not in head and head.count('class="scroll" role="region"') == 1 and 'id="caption-0"' in head
    few = replace(report(), tables=[replace(report().tables[0], few="With 3 people nothing.", k_words="k: labels")])
    assert '<p class="few">With 3 people nothing.</p>' in render(few) and "k: labels" in render(few)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_works_in_a_browser(tmp_path, scheme):
    sync = pytest.importorskip("playwright.sync_api", reason="the page is not driven in a browser, because playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("the page is not driven in a browser, because no Chromium is on the PATH")
    path = write_report(report(), tmp_path / "report.html")
    with sync.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=scheme)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None)
        page.goto(path.as_uri())
        page.wait_for_selector("#timeline .main-svg")
        before = page.inner_text("#agreement")
        page.click("#stops button:nth-child(3)")
        page.wait_for_timeout(800)
        assert page.inner_text("#agreement") != before and "with no labels" in page.inner_text("#agreement")
        assert page.inner_text("#legend").count("rule") and "quality of the signals" in page.inner_text("#legend")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        low, high = (page.locator(name).bounding_box() for name in ("#rule", "#timeline .main-svg >> nth=0"))
        assert low["y"] >= high["y"] + high["height"] - 1 and high["width"] <= 390
        page.click("#modes button:nth-child(2)")
        page.hover("#timeline")
        page.select_option("#who", "1")
        page.wait_for_timeout(300)
        assert page.is_hidden("#modes-box")
        page.click("[data-people-k] button:nth-child(1)")
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") != scheme
        browser.close()
    assert wrong == []
