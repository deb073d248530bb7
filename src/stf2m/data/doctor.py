"""Look a recording over before anybody trusts it: clocks, gaps, flat lines, clipping, units, contact; in words with figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stf2m.core.counts import counted
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.core.units import PLAUSIBLE, conversion
from stf2m.data.streams import other_unit
from stf2m.data.summary import describe_dataset

__all__ = ["CHECKS", "Finding", "describe_dataset", "examine"]

Severity = Literal["error", "warning", "note", "ok"]
ORDER = ("error", "warning", "note", "ok")

FLAT_AFTER = {"bvp": 1.0, "ecg": 1.0, "voice": 1.0, "pupil": 2.0, "acc": 20.0, "hr": 30.0, "eda": 20.0, "temp": 60.0, "head": 20.0}
"""s of one and the same value that a working sensor does not produce (coarse steps make acc and temp rest longer)"""
NO_CONTACT = 0.05
"""uS below which skin conductance usually means that the electrodes do not touch"""
COOL, COOLING = 28.0, 0.02
"""degC and degC/s: a wrist that is colder and cooling faster is probably no wrist"""
MANY = 0.1
"""share of implausible values from which the unit is doubted"""
SPELL = 5.0
"""s a spell must last to be worth a sentence"""


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know; `stream` is its name, "rating ..." or "" for the whole recording."""

    stream: str
    severity: Severity
    sentence: str


def examine(recording: Recording) -> list[Finding]:
    """All findings, the worst first; a stream without any gets one "ok" that states its rate and length."""
    found = []
    for name, stream in recording.streams.items():
        mine = [Finding(name, severity, text) for check in CHECKS for severity, text in check(stream)]
        if mine and stream.estimated:
            mine.append(Finding(name, "note", f"its rate, {_rate(stream)}, follows from the times; nobody declared one"))
        found += mine or [Finding(name, "ok", _summary(stream))]
    found += _examine_ends(recording) + _examine_labels(recording)
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))


Said = Iterator[tuple[Severity, str]]


def check_rate(stream: Stream) -> Said:
    """Typical step against the declared rate, and how far the clock strays over the whole stream (beside its gaps)."""
    if not stream.sample_rate or len(stream.times) < 3:
        return
    steps = np.diff(stream.times)
    whole = np.rint(steps * stream.sample_rate).clip(1)
    measured = 1 / np.median(steps)
    off = measured / stream.sample_rate - 1
    if abs(off) > 0.02:
        if stream.estimated:
            yield "warning", f"its steps are uneven: {_rate(stream)} on average, {measured:.3g} Hz by the middle step ({off:+.1%})"
        else:
            yield "error" if abs(off) > 0.1 else "warning", f"declared {stream.sample_rate:g} Hz, measured {measured:.3g} Hz ({off:+.1%})"
        return
    late = float(steps.sum() - whole.sum() / stream.sample_rate)
    if abs(late) > max(0.1, 2 / stream.sample_rate):
        against = f" from {_rate(stream)}" if stream.estimated else ""
        yield "warning", f"its clock drifts{against}: {abs(late):.2f} s {'late' if late > 0 else 'early'} after {stream.length:.0f} s"


def check_gaps(stream: Stream) -> Said:
    """Missing time stamps and missing (NaN) samples."""
    if not stream.sample_rate or len(stream.times) < 2:
        return
    steps = np.diff(stream.times)
    gaps = np.flatnonzero(steps > 1.5 / stream.sample_rate + 0.005)
    if len(gaps):
        lost, longest = steps - 1 / stream.sample_rate, gaps[steps[gaps].argmax()]
        in_all = lost[gaps].sum()
        first = stream.times[longest] + 1 / stream.sample_rate
        severity = "warning" if in_all > 0.02 * stream.length or lost[longest] > SPELL else "note"
        yield (
            severity,
            f"{counted(len(gaps), 'gap')}, {in_all:.2f} s in all; the longest lasts {lost[longest]:.2f} s from {first:.1f} s on",
        )
    missing = np.asarray(np.isnan(stream.samples).all(axis=0))
    if missing.all():
        yield "error", "every sample is missing"
    elif missing.any():
        start, stop = longest_run(missing)
        seconds = (stop - start) / stream.sample_rate
        severity = "warning" if missing.mean() > 0.2 or seconds > SPELL else "note"
        yield (
            severity,
            f"{missing.mean():.1%} of the samples are missing; the longest run lasts {seconds:.2f} s from {stream.times[start]:.1f} s on",
        )


def check_flat(stream: Stream) -> Said:
    """Runs of one and the same value that are longer than the sensor's steps explain; acc counts only when every axis rests."""
    limit = FLAT_AFTER.get(stream.modality)
    if not stream.sample_rate or limit is None:
        return
    still = np.diff(stream.samples, axis=1) == 0
    together = {"all axes": still.all(axis=0)} if stream.modality == "acc" else dict(zip(stream.channels, still))
    for name, runs in together.items():
        start, stop = longest_run(runs)
        seconds = (stop - start) / stream.sample_rate
        if seconds >= limit:
            yield "warning", f"{name}: no movement for {seconds:.1f} s from {stream.times[start]:.1f} s on"


def check_clipping(stream: Stream) -> Said:
    """Samples that stick to the largest or smallest value in runs of three and more; low conductance is a matter of contact."""
    if stream.modality not in ("bvp", "ecg", "emg", "eeg", "voice", "acc", "eda"):
        return
    for channel, values in zip(stream.channels, stream.samples):
        if len(values) < 100 or not np.isfinite(values).any() or np.nanmin(values) == np.nanmax(values):
            continue
        ends = (("largest", np.nanmax(values)), ("smallest", np.nanmin(values)))
        for word, limit in ends[:1] if stream.modality == "eda" else ends:
            stuck = values == limit
            share = (stuck[2:] & stuck[1:-1] & stuck[:-2]).mean()
            if share > 0.001:
                yield "warning", f"{channel} looks clipped: {stuck.mean():.1%} of the samples sit at the {word} value {limit:.4g}"


def check_units(stream: Stream) -> Said:
    """Values that the declared unit does not allow."""
    for channel, unit, values in zip(stream.channels, stream.units, stream.samples):
        default, factor, offset = conversion(unit)
        found = values[np.isfinite(values)] * factor + offset
        if default not in PLAUSIBLE or not len(found):
            continue
        low, high = PLAUSIBLE[default]
        outside, median = float(((found < low) | (found > high)).mean()), float(np.median(found))
        if not low <= median <= high:
            yield "error", f"{channel} cannot be in {unit}: its median is {median:.4g} {default}, plausible are {low:g} to {high:g}"
        elif outside > 0.001:
            beyond = float(np.median(found[(found < low) | (found > high)]))
            asked = f"; {other_unit(beyond, unit, (low, high))}" if outside > MANY else ""
            yield "warning", f"{outside:.1%} of {channel} lies outside {low:g} to {high:g} {default}{asked}"


def check_contact(stream: Stream) -> Said:
    """Spells in which the band was probably not on a wrist: hardly any conductance, or skin that cools towards the room."""
    if stream.modality not in ("eda", "temp") or not stream.sample_rate or len(stream.times) < 2 * stream.sample_rate:
        return
    _, factor, offset = conversion(stream.units[0])
    values = stream.samples[0] * factor + offset
    if stream.modality == "eda":
        away, word = values < NO_CONTACT, f"below {NO_CONTACT:g} uS"
    else:
        slope = np.gradient(_smooth(values, int(10 * stream.sample_rate)), 1 / stream.sample_rate)
        away, word = (values < COOL) & (slope < -COOLING), f"below {COOL:g} degC and cooling"
    seconds = away.sum() / stream.sample_rate
    if seconds >= SPELL:
        start, stop = longest_run(away)
        yield (
            "warning",
            (
                f"probably off the wrist for {seconds:.0f} s ({word}), the longest spell "
                f"from {stream.times[start]:.0f} to {stream.times[stop - 1]:.0f} s of {stream.times[-1]:.0f} s"
            ),
        )


CHECKS = (check_rate, check_gaps, check_flat, check_clipping, check_units, check_contact)
"""Each looks at one stream and yields (severity, sentence)."""


def longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """First and past-the-end index of the longest run of true values; (0, 0) without any."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    i = 2 * int(np.argmax(edges[1::2] - edges[::2]))
    return int(edges[i]), int(edges[i + 1])


def _examine_ends(recording: Recording) -> list[Finding]:
    """Streams that begin or end more than a second apart from the others."""
    found, regular = [], {n: s for n, s in recording.streams.items() if s.sample_rate and len(s.times) and not s.static}
    if len(regular) < 2:
        return found
    first = min(float(s.times[0]) for s in regular.values())
    last = max(float(s.times[0]) + s.length for s in regular.values())
    for name, stream in regular.items():
        late, early = stream.times[0] - first, last - stream.times[0] - stream.length
        severity: Severity = "warning" if max(late, early) > 0.05 * (last - first) + 10 else "note"
        if late > 1:
            found.append(Finding(name, severity, f"begins {late:.1f} s after the first stream"))
        if early > 1:
            found.append(Finding(name, severity, f"ends {early:.1f} s before the last stream"))
    return found


def _examine_labels(recording: Recording) -> list[Finding]:
    """What there is to learn from: coverage and movement of ratings, span of annotations."""
    found = [_examine_rating(rating, recording.length) for rating in recording.ratings]
    outside = sum(a.onset < -0.001 or a.offset > recording.length + 1.0 for a in recording.annotations)
    if outside:
        found.append(
            Finding(
                "",
                "warning",
                f"{outside} of {counted(len(recording.annotations), 'label')} reach beyond the recording ({recording.length:.1f} s)",
            )
        )
    found += _examine_contradictions(recording.annotations)
    if not recording.ratings and not recording.annotations:
        found.append(Finding("", "note", "no ratings and no labels: fit for prediction only"))
    return found


def _examine_contradictions(annotations: Sequence[Annotation]) -> list[Finding]:
    """Labels of one source that say two things of the same time; annotators may well disagree with each other."""
    pairs: list[tuple[Annotation, Annotation]] = []
    for source in dict.fromkeys(a.source for a in annotations):
        held: list[Annotation] = []
        for label in sorted((a for a in annotations if a.source == source), key=lambda a: a.onset):
            held = [a for a in held if a.offset > label.onset + 1e-6]
            other = next((a for a in held if _contradict(a, label)), None)
            pairs += [(other, label)] if other else []
            held.append(label)
    if not pairs:
        return []
    one, two = min(pairs, key=lambda pair: pair[1].onset)
    text = f"{counted(len(pairs), 'label')} contradict{'s' if len(pairs) == 1 else ''} another of the same time and source: from {two.onset:.1f} to {min(one.offset, two.offset):.1f} s"
    return [Finding("", "warning", f"{text} {one.source!r} says {_said(one)} and {_said(two)}")]


def _contradict(one: Annotation, two: Annotation) -> bool:
    pairs = ((one.emotion, two.emotion), (one.valence, two.valence), (one.arousal, two.arousal))
    return any(a is not None and b is not None and a != b for a, b in pairs)


def _said(label: Annotation) -> str:
    """What a label says, in words."""
    levels = [f"{axis} {value:g}" for axis, value in (("valence", label.valence), ("arousal", label.arousal)) if value is not None]
    return ", ".join([*([repr(label.emotion)] if label.emotion else []), *levels])


def _examine_rating(rating: Rating, seconds: float) -> Finding:
    known, name = np.isfinite(rating.values).all(axis=0), f"rating {rating.source}"
    if not known.any():
        return Finding(name, "error", "every value is missing")
    step = float(np.median(np.diff(rating.times))) if len(rating.times) > 1 else 0.0
    still = float((rating.values[:, known] == 0).all(axis=0).mean())
    cover = min(1.0, known.sum() * step / seconds) if seconds else 0.0
    text = f"covers {cover:.0%} of the recording at {1 / step if step else 0:.1f} Hz; {still:.0%} exactly neutral"
    if rating.clipped:
        text += f"; {rating.clipped} values lay beyond the scale and were clipped"
    if np.ptp(rating.values[:, known], axis=1).max() == 0:
        return Finding(name, "warning", f"{text}; it never moves")
    return Finding(name, "warning" if cover < 0.5 else "note", text)


def _summary(stream: Stream) -> str:
    if stream.static:
        return f"one value of {counted(len(stream.channels), 'channel')} for the whole recording, nothing found"
    return f"{_rate(stream)}, {counted(len(stream.channels), 'channel')}, {stream.length:.1f} s, nothing found"


def _rate(stream: Stream) -> str:
    """The rate in words, and whether it was declared."""
    if not stream.sample_rate:
        return f"{len(stream.times)} events"
    return f"an estimated {stream.sample_rate:.4g} Hz" if stream.estimated else f"{stream.sample_rate:g} Hz"


def _smooth(values: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Centred moving mean over `count` samples, missing ones left out."""
    kernel, known = np.ones(min(max(count, 1), len(values))), np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="same")
    return total / np.maximum(np.convolve(known, kernel, mode="same"), 1)
