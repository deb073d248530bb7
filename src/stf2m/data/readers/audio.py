"""Audio files -> the voice stream: one channel at 16 kHz, amplitude in -1..1."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import NothingToRead, TruncatedFile, UnreadableFile
from stf2m.core.records import Recording
from stf2m.data.streams import make_stream, regular

VOICE_RATE = 16000.0
"""Hz of every voice stream; other rates are resampled once, here"""


def load_audio(path: Path) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Samples float32 (time,) in -1..1 at 16 kHz, that rate, and what was done to them in words.

    Channels are averaged; another sample rate is resampled (soxr, high quality). Raises `NothingToRead`,
    `UnreadableFile` or `TruncatedFile`.
    """
    import soundfile

    if not path.is_file():
        raise NothingToRead("no such audio file", where=path, hint="check the data root and that the download is complete")
    try:
        promised = soundfile.info(path).frames
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as problem:
        raise UnreadableFile("not an audio file that can be decoded", where=path, got=str(problem).splitlines()[0][-80:]) from None
    if not len(wave):
        raise NothingToRead("the audio file holds no samples", where=path)
    if len(wave) < promised or _stops_early(path):
        raise TruncatedFile("the audio stops early", where=path, expected=f"{promised} samples", got=len(wave))
    return to_voice(np.asarray(wave, dtype=np.float32), rate)


def to_voice(wave: NDArray[np.float32], rate: float) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """(time, channel) at any rate -> (time,) at 16 kHz, with notes."""
    notes = []
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1, dtype=np.float32)
    if wave.shape[1] > 1:
        notes.append(f"{wave.shape[1]} channels averaged to one")
    if rate != VOICE_RATE:
        import soxr

        mono = np.clip(soxr.resample(mono, rate, VOICE_RATE), -1.0, 1.0).astype(np.float32)
        notes.append(f"resampled from {rate:g} to {VOICE_RATE:g} Hz")
    return mono, VOICE_RATE, tuple(notes)


def _stops_early(path: Path) -> bool:
    """True when a WAV header promises more bytes than the file has; libsndfile reads such a file without a word."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return False
    promised = int.from_bytes(head[4:8], "little") + 8
    return promised < 0xFFFFFFFF and promised > path.stat().st_size + 1


def read_audio(path: Path, *, subject: str = "me") -> Recording:
    """A WAV or FLAC file as a recording with one voice stream."""
    wave, rate, notes = load_audio(path)
    made = make_stream("voice", wave[None], regular(len(wave), rate), unit="level", rate=rate, where=path.name, declared=False)
    words = (*(f"voice: {note}" for note in notes), *made.notes)
    return Recording(id=path.stem, dataset="own", subject=subject, session="1", streams={"voice": made.stream}, provenance=words)
