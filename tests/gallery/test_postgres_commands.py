"""`embedlearn index` and `search` with a database in place of a folder."""

import json

import numpy as np
import pandas as pd
import pytest

from embedlearn import embed, index, search
from embedlearn.embeddings import load_embeddings
from embedlearn.gallery.opening import is_there

pytest_plugins = ("postgres_server",)


@pytest.fixture
def films(place, tmp_path):
    embed.main(["--run", str(place / "runs" / "base"), "--data", str(place / "films"), "--out",
                str(tmp_path / "films.parquet")])  # fmt: skip
    return tmp_path / "films.parquet"


def cases(tmp_path, *words):
    search.main([*map(str, words), "--out", str(tmp_path / "s.png"), "--table", str(tmp_path / "c.json")])
    return pd.DataFrame(json.loads((tmp_path / "c.json").read_text())["cases"])


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_the_same_cases_as_from_a_folder(postgres, place, films, tmp_path, kind, capsys):
    store = ["--store", postgres.url]
    index.main(["--embeddings", str(films), "--plain", "--out", str(tmp_path / "folder")])
    index.main(["--embeddings", str(films), "--plain", "--out", f"films-{kind}", "--kind", kind, *store])
    said = capsys.readouterr().out
    assert ("graph" if kind == "hnsw" else "by the database") in said
    film = load_embeddings(films).frame["path"][4]
    words = ["-k", 20, "--runs", place / "runs", "--where", "label != 'healthy' and view == 'PA'"]
    expected = cases(tmp_path, tmp_path / "folder", film, *words)
    found = cases(tmp_path, f"films-{kind}", film, *words, *store)
    assert found["id"].tolist() == expected["id"].tolist()
    np.testing.assert_allclose(found["distance"], expected["distance"], atol=1e-5)


def test_its_life(postgres, films, tmp_path, refused, capsys):
    store = ["--store", postgres.url]
    every = load_embeddings(films)
    every.where(np.arange(len(every)) < 100).save(tmp_path / "some.parquet")
    name = ["--out", "life", *store]
    index.main(["--embeddings", str(tmp_path / "some.parquet"), *name])
    assert "--replace" in refused(index.main, "--embeddings", films, *name)
    index.main(["--embeddings", str(films), *name, "--add", "--skip-known"])
    assert f"added {len(every) - 100:,} cases to life, which has {len(every):,}, 100 were there" in (
        capsys.readouterr().out
    )
    ids = cases(tmp_path, "life", "--case", every.frame["sha256"][7], *store)["id"]
    index.main([*name, "--remove", ids[0], "--remove", every.frame["sha256"][7]])
    assert "no such case" in refused(search.main, "life", "--case", ids[0], *store, "--out", tmp_path / "s.png")
    assert "--compact" in refused(index.main, *name, "--compact")
    index.main(["--embeddings", str(tmp_path / "some.parquet"), *name, "--replace"])
    again = cases(tmp_path, "life", "--case", every.frame["sha256"][7], *store)
    assert len(again) == 10  # under the salt of before, so that ids stay what they were
    assert set(ids) & set(cases(tmp_path, "life", "--case", every.frame["sha256"][7], "-k", 99, *store)["id"])


def test_a_load_that_fails_leaves_nothing(postgres, films, refused, monkeypatch):
    from embedlearn.errors import StorageError
    from embedlearn.gallery.postgres import PostgresGallery

    def fail(*words, **settings):
        raise StorageError("the server is on fire")

    monkeypatch.setattr(PostgresGallery, "add", fail)
    assert "on fire" in refused(index.main, "--embeddings", films, "--out", "torn", "--store", postgres.url)
    assert not is_there("torn", postgres.url)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "ivfpq"], "--kind ivfpq"),
        (["--recall", "0.9"], "--recall"),
        (["--out", "a name"], "letters, digits"),
    ],
)
def test_what_a_database_cannot_do(postgres, films, refused, words, said):
    assert said in refused(index.main, "--embeddings", films, "--out", "g", "--store", postgres.url, *words)


def test_a_server_that_is_not_there(films, refused, monkeypatch):
    monkeypatch.setattr("embedlearn.gallery.postgres.database.PATIENCE", 0.5, raising=False)
    pytest.importorskip("psycopg_pool")
    complaint = refused(index.main, "--embeddings", films, "--out", "g", "--store", "postgresql://nobody@127.0.0.1:1/x")
    assert "127.0.0.1" in complaint or "server" in complaint
