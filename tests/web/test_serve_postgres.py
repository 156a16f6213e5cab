"""The page over a gallery in PostgreSQL: it answers as over a folder, and notices what others change."""

import sys
from pathlib import Path

import httpx
import pytest
from running_page import asking, posted, running_page

from embedlearn import index
from embedlearn.encoders.runs import open_run
from embedlearn.gallery.about import About
from embedlearn.gallery.postgres import PostgresGallery
from embedlearn.radiographs.phantom import write_phantoms

sys.path.append(str(Path(__file__).parents[1] / "gallery"))  # where the server's fixture lives
pytest_plugins = ("postgres_server",)

SOON = 20  # seconds in which a busy machine must have noticed


def found(url, film):
    """Labels and distances of the nearest cases, and the generation."""
    with httpx.Client(base_url=url, timeout=30) as client:
        answer = posted("/v1/search", film, k=9)(client)
    assert answer.status_code == 200, answer.text
    cases = answer.json()["films"][0]["cases"]
    return [case["label"] for case in cases], [case["distance"] for case in cases], answer.json()["generation"]


def test_a_gallery_in_postgresql_is_served_as_one_in_a_folder_and_changes(place, gallery, tmp_path, postgres):
    base, store = ["--run", str(place / "runs" / "base")], ["--store", postgres.url]
    index.main(["--out", "served", *base, *store])
    known = open_run(place / "runs" / "base").manifest().paths[0].read_bytes()
    write_phantoms(tmp_path / "more", patients=8, films=1, size=64, seed=11)
    with running_page("--gallery", gallery, *base) as (url, _):
        in_folder = found(url, known)
    requests = [posted("/v1/classify", known), posted("/v1/search", known), posted("/v1/read", known)]
    served = running_page("--gallery", "served", *base, *store)
    with served as (url, looks), httpx.Client(base_url=url, timeout=30) as client:
        count = client.get("/v1/about").json()["cases"]
        in_database = found(url, known)
        assert in_database[0] == in_folder[0]
        assert in_database[1] == pytest.approx(in_folder[1], abs=1e-5)
        with asking(url, requests, threads=3) as answers:
            index.main(["--out", "served", "--add", "--data", str(tmp_path / "more"), *base, *store])
            assert looks.opened.wait(SOON)
            with PostgresGallery.open(postgres.url, "served") as current:
                assert client.get("/v1/about").json()["generation"] == current.revision
                assert client.get("/v1/about").json()["cases"] == len(current) == count + 8
                schema = current.schema
        assert {status for status, _ in answers} == {200}
        with PostgresGallery.create(postgres.url, "foreign", About(16, encoder="f" * 64), schema):
            pass
        PostgresGallery.rename(postgres.url, "foreign", "served", replace=True)
        refused = posted("/v1/search", known)(client)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage")
