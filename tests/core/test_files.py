"""Nothing half-written: whatever fails, the destination is the old content or the new, and no part is left."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stf2m.core import files
from stf2m.core.errors import CorruptStore, NoSpace, NotAccessible, NotStored


def raise_full(*_args):
    raise OSError(errno.ENOSPC, "No space left on device")


def listing(folder):
    return sorted(str(item.relative_to(folder)) for item in folder.rglob("*"))


def test_bytes_and_text_appear_whole(tmp_path):
    files.atomic_write_bytes(tmp_path / "deep" / "a.bin", b"\x00\x01")
    files.atomic_write_text(tmp_path / "b.txt", "Gefühl")
    assert (tmp_path / "deep" / "a.bin").read_bytes() == b"\x00\x01"
    assert (tmp_path / "b.txt").read_text(encoding="utf-8") == "Gefühl"
    assert listing(tmp_path) == ["b.txt", "deep", "deep/a.bin"]


def test_written_files_obey_the_umask(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    files.atomic_write_bytes(tmp_path / "ours", b"")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_full_disk_keeps_the_old_file_and_leaves_no_part(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    files.atomic_write_text(path, "old")
    monkeypatch.setattr(os, "fsync", raise_full)
    with pytest.raises(NoSpace, match=r"a\.txt: no space left .*free some space") as caught:
        files.atomic_write_text(path, "new")
    assert caught.value.exit_code == 30
    assert path.read_text() == "old"
    assert listing(tmp_path) == ["a.txt"]


def test_full_disk_leaves_no_folder(tmp_path):
    with pytest.raises(NoSpace), files.atomic_directory(tmp_path / "store") as folder:
        (folder / "a").write_text("x")
        raise_full()
    assert listing(tmp_path) == []


def test_other_failures_pass_through_and_clean_up(tmp_path):
    with pytest.raises(ZeroDivisionError), files.atomic_file(tmp_path / "a") as handle:
        handle.write(b"half")
        raise ZeroDivisionError
    with pytest.raises(PermissionError), files.guard_space(tmp_path):
        raise PermissionError(errno.EACCES, "no")
    assert listing(tmp_path) == []


def test_a_lock_that_cannot_be_made_is_named_as_what_it_locks(tmp_path, monkeypatch):
    def refused(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError) as caught:
        files.take(tmp_path / "rows.csv", object())
    assert caught.value.filename == str(tmp_path / "rows.csv")


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    def refused(path, *_, **__):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(NotAccessible, match=rf"page\.html: the folder \S+{tmp_path.name}/none is not there and cannot be made"):
        files.atomic_write_text(tmp_path / "none" / "deeper" / "page.html", "")


def test_directory_appears_whole_and_is_not_overwritten(tmp_path):
    target = tmp_path / "store"
    with files.atomic_directory(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text("1")
        assert not target.exists()
    assert listing(tmp_path) == ["store", "store/sub", "store/sub/a"]
    with pytest.raises(FileExistsError), files.atomic_directory(target):
        pass


def test_directory_can_be_replaced_and_survives_a_failed_replacement(tmp_path):
    target = tmp_path / "store"
    for text in ("1", "2"):
        with files.atomic_directory(target, replace=True) as folder:
            (folder / text).write_text(text)
    with pytest.raises(NoSpace), files.atomic_directory(target, replace=True) as folder:
        (folder / "3").write_text("3")
        raise_full()
    assert listing(tmp_path) == ["store", "store/2"]


def test_sweep_removes_only_parts_of_dead_writers(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".a.{dead.pid}-00{files.PART}").write_text("left")
    (tmp_path / f".b.{dead.pid}-01{files.PART}").mkdir()
    mine = files.part_of(tmp_path / "c")
    mine.write_text("still writing")
    (tmp_path / "kept.part").write_text("not ours")
    assert files.sweep_parts(tmp_path) == 2
    assert listing(tmp_path) == sorted([mine.name, "kept.part"])


def test_checksum_follows_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(NotStored, match="missing"):
        files.sha256(tmp_path / "b")


def test_json_round_trip_and_its_errors(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": [1, None, "é"]})
    assert files.read_json(tmp_path / "a.json") == {"b": [1, None, "é"]}
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "n.json", float("nan"))
    (tmp_path / "bad.json").write_text('{"b": [1,')
    with pytest.raises(CorruptStore, match=r"bad\.json"):
        files.read_json(tmp_path / "bad.json")
    with pytest.raises(NotStored):
        files.read_json(tmp_path / "gone.json")
    assert listing(tmp_path) == ["a.json", "bad.json"]


@pytest.mark.parametrize("array", [np.arange(6, dtype=np.float32).reshape(2, 3).T, np.zeros((2, 0)), np.array(3, dtype=np.int16)])
def test_arrays_come_back_as_numpy_itself_reads_them(tmp_path, array):
    files.save_array(tmp_path / "a.npy", array)
    for found in (files.load_array(tmp_path / "a.npy"), files.load_array(tmp_path / "a.npy", whole=True), np.load(tmp_path / "a.npy")):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_arrays_of_objects_are_neither_written_nor_read(tmp_path):
    objects = np.array([{}, None])
    with pytest.raises(TypeError, match="objects"):
        files.save_array(tmp_path / "a.npy", objects)
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(CorruptStore, match=r"b\.npy"):
        files.load_array(tmp_path / "b.npy")


def test_damaged_and_missing_arrays_are_named(tmp_path):
    files.save_array(tmp_path / "a.npy", np.zeros(100))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:200])
    for whole in (True, False):
        with pytest.raises(CorruptStore, match=r"a\.npy"):
            files.load_array(tmp_path / "a.npy", whole=whole)
    with pytest.raises(NotStored):
        files.load_array(tmp_path / "gone.npy")


def test_a_file_size_limit_of_the_system_is_no_space(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(NoSpace), files.atomic_directory(tmp_path / "store") as folder:
            files.save_array(folder / "a.npy", np.ones(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(tmp_path) == []
