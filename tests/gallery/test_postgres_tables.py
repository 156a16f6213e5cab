"""The tables of galleries in PostgreSQL: made once, dropped whole, brought up to date, and what they cannot hold."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.about import About
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.postgres import PostgresGallery, migrations
from embedlearn.gallery.postgres.database import execute

pytest_plugins = ("postgres_server",)


@pytest.fixture
def name(postgres) -> Iterator[str]:
    """An empty gallery of vectors of five numbers."""
    PostgresGallery.create(postgres.url, "older", About(5), pa.schema({"id": pa.string()})).close()
    yield "older"
    PostgresGallery.drop(postgres.url, "older")


def ids(*names: str) -> pa.Table:
    return pa.table({"id": list(names)})


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"label": pa.string()}, "wanted a column id"),
        ({"id": pa.int64()}, "wanted a column id of text"),
        ({"id": pa.string(), "row": pa.int64()}, "'row' cannot name one"),
        ({"id": pa.string(), "ä" * 32: pa.int64()}, "cannot name one"),
        ({"id": pa.string(), "c": pa.list_(pa.int64())}, "c is of type list"),
    ],
)
def test_columns_that_cannot_be_kept_are_refused(postgres, columns, complaint):
    with pytest.raises(ArgumentError, match=complaint):
        PostgresGallery.create(postgres.url, "refused", About(3), pa.schema(columns))


def test_names_and_addresses_that_cannot_be_are_refused(postgres):
    schema = pa.schema({"id": pa.string()})
    for name in ("", "a b", 'a"; DROP TABLE x; --', "x" * 41, "ä"):
        with pytest.raises(ArgumentError, match="wanted a name of up to 40 letters"):
            PostgresGallery.create(postgres.url, name, About(3), schema)
    with pytest.raises(ArgumentError, match="kind: wanted exact or hnsw"):
        PostgresGallery.create(postgres.url, "x", About(3), schema, kind="flat")
    with pytest.raises(ArgumentError, match="dimension: wanted a number from 1 to 2000"):
        PostgresGallery.create(postgres.url, "x", About(2001), schema, kind="hnsw")
    for attempt in (lambda: PostgresGallery.open(postgres.url, "x"), lambda: PostgresGallery.drop(postgres.url, "x")):
        with pytest.raises(ArgumentError, match="gallery x: there is none"):
            attempt()
    with pytest.raises(ArgumentError, match="--store: wanted postgresql://USER@HOST/DATABASE") as secret:
        PostgresGallery.open("postgres://me:swordfish@host:port:1/x?y", "x")
    with pytest.raises(StorageError, match="postgresql://127.0.0.1/x: connection failed") as refused:
        PostgresGallery.open("postgresql://me:swordfish@127.0.0.1:9/x", "x")
    assert "swordfish" not in str(secret.value) + str(refused.value)


def test_a_gallery_is_made_once_and_dropped_whole(postgres):
    schema = pa.schema({"id": pa.string(), "day": pa.date32()})
    PostgresGallery.create(postgres.url, "A-1_b", About(3, "cosine", "e" * 64, "p"), schema).close()
    with pytest.raises(ArgumentError, match="gallery A-1_b: is there already"):
        PostgresGallery.create(postgres.url, "A-1_b", About(3), schema)
    with PostgresGallery.open(postgres.url, "A-1_b") as gallery:
        assert (gallery.about, gallery.schema, len(gallery)) == (About(3, "cosine", "e" * 64, "p"), schema, 0)
        gallery.add([[1, 2, 3]], pa.table({"id": ["a"], "day": [date(2020, 1, 1)]}))
    PostgresGallery.drop(postgres.url, "A-1_b")
    with PostgresGallery.create(postgres.url, "A-1_b", About(3), schema) as gallery:
        assert len(gallery) == 0


def test_a_gallery_takes_the_place_of_another(postgres, name):
    schema = pa.schema({"id": pa.string()})
    with PostgresGallery.open(postgres.url, name) as before:
        before.add(np.eye(5), ids("a", "b", "c", "d", "e"))
        with PostgresGallery.create(postgres.url, "next", About(5), schema) as gallery:
            gallery.add([np.ones(5)], ids("z"))
        with pytest.raises(ArgumentError, match=f"gallery {name}: is there already; replace it"):
            PostgresGallery.rename(postgres.url, "next", name)
        assert len(before) == 5
        PostgresGallery.rename(postgres.url, "next", name, replace=True)
        assert before.find(["z", "a"]).tolist() == [0, -1]
    assert not PostgresGallery.exists(postgres.url, "next")
    assert PostgresGallery.exists(postgres.url, name)
    with pytest.raises(ArgumentError, match="gallery next: there is none"):
        PostgresGallery.rename(postgres.url, "next", name, replace=True)
    assert PostgresGallery.exists(postgres.url, name)


def test_salt_and_plain_data_are_kept_until_the_salt_is_taken_away(postgres):
    schema, extra = pa.schema({"id": pa.string()}), {"films": "abc", "counts": {"nih": {"healthy": 3}}}
    PostgresGallery.create(postgres.url, "salted", About(5), schema, salt=b"\0secret", extra=extra).close()
    with PostgresGallery.open(postgres.url, "salted") as gallery:
        assert (gallery.salt, gallery.extra) == (b"\0secret", extra)
        assert gallery.names == Identities(b"\0secret")
        gallery._database.run(lambda connection: execute(connection, f"UPDATE {gallery._schema}.about SET salt = NULL"))
    with (
        PostgresGallery.open(postgres.url, "salted") as gallery,
        pytest.raises(StorageError, match="salt is not there"),
    ):
        _ = gallery.names
    with PostgresGallery.create(postgres.url, "plain", About(5), schema) as gallery:
        assert (gallery.names, gallery.extra) == (Identities(None), {})


def add_note(connection, schema: str, layout) -> None:
    execute(connection, f"ALTER TABLE {schema}.about ADD COLUMN note text DEFAULT 'mended'")


def fail_late(connection, schema: str, layout) -> None:
    execute(connection, f"DELETE FROM {schema}.cases")
    raise ArgumentError("stopped in the middle")


def use(monkeypatch: pytest.MonkeyPatch, *further: Callable[..., None]) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations._first, *further))


def test_an_older_gallery_is_brought_up_to_date_once(postgres, name, monkeypatch):
    with PostgresGallery.open(postgres.url, name) as gallery:
        gallery.add(np.eye(5), ids(*"01234"))
    use(monkeypatch, add_note)
    with ThreadPoolExecutor() as threads:
        galleries = list(threads.map(lambda _: PostgresGallery.open(postgres.url, name), range(4)))
    for gallery in galleries:
        assert gallery._ask(f"SELECT note FROM {gallery._schema}.about") == [("mended",)]
        assert gallery._ask(f"SELECT version FROM {gallery._schema}.migrations ORDER BY 1") == [(1,), (2,)]
        assert gallery.find(["0", "4"]).tolist() == [0, 4]
        gallery.close()


def test_a_failed_migration_changes_nothing(postgres, name, monkeypatch):
    with PostgresGallery.open(postgres.url, name) as gallery:
        gallery.add(np.eye(5), ids(*"01234"))
        with monkeypatch.context() as patch:
            use(patch, add_note, fail_late)
            with pytest.raises(ArgumentError, match="stopped in the middle"):
                PostgresGallery.open(postgres.url, name)
        assert gallery._ask(f"SELECT max(version) FROM {gallery._schema}.migrations") == [(1,)]
        assert gallery.find(["0", "4"]).tolist() == [0, 4]
    PostgresGallery.open(postgres.url, name).close()


def test_a_newer_gallery_is_refused(postgres, name, monkeypatch):
    with monkeypatch.context() as patch:
        use(patch, add_note)
        PostgresGallery.open(postgres.url, name).close()
    with pytest.raises(StorageError, match="gallery older: is of version 2, this embedlearn knows 1; upgrade it"):
        PostgresGallery.open(postgres.url, name)
