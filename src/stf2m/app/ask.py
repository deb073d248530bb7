"""Which segments of a recording a person should label next, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stf2m.app.conform import segments_for
from stf2m.app.people import consents_of, labels_seen, load_adaptation
from stf2m.app.personalise import adapt_to, check_use, home_of, one_person
from stf2m.core.consent import check_consent
from stf2m.core.counts import counted
from stf2m.core.errors import NotEnoughLabels
from stf2m.core.records import Annotation, Recording
from stf2m.evaluation.asking import STRATEGIES, Pool, check_classes, entropy, kernel, posterior
from stf2m.training.bundle import Bundle

ALIKE = 0.5
"""kernel in 0..1 from which another segment is said to look alike"""
OPEN = 0.9
"""normalised entropy from which an answer is called undecided"""


@dataclass(frozen=True)
class Wanted:
    """One segment to label: times in s since the recording began, the present answer, and why it was chosen."""

    onset: float
    offset: float
    probability: dict[str, float]
    alike: int
    """segments without a label that look like it"""
    why: str


def ask(
    bundle: Bundle,
    recording: Recording,
    *,
    person: str | None = None,
    labels: Sequence[Annotation] | None = None,
    count: int = 5,
    folder: Path | None = None,
    use: str = "research",
) -> list[Wanted]:
    """The `count` segments whose labels would tell most, best first; later ones reckon with the earlier ones being labelled.

    `person`: answer by their kept adaptation, with the labels it has seen; `labels` of this recording are not asked again, and
    without `person` they are adapted to. Raises `NotEnoughLabels` when no segment is left, `InvalidConfig` for a target without
    classes, and what `predict` raises.
    """
    check_use(bundle, [recording], use)
    check_classes(bundle.fitted.target)
    asked: NDArray[np.int64] = np.zeros(0, np.int64)
    counts = dict.fromkeys(bundle.emotions, 0)
    adaptation, segments = None, one_person(segments_for(bundle, [recording]))
    if labels:
        adaptation, segments, asked = adapt_to(bundle, [recording], [labels])
        known = segments.targets[bundle.fitted.target][asked]
        counts = {name: int((known == c).sum()) for c, name in enumerate(bundle.emotions)}
    if person is not None:
        home = home_of(bundle, folder)
        check_consent(consents_of(home, person, bundle), use, where=f"the adaptation of {person}")
        adaptation, counts = load_adaptation(home, person, bundle), labels_seen(home, person, bundle)
    rows = np.flatnonzero(segments.present.any(axis=1) | np.isin(np.arange(len(segments)), asked))
    if len(rows) == len(asked):
        raise NotEnoughLabels(
            "no segment is left to ask about", where=recording.id, got=f"{len(asked)} labelled", hint="name another recording"
        )
    answer = bundle.fitted.predict(segments, rows[:0], rows) if adaptation is None else bundle.fitted.score(adaptation, segments, rows)
    given = tuple(int(i) for i in np.flatnonzero(np.isin(rows, asked)))
    pool = Pool(
        bundle.fitted.codes(segments, rows), answer.probability, given, np.array([counts.get(n, 0) for n in bundle.emotions], float)
    )
    return [_wanted(bundle, segments.spans[rows], now, chosen) for now, chosen in choose(pool, count)]


def choose(pool: Pool, count: int) -> list[tuple[Pool, int]]:
    """(what was known, row chosen) one after another; a chosen row counts as labelled with its present probabilities."""
    found = []
    while len(found) < count and pool.is_open.any():
        row = STRATEGIES["representative"](pool, np.random.default_rng(0))
        found.append((pool, row))
        pool = pool._replace(asked=(*pool.asked, row), counts=pool.counts + pool.probability[row])
    return found


def _wanted(bundle: Bundle, spans: NDArray[np.float64], pool: Pool, row: int) -> Wanted:
    said = dict(zip(bundle.emotions, (round(float(p), 3) for p in pool.probability[row]), strict=True))
    left = posterior(kernel(pool.code), pool.asked)
    near = left[row] / np.sqrt(np.maximum(np.diag(left) * left[row, row], 1e-12))
    alike = int(((near > ALIKE) & pool.is_open).sum()) - 1
    return Wanted(float(spans[row, 0]), float(spans[row, 1]), said, alike, ", ".join(_reasons(bundle, pool, row, alike)))


def _reasons(bundle: Bundle, pool: Pool, row: int, alike: int) -> list[str]:
    best, second = np.argsort(-pool.probability[row], kind="stable")[:2]
    share = pool.probability[row]
    if entropy(pool.probability[row : row + 1])[0] > OPEN:
        text = [f"undecided between {bundle.emotions[best]} ({share[best]:.0%}) and {bundle.emotions[second]} ({share[second]:.0%})"]
    else:
        text = [f"said to be {bundle.emotions[best]} ({share[best]:.0%})"]
    look = f"{counted(alike, 'other segment')} without a label look{'s' if alike == 1 else ''} like it"
    text.append(look if alike else "nothing else looks like it")
    if pool.counts[best] < 0.5:
        text.append(f"no label of {bundle.emotions[best]} yet")
    return text
