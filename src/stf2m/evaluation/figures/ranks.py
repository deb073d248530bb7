"""The critical-difference diagram (Demsar 2006): methods by their average rank, bars over those that cannot be told apart."""

import numpy as np

from stf2m.evaluation.compare import Comparison
from stf2m.evaluation.figures.svg import ACCENT, FAINT, FLOOR, INK, SOFT, dot, line, picture, text

WIDTH, MARGIN, STEP = 720.0, 210.0, 22.0
AXIS, FIRST = 58.0, 24.0


def ranks_svg(found: Comparison, *, main: str = "", title: str = "") -> str:
    """The diagram of one k; the best rank stands at the left, `main` in the accent colour."""
    ranking, count = found.ranking, len(found.lines)
    x = lambda value: MARGIN + (value - 1) / max(count - 1, 1) * (WIDTH - 2 * MARGIN)  # noqa: E731
    order = [int(i) for i in np.argsort(ranking.mean, kind="stable")]
    half = (count + 1) // 2
    bars = AXIS + 14 + 9 * len(found.groups)
    below = bars + FIRST
    height = below + STEP * half + 16
    parts = [line([(x(1), AXIS), (x(count), AXIS)], colour=SOFT)]
    for i in range(1, count + 1):
        parts += [line([(x(i), AXIS - 5), (x(i), AXIS)], colour=SOFT), text(x(i), AXIS - 10, str(i), anchor="middle", colour=SOFT, size=12)]
    parts += _scale(ranking.critical, x, count)
    for level, group in enumerate(found.groups):
        ends = ranking.mean[list(group)]
        y = AXIS + 14 + 9 * level
        parts.append(line([(x(ends.min()) - 4, y), (x(ends.max()) + 4, y)], width=4))
    for place, i in enumerate(order):
        left = place < half
        row = place if left else count - 1 - place
        parts += _method(found, i, x(float(ranking.mean[i])), below + STEP * row, left, main)
    return picture(WIDTH, height, title or found.words, parts)


def _scale(critical: float, x, count: int) -> list[str]:
    """How long the critical difference is, above the axis."""
    if not np.isfinite(critical):
        return []
    left, right, y = x(1), x(1 + min(critical, count - 1)), 16.0
    words = f"critical difference {critical:.2f}" + ("" if critical < count - 1 else " (longer than the axis)")
    ends = [line([(at, y - 4), (at, y + 4)], colour=FAINT) for at in (left, right)]
    return [line([(left, y), (right, y)], colour=FAINT, width=2), *ends, text(right + 8, y + 4, words, colour=SOFT, size=12)]


def _method(found: Comparison, i: int, at: float, y: float, left: bool, main: str) -> list[str]:
    """The elbow from the axis down and out to the name."""
    entry, mean = found.lines[i], found.ranking.mean[i]
    is_main = entry.method == main
    colour = ACCENT if is_main else FLOOR if entry.role == "floor" else INK
    end = MARGIN - 14 if left else WIDTH - MARGIN + 14
    words = f"{entry.words}  {mean:.2f}" if left else f"{mean:.2f}  {entry.words}"
    name = text(
        end + (-6 if left else 6),
        y + 4,
        words,
        anchor="end" if left else "start",
        colour=SOFT if entry.role == "floor" else colour,
        bold=is_main,
    )
    return [line([(at, AXIS), (at, y), (end, y)], colour=colour, width=2 if is_main else 1), dot(at, AXIS, colour=colour, radius=3.2), name]
