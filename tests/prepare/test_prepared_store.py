"""The store: same numbers as memory, resumable after a kill, every damage noticed."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from stf2m.core import files
from stf2m.core.errors import CorruptStore, InvalidConfig, NoSpace, NotStored, WrongVersion
from stf2m.prepare import shards
from stf2m.prepare.cut import cut
from stf2m.prepare.prepared import Prepared, prepared_from
from stf2m.prepare.recipe import CutRecipe, SignalRecipe
from stf2m.prepare.store import forget_person, open_prepared, prepare_dataset

RECIPE = SignalRecipe(modalities=("eda", "bvp", "acc"))


def same(a: Prepared, b: Prepared) -> None:
    assert a.joined == b.joined and [e.id for e in a.entries] == [e.id for e in b.entries]
    for m in a.signals:
        np.testing.assert_array_equal(a.signals[m], b.signals[m])
        np.testing.assert_array_equal(a.quality[m], b.quality[m])
    here, there = (cut(p, CutRecipe(targets=("emotion", "valence2"))) for p in (a, b))
    np.testing.assert_array_equal(here.descriptors, there.descriptors)
    np.testing.assert_array_equal(here.rating, there.rating)
    np.testing.assert_array_equal(here.targets["emotion"], there.targets["emotion"])


def in_memory(people) -> Prepared:
    return prepared_from((r for s in people.subjects() for r in people.recordings(s)), RECIPE, emotions=people.card.emotions)


def test_store_equals_memory_and_is_not_prepared_twice(invent_people, tmp_path: Path) -> None:
    people = invent_people()
    said: list[tuple[int, int, str]] = []
    stored = prepare_dataset(people, RECIPE, tmp_path, lambda *news: said.append(news))
    assert said == [(1, 3, "anna"), (2, 3, "bo"), (3, 3, "cy")]
    same(stored, in_memory(invent_people()))
    assert stored.entries[1].ratings[0].source == "self" and stored.entries[1].consent == "research"
    prepare_dataset(people, RECIPE, tmp_path)
    assert people.asked == ("anna", "bo", "cy")
    same(open_prepared(tmp_path, RECIPE), stored)


def test_interrupted_in_the_middle_of_a_person_it_continues(invent_people, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        prepare_dataset(invent_people(fail_at="bo"), RECIPE, tmp_path)
    with pytest.raises(NotStored, match="not finished"):
        open_prepared(tmp_path, RECIPE)
    people = invent_people()
    same(prepare_dataset(people, RECIPE, tmp_path), in_memory(invent_people()))
    assert people.asked == ("bo", "cy")


def test_killed_while_writing_it_continues(invent_people, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import importlib.util, os, signal, sys
        spec = importlib.util.spec_from_file_location("conftest", {str(Path(__file__).with_name("conftest.py"))!r})
        conftest = importlib.util.module_from_spec(spec); sys.modules["conftest"] = conftest; spec.loader.exec_module(conftest)
        from stf2m.prepare import shards, store
        from stf2m.prepare.recipe import SignalRecipe
        write, calls = shards.Appender.write, []
        def killed(self, *args):
            calls.append(1)
            answer = write(self, *args)
            if len(calls) == 8:
                for handle in self.handles.values(): handle.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return answer
        shards.Appender.write = killed
        store.prepare_dataset(conftest.InventedPeople(), SignalRecipe(modalities=("eda", "bvp", "acc")), {str(tmp_path)!r})
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    people = invent_people()
    same(prepare_dataset(people, RECIPE, tmp_path), in_memory(invent_people()))
    assert people.asked == ("bo", "cy")


def test_no_space_leaves_what_was_finished(invent_people, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = shards.Appender.write, []

    def full(self, *args):
        calls.append(1)
        if len(calls) == 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, *args)

    monkeypatch.setattr(shards.Appender, "write", full)
    with pytest.raises(NoSpace):
        prepare_dataset(invent_people(), RECIPE, tmp_path)
    monkeypatch.setattr(shards.Appender, "write", write)
    people = invent_people()
    same(prepare_dataset(people, RECIPE, tmp_path), in_memory(invent_people()))
    assert people.asked == ("bo", "cy")


def test_a_folder_that_cannot_be_written_is_named_and_not_its_lock(invent_people, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refused(path, *args, **options):
        if path.name.endswith(files.LOCK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PermissionError) as caught:
        prepare_dataset(invent_people(), RECIPE, tmp_path / "prepared")
    assert caught.value.filename == str(tmp_path / "prepared")


@pytest.mark.parametrize("name", ["signals/eda.f32", "signals/bvp.quality.f32", "people/00001.parquet"])
def test_changed_and_shortened_files_are_noticed(invent_people, tmp_path: Path, name: str) -> None:
    prepare_dataset(invent_people(), RECIPE, tmp_path)
    path = tmp_path / RECIPE.hash / name
    good = path.read_bytes()
    bad = bytearray(good)
    bad[len(bad) // 2 if "signals" in name else 2] ^= 0xFF
    path.write_bytes(bytes(bad))
    with pytest.raises(CorruptStore, match=Path(name).name):
        open_prepared(tmp_path, RECIPE)
    path.write_bytes(good[:-8])
    with pytest.raises(CorruptStore):
        open_prepared(tmp_path, RECIPE)
    with pytest.raises(CorruptStore):
        prepare_dataset(invent_people(), RECIPE, tmp_path)


def test_another_version_another_data_set_and_nothing_at_all(invent_people, tmp_path: Path) -> None:
    with pytest.raises(NotStored, match="run the preparation"):
        open_prepared(tmp_path, RECIPE)
    prepare_dataset(invent_people(names=("anna",)), RECIPE, tmp_path)
    manifest = tmp_path / RECIPE.hash / "manifest.json"
    was = files.read_json(manifest)
    files.write_json(manifest, was | {"dataset": "another"})
    with pytest.raises(InvalidConfig, match="another data set"):
        prepare_dataset(invent_people(names=("anna",)), RECIPE, tmp_path)
    files.write_json(manifest, was | {"version": 99})
    with pytest.raises(WrongVersion):
        open_prepared(tmp_path, RECIPE)


def test_a_person_is_forgotten(invent_people, tmp_path: Path) -> None:
    prepare_dataset(invent_people(), RECIPE, tmp_path)
    assert forget_person(tmp_path, "bo") == 1 and forget_person(tmp_path, "bo") == 0
    same(open_prepared(tmp_path, RECIPE), in_memory(invent_people(names=("anna", "cy"))))
    assert not any(b"bo-" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_killed_rewrite_leaves_nobody_behind(invent_people, tmp_path: Path) -> None:
    prepare_dataset(invent_people(), RECIPE, tmp_path)
    left = tmp_path / f".{RECIPE.hash}.1-abc{files.PART}"
    shutil.copytree(tmp_path / RECIPE.hash, left)
    forget_person(tmp_path, "bo")
    assert not left.exists()


def test_people_that_left_the_data_set_leave_the_store(invent_people, tmp_path: Path) -> None:
    prepare_dataset(invent_people(), RECIPE, tmp_path)
    people = invent_people(names=("bo", "cy", "dan"))
    same(prepare_dataset(people, RECIPE, tmp_path), in_memory(invent_people(names=("bo", "cy", "dan"))))
    assert people.asked == ("dan",)


def test_another_rate_is_another_store(invent_people, tmp_path: Path) -> None:
    slower = SignalRecipe(modalities=("acc",), rates={"acc": 8.0})
    found = prepare_dataset(invent_people(names=("anna",)), slower, tmp_path)
    assert found.signals["acc"].shape == (4, 2 * 40 * 8) and slower.hash != RECIPE.hash


def test_changed_files_are_prepared_anew_and_say_so(invent_people, tmp_path: Path) -> None:
    def people(source: str, **how):
        made = invent_people(**how)
        made.source = source
        return made

    def results_of(prepared: Prepared) -> str:
        return cut(prepared, CutRecipe(targets=("emotion",))).recipe_hash

    first = prepare_dataset(people("monday"), RECIPE, tmp_path)
    before, signal = results_of(first), np.array(first.signals["eda"])
    again = people("monday")
    assert prepare_dataset(again, RECIPE, tmp_path).revision == 0 and again.asked == ()
    with pytest.raises(KeyboardInterrupt):
        prepare_dataset(people("tuesday", fail_at="bo", seconds=50.0), RECIPE, tmp_path)
    changed = people("tuesday", seconds=50.0)
    second = prepare_dataset(changed, RECIPE, tmp_path)
    assert changed.asked == ("bo", "cy") and second.revision == 1
    same(second, in_memory(invent_people(seconds=50.0)))
    assert results_of(second) == f"{before}-r1" and open_prepared(tmp_path, RECIPE).revision == 1
    np.testing.assert_array_equal(first.signals["eda"], signal)  # whoever still reads the old files is not disturbed


def test_other_files_with_the_same_content_are_the_same_data(invent_people, tmp_path: Path) -> None:
    for source in ("monday", "a copy of monday", "another copy"):
        people = invent_people()
        people.source = source
        assert prepare_dataset(people, RECIPE, tmp_path).revision == 0 and people.asked == ("anna", "bo", "cy")


def test_a_store_that_never_asked_is_taken_as_it_is(invent_people, tmp_path: Path) -> None:
    prepare_dataset(invent_people(), RECIPE, tmp_path)
    people = invent_people()
    people.source = "monday"
    assert prepare_dataset(people, RECIPE, tmp_path).revision == 0 and people.asked == ()
