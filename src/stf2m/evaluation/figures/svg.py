"""The few SVG elements that the figures need, as text.

Colours are the page's own (`var(--ink)`, ...) with a fallback, so the same figure stands in the page in light and dark and
as a file of its own.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

INK, SOFT, FAINT, RULE = "var(--ink, #20242b)", "var(--soft, #646b76)", "var(--faint, #9aa1ab)", "var(--rule, #e6e3dd)"
ACCENT, BLUE, FLOOR = "var(--accent, #0b6e6e)", "var(--blue, #4a6fa5)", "var(--floor, #b0a99f)"
ALARM = "#b3261e"
FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK, size: float = 13, bold: bool = False) -> str:
    """Words whose baseline begins, ends or is centred at (x, y)."""
    weight = ' font-weight="700"' if bold else ""
    # a style, not an attribute: `var()` is not allowed in presentation attributes everywhere
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}"{weight} style="fill:{colour}">{escape(words)}</text>'


def line(points: Iterable[tuple[float, float]], *, colour: str = INK, width: float = 1.2, dash: str = "") -> str:
    """A line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f";stroke-dasharray:{dash}" if dash else ""
    return f'<polyline points="{path}" style="fill:none;stroke:{colour};stroke-width:{width:g}{dashed}"/>'


def dot(x: float, y: float, *, colour: str = INK, radius: float = 4) -> str:
    """A filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" style="fill:{colour}"/>'


def area(points: Iterable[tuple[float, float]], *, colour: str, opacity: float = 0.14) -> str:
    """A filled shape without an outline."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{path}" style="fill:{colour};fill-opacity:{opacity:g}"/>'


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """The whole figure; `title` is what a screen reader says."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img"'
    style = f'style="max-width:100%;height:auto;font-family:{FONT}"'
    return "\n".join(
        [f'{head} aria-label="{escape(title, {chr(34): "&quot;"})}" {style}>', f"<title>{escape(title)}</title>", *parts, "</svg>\n"]
    )


def spread(places: list[float], least: float, low: float, high: float) -> list[float]:
    """Move labels apart so that neighbours are `least` apart and all lie in low..high where there is room; order is kept."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, i in zip([None, *order], order, strict=False):
        moved[i] = max(moved[i], low if before is None else moved[before] + least)
    limit = high
    for i in reversed(order):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - least
    return moved
