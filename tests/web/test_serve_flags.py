"""What the flags of `embedlearn serve` say is what it does."""

import asyncio
import io
import json

import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from embedlearn import index
from embedlearn import serve as command
from embedlearn.console import parse_flags
from embedlearn.errors import MismatchError
from embedlearn.maps.gate import Gate
from embedlearn.maps.latent import LatentMap
from embedlearn.maps.projections import create_projection
from embedlearn.radiographs.phantom import write_phantoms
from embedlearn.tasks.serve import starting
from embedlearn.tasks.serve.flags import TOKEN, Serve
from embedlearn.web.face import Asked
from embedlearn.web.guard import server
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics


@pytest.fixture
def made(served_flags):
    """The engine that flags make, which is not started but can be asked with embeddings; and the flags."""
    engines = []

    def call(*words):
        settings = parse_flags(Serve, "embedlearn serve", [*served_flags, *map(str, words)])
        engines.append(starting.make_engine(settings, Metrics()))
        return engines[-1], settings

    yield call
    for engine in engines:
        asyncio.run(engine.stop())


@pytest.fixture
def client(made):
    """A client of what flags serve, with nothing running but what its block starts."""

    def call(*words):
        engine, settings = made(*words)
        app = starting.served_app(engine, starting._guard(settings), Metrics(), AccessLog())
        return TestClient(app, base_url="http://localhost")

    return call


def png(*sides):
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, sides, np.uint8)).save(packed, "PNG")
    return packed.getvalue()


def test_keep_measure_heads_classes_and_show(made):
    usual, _ = made()
    other, _ = made(
        "--keep", "0.5", "--measure", "knn", "--heads", "knn", "--show", "patient",
        "--classes", "healthy", "covid-19",
    )  # fmt: skip
    lower, _ = made("--keep", "0.5")
    before, low, about = usual.about(), lower.about(), other.about()
    assert [head.head for head in before.heads] == ["prototype", "knn"]
    assert all(one.bound < two.bound for one, two in zip(low.heads, before.heads, strict=True))
    assert [head.head for head in about.heads] == ["knn"] and about.columns == ["patient"]
    assert sorted(one.name for one in about.classes) == ["covid-19", "healthy"]
    asked = Asked(embeddings=np.eye(1, about.dimension).tolist())
    (answer,) = asyncio.run(other.classify(asked, 5)).films[0].answers
    assert answer.strangeness == pytest.approx(answer.nearest[4].distance, abs=1e-5)
    assert answer.strangeness != asyncio.run(usual.classify(asked, 5)).films[0].answers[1].strangeness


def latent(folder, encoder):
    vectors = np.random.default_rng(1).normal(size=(20, 16)).astype(np.float32)
    frame = pd.DataFrame({"label": ["healthy"] * 20})
    projection, gate = create_projection("pca", seed=0).fit(vectors), Gate().fit(vectors, np.arange(20))
    LatentMap(projection, gate, vectors, frame, encoder, "", {}).save(folder)
    return folder


def test_a_map_is_shown_where_it_is_this_encoders(made, tmp_path):
    encoder = made()[0].about().encoder
    points = made("--map", latent(tmp_path / "own", encoder))[0].points()
    assert len(points.x) == 20 and points.labels == ["healthy"]
    with pytest.raises(MismatchError, match="^--map .*: wanted a map of this run's encoder, got another's"):
        made("--map", latent(tmp_path / "foreign", "f" * 64))


def test_limits_are_told_and_kept(client):
    with client("--most-films", "1", "--most-mb", "2", "--most-pixels", "1") as one:
        assert one.get("/v1/about").json()["limits"] == {"films": 1, "bytes": 2 << 20, "pixels": 10**6}
        small, large = png(64, 64), png(1_001, 1_000)
        for films, status, code in (
            ([small], 200, None), ([small] * 2, 413, "too_many_films"), ([large], 422, "image"),
            ([bytes(2 << 20)], 413, "too_large"),
        ):  # fmt: skip
            answer = one.post("/v1/embed", files=[("film", film) for film in films])
            assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_films_of_other_folders_are_found(made, place, tmp_path, monkeypatch):
    films = write_phantoms(tmp_path / "more", patients=9, films=1, size=64, seed=12).paths
    run = ["--run", str(place / "runs" / "base")]
    index.main([*run, "--data", str(tmp_path / "more"), "--out", str(tmp_path / "gallery")])
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "none"))  # where they were decoded already

    def pictured(*words):
        engine, _ = made("--gallery", tmp_path / "gallery", *words)
        ids = engine.points().id
        return [asyncio.run(engine.case(id)).picture for id in ids]

    assert pictured() == [False] * len(films)
    assert pictured("--pictures", tmp_path / "more") == [True] * len(films)


def test_names_by_which_the_server_is_reached(client):
    for words, status in (([], 403), (["--names", "page.example"], 200)):
        answer = client(*words).get("/v1/about", headers={"Host": "page.example"})
        assert answer.status_code == status


def test_others_need_a_token(client, monkeypatch):
    def guard(*words):
        return starting._guard(parse_flags(Serve, "embedlearn serve", list(words)))

    assert guard().token is None and "*" not in guard().hosts
    tokens = {guard("--host", "0.0.0.0").token for _ in range(2)}
    assert len(tokens) == 2 and min(map(len, tokens)) >= 32
    monkeypatch.setenv(TOKEN, "correct-horse-battery")
    one = client("--host", "0.0.0.0")
    statuses = [one.get("/v1/about", headers={"Authorization": f"Bearer {word}"}).status_code for word in (
        "correct-horse-battery", "wrong-horse-battery",
    )]  # fmt: skip
    assert statuses == [200, 401]


def test_a_line_is_added_to_the_log_for_each_request(served_flags, tmp_path, monkeypatch, capsys):
    def run_server(app, *, host, port, guard, listener, metrics, log, on_start):
        with server.serving(app, guard, metrics, log) as url:
            on_start(url)
            assert [httpx.get(url + path).status_code for path in ("/v1/about", "/v1/nothing")] == [200, 404]

    monkeypatch.setattr(server, "run_server", run_server)
    (tmp_path / "log").write_text("before\n")
    command.main([*served_flags, "--port", "0", "--log", str(tmp_path / "log")])
    before, *lines = (tmp_path / "log").read_text().splitlines()
    assert before == "before" and [json.loads(line)["status"] for line in lines] == [200, 404]
    said = capsys.readouterr().out
    assert said.startswith("open http://127.0.0.1:") and said.endswith("stopped\n") and "token" not in said
