"""A store gives back what was put in, continues after a kill, names what is damaged, and forgets people."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from stf2m.core import files
from stf2m.core.errors import CorruptStore, InvalidConfig, NoSpace, NothingToRead, NotStored, WrongVersion
from stf2m.core.records import Annotation, Rating, Recording, Stream
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.store import RecordingStore, derived, forget, import_dataset, is_store, register_derived
from stf2m.data.summary import old_rates

NAMES = ("P01", "P02", "P03")


class Listed:
    """A data set of given recordings."""

    def __init__(self, recordings, card=None):
        self.found, self.card = recordings, card or SyntheticDataset(1).card

    def subjects(self):
        return tuple(sorted({r.subject for r in self.found}))

    def recordings(self, subject):
        return (r for r in self.found if r.subject == subject)


def assert_same(a: Recording, b: Recording):
    """Every field of two recordings is equal, arrays bit for bit."""
    for field in (
        "id",
        "dataset",
        "subject",
        "session",
        "stimulus",
        "order",
        "consent",
        "provenance",
        "started",
        "session_offset",
        "annotations",
    ):
        assert getattr(a, field) == getattr(b, field), field
    assert list(a.streams) == list(b.streams)
    for x, y in zip(a.streams.values(), b.streams.values()):
        assert (x.modality, x.sample_rate, x.channels, x.units, x.static) == (y.modality, y.sample_rate, y.channels, y.units, y.static)
        assert x.estimated == y.estimated
        for field in ("samples", "times", "available", "quality"):
            one, two = getattr(x, field), getattr(y, field)
            assert (one is None) == (two is None)
            if one is not None:
                assert one.dtype == two.dtype
                np.testing.assert_array_equal(one, two)
    for x, y in zip(a.ratings, b.ratings, strict=True):
        assert (x.source, x.source_scale, x.clipped) == (y.source, y.source_scale, y.clipped)
        np.testing.assert_array_equal(x.values, y.values)
        np.testing.assert_array_equal(x.times, y.times)


def odd_recording() -> Recording:
    """Events, a static stream, quality, an empty stream, labels, and a name that is no folder name."""
    events = Stream(
        "gaze", np.array([[1, np.nan], [3, 4]], dtype=np.float32), np.array([0.5, 1.7]), 0.0, ("x", "y"), ("deg", "deg"),
        available=np.array([1.0, 2.0]), quality=np.array([[1, 0.5], [1, 0.5]], dtype=np.float32),
    )  # fmt: skip
    take = Stream("face", np.ones((2, 1), dtype=np.float32), np.zeros(1), 0.0, ("a", "b"), ("au", "au"), np.array([3.0]), static=True)
    empty = Stream("ibi", np.zeros((1, 0), dtype=np.float32), np.zeros(0), 0.0, ("ibi",), ("s",))
    shaky = Stream("eda", np.ones((1, 3), dtype=np.float32), np.array([0, 0.26, 0.5]), 4.0, ("eda",), ("uS",), estimated=True)
    return Recording(
        "../é", "odd", "../Zoë?", "a/b", {"gaze": events, "left": take, "ibi": empty, "eda": shaky}, stimulus=None, order=3,
        ratings=(Rating("self", np.array([[0.1], [np.nan]], dtype=np.float32), np.array([0.2]), (1.0, 9.0), 4),),
        annotations=(Annotation(0.0, 2.0, "sad", confidence=0.5), Annotation(0.5, 1.0, None, -0.5, 0.25, "rater")),
        provenance=("shifted by 0.5 s",), started=datetime(2024, 5, 6, 7, 8, 9, 123, tzinfo=UTC), session_offset=12.5,
    )  # fmt: skip


@pytest.fixture
def dataset():
    return SyntheticDataset(3, 2, 20)


@pytest.fixture
def root(tmp_path, dataset):
    import_dataset(dataset, tmp_path / "store")
    return tmp_path / "store"


def names(folder: Path):
    return sorted(item.name for item in folder.iterdir())


def test_a_store_is_the_data_set_it_was_made_from(root, dataset):
    store = RecordingStore(root)
    assert (store.card, store.subjects()) == (dataset.card, dataset.subjects())
    for subject in NAMES:
        for a, b in zip(dataset.recordings(subject), store.recordings(subject), strict=True):
            assert_same(a, b)
            assert isinstance(b.streams["bvp"].samples, np.memmap)
            assert not b.streams["bvp"].samples.flags.writeable
    assert is_store(root)
    assert not is_store(root.parent)


def test_every_kind_of_stream_and_label_and_name_survives(tmp_path):
    store = import_dataset(Listed([odd_recording()]), tmp_path / "store")
    assert store.subjects() == ("../Zoë?",)
    assert_same(odd_recording(), next(store.recordings("../Zoë?")))
    assert names(tmp_path) == ["store"]


@pytest.mark.parametrize("person", ["P" * 300, "情" * 60, "p" * 97 + "+" + "0" * 16, "a+b"])
def test_a_name_of_any_length_is_stored_read_and_forgotten(tmp_path, person):
    dataset = Listed([replace(odd_recording(), subject=name) for name in (person, person + "2")])
    store = import_dataset(dataset, tmp_path / "store")
    assert store.subjects() == tuple(sorted((person, person + "2")))
    assert next(store.recordings(person)).subject == person
    assert all(len(f.name.encode()) < 144 for f in (store.root / "people").iterdir())  # the least that file systems allow
    assert forget(store.root, person).recordings
    assert RecordingStore(store.root).subjects() == (person + "2",)


def test_a_store_whose_names_were_never_shortened_stays_readable(tmp_path):
    """So wrote an earlier version, up to what the file system took."""
    person = "情" * 24
    store = import_dataset(Listed([replace(odd_recording(), subject=name) for name in (person, "q")]), tmp_path / "store")
    (folder,) = [f for f in (store.root / "people").iterdir() if "+" in f.name]
    folder.rename(folder.with_name(f"p-{quote(person)}"))
    store = RecordingStore(store.root)
    assert store.subjects() == ("q", person)
    assert next(store.recordings(person)).subject == person
    assert forget(store.root, person).recordings
    assert RecordingStore(store.root).subjects() == ("q",)


def test_a_store_from_before_rates_were_estimated_says_so(tmp_path):
    odd = odd_recording()
    store = import_dataset(Listed([odd]), tmp_path / "store")
    assert store.without_rates() == ()
    as_before(store, "eda", "gaze")
    assert store.without_rates() == ("eda",)
    (text,) = old_rates(store)
    assert text.startswith("eda: stored before rates were estimated, so read as events; import the data set again into a new folder")


def as_before(store: RecordingStore, *streams: str) -> None:
    """Make the manifests of a store those that an earlier version wrote, which left out the rates of these streams."""
    for manifest in store.root.glob("people/*/person.json"):
        body = json.loads(manifest.read_text())["body"]
        for entry in body["recordings"]:
            for name, stream in entry["streams"].items():
                del stream["estimated"]
                if name in streams:
                    stream["sample_rate"] = 0.0
        manifest.write_text(json.dumps({"checksum": files.digest_json(body), "body": body}))


def test_real_recordings_survive(tmp_path, real_data):
    from stf2m.data.datasets import open_dataset

    for name in ("ceap360vr", "hku956", "ravdess"):
        whole = open_dataset(name, real_data)
        few = Listed(list(islice(whole.recordings(whole.subjects()[0]), 2)), whole.card)
        store = import_dataset(few, tmp_path / name)
        for a, b in zip(few.found, store.recordings(few.subjects()[0]), strict=True):
            assert_same(a, b)


def test_progress_counts_people(tmp_path, dataset):
    said = []
    import_dataset(dataset, tmp_path / "store", lambda *what: said.append(what))
    assert said == [(1, 3, "P01: 2 recordings"), (2, 3, "P02: 2 recordings"), (3, 3, "P03: 2 recordings")]


def test_a_finished_store_is_left_as_it_is(root, dataset):
    forget(root, "P02")
    before = (root / "store.json").stat().st_mtime_ns
    assert import_dataset(dataset, root).subjects() == ("P01", "P03")
    assert (root / "store.json").stat().st_mtime_ns == before


def test_an_import_that_fails_midway_cannot_be_read_and_continues(tmp_path, dataset):
    class Breaking(SyntheticDataset):
        made = 0

        def recordings(self, subject):
            for recording in super().recordings(subject):
                self.made += 1
                if self.made == 4:
                    raise RuntimeError("power cut")
                yield recording

    with pytest.raises(RuntimeError):
        import_dataset(Breaking(3, 2, 20), tmp_path / "store")
    assert names(tmp_path / "store" / "people") == ["p-P01"]
    with pytest.raises(NotStored, match="not finished - run the same import again"):
        RecordingStore(tmp_path / "store")
    written = (tmp_path / "store" / "people" / "p-P01" / "person.json").stat().st_mtime_ns
    store = import_dataset(dataset, tmp_path / "store")
    assert store.subjects() == NAMES
    assert (tmp_path / "store" / "people" / "p-P01" / "person.json").stat().st_mtime_ns == written


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
def test_a_killed_import_continues_to_the_same_store(tmp_path, dataset):
    code = (
        "import sys; from pathlib import Path; from stf2m.data.datasets.synthetic import SyntheticDataset as S;"
        "from stf2m.data.store import import_dataset; import_dataset(S(3, 2, 20), Path(sys.argv[1]))"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store")])
    deadline = time.monotonic() + 30
    while not (tmp_path / "store" / "people").is_dir() and time.monotonic() < deadline:
        time.sleep(0.001)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    store = import_dataset(dataset, tmp_path / "store")
    assert names(tmp_path / "store" / "people") == ["p-P01", "p-P02", "p-P03"]
    for subject in NAMES:
        for a, b in zip(dataset.recordings(subject), store.recordings(subject), strict=True):
            assert_same(a, b)


def test_a_full_disk_leaves_no_half_person(tmp_path, dataset, monkeypatch):
    calls = []

    def fill(path, array):
        calls.append(path)
        if len(calls) > 20:
            raise OSError(28, "No space left on device")
        files.save_array(path, array)

    monkeypatch.setattr("stf2m.data.stored.save_array", fill)
    with pytest.raises(NoSpace, match="nothing was left half-written"):
        import_dataset(dataset, tmp_path / "store")
    assert names(tmp_path / "store" / "people") == ["p-P01"]
    monkeypatch.undo()
    assert import_dataset(dataset, tmp_path / "store").subjects() == NAMES


def test_another_data_set_or_a_used_folder_is_refused(root, tmp_path):
    with pytest.raises(InvalidConfig, match="another data set"):
        import_dataset(SyntheticDataset(3, 2, 20, seed=1), root)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InvalidConfig, match="something else"):
        import_dataset(SyntheticDataset(1, 1, 20), tmp_path / "mine")
    with pytest.raises(NothingToRead, match="no people"):
        import_dataset(Listed([]), tmp_path / "none")
    assert names(tmp_path / "mine") == ["thesis.txt"]


def test_a_damaged_file_is_named(root):
    folder = root / "people" / "p-P01"
    shard = folder / "0000-00-samples.npy"
    good = shard.read_bytes()
    shard.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(CorruptStore, match=r"p-P01.0000-00-samples\.npy: .* checksum .* import the data set again") as caught:
        next(RecordingStore(root).recordings("P01"))
    assert caught.value.exit_code == 31
    next(RecordingStore(root, verify=False).recordings("P01"))
    for cut in (good[:-4], b""):
        shard.write_bytes(cut)
        with pytest.raises(CorruptStore, match="cut short"):
            next(RecordingStore(root, verify=False).recordings("P01"))
    shard.unlink()
    with pytest.raises(CorruptStore, match="missing"):
        next(RecordingStore(root).recordings("P01"))
    next(RecordingStore(root).recordings("P02"))


def test_a_changed_manifest_is_named(root):
    place = root / "people" / "p-P02" / "person.json"
    place.write_text(place.read_text().replace('"order": 0', '"order": 1'))
    with pytest.raises(CorruptStore, match=r"p-P02.person\.json"):
        next(RecordingStore(root).recordings("P02"))
    (root / "store.json").write_text("[]")
    with pytest.raises(CorruptStore, match=r"store\.json"):
        RecordingStore(root)


def test_another_version_and_no_store_are_told_apart(root, tmp_path):
    manifest = json.loads((root / "store.json").read_text())
    (root / "store.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(WrongVersion, match=r"expected format 1, got format 99 .*import the data set again") as caught:
        RecordingStore(root)
    assert caught.value.exit_code == 32
    with pytest.raises(NotStored, match="no recording store here"):
        RecordingStore(tmp_path)
    with pytest.raises(NotStored, match="no recording store here"):
        RecordingStore(tmp_path / "nowhere")


def test_unknown_people_are_not_stored(root):
    with pytest.raises(NotStored, match="P01, P02, P03"):
        list(RecordingStore(root).recordings("P04"))
    with pytest.raises(NotStored, match="P04"):
        forget(root, "P04")


@pytest.fixture
def things(root, tmp_path):
    """A prepared store, adaptations, a timeline, a bundle and results, all registered."""
    made = {
        "prepared": (root / "prepared" / "abc", NAMES), "other": (tmp_path / "prepared" / "def", ("P01",)),
        "adaptation": (tmp_path / "me.safetensors", ("P02",)), "timeline": (tmp_path / "timeline.csv", ("P02",)),
        "bundle": (tmp_path / "people.stf2m", ("P01", "P02")), "results": (tmp_path / "rows.csv", NAMES),
    }  # fmt: skip
    for name, (path, subjects) in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in ("", ".stf2m"):
            path.mkdir()
            (path / "data.bin").write_bytes(b"1")
        else:
            path.write_bytes(b"1")
        register_derived(root, path, {"other": "prepared"}.get(name, name), subjects)
    return {name: path for name, (path, _) in made.items()}


def test_forgetting_removes_the_person_and_what_was_derived(root, things):
    report = forget(root, "P02")
    assert RecordingStore(root).subjects() == ("P01", "P03")
    assert set(report.deleted) == {things["prepared"], things["adaptation"], things["timeline"]}
    assert {name for name, path in things.items() if path.exists()} == {"other", "bundle", "results"}
    assert len(report.remake) == 2
    assert "train it again without them" in report.sentence
    assert json.loads((things["bundle"] / "STALE.json").read_text())["stale"]
    assert (things["results"].parent / "rows.csv.STALE.json").exists()
    left = {d.path: d for d in derived(root)}
    assert set(left) == {things["other"], things["bundle"], things["results"]}
    assert [left[things[n]].stale for n in ("other", "bundle", "results")] == [False, True, True]
    everything = b"".join(p.read_bytes() for p in root.rglob("*") if p.is_file()) + (things["bundle"] / "STALE.json").read_bytes()
    assert b"P02" not in everything
    with pytest.raises(NotStored):
        forget(root, "P02")


def test_bundles_are_deleted_only_when_asked(root, things):
    report = forget(root, "P02", bundles=True)
    assert {name for name, path in things.items() if path.exists()} == {"other"}
    assert report.remake == ()
    assert "5 derived" in report.sentence


@pytest.mark.parametrize("kill_at", [0, 1])
def test_forgetting_finishes_after_a_kill(root, things, monkeypatch, kill_at):
    real, calls = shutil.rmtree, []

    def interrupt(path):
        calls.append(path)
        if len(calls) > kill_at:
            raise KeyboardInterrupt
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr("stf2m.data.forget.shutil.rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            forget(root, "P02")
    assert names(calls[-1].parent)[0].endswith(".forgotten")
    assert forget(root, "P02").recordings
    assert names(root / "people") == ["p-P01", "p-P03"]
    assert names(root / "prepared") == []
    with pytest.raises(NotStored):
        forget(root, "P02")


def test_registering_again_replaces_and_mistakes_are_refused(root, tmp_path):
    for subjects in (["P01"], ["P01", "P03"]):
        register_derived(root, root / "prepared", "prepared", subjects)
    assert [d.subjects for d in derived(root)] == [("P01", "P03")]
    with pytest.raises(NotStored, match="not a recording store"):
        register_derived(tmp_path, tmp_path / "x", "bundle", ["P01"])
    (root / "derived" / "odd.json").write_text('{"path": 1}')
    with pytest.raises(CorruptStore, match=r"odd\.json"):
        derived(root)


def test_a_registered_parent_of_the_store_is_never_deleted(root, tmp_path):
    register_derived(root, tmp_path, "prepared", ["P01"])
    with pytest.raises(CorruptStore, match="holds the store itself"):
        forget(root, "P01")
    assert RecordingStore(root).subjects() == NAMES


def test_a_moved_store_still_finds_what_lies_inside(root, tmp_path):
    (root / "prepared").mkdir()
    register_derived(root, root / "prepared", "prepared", ["P01"])
    moved = root.rename(tmp_path / "elsewhere")
    assert forget(moved, "P01").deleted == (moved / "prepared",)


def test_a_person_forgotten_during_an_import_does_not_come_back(tmp_path, dataset):
    class Breaking(SyntheticDataset):
        def recordings(self, subject):
            if subject == "P03":
                raise RuntimeError("power cut")
            yield from super().recordings(subject)

    with pytest.raises(RuntimeError):
        import_dataset(Breaking(3, 2, 20), tmp_path / "store")
    assert forget(tmp_path / "store", "P01").recordings
    assert import_dataset(dataset, tmp_path / "store").subjects() == ("P02", "P03")
    assert all(b"P01" not in p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())


def test_a_bundle_may_be_deleted_after_its_people_are_forgotten(root, things):
    forget(root, "P02")
    assert things["bundle"].exists()
    assert things["bundle"] in forget(root, "P02", bundles=True).deleted and not things["bundle"].exists()


def test_what_is_not_where_it_was_registered_is_said(root, things):
    things["timeline"].rename(things["timeline"].with_name("moved.csv"))
    report = forget(root, "P02")
    assert any("timeline.csv" in text and "not there any more" in text for text in report.remake)
