import asyncio

import httpx
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.rate import MOST_CLIENTS, RateCheck
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.token import is_open, new_token
from embedlearn.web.guard.wrapping import guarded

TOKEN = "right-" + "x" * 26
LOG = AccessLog()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(AccessLog, "write", lambda self, values: None)


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})


class Asked:
    """Asks an app that is behind a guard, without a network."""

    def __init__(self, guard):
        self.app = guarded(hello, guard, Metrics(), LOG)

    def __call__(self, path="/v1/about", method="GET", host="localhost:8000", **headers):
        async def ask():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://a") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, path, headers={"Host": host, **named})

        return asyncio.run(ask())


@pytest.fixture
def ask():
    return Asked(Guard())


@pytest.fixture
def ask_with_token():
    return Asked(Guard(token=TOKEN))


def refusal(response):
    assert set(response.json()) == {"error", "code"} and "\n" not in response.json()["error"]
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "LOCALHOST:80", "127.0.0.1:65535", "[::1]", "[::1]:8000"])
def test_a_loopback_server_answers_to_its_names(ask, host):
    assert ask(host=host).text == "hello"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "localhost:", "localhost:8000:1", "",
     "localhost@evil.example", "127.0.0.2", "[::2]", "::1", "localhost:123456", "localhost/x", "loc\xe4lhost"],
)  # fmt: skip
def test_other_names_are_refused(ask, host):
    assert refusal(ask(path="/", host=host.encode("latin-1"))) == (403, "host")


def test_two_hosts_are_refused(ask):
    async def both():
        scope = {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"localhost"), (b"host", b"localhost")],
        }  # fmt: skip
        sent = []

        async def keep(message):
            sent.append(message)

        await ask.app(scope, None, keep)
        return sent[0]["status"]

    assert asyncio.run(both()) == 403


def test_every_name_may_be_let_in():
    assert Asked(Guard(hosts=("*",)))(host="films.example").text == "hello"


@pytest.mark.parametrize(
    ("origin", "site"),
    [("http://localhost:8000", "same-origin"), (None, "none"), (None, "same-origin"), ("https://LOCALHOST:8000", None)],
)
def test_the_servers_own_page_may_ask(ask, origin, site):
    headers = {name: value for name, value in (("Origin", origin), ("Sec-Fetch-Site", site)) if value}
    assert ask(method="POST", **headers).text == "hello"


@pytest.mark.parametrize(
    ("origin", "site"),
    [("http://evil.example", None), ("null", None), ("http://localhost:9000", None), (None, "cross-site"),
     (None, "same-site"), ("http://localhost:8000", "cross-site"), ("http://[", None), ("", None), ("file://", None)],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites_may_not(ask, origin, site, method):
    headers = {name: value for name, value in (("Origin", origin), ("Sec-Fetch-Site", site)) if value is not None}
    assert refusal(ask(method=method, **headers)) == (403, "origin")


def test_a_preflight_gets_nothing(ask):
    response = ask(method="OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert refusal(response) == (405, "method") and "GET" in response.headers["allow"]
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_long_headers_are_refused_in_one_piece_too(ask):
    assert refusal(ask(X=20_000 * "x")) == (431, "headers")
    assert refusal(ask(path="/?" + 20_000 * "x")) == (431, "headers")


@pytest.mark.parametrize("path", ["/v1/about", "/metrics", "/openapi.json", "/nothing", "/static", "/Healthz"])
def test_without_the_token_nothing_is_told(ask_with_token, path):
    response = ask_with_token(path)
    assert refusal(response) == (401, "token") and response.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in response.text


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/healthz", "/readyz"])
def test_the_page_is_open(ask_with_token, path):
    assert is_open(path) and ask_with_token(path).text == "hello"


@pytest.mark.parametrize("word", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN}"])
def test_the_right_token(ask_with_token, word):
    assert ask_with_token(Authorization=word).text == "hello"


@pytest.mark.parametrize(
    "word",
    ["", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"],
)
def test_wrong_tokens(ask_with_token, word):
    assert refusal(ask_with_token(Authorization=word.encode("latin-1"))) == (401, "token")


def test_tokens_are_new_and_may_be_used():
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50 and min(map(len, tokens)) >= 43
    assert all(Guard(token=token).token == token for token in tokens)


@pytest.mark.parametrize("token", ["", "short", "x" * 20 + " ", "x" * 20 + "\n", "ä" * 20])
def test_weak_tokens_are_refused(token):
    with pytest.raises(ArgumentError, match="EMBEDLEARN_TOKEN"):
        Guard(token=token)


@pytest.mark.parametrize("words", [{"body": 0}, {"header_bytes": 1}, {"rate": -1}, {"in_flight": 0}, {"burst": 0}])
def test_limits_that_let_nothing_through_are_refused(words):
    with pytest.raises(ArgumentError, match=next(iter(words))):
        Guard(**words)


def asked_by(address, path="/v1/about"):
    return {"type": "http", "path": path, "client": (address, 1), "headers": [(b"x-forwarded-for", b"9.9.9.9")]}


def test_a_client_gets_its_burst_and_then_its_rate():
    now = [0.0]
    check = RateCheck(2.0, 5, lambda: now[0])
    answered = []
    for _ in range(200):  # 20 seconds of 10 requests each
        answered.append(check(asked_by("1.2.3.4")) is None)
        now[0] += 0.1
    assert answered[:5] == [True] * 5
    assert sum(answered) in (5 + 2 * 20 - 1, 5 + 2 * 20)
    refused = next(no for no in iter(lambda: check(asked_by("1.2.3.4")), 0) if no)
    assert refused.status == 429 and refused.headers == ((b"retry-after", b"1"),)
    assert check(asked_by("1.2.3.5")) is None
    assert all(check(asked_by("1.2.3.4", path)) is None for path in ("/healthz", "/", "/static/page.js") * 10)


def test_many_clients_take_little_memory():
    check = RateCheck(1.0, 2, lambda: 0.0)
    for number in range(100_000):
        assert check(asked_by(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")) is None
    assert len(check.buckets) == MOST_CLIENTS


def test_a_busy_client_is_not_forgotten():
    check = RateCheck(1.0, 2, lambda: 0.0)
    for number in range(2 * MOST_CLIENTS):
        check(asked_by(f"10.0.{number >> 8}.{number & 255}"))
        check(asked_by("1.2.3.4"))
    assert check(asked_by("1.2.3.4")) is not None


def test_a_network_of_ipv6_is_one_client():
    check = RateCheck(1.0, 1, lambda: 0.0)
    assert check(asked_by("2001:db8::1")) is None
    assert check(asked_by("2001:db8::ffff:1")) is not None
    assert check(asked_by("2001:db8:0:1::1")) is None


def test_addresses_of_ipv4_are_clients_also_where_they_are_written_in_ipv6():
    check = RateCheck(1.0, 1, lambda: 0.0)
    assert check(asked_by("::ffff:1.2.3.4")) is None and check(asked_by("::ffff:1.2.3.5")) is None
    assert check(asked_by("1.2.3.4")) is not None


def test_anothers_wrong_tokens_do_not_keep_out_the_right_one():
    ask = Asked(Guard(token=TOKEN, rate=0.001, burst=2))
    wrong, right = ({"Authorization": f"Bearer {word}"} for word in ("x" * 16, TOKEN))
    assert [refusal(ask(**wrong)) for _ in range(4)] == [(401, "token")] * 2 + [(429, "rate")] * 2
    assert [ask(**right).status_code for _ in range(3)] == [200, 200, 429]


def test_a_limit_of_the_rate_is_answered():
    ask = Asked(Guard(rate=0.001, burst=1))
    assert ask().text == "hello"
    response = ask()
    assert refusal(response) == (429, "rate") and int(response.headers["retry-after"]) > 900
