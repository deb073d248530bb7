"""The picture on a protocol's card: who trains, on what settings are chosen, what is support, what is query, what is taken away."""

from html import escape
from typing import Literal, NamedTuple

Kind = Literal["train", "choose", "support", "query", "held back", "lost", "guard"]
FILLS: dict[Kind, str] = {
    "train": "#7f93b2", "choose": "#d3a94a", "support": "#0b7a75", "query": "#c4513f", "held back": "none", "lost": "url(#lost)", "guard": "none",
}  # fmt: skip
MEANINGS: dict[Kind, str] = {
    "train": "training", "choose": "settings are chosen", "support": "labelled (support)", "query": "scored (query)", "held back": "not used",
    "lost": "sensor taken away", "guard": "guard, not used",
}  # fmt: skip
LEFT, WIDE, HIGH, GAP, LINE = 150, 430, 24, 8, 20


class Block(NamedTuple):
    """A piece of a lane; `width` in shares of the lane, `text` the name of a stimulus or what is drawn from it."""

    kind: Kind
    width: float = 1.0
    text: str = ""


class Lane(NamedTuple):
    """Somebody's data from left to right in time, or stimulus by stimulus."""

    who: str
    blocks: tuple[Block, ...]


class Picture(NamedTuple):
    """Lanes from top to bottom; `note` is a line under them."""

    lanes: tuple[Lane, ...]
    note: str = ""


def stimuli(kind: Kind, names: str) -> tuple[Block, ...]:
    """One block per letter of `names`."""
    return tuple(Block(kind, 1.0, name) for name in names)


def others(names: str = "ABCDEF") -> tuple[Lane, Lane]:
    """Training and validation people as in most protocols."""
    return Lane("training people", stimuli("train", names)), Lane("validation people", stimuli("choose", names))


def draw(picture: Picture, title: str) -> str:
    """The picture as one self-contained SVG element; text takes the colour of its surroundings."""
    used: dict[Kind, None] = dict.fromkeys(block.kind for lane in picture.lanes for block in lane.blocks)
    legend = _legend(list(used), len(picture.lanes) * (HIGH + GAP) + 12)
    bottom = len(picture.lanes) * (HIGH + GAP) + 12 + LINE * (1 + (len(used) - 1) // 3)
    note = f'<text x="0" y="{bottom + 12}">{escape(picture.note)}</text>' if picture.note else ""
    height = bottom + (LINE if note else 2)
    lanes = "".join(_lane(lane, i * (HIGH + GAP)) for i, lane in enumerate(picture.lanes))
    hatch = '<pattern id="lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2" height="6" fill="#8c6bb1"/></pattern>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE} {height}" width="{LEFT + WIDE}" height="{height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="currentColor"><title>{escape(title)}</title><defs>{hatch}</defs>'
        f"{lanes}{legend}{note}</svg>"
    )


def _lane(lane: Lane, top: int) -> str:
    unit = WIDE / sum(block.width for block in lane.blocks)
    left, found = float(LEFT), [f'<text x="0" y="{top + 16}">{escape(lane.who)}</text>']
    for block in lane.blocks:
        found.append(_box(block.kind, left + 1, top, block.width * unit - 2, HIGH))
        if block.text:
            colour = "currentColor" if FILLS[block.kind] in ("none", "url(#lost)") else "#fff"
            middle = left + block.width * unit / 2
            found.append(f'<text x="{middle:.1f}" y="{top + 16}" text-anchor="middle" fill="{colour}">{escape(block.text)}</text>')
        left += block.width * unit
    return "".join(found)


def _legend(kinds: list[Kind], top: int) -> str:
    found = []
    for i, kind in enumerate(kinds):
        x, y = LEFT + (i % 3) * (WIDE // 3), top + LINE * (i // 3)
        found.append(f'{_box(kind, x, y - 4, 14, 12)}<text x="{x + 20}" y="{y + 6}">{MEANINGS[kind]}</text>')
    return "".join(found)


def _box(kind: Kind, x: float, y: float, width: float, height: float) -> str:
    look = ' fill-opacity="0.08"' if kind == "guard" else f' fill="{FILLS[kind]}"'
    edge = ' stroke="#8a919c" stroke-dasharray="3 2"' if kind in ("held back", "lost") else ""
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="3"{look}{edge}/>'
