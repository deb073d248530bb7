"""Write files and folders so that a reader finds all of them or nothing; a full disk is said in words.

Everything is written beside its destination under a name that begins with "." and ends in ".part", synchronised to the
disk, then renamed. A killed writer leaves only such parts, which `sweep_parts` removes.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from stf2m.core.errors import CorruptStore, InUse, NoSpace, NotAccessible, NotStored

PART, LOCK = ".part", ".lock"
LONGEST = 100
"""bytes of a name made of a text; with the additions of a part it fits every file system in use (143 bytes and more)"""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def guard_space(path: Path) -> Iterator[None]:
    """Turn "disk full", "quota exceeded" and "file too large" inside the block into `NoSpace` that names `path`, and a parent folder that
    is not there into `NotAccessible`; other errors of the system name `path` too, instead of its part or its lock."""
    try:
        yield
    except OSError as problem:
        if isinstance(problem, FileNotFoundError) and (gone := missing_parent(path)):
            raise NotAccessible(
                f"the folder {gone} is not there and cannot be made", where=path, hint="name a folder that is there"
            ) from None
        if problem.errno not in FULL:
            if str(problem.filename).endswith((PART, LOCK)):  # nobody knows that name
                problem.filename, problem.filename2 = str(path), None
            raise
        raise NoSpace(
            f"no space left to write it ({os.strerror(problem.errno)}); nothing was left half-written",
            where=path, hint="free some space or name another folder, then run the same command again",
        ) from None  # fmt: skip


def missing_parent(path: Path) -> Path | None:
    """The outermost folder above `path` that is not there; None where its parent is."""
    return next((folder for folder in reversed(Path(path).parents) if not folder.exists()), None)


def take(path: Path, holder: object) -> None:
    """Give `holder` the exclusive right to write `path` for as long as it lives; raises `InUse` when another run has it."""
    with guard_space(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock_of(path), os.O_CREAT | os.O_WRONLY)
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # no such locks on this system: a second run must be avoided by hand
        pass
    except BlockingIOError:
        os.close(handle)
        raise InUse("another run is writing here", where=path, hint="wait until it has ended, or name another file") from None
    weakref.finalize(holder, os.close, handle)


def lock_of(path: Path) -> Path:
    """The empty file beside `path` whose lock is the right to write there."""
    return path.with_name(f".{path.name}{LOCK}")


def part_of(path: Path) -> Path:
    """A fresh temporary name beside `path`, on the same file system, so that the final rename is atomic."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{PART}")


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary handle whose content appears at `path` when the block ends well, and nowhere when it does not.

    Parent folders are made. Raises `NoSpace` when the disk is full.
    """
    path = Path(path)
    part = part_of(path)
    with guard_space(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            part.replace(path)
            sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` as a whole or not at all; raises `NoSpace`."""
    with atomic_file(path) as handle:
        handle.write(data)


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` as a whole or not at all; raises `NoSpace`."""
    atomic_write_bytes(path, text.encode("utf-8"))


@contextmanager
def atomic_directory(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder to fill; it appears at `path` when the block ends well, and is removed when it does not.

    An existing `path` raises `FileExistsError`, unless `replace`: then the old folder is moved aside, the new one takes
    its place and the old one is deleted. A kill between those two renames leaves the old folder as a part, never a mix.
    """
    path = Path(path)
    if path.exists() and not replace:
        raise FileExistsError(path)
    part = part_of(path)
    with guard_space(path):
        try:
            part.mkdir(parents=True)
            yield part
            for item in sorted(part.rglob("*")):
                sync(item)
            if path.exists():
                aside = part_of(path)
                path.rename(aside)
                part.rename(path)
                shutil.rmtree(aside)
            else:
                part.rename(path)
            sync_folder(path.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def sync(path: Path) -> None:
    """Force one file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force a folder's list of names to the disk, where the system can (Windows opens no folders)."""
    if os.name == "posix":
        sync(path)


def sweep_parts(folder: Path, name: str = "*") -> int:
    """Delete what killed writers of `name` (a pattern) left directly in `folder`; returns how many.

    Parts of living processes stay.
    """
    parts = [item for item in Path(folder).glob(f".{name}.*{PART}") if not _alive(item)]
    for item in parts:
        shutil.rmtree(item) if item.is_dir() else item.unlink()
    return len(parts)


def _alive(part: Path) -> bool:
    """Whether the process that wrote a part, this one included, still runs on this machine."""
    number = part.name.removesuffix(PART).rsplit(".", 1)[-1].split("-")[0]
    if not number.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def safe_name(text: str) -> str:
    """A file name that stands for this text alone: the text with everything unusual quoted, or, where that is too long, its beginning,
    a "+" (which quoting never leaves) and a digest of the whole."""
    name = quote(text, safe="")
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 20]}+{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def place_of(folder: Path, text: str) -> Path:
    """What stands for this text in `folder`, "p-" and its `safe_name`; what an earlier version, which shortened no names, left there keeps its own."""
    whole = Path(folder) / f"p-{quote(text, safe='')}"
    return whole if os.path.lexists(whole) else Path(folder) / f"p-{safe_name(text)}"


def sha256(path: Path) -> str:
    """Checksum of a file's content as 64 hexadecimal digits; raises `NotStored` when the file is gone."""
    try:
        with Path(path).open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        raise NotStored("the file is missing", where=path) from None


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically; numpy scalars become numbers, NaN is refused (write null)."""
    atomic_write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=_number) + "\n")


def digest_json(value: Any) -> str:
    """Checksum of a JSON value that does not depend on spaces or the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_number).encode()).hexdigest()


def _number(value: Any) -> Any:
    """A numpy scalar as a plain number."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def read_json(path: Path) -> Any:
    """Read a JSON file that this program wrote; raises `NotStored` or `CorruptStore`."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotStored("the file is missing", where=path) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise CorruptStore(f"not readable as JSON ({problem})", where=path, hint="write it again from its source") from None


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write one plain array as .npy, not atomically: for files inside an `atomic_directory`. Objects are refused.

    `numpy.save` reports a full disk without saying so (its `OSError` has no number); this one raises `NoSpace`.
    """
    if array.dtype.hasobject:
        raise TypeError(f"{path}: arrays of objects are not stored")
    array = np.ascontiguousarray(array)
    with guard_space(path), Path(path).open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, np.lib.format.header_data_from_array_1_0(array))
        handle.write(array.data.cast("B") if array.size else b"")


def load_array(path: Path, *, whole: bool = False) -> NDArray[Any]:
    """Read a .npy memory-mapped and read-only, or into memory when `whole`; raises `NotStored` or `CorruptStore`."""
    try:
        return np.load(path, mmap_mode=None if whole or _is_empty(path) else "r", allow_pickle=False)
    except FileNotFoundError:
        raise NotStored("the file is missing", where=path) from None
    except (ValueError, EOFError) as problem:
        raise CorruptStore(f"not readable as an array ({problem})", where=path, hint="write it again from its source") from None


def _is_empty(path: Path) -> bool:
    """Whether the array has no elements (such a file cannot be mapped)."""
    with Path(path).open("rb") as handle:
        version = np.lib.format.read_magic(handle)
        shape, _, _ = np.lib.format.read_array_header_1_0(handle) if version == (1, 0) else np.lib.format.read_array_header_2_0(handle)
    return 0 in shape
