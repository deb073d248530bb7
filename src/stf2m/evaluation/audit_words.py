"""What an audit found: every leak's honest score beside its leaky one, and the seconds that leaked; as table, Markdown and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stf2m.core.files import atomic_write_text, read_json
from stf2m.core.plain import finite
from stf2m.evaluation.audit import HONEST, LEAKY, Exposed, Part, audited, protocol_of
from stf2m.evaluation.leaks import LEAKS
from stf2m.evaluation.metrics import SMALLER_IS_BETTER
from stf2m.evaluation.reading import METRIC_WORDS, card_link, number
from stf2m.evaluation.rows import Row
from stf2m.evaluation.statistics import interval, paired
from stf2m.evaluation.study import Study


@dataclass(frozen=True)
class Finding:
    """One leak under one method, target and k; numbers are (mean, low, high) over people."""

    leak: str
    number: int
    words: str
    method: str
    target: str
    k: int | None
    people: int
    honest: tuple[float, float, float] | None
    leaky: tuple[float, float, float] | None
    gain: tuple[float, float, float] | None
    """leaky minus honest, better = positive; the interval is corrected for all findings of the method and target"""
    reason: str = ""
    """why the leak does not apply"""
    into: str = ""
    segments: int = 0
    seconds: float = 0.0
    examples: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As JSON holds it: what is not a number is null."""
        return finite(asdict(self))

    @property
    def is_caught(self) -> bool:
        """The leak lifts the score beyond chance."""
        return self.gain is not None and self.gain[1] > 0


def findings(study: Study, rows: Sequence[Row], exposed: Mapping[Part, Exposed]) -> list[Finding]:
    """In the order of the registry; a leak without scores is a finding with its reason."""
    groups = dict.fromkeys((row["method"], row["target"], row["control"].rpartition(" ")[2]) for row in rows)
    found = []
    for method, target in dict.fromkeys((m, t) for m, t, _ in groups):
        mine = [row for row in rows if (row["method"], row["target"]) == (method, target)]
        scored = [row for row in mine if row["person"]]
        count = len({(row["control"], row["shots"]) for row in scored if row["control"].startswith(LEAKY)})
        for name in LEAKS:
            if (method, target, name) in groups:
                found += _of_leak(study, name, method, target, mine, exposed, max(count, 1))
    return found


def _of_leak(
    study: Study, name: str, method: str, target: str, rows: Sequence[Row], exposed: Mapping[Part, Exposed], count: int
) -> list[Finding]:
    leak = LEAKS[name]
    about: dict[str, Any] = {"leak": name, "number": leak.number, "words": leak.words, "method": method, "target": target}
    scored = [row for row in rows if row["person"] and row["control"].rpartition(" ")[2] == name]
    if not scored:
        notes = [row["note"] for row in rows if row["note"] and row["control"].rpartition(" ")[2] == name]
        return [Finding(**about, k=None, people=0, honest=None, leaky=None, gain=None, reason=notes[0] if notes else "")]
    let = [found for part, found in exposed.items() if (part.leak, part.method, part.target) == (name, method, target)]
    seen: dict[str, Any] = {
        "into": let[0].into if let else "",
        "segments": sum(e.segments for e in let),
        "seconds": sum(e.seconds for e in let),
    }
    seen["examples"] = tuple(dict.fromkeys(example for e in let for example in e.examples))[:3]
    sign = -1.0 if study.primary in SMALLER_IS_BETTER else 1.0
    out = []
    for k in sorted({row["shots"] for row in scored}):
        people = sorted({row["person"] for row in scored if row["shots"] == k})
        sides = [np.array([_mean(scored, f"{side} {name}", person, k, study.primary) for person in people]) for side in (HONEST, LEAKY)]
        gap = paired(sign * sides[1], sign * sides[0], comparisons=count)
        honest, leaky = (interval(side) for side in sides)
        numbers = {"honest": honest[:3], "leaky": leaky[:3], "gain": (gap.mean, gap.low, gap.high)}
        out.append(Finding(**about, k=k, people=gap.people, **numbers, **seen))
    return out


def _mean(rows: Sequence[Row], control: str, person: str, k: int, metric: str) -> float:
    values = [
        row[metric] for row in rows if (row["control"], row["person"], row["shots"]) == (control, person, k) and row[metric] is not None
    ]
    return float(np.mean(values)) if values else np.nan


COLUMNS = ("leak", "k", "honest", "leaky", "leaky minus honest", "segments", "seconds", "into")


def lines(found: Sequence[Finding]) -> list[tuple[str, ...]]:
    """One row of text per finding, under `COLUMNS`."""
    out = []
    for f in found:
        name = f"{f.number} {f.leak.replace('_', ' ')}"
        if f.honest is None or f.leaky is None or f.gain is None:
            out.append((name, "–", "–", "–", f"does not apply: {f.reason}", "–", "–", "–"))
            continue
        star = " *" if f.is_caught else ""
        scores = (_three(f.honest), f"{_three(f.leaky)} LEAKY", f"{_three(f.gain)}{star}")
        out.append((name, str(f.k), *scores, f"{f.segments}", f"{f.seconds:.0f}", f.into))
    return out


def _three(values: tuple[float, float, float]) -> str:
    return f"{number(values[0])} [{number(values[1])}, {number(values[2])}]"


def caption(study: Study, found: Sequence[Finding]) -> str:
    """What stands in the table, and what it shows in one sentence."""
    caught = list(dict.fromkeys(f.leak.replace("_", " ") for f in found if f.is_caught))
    shown = f"Beyond chance lift the score here: {', '.join(caught)}." if caught else "None lifts the score here beyond chance."
    return (
        f"LEAKY ON PURPOSE, never a result. Score: {METRIC_WORDS[study.primary]}, mean over people, honest and with one leak switched on, on the same "
        "segments (the one exception: leak 9 counts the labelled ones). The difference is paired over people, its interval corrected for all "
        f"leaks and k of a method; * is above zero. {shown}"
    )


def audit_markdown(study: Study, found: Sequence[Finding], cards: str = "") -> str:
    """The text of `NAME-audit.md`; `cards` is the page that holds the cards."""
    parts = [f"## Audit: {study.title or study.name}", "", f"**{caption(study, found)}**", ""]
    parts += [f"Honest is the first draw of {protocol_of(study).heading}, card {card_link(audited(study).card.hash, cards)}.", ""]
    for method, target in dict.fromkeys((f.method, f.target) for f in found):
        mine = [f for f in found if (f.method, f.target) == (method, target)]
        parts += [f"### {method.replace('_', ' ')}, {target}", "", "| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
        parts += ["| " + " | ".join(line) + " |" for line in lines(mine)] + [""]
        for f in {f.leak: f for f in mine if f.examples}.values():
            where = "; ".join(f.examples)
            parts.append(
                f"- {f.leak.replace('_', ' ')} ({f.words}): {f.segments} segments, {f.seconds:.0f} s, into {f.into}; for example {where}."
            )
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def write_audit(path: Path, study: Study, found: Sequence[Finding]) -> None:
    """`NAME-audit.json`, from which pages are made; raises `NoSpace`."""
    facts = {"study": study.name, "settings": study.hash, "caption": caption(study, found), "findings": [f.facts() for f in found]}
    atomic_write_text(path, json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_audit(path: Path) -> tuple[str, list[Finding]]:
    """(caption, findings) of a written audit; ("", []) where there is none."""
    if not path.exists():
        return "", []
    facts = read_json(path)
    return facts["caption"], [Finding(**{key: _tuple(value) for key, value in entry.items()}) for entry in facts["findings"]]


def _tuple(value: Any) -> Any:
    """Lists of a JSON file as the tuples they were."""
    return tuple(np.nan if part is None else part for part in value) if isinstance(value, list) else value
