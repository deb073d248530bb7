"""The score over the number of labels: the main method and the best other one with intervals, the rest thin, floors shaded."""

import numpy as np

from stf2m.evaluation.figures.svg import ACCENT, ALARM, BLUE, FAINT, FLOOR, RULE, SOFT, area, dot, line, picture, spread, text
from stf2m.evaluation.reading import METRIC_WORDS
from stf2m.evaluation.table import Line, Table, strongest

WIDTH, HEIGHT = 720.0, 360.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 190.0, 16.0, 44.0


def curve_svg(table: Table, *, main: str = "", title: str = "") -> str:
    """One table as a figure; k stands in equal steps, because it grows unevenly."""
    methods = table.plain("learner", "baseline")
    floor = [_floor(table, k) for k in table.shots]
    means = {entry: [table.summary(entry, k) for k in table.shots] for entry in methods}
    every = [v for found in means.values() for s in found for v in (s.mean, s.low, s.high)] + floor
    known = [v for v in every if np.isfinite(v)] or [0.0, 1.0]
    low, high = min(known) - 0.02, max(known) + 0.02
    x = lambda i: LEFT + (WIDTH - LEFT - RIGHT) * (i + 0.5) / len(table.shots)  # noqa: E731
    y = lambda v: TOP + (HEIGHT - TOP - BOTTOM) * (high - v) / (high - low)  # noqa: E731
    parts = _axes(table, low, high, x, y)
    ends: list[tuple[float, str, str, bool]] = []
    shown = [(x(i), y(v)) for i, v in enumerate(floor) if np.isfinite(v)]
    if shown:
        parts.append(area([(shown[0][0], HEIGHT - BOTTOM), *shown, (shown[-1][0], HEIGHT - BOTTOM)], colour=FLOOR))
        parts.append(line(shown, colour=FLOOR, width=1.5, dash="5 4"))
        ends.append((shown[-1][1], "strongest floor", SOFT, False))
    best = strongest(table, [entry for entry in methods if entry.method != main], table.shots[-1])
    for entry in sorted(methods, key=lambda one: (one.method == main, one == best)):
        colour, width = (ACCENT, 3.0) if entry.method == main else (BLUE, 2.0) if entry == best else (FAINT, 1.0)
        points = [(i, s) for i, s in enumerate(means[entry]) if np.isfinite(s.mean)]
        if not points:
            continue
        parts.append(line([(x(i), y(s.mean)) for i, s in points], colour=colour, width=width))
        if entry.method == main or entry == best:
            parts += [line([(x(i), y(s.low)), (x(i), y(s.high))], colour=colour, width=1.2) for i, s in points]
            parts += [dot(x(i), y(s.mean), colour=colour) for i, s in points]
        ends.append((y(points[-1][1].mean), entry.words, SOFT if colour == FAINT else colour, entry.method == main))
    if table.is_leaky:
        parts.append(text(LEFT + 8, TOP + 14, "LEAKY protocol: no score here is evidence", colour=ALARM, bold=True))
    places = spread([end[0] for end in ends], 15, TOP + 6, HEIGHT - BOTTOM - 2)
    parts += [text(WIDTH - RIGHT + 8, at + 4, words, colour=c, bold=b) for at, (_, words, c, b) in zip(places, ends, strict=True)]
    return picture(WIDTH, HEIGHT, title or f"{METRIC_WORDS[table.metric]} over the number of labels", parts)


def _floor(table: Table, k: int) -> float:
    found: Line | None = strongest(table, table.plain("floor"), k)
    return float("nan") if found is None else table.summary(found, k).mean


def _axes(table: Table, low: float, high: float, x, y) -> list[str]:
    """Horizontal rules at round numbers, k below."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if (high - low) / s <= 7 or s == 1.0)
    parts = []
    for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step:
        parts.append(line([(LEFT, y(tick)), (WIDTH - RIGHT, y(tick))], colour=RULE, width=1))
        parts.append(text(LEFT - 8, y(tick) + 4, f"{tick:.2f}", anchor="end", colour=SOFT, size=12))
    parts += [text(x(i), HEIGHT - BOTTOM + 18, str(k), anchor="middle", colour=SOFT, size=12) for i, k in enumerate(table.shots)]
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return [
        *parts,
        text(middle, HEIGHT - 8, f"labels from the person (k); {METRIC_WORDS[table.metric]}", anchor="middle", colour=SOFT, size=12),
    ]
