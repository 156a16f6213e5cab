"""A gallery in a folder is what was saved and what was changed since, read as late as can be."""

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from gallery_cases import clustered, names, plain_neighbours, recall_each, require_true, rows_of
from gallery_folders import COUNT, QUERIES, VECTORS, fitted, gallery_in, generation_of

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery import folder as folders
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.where import parse_condition


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(folders, "describe_software", dict)


@pytest.fixture(params=["flat", *KINDS])
def kind(request):
    return request.param


@pytest.fixture
def place(tmp_path, kind, tmp_path_factory):
    return gallery_in(tmp_path / "gallery", kind, tmp_path_factory)


@pytest.fixture
def flat(tmp_path, tmp_path_factory):
    return gallery_in(tmp_path / "gallery", "flat", tmp_path_factory)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("writable", [False, True])
def test_answers_are_those_of_the_gallery_that_was_saved(place, kind, writable):
    saved = fitted(kind)
    with Gallery.open(place, writable=writable) as opened:
        assert (len(opened), opened.pending, opened.kind) == (COUNT, 0, kind)
        assert opened.about == saved.about
        assert opened.chosen == saved.chosen
        assert opened.extra == {"run": "base", "films": [1, None]}
        for where in (None, parse_condition("view == 'AP' and age < 50")):
            for k in (1, 10, 60):
                assert same(opened.kneighbors(QUERIES, k, where), saved.kneighbors(QUERIES, k, where))
        assert opened.schema.equals(saved.schema)
        assert opened.take([3, 499, 0]).equals(saved.take([3, 499, 0]))
        assert np.array_equal(opened.vectors_of([3, 499, 0]), VECTORS[[3, 499, 0]])
        assert opened.find(["c499", "x", "c0"]).tolist() == [499, -1, 0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_same_gallery_has_the_same_bytes(tmp_path, kind, metric):
    for name in ("one", "other"):
        fitted(kind, metric=metric, seed=3).save(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == (6 if kind == "flat" else 7)
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_threads_that_ask_at_once_get_the_same_answers(place, kind):
    with Gallery.open(place, writable=True) as writer:
        for number in range(5):
            writer.add(QUERIES[number : number + 1], rows_of([f"c{900 + number}"]))
        writer.remove(["c3", "c901"])
    conditions = [None, parse_condition("label == 'healthy'"), parse_condition("age > 40")]

    def ask(opened, turn):
        where = conditions[turn % 3]
        return [*opened.kneighbors(QUERIES, 5, where), opened.vectors_of([turn]), opened.find([f"c{turn}"])]

    with Gallery.open(place) as alone, Gallery.open(place) as shared, ThreadPoolExecutor(6) as pool:
        expected = [ask(alone, turn) for turn in range(60)]
        for one, other in zip(pool.map(lambda turn: ask(shared, turn), range(60)), expected, strict=True):
            assert same(one, other)


def test_beside_libraries_that_replace_what_faiss_searches_with(tmp_path):
    """As pytorch-metric-learning does: the search of faiss.contrib.torch_utils knows no parameters, nor memory maps."""
    script = """
import sys, faiss.contrib.torch_utils
from gallery_folders import QUERIES, VECTORS, Gallery
for kind in ("flat", "sq8", "hnsw", "ivf", "ivfpq"):
    folder = f"{sys.argv[1]}/{kind}"
    Gallery(kind, device="cpu").fit(VECTORS).save(folder)
    with Gallery.open(folder, writable=True) as opened:
        assert (opened.kneighbors(VECTORS, 1)[1][:, 0] == range(500)).mean() > 0.9
        opened.add(QUERIES)
        opened.compact()
        assert (opened.kneighbors(QUERIES, 1)[1][:, 0] == range(500, 520)).mean() > 0.9
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr


def test_a_gallery_open_for_reading_is_not_changed(place):
    with Gallery.open(place) as opened:
        for call in (
            lambda: opened.add(QUERIES, rows_of(names(20, 900))),
            lambda: opened.remove(["c1"]),
            opened.compact,
        ):
            with pytest.raises(StorageError, match="open for reading; open it with writable=True"):
                call()
        assert (len(opened), opened.pending) == (COUNT, 0)
        assert opened.find(["c1", "c900"]).tolist() == [1, -1]
    with Gallery.open(place) as opened:
        assert len(opened) == COUNT


def test_there_is_one_writer(flat):
    with Gallery.open(flat, writable=True):
        with pytest.raises(StorageError, match=f"process {os.getpid()} is writing here"):
            Gallery.open(flat, writable=True)
        with pytest.raises(StorageError, match="is writing here"):
            fitted("flat").save(flat)
        with Gallery.open(flat) as reader:
            assert len(reader) == COUNT
    Gallery.open(flat, writable=True).close()


def test_where_there_is_no_gallery(tmp_path):
    for writable in (False, True):
        with pytest.raises(StorageError, match="there is no gallery here; make one with embedlearn index"):
            Gallery.open(tmp_path / "no", writable=writable)
    assert not (tmp_path / "no").exists()


def test_a_reader_keeps_what_it_opened(place, kind):
    reader = Gallery.open(place)
    with Gallery.open(place, writable=True) as writer:
        writer.remove(["c0", "c1"])
        writer.add(VECTORS[:1] + 1, rows_of(["c900"]))
        second = Gallery.open(place)
        writer.compact()
        writer.remove(["c2"])
    with reader, second, Gallery.open(place) as third:
        assert [len(one) for one in (reader, second, third)] == [COUNT, COUNT - 1, COUNT - 2]
        assert [one.find(["c0", "c2", "c900"]).tolist() for one in (reader, second, third)] == [
            [0, 2, -1], [-1, 2, 500], [-1, -1, 498],
        ]  # fmt: skip
        assert reader.kneighbors(VECTORS[:1], 1)[1].tolist() == [[0]]
        assert second.kneighbors(VECTORS[:1] + 1, 1)[1].tolist() == [[500]]
        assert third.kneighbors(VECTORS[:1] + 1, 1)[1].tolist() == [[498]]
        assert np.array_equal(reader.vectors_of(range(COUNT)), VECTORS)
    with Gallery.open(place, writable=True):
        assert generation_of(place).name == "generation-000002"


def test_changes_are_folded_in_by_whoever_saves(tmp_path, place, kind):
    """A reader saves what it sees elsewhere, the writer compacts in place: the same cases, an index as good."""
    more = clustered(60, 8, seed=2)
    with Gallery.open(place, writable=True) as writer:
        writer.add(more, rows_of(names(60, COUNT)))
        writer.remove(names(50))
        with Gallery.open(place) as reader:
            reader.save(tmp_path / "elsewhere")
        writer.compact()
        assert writer.pending == 0
    vectors = np.concatenate([VECTORS, more])[50:]
    for folder in (place, tmp_path / "elsewhere"):
        with Gallery.open(folder) as opened:
            assert (len(opened), opened.chosen.kind, opened.extra["run"]) == (COUNT + 10, kind, "base")
            assert opened.take(range(len(opened))).to_pylist() == rows_of(names(COUNT + 10, 50)).to_pylist()
            distances, rows = opened.kneighbors(QUERIES, 10)
            require_true(distances, rows, QUERIES, vectors)
            assert recall_each(rows, plain_neighbours(QUERIES, vectors, 10)[1]).mean() > 0.9


def test_a_compaction_that_fails_changes_nothing(flat, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Gallery.open(flat, writable=True) as writer:
        writer.remove(["c0"])
        with monkeypatch.context() as patch:
            patch.setattr(pq, "write_table", full)
            with pytest.raises(StorageError, match="No space left on device.*nothing was changed"):
                writer.compact()
        writer.remove(["c1"])
        assert writer.find(["c0", "c1", "c2"]).tolist() == [-1, -1, 2]
        writer.remove(names(COUNT - 2, 2))
        with pytest.raises(ArgumentError, match="no case is left"):
            writer.compact()
        writer.add(VECTORS[:1], rows_of(["c0"]))
    with Gallery.open(flat) as opened:
        assert (len(opened), opened.find(["c0"]).tolist()) == (1, [COUNT])


def test_saving_again_replaces_what_was_there(flat):
    Gallery(device="cpu").fit(QUERIES).save(flat)
    with Gallery.open(flat) as opened:
        assert (len(opened), opened.columns, opened.extra) == (20, ["id"], {})


def test_a_gallery_that_is_fitted_anew_lets_go_of_its_folder(flat):
    opened = Gallery.open(flat, writable=True)
    opened.fit(QUERIES[:, :3])
    opened.add(QUERIES[:1, :3])
    with Gallery.open(flat, writable=True) as other:
        assert (len(other), other.about.dimension) == (COUNT, 8)
    assert (len(opened), opened.about.dimension) == (21, 3)


def test_a_salt_stays_secret_and_is_missed_when_it_is_gone(tmp_path):
    Gallery(device="cpu").fit(VECTORS, salt=b"\x01" * 16).save(tmp_path / "g")
    with Gallery.open(tmp_path / "g", writable=True) as opened:
        assert opened.salt == b"\x01" * 16
        opened.remove(["0"])
        opened.compact()
    path = generation_of(tmp_path / "g") / "salt"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    for _ in range(2):
        with Gallery.open(tmp_path / "g", writable=True) as opened:
            assert opened.salt is None
            with pytest.raises(StorageError, match="the gallery's salt is not here"):
                _ = opened.names
            opened.remove([opened.take([0]).column("id")[0].as_py()])
            opened.compact()
