"""The addresses of the API: what is asked of the engine, and that what it answers arrives unchanged."""

import asyncio
import json

import pytest
from engine_stand_in import CASES, DIMENSION, LIMITS, StandIn, a_png, embedding_of
from starlette.testclient import TestClient

from embedlearn.web import forms
from embedlearn.web.api.app import make_app
from embedlearn.web.face import Asked, Sought, Why

SUPPORT = {"classes": {"mine": [[0.6, 0.8]], "other": [[1, 0], [0, 1.0]]}}


class Counts:
    """Counts that never change."""

    def exposition(self):
        return b"films_total 3\n", "text/plain; version=1.0.0; charset=utf-8"


@pytest.fixture
def engine():
    return StandIn()


@pytest.fixture
def client(engine):
    return TestClient(make_app(engine, limits=LIMITS, metrics=Counts()))


def form_of(*films, support=None):
    parts = [("film", ("a film.png", film, "image/png")) for film in films]
    return [*parts, *([("support", (None, json.dumps(support)))] if support else [])]


def test_one_film_as_it_is_is_embedded(client, engine):
    film = a_png()
    answer = client.post("/v1/embed", content=film, headers={"content-type": "text/html"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json()["dimension"] == DIMENSION
    assert answer.json()["films"] == [{"embedding": embedding_of(film)}]
    assert engine.asked == [("embed", ((film,),))]


def test_films_are_answered_in_the_order_in_which_they_were_sent(client):
    films = [a_png(shade) for shade in (200, 3, 90)]
    found = client.post("/v1/embed", files=form_of(*films)).json()["films"]
    assert [film["embedding"] for film in found] == [embedding_of(film) for film in films]


@pytest.mark.parametrize(("method", "path"), [("classify", "/v1/classify?nearest=7"), ("search", "/v1/search?k=7")])
def test_films_and_embeddings_with_a_support_of_ones_own(client, engine, method, path):
    films = [a_png(), a_png(7)]
    assert client.post(path, files=form_of(*films, support=SUPPORT)).status_code == 200
    assert client.post(path, json={"embeddings": [[0.6, 0.8]], "support": SUPPORT}).status_code == 200
    wanted = 7 if method == "classify" else Sought(k=7)
    (name, (as_films, said)), (same_name, (as_numbers, same)) = engine.asked
    assert name == same_name == method and said == same == wanted
    assert list(as_films.films) == films and not as_films.embeddings
    assert as_numbers.embeddings == [[0.6, 0.8]] and not as_numbers.films
    assert as_films.support == as_numbers.support == forms.Support(**SUPPORT)
    assert list(as_films.support.classes) == ["mine", "other"]


def test_parameters_reach_the_engine(client, engine):
    film = a_png()
    where = "view == 'PA' and label != 'ä'"
    client.post("/v1/search", params={"k": 3, "where": where, "one_per_patient": "true", "twins": "true"}, content=film)
    client.post("/v1/search?where=", content=film)
    client.post("/v1/explain?why=normal&why_not=pneumonia&case=case-3&neighbours=50", content=film)
    client.post("/v1/explain?why=&case=", content=film)
    assert [arguments[1] for _, arguments in engine.asked] == [
        Sought(3, where, True, True), Sought(), Why("normal", "pneumonia", "case-3", 50), Why(),
    ]  # fmt: skip


def test_reading_one_film(client, engine):
    answer = client.post("/v1/read?k=4", files=form_of(a_png(), support=SUPPORT))
    read = forms.Read.model_validate_json(answer.content)
    assert len(read.similar.films[0].cases) == 4
    assert read.classified.films[0].answers[0].class_ == "mine"
    assert engine.asked == [("read", (a_png(), forms.Support(**SUPPORT), Sought(k=4)))]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/about", forms.About),
        ("/v1/map", forms.LatentPoints),
        ("/v1/examples", forms.Examples),
        ("/v1/cases/case-3", forms.Case),
    ],
)
def test_what_is_served_arrives_as_the_engine_has_it(client, engine, path, form):
    answer = client.get(path)
    own = {"/v1/about": engine.about, "/v1/map": engine.points, "/v1/examples": engine.examples}
    known = own[path]() if path in own else asyncio.run(engine.case("case-3"))
    assert answer.status_code == 200 and form.model_validate_json(answer.content) == known


def test_an_answer_has_the_field_names_of_the_forms(client):
    answer = client.post("/v1/classify", content=a_png()).json()["films"][0]["answers"][0]
    assert answer["class"] == answer["answer"] and "class_" not in answer


@pytest.mark.parametrize(
    ("path", "film"),
    [("/v1/cases/case-3/film", a_png(shade=3)), ("/v1/examples/normal-1", a_png())],
)
def test_pictures(client, path, film):
    answer = client.get(path)
    assert answer.content == film and answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_ids_may_hold_slashes_and_colons(client, engine):
    for id in ("a/b:c+1", "x/film/y", "0f.a_b-C"):
        assert client.get(f"/v1/cases/{id}").status_code == 404
        assert client.get(f"/v1/cases/{id.replace('/', '%2F')}/film").status_code == 404
        assert engine.asked[-2:] == [("case", (id,)), ("case_film", (id,))]


def test_many_ask_at_once():
    async def ask_all():
        engine = StandIn(gate=asyncio.Event())
        app = make_app(engine, limits=LIMITS)
        films = [b"film %d" % number for number in range(40)]
        asking = [asyncio.create_task(ask(app, film)) for film in films]
        while len(engine.asked) < len(films):
            await asyncio.sleep(0)
        engine.gate.set()
        return films, await asyncio.gather(*asking)

    films, found = asyncio.run(ask_all())
    assert [json.loads(body)["films"][0]["embedding"] for body in found] == [embedding_of(film) for film in films]


async def ask(app, film):
    """The body of the answer to one film, without a client between."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": film, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/embed", "raw_path": b"/v1/embed",
        "query_string": b"", "headers": [], "scheme": "http", "server": ("127.0.0.1", 80), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent)


def test_how_the_server_is(client, engine):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    engine.ready = False
    assert client.get("/healthz").status_code == 200
    unready = client.get("/readyz")
    assert unready.status_code == 503 and unready.headers["retry-after"] == "1"
    assert unready.json()["code"] == "not_ready"


def test_metrics_are_passed_on_as_they_are(client):
    answer = client.get("/metrics")
    assert answer.content == b"films_total 3\n"
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert TestClient(make_app(StandIn(), limits=LIMITS)).get("/metrics").status_code == 404


def test_the_stand_in_has_cases_with_and_without_films():
    assert asyncio.run(StandIn().search(Asked(films=(b"x",)), Sought(k=3))).films[0].cases[0].id == CASES[0]
