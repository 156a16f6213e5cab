"""The page's own files: from a table in memory, with the right types, and nothing beside them."""

import pytest
from engine_stand_in import LIMITS, StandIn
from fastapi import FastAPI
from starlette.testclient import TestClient

from embedlearn.web.api.app import make_app
from embedlearn.web.api.errors import add_handlers
from embedlearn.web.api.static import PAGE, page_routes


@pytest.fixture
def client(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    for name in ("index.html", "page.css", "page.js", "mark.svg", "notes.txt", "server.py"):
        (folder / name).write_text(f"this is {name}: ä", encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret")
    app = FastAPI()
    app.include_router(page_routes(folder))
    add_handlers(app)
    for path in folder.iterdir():  # what is served is what was there at the start
        path.unlink()
    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/static/page.css", "page.css", "text/css; charset=utf-8"),
        ("/static/page.js", "page.js", "text/javascript; charset=utf-8"),
        ("/static/mark.svg", "mark.svg", "image/svg+xml"),
    ],
)
def test_files_with_their_types(client, path, name, kind):
    answer = client.get(path)
    assert answer.status_code == 200 and answer.content.decode() == f"this is {name}: ä"
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = client.head(path)
    assert head.status_code == 200 and head.headers["content-length"] == str(len(answer.content))


def test_a_file_that_a_browser_has_is_not_sent_again(client):
    tag = client.get("/static/page.js").headers["etag"]
    assert tag != client.get("/static/page.css").headers["etag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get("/static/page.js", headers={"if-none-match": held})
        assert again.status_code == 304 and not again.content and again.headers["etag"] == tag
    assert client.get("/static/page.js", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["notes.txt", "server.py", "../secret.js", "%2e%2e%2fsecret.js", "..%5csecret.js", "", "/etc/passwd", "page.js%00"],
)
def test_nothing_else_is_served(client, path):
    answer = client.get(f"/static/{path}")
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert "secret" not in answer.json()["error"]


def test_the_page_that_comes_with_the_package():
    client = TestClient(make_app(StandIn(), limits=LIMITS))
    assert client.get("/").text.lower().startswith("<!doctype html>")
    for path in PAGE.iterdir():
        answer = client.get(f"/static/{path.name}")
        assert answer.content == path.read_bytes()
