"""Draw docs/figures/timeline.svg: one person's answers without labels and with the most, from the timelines that a study kept.

    stf2m study studies/synthetic.toml --rows ROWS.csv        # keeps ROWS/timelines/*.json
    python docs/make_figure.py ROWS/timelines

Of the people found the one whose answers gain most is drawn, and what the others gained is printed, so that the caption can say so.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LEFT, WIDTH, TALL = 52.0, 810.0, 96.0
SAID, DOT, LINE = "#f3d9a4", "#b3261e", "#1f4e79"


def right(kept: dict[str, Any], answer: dict[str, Any], labelled: set[int]) -> float:
    """Balanced share of right answers in the recordings that hold no label."""
    hits: dict[int, list[bool]] = {0: [], 1: []}
    for place, truth, said in zip(kept["recording"], kept["truth"], answer["probability"]):
        if place not in labelled and truth in hits:
            hits[truth].append((said[1] >= 0.5) == bool(truth))
    return sum(sum(each) / max(1, len(each)) for each in hits.values()) / 2


def panel(kept: dict[str, Any], answer: dict[str, Any], top: float, labelled: set[int]) -> list[str]:
    """Shading where the person said "high", the answer as a line per recording, dots where labels were given."""
    step = WIDTH / len(kept["truth"])
    lines = [
        f'<text x="{LEFT:g}" y="{top - 8:g}" font-weight="bold">{answer["labels"]} labels: '
        f"{right(kept, answer, labelled):.0%} right (classes balanced) on the clips without labels</text>"
    ]
    lines += [f'<text x="44" y="{top + TALL * (1 - v) + 4:g}" text-anchor="end">{v:g}</text>' for v in (0, 0.5, 1)]
    for i, truth in enumerate(kept["truth"]):
        if truth == 1:
            lines.append(f'<rect x="{LEFT + i * step:.1f}" y="{top:g}" width="{step:.1f}" height="{TALL:g}" fill="{SAID}"/>')
    lines.append(
        f'<line x1="{LEFT:g}" x2="{LEFT + WIDTH:g}" y1="{top + TALL / 2:g}" y2="{top + TALL / 2:g}" stroke="#999999" stroke-dasharray="3 4"/>'
    )
    for place in dict.fromkeys(kept["recording"]):
        rows = [i for i, own in enumerate(kept["recording"]) if own == place]
        points = " ".join(f"{LEFT + (i + 0.5) * step:.1f},{top + TALL * (1 - answer['probability'][i][1]):.1f}" for i in rows)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.6"/>')
    for i in answer["support"]:
        y = top + TALL * (1 - kept["truth"][i])
        lines.append(f'<circle cx="{LEFT + (i + 0.5) * step:.1f}" cy="{y:.1f}" r="3" fill="{DOT}"/>')
    return lines


def draw(kept: dict[str, Any]) -> str:
    """The whole picture."""
    first, last = kept["answers"][0], kept["answers"][-1]
    labelled = {kept["recording"][i] for i in last["support"]}
    step = WIDTH / len(kept["truth"])
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 320" font-family="sans-serif" font-size="12" fill="#333333">',
        '<rect width="880" height="320" fill="white"/>',
        f'<text x="{LEFT:g}" y="18" font-size="13">Generated person {kept["person"]}, new to the model: probability of {kept["emotions"][1]}. '
        f'<tspan fill="#a87412">Shaded: where they said so.</tspan> <tspan fill="{DOT}">Dots: labels given.</tspan></text>',
        *panel(kept, first, 54.0, labelled),
        *panel(kept, last, 194.0, labelled),
    ]
    for number, place in enumerate(dict.fromkeys(kept["recording"]), 1):
        x = LEFT + kept["recording"].index(place) * step
        note = " (labelled)" if place in labelled else ""
        lines.append(f'<text x="{x:.1f}" y="310">clip {number}{note}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(sys.argv[1]).glob("*.json"))]
    gains = []
    for kept in found:
        labelled = {kept["recording"][i] for i in kept["answers"][-1]["support"]}
        before, after = (right(kept, kept["answers"][i], labelled) for i in (0, -1))
        gains.append(after - before)
        print(f"{kept['person']}: {before:.2f} -> {after:.2f}")
    best = found[max(range(len(found)), key=gains.__getitem__)]
    (HERE / "figures" / "timeline.svg").write_text(draw(best), encoding="utf-8")


if __name__ == "__main__":
    main()
