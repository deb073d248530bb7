"""The signal files of a store: float32 (time, channel), appended person by person, mapped when read, checked by CRC-32."""

import os
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import CorruptStore
from stf2m.prepare.people import Person
from stf2m.prepare.prepared import Joined

BLOCK = 1 << 22
"""samples handled at once while signals are verified or copied"""
Maps = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""modality -> signal (time, channel) and quality (time,)"""


def paths_of(folder: Path, modality: str) -> tuple[Path, Path]:
    """Where the signal and the quality of a modality lie."""
    return folder / "signals" / f"{modality}.f32", folder / "signals" / f"{modality}.quality.f32"


def ends_of(done: list[Person]) -> dict[str, int]:
    """Samples per modality that belong to finished people."""
    ends: dict[str, int] = {}
    for person in done:
        ends |= {m: shard.end for m, shard in person.shards.items()}
    return ends


def joined_of(done: list[Person]) -> dict[str, Joined]:
    """How each modality's signal is to be read, from the people who have it."""
    return {m: joined for person in done for m, joined in person.joined.items()}


def cut_off(folder: Path, done: list[Person]) -> None:
    """Shorten every signal to what finished people own; raises `CorruptStore` when it is shorter already."""
    ends, joined = ends_of(done), joined_of(done)
    for modality in {path.name.split(".")[0] for path in (folder / "signals").iterdir()} | set(ends):
        width = len(joined[modality].channels) if modality in joined else 1
        for path, columns in zip(paths_of(folder, modality), (width, 1)):
            size, have = 4 * columns * ends.get(modality, 0), path.stat().st_size if path.exists() else 0
            if have < size:
                raise CorruptStore(
                    "a signal is shorter than its index", where=path, expected=f"{size} bytes", got=have, hint="delete this folder"
                )
            if have > size:
                with path.open("r+b") as handle:
                    handle.truncate(size)


class Appender:
    """Open signal files of a store; synchronised to the disk on a clean exit."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.handles: dict[Path, BinaryIO] = {}

    def __enter__(self) -> "Appender":
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        for handle in self.handles.values():
            if kind is None:
                handle.flush()
                os.fsync(handle.fileno())
            with suppress(OSError):
                handle.close()

    def write(self, modality: str, values: NDArray[np.float32], quality: NDArray[np.float32], sums: tuple[int, int]) -> tuple[int, int]:
        """Append (channel, time) values and (time,) quality; -> running checksums of the person's part."""
        rows = np.ascontiguousarray(values.T, dtype="<f4"), np.ascontiguousarray(quality, dtype="<f4")
        answer = []
        for path, data, before in zip(paths_of(self.folder, modality), rows, sums):
            if path not in self.handles:
                self.handles[path] = path.open("ab")
            view = bytes_of(data)
            self.handles[path].write(view)
            answer.append(zlib.crc32(view, before))
        return answer[0], answer[1]


def bytes_of(data: NDArray[Any]) -> memoryview:
    """The bytes of an array, without a copy where it is contiguous."""
    return np.ascontiguousarray(data).reshape(-1).view(np.uint8).data


def map_signals(folder: Path, modality: str, joined: Joined, done: list[Person]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Memory maps (time, channel) and (time,) of one modality; raises `CorruptStore` when a size is wrong."""
    count = ends_of(done).get(modality, 0)
    shapes = (count, len(joined.channels)), (count,)
    maps = []
    for path, shape in zip(paths_of(folder, modality), shapes):
        size, have = 4 * int(np.prod(shape)), path.stat().st_size if path.exists() else 0
        if have != size:
            raise CorruptStore(
                "a signal does not have the size its index says", where=path, expected=f"{size} bytes", got=have, hint="delete this folder"
            )
        maps.append(np.memmap(path, dtype="<f4", mode="r", shape=shape) if size else np.zeros(shape, dtype=np.float32))
    return maps[0], maps[1]


def check_sums(folder: Path, person: Person, signals: Maps) -> None:
    """Compare one person's signals with their checksums; raises `CorruptStore` that names file and person."""
    for modality, shard in person.shards.items():
        for path, data, want in zip(paths_of(folder, modality), signals[modality], (shard.signal_sum, shard.quality_sum)):
            found = 0
            for begin in range(shard.begin, shard.end, BLOCK):
                found = zlib.crc32(bytes_of(data[begin : min(begin + BLOCK, shard.end)]), found)
            if found != want:
                raise CorruptStore(
                    f"the signals of person {person.subject!r} were changed on disk", where=path, expected=f"checksum {want:08x}",
                    got=f"{found:08x}", hint="delete this folder and prepare again",
                )  # fmt: skip
