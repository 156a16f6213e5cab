"""A gallery says cheaply whether it has changed, serves several threads, and a reader outlives every change."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from amounts import slow
from gallery_cases import clustered, names, rows_of
from gallery_folders import COUNT, QUERIES, VECTORS, fitted, gallery_in

from embedlearn.errors import StorageError
from embedlearn.gallery import folder as folders
from embedlearn.gallery.casetable import CaseTable
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.state import State
from embedlearn.gallery.store import generation
from embedlearn.gallery.store.log import ChangeLog
from embedlearn.gallery.where import Compare, parse_condition

MORE = clustered(40, 8, seed=2)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(folders, "describe_software", dict)


@pytest.fixture
def place(tmp_path, tmp_path_factory):
    return gallery_in(tmp_path / "gallery", "flat", tmp_path_factory)


def revision_of(place):
    """What a gallery that is opened now says, and holds."""
    with Gallery.open(place) as opened:
        assert opened.revision == opened.loaded
        return opened.loaded


def test_every_change_makes_another_revision_and_a_reader_keeps_its_own(place):
    with Gallery.open(place) as old:
        seen, before = [old.revision], old.kneighbors(QUERIES, 5)
        with Gallery.open(place, writable=True) as writer:
            for change in (
                lambda: writer.add(MORE[:3], rows_of(names(3, COUNT))),
                lambda: writer.remove(["c1"]),
                lambda: writer.add(MORE[3:4], rows_of(["c1"])),
                writer.compact,
                lambda: writer.remove(["c2"]),
                writer.compact,
            ):
                change()
                assert writer.loaded == writer.revision == old.revision == revision_of(place)
                seen.append(writer.loaded)
        fitted("flat").save(place)
        seen.append(revision_of(place))
        shutil.rmtree(place)
        fitted("flat", seed=1).save(place)
        seen.append(revision_of(place))
        assert len(set(seen)) == len(seen) == 9
        assert old.loaded == seen[0] and old.revision == seen[-1]
        for one, other in zip(before, old.kneighbors(QUERIES, 5), strict=True):
            np.testing.assert_array_equal(one, other)


def test_asking_for_the_revision_verifies_nothing_and_changes_nothing(place, monkeypatch):
    monkeypatch.setattr(generation, "block_digest", lambda *_: pytest.fail("a file was read"))
    with Gallery.open(place) as opened:
        monkeypatch.setattr(ChangeLog, "_verify", lambda *_: pytest.fail("the log was read"))
        files = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
        assert {opened.revision for _ in range(50)} == {opened.loaded}
        assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == files


def test_a_change_that_a_crash_kept_from_being_acknowledged_does_not_look_like_another_one(place, monkeypatch):
    """A server that opens the gallery anew when the two differ would do so for ever."""
    with Gallery.open(place, writable=True) as writer, monkeypatch.context() as patch:
        patch.setattr(ChangeLog, "_acknowledge", lambda *_: (_ for _ in ()).throw(OSError("the power failed")))
        with pytest.raises(StorageError, match="in doubt"):
            writer.add(MORE[:1], rows_of(["new"]))
    with Gallery.open(place) as opened:
        assert len(opened) == COUNT + 1
        assert opened.loaded == opened.revision
        with Gallery.open(place, writable=True) as mended:
            assert mended.loaded == mended.revision == opened.revision != opened.loaded


def test_a_gallery_in_memory_and_one_that_is_gone(place):
    gallery = fitted("flat")
    seen = [gallery.revision]
    for change in (
        lambda: gallery.add(MORE[:1], rows_of(["new"])),
        lambda: gallery.remove(["new"]),
        gallery.compact,
        lambda: gallery.fit(MORE),
    ):
        change()
        assert gallery.revision == gallery.loaded
        seen.append(gallery.revision)
    assert len(set(seen)) == len(seen)
    with Gallery.open(place) as opened:
        (place / "CURRENT").unlink()
        with pytest.raises(StorageError, match="there is no gallery here"):
            _ = opened.revision
        assert opened.take([0]).column("id").to_pylist() == ["c0"]


def asked(opened, number):
    """Everything that a thread may ask, and the answer; each number asks under another condition."""
    where = (None, parse_condition("view == 'PA'"), Compare("label", "==", "healthy"), parse_condition("age < 30"))
    distances, rows = opened.kneighbors(QUERIES[number % 20][None], 7, where[number % 4])
    found = opened.take(rows[0]).column("id").to_pylist()
    assert opened.find(found).tolist() == rows[0].tolist()
    assert len(opened.vectors_of(rows[0])) == 7
    matching = opened.matching(where[number % 4]).tolist() if number % 4 else []
    return distances.tolist(), found, matching, opened.values("label")


def ask_at_once(place):
    """The answers of four threads that begin together on a gallery of which nothing is loaded yet; then it closes."""
    with Gallery.open(place) as opened:
        start = threading.Barrier(4)

        def ask(thread):
            start.wait(10)
            return [asked(opened, number) for number in range(thread, thread + 24)]

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(ask, range(4)))


@pytest.fixture
def _restless():
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def at_once(monkeypatch):
    """How many threads were inside a gallery's state at once, a number for each call."""
    inside, seen = [], []

    def watched(real):
        def call(*words):
            inside.append(real)
            seen.append(len(inside))
            try:
                return real(*words)
            finally:
                inside.pop()

        return call

    for owner, name in ((State, "search"), (State, "matching"), (State, "vectors_of"), (CaseTable, "find")):
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    return seen


@pytest.mark.usefixtures("_restless")
def test_threads_that_ask_one_gallery_get_what_one_alone_gets(place, at_once):
    with Gallery.open(place, writable=True) as writer:
        writer.add(MORE, rows_of(names(40, COUNT)))
        writer.remove(["c3", "c505"])
    with Gallery.open(place) as opened:
        expected = [[asked(opened, number) for number in range(thread, thread + 24)] for thread in range(4)]
    for _ in range(3):
        assert ask_at_once(place) == expected
    assert len(at_once) > 500 and max(at_once) == 1


@pytest.mark.usefixtures("_restless")
def test_a_gallery_is_closed_only_once_what_is_asked_is_answered(place, monkeypatch):
    opened, entered, go_on = Gallery.open(place), threading.Event(), threading.Event()
    real = folders._read_rows

    def slow(*words):
        entered.set()
        assert go_on.wait(10)
        return real(*words)

    monkeypatch.setattr(folders, "_read_rows", slow)
    with ThreadPoolExecutor(2) as pool:
        asking = pool.submit(opened.take, [0])
        assert entered.wait(10)
        closing = pool.submit(opened.close)
        assert not closing.done()
        go_on.set()
        assert asking.result(10).column("id").to_pylist() == ["c0"]
        closing.result(10)
    with Gallery.open(place, writable=True):  # no one holds it any more
        pass


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from gallery_cases import clustered, names, rows_of
from embedlearn.gallery import folder
from embedlearn.gallery.gallery import Gallery
folder.describe_software = dict
more = clustered(20, 8, seed=2)
for _ in range(int(sys.argv[3])):
    with Gallery.open(sys.argv[2], writable=True) as writer:
        print(writer.revision)
        for number in range(500, 510):
            writer.add(more[:1], rows_of(names(1, number)))
            print(writer.revision)
        writer.compact()
        print(writer.revision)
        writer.remove(names(10, 500))
        print(writer.revision)
    with Gallery.open(sys.argv[2]) as opened:
        opened.save(sys.argv[2])
        print(opened.revision)
"""


@pytest.mark.parametrize("rounds", [5, slow(15)])
def test_readers_are_never_refused_while_another_process_changes_the_gallery(place, rounds):
    words = [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(place), str(rounds)]
    seen, reads = [], 0
    with Gallery.open(place) as old, subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        before = old.kneighbors(QUERIES, 3)
        while other.poll() is None:
            with Gallery.open(place) as opened:
                seen += [opened.loaded, opened.revision]
                rows = opened.find(names(COUNT + 10))
                live = rows[rows >= 0]
                assert (rows[:COUNT] >= 0).all() and len(live) == len(opened)
                np.testing.assert_array_equal(opened.vectors_of(live[:COUNT]), VECTORS)
                reads += 1
        for one, other_one in zip(before, old.kneighbors(QUERIES, 3), strict=True):
            np.testing.assert_array_equal(one, other_one)
        assert other.stdout
        order = list(dict.fromkeys(other.stdout.read().split()))
    assert other.returncode == 0 and reads > 5
    assert old.revision == order[-1] and len(order) == rounds * 13 + 1
    places = [order.index(word) for word in seen]
    assert places == sorted(places)
    assert len(set(places)) > 3
