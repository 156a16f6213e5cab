"""Bodies as they stream in: whole or in pieces of any size, capped, in memory alone; broken ones are refused."""

import asyncio
import json
import os
import tempfile
from email.parser import BytesParser
from email.policy import HTTP

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.requests import Request

from embedlearn.web import forms
from embedlearn.web.api.bodies import Body
from embedlearn.web.api.errors import RefusedError
from embedlearn.web.api.vectors import MOST_NUMBERS, MOST_SIGNS
from embedlearn.web.face import Asked

BODY = Body(films=4, size=100_000, vectors=True)
BOUNDARY = b"--in between"
LONGEST = 4_096  # numbers of an embedding
SUPPORT = b'{"classes": {"a": [[1, 0]], "b": [[0, 1]]}}'


def read(body, pieces, headers):
    """What `body` makes of the pieces, of which it takes no more than it needs."""

    async def receive():
        piece = next(left, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    left = iter(pieces)
    return asyncio.run(body.read(Request({"type": "http", "method": "POST", "headers": headers}, receive)))


def asked(content, kind, body=BODY, step=None):
    pieces = [content[start : start + step] for start in range(0, len(content), step)] if step else [content]
    headers = [(b"content-type", kind)] if kind is not None else []
    return read(body, pieces, headers)


def refused(status, code, content, kind=b"image/png", body=BODY):
    with pytest.raises(RefusedError) as caught:
        asked(content, kind, body)
    assert (caught.value.status, caught.value.code) == (status, code), caught.value.line
    return caught.value.line


def part(name, content, extra=b'; filename="x"', headers=b""):
    return b"Content-Disposition: form-data; name=%s%s\r\n%s\r\n%s" % (name, extra, headers, content)


def form(*parts, end=b"--"):
    boundary = b"--%s" % BOUNDARY
    return b"".join(b"%s\r\n%s\r\n" % (boundary, one) for one in parts) + boundary + end + b"\r\n"


KIND = b'multipart/form-data; boundary="%s"' % BOUNDARY
FILM = part(b'"film"', b"a film")
OWN = part(b'"support"', SUPPORT, b"")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    films=some.lists(
        some.binary(min_size=1) | some.text("\r\n-in betw", min_size=1).map(str.encode), min_size=1, max_size=4
    ),
    step=some.integers(1, 200),
    own=some.booleans(),
)
def test_a_form_that_another_library_wrote_is_read_in_pieces_of_any_size(films, step, own):
    files = [("film", (f'a "{number}".png', film, "image/png")) for number, film in enumerate(films)]
    files += [("support", (None, SUPPORT, "application/json"))] * own
    request = httpx.Request("POST", "http://x", files=files)
    kind = request.headers["content-type"].encode()
    found = asked(request.read(), kind, step=step)
    assert list(found.films) == films
    assert found.support == (forms.Support.model_validate_json(SUPPORT) if own else None)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    places=some.lists(some.tuples(some.integers(0, 300), some.integers(0, 3), some.binary(max_size=3)), max_size=4),
    step=some.integers(1, 50),
)
def test_a_damaged_form_is_read_or_refused_and_the_same_in_pieces(places, step):
    content = form(FILM, OWN, FILM)
    for place, cut, put in places:
        content = content[:place] + put + content[place + cut :]

    def outcome(step):
        try:
            return asked(content, KIND, step=step)
        except RefusedError as refusal:
            return refusal.status

    whole, pieces = outcome(None), outcome(step)
    if isinstance(whole, Asked):
        assert (whole.films, whole.support) == (pieces.films, pieces.support)
    else:
        assert whole == pieces and whole in (400, 422)


def test_a_form_is_read_as_the_mail_library_reads_it():
    content = form(part(b"film", b"\r\n--in between\x00\xff", b"; filename=a", b"X-More: yes\r\n"), FILM)
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + KIND + b"\r\n\r\n" + content)
    found = asked(content, KIND)
    assert list(found.films) == [one.get_payload(decode=True) for one in message.iter_parts()]


@pytest.mark.parametrize("kind", [b"image/png", b"application/octet-stream", b"application/dicom+json", b"", None])
def test_any_other_body_is_one_film(kind):
    found = asked(b"{}", kind, step=1)
    assert (found.films, found.embeddings, found.support) == ((b"{}",), (), None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (form(), "no part named film"),
        (form(OWN), "no part named film"),
        (form(FILM, end=b""), "breaks off"),
        (form(FILM)[:-20], "breaks off"),
        (form(FILM, OWN)[:70], "breaks off"),
        (b"\r\n", "breaks off"),
        (b"a film", "broken"),
        (form(FILM).replace(BOUNDARY, b"--another"), "broken"),
        (form(part(b'"film"', b"a film", b"")), "is no file"),
        (form(part(b'"film"', b"")), "is empty"),
        (form(FILM, part(b'"patient"', b"DOE^JANE")), "a part named patient"),
        (form(FILM, part(b'"%s"' % (b"p" * 900), b"x")), "ppp..."),
        (form(FILM, part(b'"\x00\x1b[31m\xff"', b"x")), "a part named ??[31m"),
        (form(FILM, OWN, OWN), "two parts named support"),
        (form(FILM, b"Content-Type: image/png\r\n\r\na film"), "no name"),
        (form(FILM, b"\r\na film"), "no name"),
        (form(FILM, b'Content-Disposition: attachment; name="film"\r\n\r\na film'), "no name"),
        (form(FILM, part(b'"film"', b"x", headers=b"X-Long: %s\r\n" % (b"y" * 5_000))), "broken"),
        (form(FILM, part(b'"film"', b"x", headers=b"X-More: y\r\n" * 50)), "broken"),
        (form(FILM, part(b'"film"', b"x", headers=b"X More; y\r\n")), "broken"),
    ],
)
def test_broken_forms(content, said):
    line = refused(400, "malformed", content, KIND)
    assert said in line and line.isprintable() and len(line) < 200
    assert "DOE" not in line


@pytest.mark.parametrize(
    "kind",
    [b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=%s" % (b"b" * 500)],
)
def test_forms_without_a_usable_boundary(kind):
    assert "boundary" in refused(400, "malformed", form(FILM), kind)


def test_kinds_that_are_not_taken():
    refused(415, "content_type", form(FILM), b"multipart/mixed; boundary=x")
    refused(415, "content_type", b"{}", b"application/json; charset=utf-8", Body(4, 100))
    refused(400, "malformed", b"", b"image/png")
    refused(400, "malformed", b"", b"application/json")
    assert "no support" in refused(400, "malformed", form(FILM, OWN), KIND, Body(4, 1_000, support=False))


def test_too_many_films():
    assert len(asked(form(*[FILM] * 4), KIND).films) == 4
    assert "at most 4" in refused(413, "too_many_films", form(*[FILM] * 5), KIND)


def test_a_body_of_exactly_as_much_as_may_be_sent_and_one_byte_more():
    assert len(asked(b"x" * 100_000, None, step=7_000).films[0]) == 100_000
    refused(413, "too_large", b"x" * 100_001)


@pytest.mark.parametrize("kind", [b"image/png", KIND, b"application/json"])
def test_an_endless_body_is_left_unread(kind):
    left = iter([form(FILM)[:-12], *[b"x" * 1_000] * 500] if kind == KIND else [b" " * 1_000] * 500)
    with pytest.raises(RefusedError) as caught:
        read(BODY, left, [(b"content-type", kind)])
    assert caught.value.status == 413 and caught.value.headers == {"Connection": "close"}
    assert len(list(left)) >= 390


@pytest.mark.parametrize("length", [b"100001", b"9" * 5_000, b"000100001"])
def test_a_body_that_says_that_it_is_too_large_is_not_read_at_all(length):
    left = iter([b"x"])
    with pytest.raises(RefusedError, match="at most 100000 bytes"):
        read(BODY, left, [(b"content-length", length)])
    assert list(left) == [b"x"]


def test_nothing_is_written_to_disk(monkeypatch):
    """Twenty megabytes: a form that spools would need a folder, and there is none."""

    def written(*_):
        raise AssertionError("a file was opened")

    monkeypatch.setenv("TMPDIR", "/proc/nothing")
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing")
    monkeypatch.setattr(os, "open", written)
    monkeypatch.setattr("builtins.open", written)
    film = os.urandom(1 << 16) * 320
    body = Body(4, 64 << 20)
    content = form(part(b'"film"', film), FILM, OWN)
    pieces = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
    found = read(body, pieces, [(b"content-type", KIND)])
    assert [len(one) for one in found.films] == [len(film), 6] and found.films[0] == film


@pytest.mark.parametrize(
    ("value", "status", "code", "said"),
    [
        (b"{", 400, "malformed", "JSON"),
        (b'{"embeddings": [[1, 2]]}\xff', 400, "malformed", "JSON"),
        (b"[" * 5_000, 400, "malformed", "JSON"),
        (b"[]", 422, "argument", ""),
        (b"{}", 422, "argument", "embeddings: "),
        (b'{"embeddings": []}', 422, "argument", "embeddings: "),
        (b'{"embeddings": [["1"]]}', 422, "argument", "embeddings.0.0: "),
        (b'{"embeddings": [[true]]}', 422, "argument", "embeddings.0.0: "),
        (b'{"embeddings": [[NaN]]}', 422, "argument", "embeddings.0.0: "),
        (b'{"embeddings": [[1e999]]}', 422, "argument", "embeddings.0.0: "),
        (b'{"embeddings": [[1]], "films": 1}', 422, "argument", "films: there is no such name here; wanted embeddings"),
        (b'{"embeddings": [[1]], "support": {"classes": {}}}', 422, "argument", "support.classes: "),
        (b'{"embeddings": [[1]], "support": {"classes": {"": [[1]]}}}', 422, "argument", "support.classes"),
        (json.dumps({"embeddings": [[1]], "x" * 9_000: 1}).encode(), 422, "argument", "xxx..."),
        (b'{"embeddings": [[' + b'"",' * MOST_SIGNS + b"1]]}", 422, "argument", "too many names"),
    ],
)
def test_json_that_is_refused(value, status, code, said):
    line = refused(status, code, value, b"application/json")
    assert said in line and line.isprintable() and len(line) < 300


def test_more_numbers_than_fit():
    body, each = Body(4, 8_000_000, vectors=True), 4_000
    rows = [b"[%s]" % b",".join([b"1"] * each)] * (MOST_NUMBERS // each)
    whole = b'{"embeddings": [%s]}' % b",".join(rows)
    assert sum(map(len, asked(whole, b"application/json", body).embeddings)) == MOST_NUMBERS
    more = b'{"embeddings": [%s]}' % b",".join([*rows, b"[1,1]"])
    assert f"at most {MOST_NUMBERS} numbers" in refused(413, "too_large", more, b"application/json", body)
    longer = b'{"embeddings": [[%s]]}' % b",".join([b"1"] * (LONGEST + 1))
    assert "embeddings.0: " in refused(422, "argument", longer, b"application/json", body)
