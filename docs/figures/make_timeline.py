"""Draw one person's timeline, k = 0 above the largest k, as an SVG: `python docs/figures/make_timeline.py TIMELINE.json OUT.svg`.

A study keeps timelines beside its rows, for example runs/studies/synthetic/timelines/arousal2-new_person-0.json. Two
classes only.
"""

import json
import sys
from pathlib import Path

from stf2m.core.files import atomic_write_text
from stf2m.evaluation.timeline import Answers, Timeline

WIDE, HIGH, LEFT, TOP, STEP, GAP, APART = 880, 96, 52, 54, 4.2, 12, 44
TRUTH, SAID, LABEL, INK = "#f3d9a4", "#2457a6", "#b3261e", "#333333"


def draw(line: Timeline) -> str:
    """Shaded where the person said the second class; blue its probability; red dots the labels that were given."""
    first, last = line.answers[0], line.answers[-1]
    labelled, height = {line.recording[i] for i in last.support}, TOP + 2 * HIGH + APART + 30
    judged = [i for i, y in enumerate(line.truth) if y is not None and line.recording[i] not in labelled]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDE}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="13">Generated person {line.person}, new to the model: probability of {line.emotions[1]}. '
        f'<tspan fill="#a87412">Shaded: where they said so.</tspan> <tspan fill="{LABEL}">Dots: labels given.</tspan></text>',
    ]
    for top, answers in ((TOP, first), (TOP + HIGH + APART, last)):
        right = sum(int((answers.probability[i][1] > 0.5) == line.truth[i]) for i in judged) / len(judged)
        words = f"{answers.labels} labels: {right:.0%} right on the clips without labels"
        out += [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{words}</text>', *panel(line, answers, top)]
    for r in sorted(set(line.recording)):
        name = f"clip {r + 1}" + (" (labelled)" if r in labelled else "")
        out.append(f'<text x="{place(line, line.recording.index(r)):.1f}" y="{height - 10}">{name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def place(line: Timeline, i: int) -> float:
    """Left edge of segment i."""
    return LEFT + STEP * i + GAP * line.recording[i]


def panel(line: Timeline, answers: Answers, top: int) -> list[str]:
    """One row of the figure, probability 1 on top."""
    out = [f'<text x="{LEFT - 8}" y="{top + HIGH * (1 - p) + 4}" text-anchor="end">{p:g}</text>' for p in (0, 0.5, 1)]
    shade = f'y="{top}" width="{STEP + 0.1:.1f}" height="{HIGH}" fill="{TRUTH}"/>'
    out += [f'<rect x="{place(line, i):.1f}" {shade}' for i, y in enumerate(line.truth) if y == 1]
    for r in sorted(set(line.recording)):
        mine = [i for i in range(len(line.start)) if line.recording[i] == r]
        x, end = place(line, mine[0]), place(line, mine[-1]) + STEP
        out.append(f'<rect x="{x:.1f}" y="{top}" width="{end - x:.1f}" height="{HIGH}" fill="none" stroke="#bbbbbb"/>')
        out.append(f'<path d="M{x:.1f} {top + HIGH / 2}H{end:.1f}" stroke="#bbbbbb" stroke-dasharray="3 3"/>')
        at = [(place(line, i) + STEP / 2, top + HIGH * (1 - answers.probability[i][1])) for i in mine if i not in answers.support]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        out.append(f'<polyline points="{points}" fill="none" stroke="{SAID}" stroke-width="1.6"/>')
    dots = [(place(line, i) + STEP / 2, top + HIGH * (1 - (line.truth[i] or 0))) for i in answers.support]
    return out + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LABEL}"/>' for x, y in dots]


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    atomic_write_text(target, draw(Timeline.from_json(json.loads(source.read_text(encoding="utf-8")))))
