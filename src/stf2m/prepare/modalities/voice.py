"""Voice: audio -> 40 log-mel bands, pitch, periodicity, level and spectral balance, 50 frames a second.

Frame n stands at n / rate and sees the 40 ms that end there. Any sample rate from 8 kHz works as it is: windows, bands
and periods are given in seconds and Hz, so nothing is resampled. Frames are computed in blocks of fixed size, each
frame at its own place of its block, which makes any chunking give bit for bit the same numbers.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import RateContradiction
from stf2m.core.records import DescriptorInfo
from stf2m.prepare.clocks import grid_count
from stf2m.prepare.modalities import _contour, _harmonics, _mel, _pitch, _prosody, _timbre
from stf2m.prepare.modalities._utterance import Utterance, utterance
from stf2m.prepare.modality import Chunk, Modality, Source, Track, Windows

WINDOW = 0.040
"""s of audio in a frame"""
BLOCK = 50
"""frames computed at once"""
BRIDGED = 0.002
"""s of missing samples that the last one before them stands for"""
LOWEST_RATE = 8000.0
"""Hz"""
CLIPPED = 0.999
"""of full scale"""


class VoiceState(NamedTuple):
    """The next frame, the audio it may still see, and the pitch path."""

    sample_rate: float
    rate: float
    next: int
    first: int
    """index of the first kept sample, counted from the recording's beginning"""
    audio: NDArray[np.float32]
    """(time,) NaN = missing"""
    path: _pitch.Path


def start(source: Source) -> VoiceState:
    """An unheard voice; raises `RateContradiction` below 8 kHz, where neither bands nor sibilants exist."""
    if source.sample_rate < LOWEST_RATE:
        raise RateContradiction(
            "voice must be sampled audio", where="stream voice", expected=f"at least {LOWEST_RATE:g} Hz", got=f"{source.sample_rate:g} Hz",
            hint="give the recording itself, not frame-wise features",
        )  # fmt: skip
    return VoiceState(source.sample_rate, source.rate, 0, 0, np.zeros(0, np.float32), _pitch.start_path())


def push(state: VoiceState, chunk: Chunk) -> tuple[VoiceState, Track]:
    """Hear more audio (channel, time); channels are averaged. Frames with less than half of their window are NaN."""
    audio = _place(state, chunk)
    end = max(grid_count(chunk.until, state.rate), state.next)
    blocks, qualities, path = [], [], state.path
    for begin in range(state.next - state.next % BLOCK, end, BLOCK) if end > state.next else ():
        frames = np.arange(max(begin, state.next), min(begin + BLOCK, end))
        path, values, quality = _analyse(state, audio, frames, path)
        blocks.append(values)
        qualities.append(quality)
    width = 1 + len(CHANNELS)
    values = np.concatenate(blocks, axis=1) if blocks else np.zeros((width - 1, 0), np.float32)
    quality = np.concatenate(qualities) if qualities else np.zeros(0, np.float32)
    kept = _last_sample(state, np.array([end]))[0] - _length(state) - _bridge(state)
    drop = max(int(kept) - state.first, 0)
    after = state._replace(next=end, first=state.first + drop, audio=audio[drop:].copy(), path=path)
    return after, Track(values, quality)


def _length(state: VoiceState) -> int:
    return round(WINDOW * state.sample_rate)


def _bridge(state: VoiceState) -> int:
    return round(BRIDGED * state.sample_rate)


def _last_sample(state: VoiceState, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the newest sample that each frame may see."""
    return np.floor(frames * (state.sample_rate / state.rate) + 1e-6).astype(np.int64)


def _place(state: VoiceState, chunk: Chunk) -> NDArray[np.float32]:
    """The kept audio with the chunk's samples put at the index of the moment at which they were known."""
    if not len(chunk.available):
        return state.audio
    mono = chunk.samples[0] if len(chunk.samples) == 1 else chunk.samples.mean(axis=0, dtype=np.float32)
    index = np.ceil(chunk.available * state.sample_rate - 1e-3).astype(np.int64) - state.first
    mono, index = mono[index >= 0], index[index >= 0]
    audio = np.full(max(int(index.max(initial=-1)) + 1, len(state.audio)), np.nan, np.float32)
    audio[: len(state.audio)] = state.audio
    audio[index] = mono
    return audio


def _analyse(state, audio, frames, path):
    """Consecutive frames of one block -> pitch path, values (channel, frame), quality (frame,)."""
    length = _length(state)
    raw = _gather(state, audio, frames)
    known = np.isfinite(raw)
    share = known.mean(axis=1)
    block = np.zeros((BLOCK, length))
    block[frames % BLOCK] = _centred(raw, known)
    spectrum = _mel.power(block, _mel.fft_size(length))
    pitch, strength = _pitch.candidates(spectrum, length, state.sample_rate)
    mel = _mel.log_mel(spectrum, state.sample_rate)
    level = 10.0 * np.log10(spectrum.sum(axis=1) + _mel.FLOOR)
    centre = np.log2(_mel.centroid(spectrum, state.sample_rate))
    rows = frames % BLOCK
    path, tone, periodicity = _pitch.follow(path, pitch[rows], strength[rows])
    values = np.column_stack([mel[rows], tone, periodicity, level[rows], centre[rows]]).T.astype(np.float32)
    values[:, share < 0.5] = np.nan
    clipped = (np.abs(np.where(known, raw, 0.0)) >= CLIPPED).mean(axis=1)
    return path, values, (share * np.clip(1.0 - 10.0 * clipped, 0.0, 1.0)).astype(np.float32)


def _gather(state, audio, frames) -> NDArray[np.float64]:
    """The window (frame, sample) of every frame, short silences of the recorder bridged, NaN = missing."""
    bridge, length = _bridge(state), _length(state)
    last = _last_sample(state, frames) - state.first
    begin = int(last[0]) - length + 1 - bridge
    piece = np.full(int(last[-1]) + 1 - begin, np.nan, np.float32)
    low, high = max(begin, 0), min(int(last[-1]) + 1, len(audio))
    if high > low:
        piece[low - begin : high - begin] = audio[low:high]
    place = np.arange(len(piece))
    held = np.maximum.accumulate(np.where(np.isfinite(piece), place, -len(piece)))
    piece = np.where(place - held <= bridge, piece[held], np.float32(np.nan))
    return piece[(last - begin)[:, None] + np.arange(1 - length, 1)[None, :]].astype(np.float64)


def _centred(raw: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Missing samples 0, the mean of the known ones removed."""
    filled = np.where(known, raw, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, filled - mean, 0.0)


def describe(windows: Windows) -> NDArray[np.float32]:
    """The numbers of every family for the speaking part of every window; NaN where nobody speaks."""
    table = np.full((len(windows.values), len(DESCRIPTORS)), np.nan, np.float32)
    for row, values in enumerate(windows.values[:, :, -windows.samples :]):
        spoken = utterance(values, windows.rate)
        if spoken is not None:
            table[row] = [number for _, numbers, _ in FAMILIES for number in numbers(spoken)]
    return table


CHANNELS = (*(f"mel_{band + 1:02d}" for band in range(_mel.BANDS)), "pitch", "periodicity", "level", "centroid")
"""dB per band; log2 Hz, NaN when unvoiced; 0..1; dB re full scale; log2 Hz"""

FAMILIES: tuple[tuple[dict[str, tuple[str, str, str]], Callable[[Utterance], list[float]], bool], ...] = (
    (_prosody.PITCH, _prosody.pitch_numbers, True),
    (_prosody.LOUDNESS, _prosody.loudness_numbers, True),
    (_prosody.TIMING, _prosody.timing_numbers, True),
    (_prosody.BALANCE, _prosody.balance_numbers, True),
    (_prosody.CONSONANTS, _prosody.consonant_numbers, True),
    (_contour.CONTOUR, _contour.contour_numbers, True),
    (_harmonics.HARMONICS, _harmonics.harmonic_numbers, True),
    (_timbre.TIMBRE, _timbre.timbre_numbers, False),
)
"""names with unit and words, the function that gives their numbers, and whether they can be read"""

DESCRIPTORS = tuple(
    DescriptorInfo(name, "voice", *words, readable=readable) for names, _, readable in FAMILIES for name, words in names.items()
)

VOICE = Modality("voice", "level", 50.0, 0.0, CHANNELS, DESCRIPTORS, start, push, describe, one_node=True, descriptor_version=2)
