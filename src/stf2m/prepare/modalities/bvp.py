"""Blood volume pulse: the wave itself, the interval between beats and the height of the pulse.

A causal band-pass 0.5-8 Hz makes the wave. Beats are maxima of its 0.7-3.5 Hz part that stand 0.27 s to both sides and
above half its running root mean square; each is known 0.27 s after its peak. Peak times are refined by a parabola.
An interval counts when it lies within 25 % of the median of the latest nine.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import DescriptorInfo
from stf2m.prepare.filters import FilterState, bandpass, lowpass, push_filter, start_filter
from stf2m.prepare.modalities._windows import change, mean, median, slope, spread, stack, window
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows
from stf2m.prepare.quality import GradeState, Limits, push_grade, start_grade
from stf2m.prepare.resample import ResamplerState, push_resampler, start_resampler

LIMITS = Limits(low=-np.inf, high=np.inf, flat=0.5)
STAND = 0.27
"""s to both sides in which a beat is the highest point; bounds the rate at 220 bpm"""
SHORTEST, LONGEST = 0.28, 2.0
"""s of an interval between beats"""
STALE = 3.0
"""s after which the last accepted interval no longer holds"""
PAST = 9
"""intervals, the newest among them, whose median judges the newest"""
TOLERANCE = 0.25
"""share by which an accepted interval may differ from that median"""
ENOUGH = 6
"""of the PAST intervals that must have been accepted for full quality"""
PULSE, INTERVAL, AMPLITUDE = 0, 1, 2


class Beats(NamedTuple):
    """Beats in order: peak position (samples, refined), sample at which each is known, height and interval (NaN = none)."""

    position: NDArray[np.float64]
    known: NDArray[np.int64]
    height: NDArray[np.float64]
    interval: NDArray[np.float64]
    accepted: NDArray[np.bool_]


class BvpState(NamedTuple):
    """Grid, grade, filters, the tail in which a beat may still appear, and the last beats."""

    rate: float
    seen: int
    resampler: ResamplerState
    grade: GradeState
    wave: FilterState
    beat: FilterState
    power: FilterState
    tail: NDArray[np.float64]
    """(wave beat-band power, time) last samples before `seen`"""
    beats: Beats


NO_BEATS = Beats(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))


def start(source: Source) -> BvpState:
    """Expects one channel in arbitrary units."""
    rate = source.rate
    return BvpState(
        rate, 0, start_resampler(source.sample_rate or rate, rate, 1), start_grade(LIMITS, rate, 1),
        start_filter(bandpass(0.5, 8.0, rate=rate), 1), start_filter(bandpass(0.7, 3.5, rate=rate), 1),
        start_filter(lowpass(0.3, rate=rate, order=1), 1), np.zeros((3, _kept(rate))), NO_BEATS,
    )  # fmt: skip


def push(state: BvpState, chunk: Chunk) -> tuple[BvpState, Track]:
    """-> pulse wave (au), interval s and amplitude (au) of the latest beats."""
    resampler, raw = push_resampler(state.resampler, chunk.samples[:1], chunk.available, chunk.until)
    grade, quality = push_grade(state.grade, raw)
    wave, pulse = push_filter(state.wave, raw)
    beat, narrow = push_filter(state.beat, raw)
    power, level = push_filter(state.power, narrow * narrow)
    tail = np.concatenate([state.tail, np.nan_to_num(np.concatenate([pulse, narrow, level]))], axis=1)
    end = state.seen + raw.shape[1]
    beats = find_beats(tail, end - tail.shape[1], state.seen, end, state.rate, state.beats)
    held, trusted = _hold_beats(beats, state.seen, end, state.rate)
    quality = np.where(trusted, quality, np.minimum(quality, np.float32(0.4)))
    values = np.concatenate([pulse, np.where(np.isfinite(raw), held, np.nan)]).astype(np.float32)
    last = _replace_all(beats, slice(-4 * PAST, None))
    return BvpState(state.rate, end, resampler, grade, wave, beat, power, tail[:, -_kept(state.rate) :], last), Track(values, quality)


def _kept(rate: float) -> int:
    """Samples of the past in which a beat may still appear or that measure its height; zeros before the recording."""
    return 2 * int(STAND * rate) + int(0.5 * rate) + 2


def find_beats(tail, first: int, begin: int, end: int, rate: float, before: Beats) -> Beats:
    """Append to `before` the beats that become known at samples begin .. end - 1; `tail` (3, time) starts at sample `first`."""
    stand = int(STAND * rate)
    wave, x, level = tail
    lowest, highest = max(begin - stand - first, stand, 1), end - stand - first
    centre = np.arange(lowest, max(highest, lowest))
    if not len(centre):
        return before
    centre = centre[
        (x[centre] > x[centre - 1]) & (x[centre] >= x[centre + 1]) & (x[centre] > 0.5 * np.sqrt(np.maximum(level[centre], 0.0)))
    ]
    around = x[centre[:, None] + np.arange(-stand, stand + 1)]
    centre = centre[x[centre] >= around.max(axis=1, initial=-np.inf)]
    a, b, c = x[centre - 1], x[centre], x[centre + 1]
    bend = a - 2.0 * b + c
    position = first + centre + np.where(bend < 0, 0.5 * (a - c) / np.where(bend < 0, bend, 1.0), 0.0)
    back = np.maximum(centre[:, None] + np.arange(-int(0.5 * rate), 8), 0)
    reach = wave[np.minimum(back, len(wave) - 1)]
    height = reach.max(axis=1, initial=-np.inf) - reach.min(axis=1, initial=np.inf)
    return _append(before, position, first + centre + stand, height, rate)


def _append(before: Beats, position, known, height, rate: float) -> Beats:
    """Intervals of the new beats, judged by the median of the PAST intervals up to each."""
    if not len(position):
        return before
    joined = np.concatenate([before.position[-1:], position])
    interval = np.diff(joined) / rate
    if not len(before.position):
        interval = np.concatenate([[np.nan], interval])
    with np.errstate(invalid="ignore"):
        plausible = (interval >= SHORTEST) & (interval <= LONGEST)
    interval = np.where(plausible, interval, np.nan)
    past = np.concatenate([np.full(PAST, np.nan), before.interval, interval])[-(len(interval) + PAST - 1) :]
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(past, PAST), axis=1)
    middle = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0) // 2
    usual = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    with np.errstate(invalid="ignore"):
        accepted = np.abs(interval - usual) <= TOLERANCE * usual
    return Beats._make(np.concatenate(pair) for pair in zip(before, (position, known, height, interval, accepted)))


def _hold_beats(beats: Beats, begin: int, end: int, rate: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Interval and amplitude of the latest accepted beat at samples begin .. end - 1, NaN when stale; and whether to trust it."""
    samples = np.arange(begin, end)
    if not beats.accepted.any():
        return np.full((2, len(samples)), np.nan), np.zeros(len(samples), dtype=bool)
    trusted = np.lib.stride_tricks.sliding_window_view(np.pad(beats.accepted, (PAST - 1, 0)), PAST).sum(axis=1) >= ENOUGH
    good, trusted = _replace_all(beats, beats.accepted), trusted[beats.accepted]
    index = np.searchsorted(good.known, samples, side="right") - 1
    fresh = (index >= 0) & (samples - good.known[np.maximum(index, 0)] <= STALE * rate)
    held = np.stack([good.interval, good.height])[:, np.maximum(index, 0)]
    return np.where(fresh, held, np.nan), fresh & trusted[np.maximum(index, 0)]


def _replace_all(beats: Beats, rows) -> Beats:
    return Beats._make(column[rows] for column in beats)


def describe(windows: Windows) -> NDArray[np.float32]:
    """Pulse rate (of the window with its past, because two seconds hold two beats), its place against the recording so far, beat-to-beat variability and pulse height; see `DESCRIPTORS`."""
    interval = windows.values[:, INTERVAL]
    usual = windows.usual[:, INTERVAL]
    rate = 60.0 / median(interval)
    now, before = mean(window(windows, INTERVAL)), mean(interval[:, : -windows.samples])
    step = np.nan_to_num(np.diff(interval, axis=1)).astype(np.float64)
    beats = (step != 0).sum(axis=1)
    rmssd = np.where(beats > 1, 1e3 * np.sqrt((step * step).sum(axis=1) / np.maximum(beats, 1)), np.nan)
    height = mean(window(windows, AMPLITUDE))
    ratio = np.log2(np.maximum(height, 1e-6) / np.maximum(windows.usual[:, AMPLITUDE], 1e-6))
    return stack(
        rate, rate - 60.0 / usual, 60.0 / now - 60.0 / before,
        -60.0 * slope(interval, windows.rate) * rate * rate / 60.0, rmssd, 1e3 * spread(interval),
        height, ratio, change(windows, AMPLITUDE), spread(window(windows, PULSE)),
    )  # fmt: skip


DESCRIPTORS = (
    DescriptorInfo("pulse rate", "bvp", "bpm"),
    DescriptorInfo("pulse rate relative to usual", "bvp", "bpm"),
    DescriptorInfo("pulse rate change", "bvp", "bpm", "slowing", "quickening"),
    DescriptorInfo("pulse rate trend", "bvp", "bpm/min", "slowing", "quickening"),
    DescriptorInfo("pulse beat-to-beat variability", "bvp", "ms"),
    DescriptorInfo("pulse interval variation", "bvp", "ms", "steady", "varying"),
    DescriptorInfo("pulse height", "bvp", "au", "small", "large"),
    DescriptorInfo("pulse height ratio to usual", "bvp", "doublings", "smaller", "larger"),
    DescriptorInfo("pulse height change", "bvp", "au", "shrinking", "growing"),
    DescriptorInfo("pulse wave size", "bvp", "au", "small", "large"),
)

BVP = Modality("bvp", "au", 64.0, 8.0, ("pulse", "interval", "amplitude"), DESCRIPTORS, start, push, describe)
