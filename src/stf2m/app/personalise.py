"""Some labelled seconds of a person -> that person's adaptation, kept in a file of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stf2m.app.conform import segments_for
from stf2m.app.people import is_kept, save_adaptation
from stf2m.app.places import folder_beside
from stf2m.core.consent import check_consent
from stf2m.core.counts import counted
from stf2m.core.emotions import TARGETS, has_classes
from stf2m.core.errors import InvalidConfig, InvalidRecord, NotEnoughLabels, UnknownName
from stf2m.core.records import Annotation, Recording, Segments
from stf2m.core.tensors import Adaptation
from stf2m.training.bundle import Bundle
from stf2m.training.calibration import AXES


@dataclass(frozen=True)
class Personalised:
    """What was learned about a person: segments used per emotion, where it is kept, and whether an earlier adaptation lay there."""

    person: str
    adaptation: Adaptation
    counts: dict[str, int]
    path: Path
    replaced: bool = False

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        used = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        missing = [name for name, count in self.counts.items() if not count]
        text = f"{self.person}: adapted to {counted(sum(self.counts.values()), 'labelled segment')} ({used})"
        return f"{text}; no labels of {', '.join(missing)}" if missing else text


def personalise(
    bundle: Bundle,
    recordings: Sequence[Recording],
    person: str,
    *,
    labels: Sequence[Sequence[Annotation]] | None = None,
    folder: Path | None = None,
    use: str = "research",
) -> Personalised:
    """Adapt to a person and keep the adaptation in `folder` (default: beside the bundle).

    `labels`: one list per recording, in the place of whatever labels the recordings carry. Raises `NotEnoughLabels` without a
    labelled segment, `UnknownName` for an emotion that the bundle does not know, `NoConsent`, `SensorMismatch`.
    """
    check_use(bundle, recordings, use)
    adaptation, segments, rows = adapt_to(bundle, recordings, labels)
    classes = segments.targets[bundle.fitted.target][rows]
    counts = {name: int((classes == c).sum()) for c, name in enumerate(bundle.emotions)}
    facts = {
        "target": bundle.fitted.target,
        "recordings": [r.id for r in recordings],
        "consent": sorted({r.consent for r in recordings}),
        "segments": counts,
    }
    home = home_of(bundle, folder)
    replaced = is_kept(home, person, bundle)
    where = save_adaptation(home, person, bundle, adaptation, facts)
    return Personalised(person, adaptation, counts, where, replaced)


def adapt_to(
    bundle: Bundle, recordings: Sequence[Recording], labels: Sequence[Sequence[Annotation]] | None = None
) -> tuple[Adaptation, Segments, NDArray[np.int64]]:
    """The adaptation, the segments of the recordings and the rows that carried a label; nothing is written."""
    if bundle.fitted.inputs.policy == "one_vs_rest":
        raise InvalidConfig(
            "a bundle trained one against the rest keeps no adaptation", where=bundle.path, hint="train it with the policy grid"
        )
    if labels is not None:
        recordings = [relabelled(r, tuple(mine), bundle) for r, mine in zip(recordings, labels, strict=True)]
    segments = one_person(segments_for(bundle, recordings, exact_labels=labels is not None))
    rows = np.flatnonzero(segments.targets[bundle.fitted.target] >= 0)
    if not len(rows):
        raise no_label(bundle, recordings)
    return bundle.fitted.adapt(segments, rows), segments, rows


def no_label(bundle: Bundle, recordings: Sequence[Recording]) -> NotEnoughLabels:
    """Why no segment carries a label: there is none, they are of another kind than the bundle learns from, or they are too short."""
    target, names = TARGETS.get(bundle.fitted.target), " or ".join(bundle.emotions)
    said = [*(a for r in recordings for a in r.annotations)]
    found = {axis for a in said for axis in AXES if getattr(a, axis) is not None}
    found |= {axis for r in recordings for own in r.ratings for axis, values in zip(AXES, own.values) if np.isfinite(values).any()}
    known = any(a.emotion in bundle.emotions for a in said)
    got = " and ".join([*(axis for axis in AXES if axis in found), *(["an emotion"] if any(a.emotion for a in said) else [])])
    if target is None or target.named:
        expected, is_kind, columns = f"an emotion, {names}", known, "onset,offset,emotion"
    else:
        axes = AXES if target.axis is None else (AXES[target.axis],)
        expected, columns = " and ".join(axes), "onset,offset,valence,arousal"
        is_kind = set(axes) <= found or (known and target.has_classes)
        expected += f", or {names} by name" if target.has_classes else ""
    hint = "label at least one segment of about the bundle's window" if is_kind else f"write {columns} in the labels file"
    hint = hint if got else f"give them with --labels FILE, a table of {columns}"
    return NotEnoughLabels(
        "no segment carries a label", where=", ".join(r.id for r in recordings), expected=expected,
        got="labels that cover no segment" if is_kind else got or "no labels", hint=hint,
    )  # fmt: skip


def relabelled(recording: Recording, labels: tuple[Annotation, ...], bundle: Bundle) -> Recording:
    """The recording with these labels alone; raises `UnknownName` or `InvalidRecord` for labels that cannot be meant."""
    for label in labels:
        if label.emotion is not None and label.emotion not in bundle.emotions and has_classes(bundle.fitted.target):
            raise UnknownName(f"the bundle knows no {label.emotion!r}", where=recording.id, hint=f"it knows: {', '.join(bundle.emotions)}")
        if label.onset >= recording.length:
            raise InvalidRecord(
                "a label begins after the recording has ended", where=recording.id, expected=f"before {recording.length:.1f} s",
                got=f"{label.onset:g} s", hint="onset and offset are seconds since the recording began",
            )  # fmt: skip
    return replace(recording, ratings=(), annotations=labels)


def one_person(segments: Segments) -> Segments:
    """All segments as those of one person, whatever the files call them."""
    return replace(segments, subject=np.zeros_like(segments.subject), subjects=segments.subjects[:1])


def check_use(bundle: Bundle, recordings: Sequence[Recording], use: str) -> None:
    """Raise `NoConsent` when the bundle's card or a recording does not cover this use."""
    check_consent([str(bundle.facts.get("consent", "unknown"))], use, where=bundle.path or "bundle")
    for recording in recordings:
        check_consent([recording.consent], use, where=recording.id)


def home_of(bundle: Bundle, folder: Path | None) -> Path:
    """The folder of people: the given one, else the one beside the bundle."""
    if folder is not None:
        return Path(folder)
    if bundle.path is None:
        raise InvalidConfig("this bundle lies in no folder", hint="name a folder for the adaptations")
    return folder_beside(bundle.path)
