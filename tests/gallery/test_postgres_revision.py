"""A gallery in PostgreSQL says when it has changed, and notices when another one took its name."""

import pytest
from gallery_cases import clustered, names, rows_of

from embedlearn.errors import StorageError
from embedlearn.gallery.about import About
from embedlearn.gallery.postgres import PostgresGallery

pytest_plugins = ("postgres_server",)

MORE = clustered(20, 8, seed=2)


def test_every_change_and_every_other_gallery_is_noticed(postgres):
    rows = rows_of(names(20))
    make = lambda name: PostgresGallery.create(postgres.url, name, About(8), rows.schema)  # noqa: E731
    with make("polled") as first, make("other") as other, PostgresGallery.open(postgres.url, "polled") as second:
        seen = [second.revision]
        assert first.loaded == second.loaded == second.revision != other.revision
        for change in (
            lambda: first.add(MORE[:10], rows.slice(0, 10)),
            lambda: first.remove(["c1"]),
            lambda: first.add(MORE[10:11], rows.slice(1, 1)),
            lambda: PostgresGallery.rename(postgres.url, "other", "polled", replace=True),
        ):
            change()
            assert first.revision == second.revision
            seen.append(second.revision)
        assert len(set(seen)) == len(seen)
        assert second.loaded == seen[0]
        with PostgresGallery.open(postgres.url, "polled") as third:
            assert third.loaded == third.revision == seen[-1]
        assert second.kneighbors(MORE[:1], 3)[1].tolist() == [[-1, -1, -1]] and len(second) == 0  # of the same make
        second.add(MORE[:2], rows.slice(0, 2))
        assert first.find(["c1"]).tolist() == [1]
        foreign = PostgresGallery.create(postgres.url, "foreign", About(8, encoder="f" * 64), rows.schema)
        with foreign, PostgresGallery.open(postgres.url, "foreign") as other_encoder:
            other_encoder.add(MORE[:1], rows.slice(0, 1))
            PostgresGallery.rename(postgres.url, "foreign", "polled", replace=True)
        for call in (
            lambda: second.kneighbors(MORE[:1], 3),
            lambda: second.take([0]),
            lambda: second.find(["c0"]),
            lambda: second.remove(["c0"]),
            lambda: second.add(MORE[2:3], rows.slice(2, 1)),
        ):
            with pytest.raises(StorageError, match="another took its place"):
                call()
        with PostgresGallery.open(postgres.url, "polled") as third:
            assert third.take([0]).column("id").to_pylist() == ["c0"] and len(third) == 1
        PostgresGallery.drop(postgres.url, "polled")
        with pytest.raises(StorageError, match="polled"):
            _ = second.revision
