"""What the gallery in PostgreSQL has acknowledged is kept, once, whatever breaks."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.about import About
from embedlearn.gallery.postgres import PostgresGallery
from embedlearn.gallery.postgres.database import execute

pytest_plugins = ("postgres_server",)

SCHEMA = pa.schema({"id": pa.string(), "label": pa.string()})


@pytest.fixture
def name(postgres) -> Iterator[str]:
    """An empty gallery of vectors of four numbers."""
    PostgresGallery.create(postgres.url, "safety", About(4), SCHEMA).close()
    yield "safety"
    PostgresGallery.drop(postgres.url, "safety")


def batch(first: int, count: int, writer: str = "") -> tuple[np.ndarray, pa.Table]:
    """Films numbered from `first`, whose vectors and labels can be told from their ids."""
    numbers = np.arange(first, first + count)
    vectors = np.stack([numbers + 1, numbers * 2, -numbers, np.ones(count)], axis=1).astype(np.float32)
    ids = [f"{writer}{number}" for number in numbers]
    return vectors, pa.table({"id": ids, "label": [f"label of {one}" for one in ids]})


def kept(gallery: PostgresGallery) -> list[str]:
    """The ids of all cases, having looked that each has its own vector and label."""
    rows = gallery._ask(f'SELECT "row" FROM {gallery._cases} ORDER BY 1')
    places = [row for (row,) in rows]
    table, vectors = gallery.take(places), gallery.vectors_of(places)
    ids = table.column("id").to_pylist()
    assert table.column("label").to_pylist() == [f"label of {one}" for one in ids]
    numbers = [int(one.strip("abc")) for one in ids]
    assert np.array_equal(vectors, np.concatenate([batch(number, 1)[0] for number in numbers] or [np.empty((0, 4))]))
    assert len(gallery) == len(ids)
    return ids


def ids_of(*batches: tuple[np.ndarray, pa.Table]) -> list[str]:
    return [one for _, rows in batches for one in rows.column("id").to_pylist()]


def test_two_writers_lose_nothing(postgres, name):
    def write(writer: str) -> list[str]:
        written = []
        with PostgresGallery.open(postgres.url, name) as gallery:
            for first in range(0, 400, 20):
                part = batch(first, 20, writer)
                assert gallery.add(*part) == 20
                written += ids_of(part)
                if first % 60 == 0:
                    assert gallery.remove([written.pop()]) == 1
        return written

    with ThreadPoolExecutor() as threads:
        written = [one for part in threads.map(write, "ab") for one in part]
    with PostgresGallery.open(postgres.url, name) as gallery:
        assert sorted(kept(gallery)) == sorted(written)


@pytest.mark.parametrize("skip_existing", [True, False])
def test_of_two_writers_with_the_same_films_each_film_is_kept_once(postgres, name, skip_existing):
    together = threading.Barrier(2)
    complaints: list[str] = []

    def write(_: int) -> list[int]:
        taken = []
        with PostgresGallery.open(postgres.url, name) as gallery:
            for first in range(0, 300, 30):
                together.wait(30)
                try:
                    taken.append(gallery.add(*batch(first, 30), skip_existing=skip_existing))
                except ArgumentError as refused:
                    complaints.append(str(refused))
                    taken.append(0)
        return taken

    with ThreadPoolExecutor() as threads:
        counts = list(threads.map(write, range(2)))
    assert [sum(pair) for pair in zip(*counts, strict=True)] == [30] * 10
    assert len(complaints) == (0 if skip_existing else 10)
    assert all("30 of 30 are in the gallery already" in complaint for complaint in complaints)
    with PostgresGallery.open(postgres.url, name) as gallery:
        assert sorted(kept(gallery)) == sorted(ids_of(batch(0, 300)))


def test_threads_share_a_gallery(postgres, name):
    with PostgresGallery.open(postgres.url, name, connections=3) as gallery:
        with ThreadPoolExecutor(8) as threads:
            parts = [batch(first, 5) for first in range(0, 200, 5)]
            assert list(threads.map(lambda part: gallery.add(*part), parts)) == [5] * 40
            nearest = threads.map(lambda part: gallery.kneighbors(part[0], 1)[1][:, 0], parts)
            assert all(
                np.array_equal(found, gallery.find(ids_of(part))) for found, part in zip(nearest, parts, strict=True)
            )
        assert sorted(kept(gallery)) == sorted(ids_of(*parts))


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_a_server_killed_during_a_load_loses_nothing(postgres, name, kills):
    acknowledged: list[str] = []
    parts = [batch(first, 50) for first in range(0, 7_500 * kills, 50)]

    def load() -> None:
        with PostgresGallery.open(postgres.url, name, patience=60) as gallery:
            for part in parts:
                assert gallery.add(*part) == 50
                acknowledged.extend(ids_of(part))

    rng = Random(kills)
    with ThreadPoolExecutor() as threads:
        loading = threads.submit(load)
        for _ in range(kills):
            before = len(acknowledged)
            while len(acknowledged) < before + 50 * rng.randint(1, 20):
                assert not loading.done(), loading.result()
                time.sleep(0.001)
            time.sleep(rng.random() * 0.02)
            postgres.kill()
            sure = list(acknowledged)
            postgres.start()
            with PostgresGallery.open(postgres.url, name, patience=60) as gallery:
                assert (gallery.find(sure) >= 0).all()
        loading.result(timeout=300)
    with PostgresGallery.open(postgres.url, name) as gallery:
        assert sorted(kept(gallery)) == sorted(acknowledged) == sorted(ids_of(*parts))


def test_a_load_that_gave_up_can_be_run_again(postgres, name):
    parts = [batch(first, 50) for first in range(0, 500, 50)]
    with PostgresGallery.open(postgres.url, name, patience=0.3) as gallery:
        for part in parts[:4]:
            gallery.add(*part)
        postgres.kill()
        try:
            with pytest.raises(StorageError, match="may have been made or not: look with find, or add again"):
                gallery.add(*parts[4])
            with pytest.raises(StorageError, match="postgresql://"):
                gallery.kneighbors(parts[0][0], 1)
        finally:
            postgres.start()
        with PostgresGallery.open(postgres.url, name) as again:
            counts = [again.add(*part, skip_existing=True) for part in parts]
            assert counts[:4] == [0] * 4 and counts[5:] == [50] * 5 and counts[4] in (0, 50)
            assert sorted(kept(again)) == sorted(ids_of(*parts))


def test_a_client_killed_during_an_addition_leaves_nothing_of_it(postgres, name):
    code = """
import sys, threading, time, os, signal
sys.path.insert(0, sys.argv[3])
from test_postgres_safety import PostgresGallery, batch
from embedlearn.gallery.postgres.changes import Load
copy = Load.copy
def copied(*arguments):
    count = copy(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
Load.copy = copied
PostgresGallery.open(*sys.argv[1:3]).add(*batch(0, 500))
"""
    words = [sys.executable, "-c", code, postgres.url, name, __file__.rpartition("/")[0]]
    assert subprocess.run(words, capture_output=True).returncode == -9
    with PostgresGallery.open(postgres.url, name) as gallery:
        assert kept(gallery) == []
        assert gallery.add(*batch(0, 500)) == 500
        assert len(kept(gallery)) == 500


@pytest.mark.parametrize("was_made", [True, False])
def test_a_connection_that_breaks_at_the_commit_makes_the_change_once(postgres, name, monkeypatch, was_made):
    import psycopg

    commit = psycopg.Connection.commit
    breaks = [True]

    def broken(connection) -> None:
        if was_made or not breaks:
            commit(connection)
        if breaks:
            breaks.pop()
            connection.close()
            raise psycopg.OperationalError("the server closed the connection unexpectedly")

    with PostgresGallery.open(postgres.url, name) as gallery:
        for change, expected in (
            (lambda: gallery.add(*batch(0, 10)), 10),
            (lambda: gallery.add(*batch(5, 10), skip_existing=True), 5),
            (lambda: gallery.remove(["3", "4"]), 2),
        ):
            breaks[:] = [True]
            with monkeypatch.context() as patch:
                patch.setattr(psycopg.Connection, "commit", broken)
                assert change() == expected
            assert not breaks
        assert sorted(kept(gallery)) == sorted(str(number) for number in range(15) if number not in (3, 4))


def test_a_restart_of_the_server_goes_unnoticed(postgres, name):
    together = threading.Barrier(6)
    with PostgresGallery.open(postgres.url, name, connections=6) as gallery:
        gallery.add(*batch(0, 20))
        with ThreadPoolExecutor(6) as threads:  # each waits for the others, so there are six connections
            list(threads.map(lambda _: gallery._database.run(lambda connection: together.wait(30)), range(6)))
        postgres.kill()
        postgres.start()
        tries = []

        def ask(connection) -> None:
            tries.append(connection)
            execute(connection, "SELECT 1")

        gallery._database.run(ask)
        assert len(tries) == 2  # on a dead connection, and on a fresh one
        assert gallery.kneighbors(batch(7, 1)[0], 1)[1] == gallery.find(["7"])
        assert gallery.add(*batch(20, 20)) == 20
        assert len(kept(gallery)) == 40


def test_other_failures_are_not_tried_again(postgres, name):
    with PostgresGallery.open(postgres.url, name) as gallery:
        tries = []

        def fail(connection) -> None:
            tries.append(connection)
            execute(connection, "SELECT 1 / 0")

        with pytest.raises(StorageError, match="division by zero"):
            gallery._database.run(fail)
        assert len(tries) == 1
