"""Cards: words, a picture that is valid and tells settings apart, and a hash that every number can be followed by."""

import re
from xml.etree import ElementTree

import pytest

from stf2m.evaluation.protocols import PROTOCOLS, FirstMinutes, MissingModality, NewPerson
from stf2m.evaluation.report import ReportData, ReportTable, render


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_every_card_has_words_a_hash_and_a_picture(name):
    card = PROTOCOLS[name]().card
    assert len(card.words) > 150 and card.hash.startswith(f"{name}-")
    root = ElementTree.fromstring(card.picture)
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert ({"training", "scored (query)"} <= set(texts) and "training people" in texts[0]) or "first set" in texts[0]
    width = float(root.attrib["width"])
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(box.get("x", 0)) + float(box.attrib["width"]) <= width and float(box.attrib["width"]) > 0
    if PROTOCOLS[name].is_leaky:
        assert any("LEAKY" in text for text in texts) and "LEAKY" in card.words and "leaky" in PROTOCOLS[name]().title


def test_pictures_tell_settings_apart():
    shown = [
        MissingModality(how=how, side=side).card.picture
        for how in ("dropped", "alone", "degraded")
        for side in ("support", "query", "both")
    ]
    assert len(set(shown)) == 9
    assert NewPerson(draws=7).card.picture == NewPerson().card.picture and NewPerson(draws=7).card.hash != NewPerson().card.hash
    assert "sensor taken away" in shown[0] and "sensor taken away" not in FirstMinutes().card.picture


def test_the_page_shows_the_card_and_links_to_it():
    card = NewPerson().card
    table = ReportTable("mood", card.words, "accuracy", [0], ["A"], [], [], [-1], [-1], [], card_hash=card.hash, picture=card.picture)
    page = render(ReportData("A report", tables=[table])).split("<script")[0]
    assert card.picture in page and f'id="card-0-{card.hash}"' in page and f'href="#card-0-{card.hash}"' in page
    bare = render(ReportData("A report", tables=[ReportTable("mood", "Words.", "accuracy", [0], ["A"], [], [], [-1], [-1], [])]))
    assert "<svg" not in bare.split("<script")[0] and "#card" not in bare.split("<script")[0]


def test_every_table_of_scores_links_to_its_card(root):
    """Whatever the page: the study, its parts, its leaks, its ranks, and the summary."""
    blocks = 0
    for page in sorted((root / "docs" / "results").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for section in re.split(r"\n(?=## )", text):
            above = section.split("\n### ")[0]
            for block in re.split(r"\n(?=### )", section)[1:]:
                scores = re.search(r"^\| *(\||leak).*k", block, re.M)
                if scores and not block.startswith("### Beside published"):
                    blocks += 1
                    assert "protocols.md#" in block.split("\n|")[0] or "protocols.md#" in above, f"{page.name}: {block[:80]}"
    assert blocks > 60
    summary = (root / "docs" / "results.md").read_text(encoding="utf-8")
    short = [line for line in summary.splitlines() if re.match(r"\| .+ \| recurrent \|", line)]
    assert len(short) > 20 and all("](protocols.md#" in line for line in short)


def test_numbers_link_to_cards_that_are_there(root):
    cards = (root / "docs" / "protocols.md").read_text(encoding="utf-8")
    results = "".join(path.read_text(encoding="utf-8") for path in (root / "docs" / "results").glob("*.md"))
    asked = set(re.findall(r"\(\.\./protocols\.md#([^)]+)\)", results))
    assert len(asked) >= 6 and asked <= set(re.findall(r'<a id="([^"]+)">', cards))
    assert all((root / "docs" / file).exists() for file in re.findall(r"\]\((figures/[^)]+)\)", cards))
