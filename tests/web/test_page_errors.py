"""What the page says and does when something fails: a clear line, what to do, and another try where that helps."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from amounts import slow
from page_server import NO_FILM, Served
from page_tab import Tab, expect, film, other
from phantom_answers import Canned


@pytest.fixture
def served(browser: Any, canned: Canned) -> Iterator[Served]:
    started = Served(canned).start()
    yield started
    started.stop()


def test_what_is_no_film_is_said_and_leaves_the_others_alone(tab: Tab) -> None:
    tab.put(other("notes.txt", b"hello"), film("covid-19"), other("empty.png", b"", "image/png"))
    reason = NO_FILM.removeprefix("the film: ")
    line = f"No answer. notes.txt: {reason[0].upper()}{reason[1:]}."
    expect(tab.find("#verdict [role=alert]")).to_have_text(line)
    assert tab.page.is_hidden("#film") and tab.find("#verdict button").count() == 0
    states = tab.find("#strip .film-answer").all_inner_texts()
    assert states[0] == states[2] == "cannot be read" and states[1].startswith("covid-19")
    tab.find("#strip .film").nth(2).click()
    expect(tab.find("#verdict [role=alert]")).to_contain_text("This file is empty. Choose another one.")
    tab.find("#strip .film").nth(1).click()
    expect(tab.find(".sentence")).to_contain_text("Nearest to covid-19")
    assert tab.page.is_visible("#film canvas >> nth=0")


def test_a_file_too_large_is_not_sent(tab: Tab, served: Served) -> None:
    served.asked.clear()
    tab.put(other("large.dcm", bytes(1_000_001), "application/dicom"))
    expect(tab.find("#verdict [role=alert]")).to_contain_text("the server takes 1.0 MB at most")
    assert ("POST", "read?k=8") not in served.asked


def test_a_server_that_is_gone_is_asked_again(tab: Tab, served: Served) -> None:
    served.stop()
    tab.page.set_input_files("#files", [film("covid-19")])
    expect(tab.find("#waiting")).to_contain_text("The server does not answer; trying again")
    expect(tab.find("#verdict")).to_have_text("Reading the film…")
    served.again()
    expect(tab.find(".sentence")).to_contain_text("Nearest to covid-19", timeout=15_000)
    expect(tab.find("#waiting")).to_be_hidden()


@pytest.mark.parametrize(("status", "words"), [(503, "The server is busy"), slow(429, "a little patience")])
def test_a_busy_server_is_waited_for(tab: Tab, served: Served, status: int, words: str) -> None:
    served.fail("read", status, Retry_After="2")
    tab.page.set_input_files("#files", [film("covid-19")])
    expect(tab.find("#waiting")).to_contain_text(re.compile(f"{words}; trying again in [12] s"))
    expect(tab.find(".sentence")).to_contain_text("Nearest to covid-19")
    assert [path for method, path in served.asked if method == "POST"] == ["read?k=8"] * 2


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(504, "save it as PNG"), slow(500, "tell who runs the server"), (413, "Save the film smaller")],
)
def test_a_refusal_says_what_to_do(tab: Tab, served: Served, status: int, remedy: str) -> None:
    served.fail("read", status, "it did not work")
    tab.put(film("covid-19"))
    expect(tab.find("#verdict [role=alert]")).to_contain_text("It did not work.")
    expect(tab.find("#verdict [role=alert]")).to_contain_text(remedy)
    assert tab.find("#verdict button").count() == (status != 413)
    if status != 413:
        tab.page.click("#verdict button")
        expect(tab.find(".sentence")).to_contain_text("Nearest to covid-19")


def test_the_token_is_asked_for(open_tab: Any, served: Served) -> None:
    served.token = "right-one"
    tab = open_tab()
    expect(tab.find("#token")).to_be_visible()
    for given, words in (("wrong", "not the server’s"), ("right-one", None)):
        tab.page.fill("#token-value", given)
        tab.page.press("#token-value", "Enter")
        if words:
            expect(tab.find("#token-wrong")).to_contain_text(words)
    tab.ready()
    tab.put(film("covid-19"))
    assert "covid-19" in tab.text(".sentence")
    tab.page.reload()
    tab.ready()
    assert tab.page.is_hidden("#token")


def test_the_token_in_the_address_is_taken_out_of_sight(open_tab: Any, served: Served) -> None:
    served.token = "right/one"
    tab = open_tab("#token=right%2Fone").ready()
    assert tab.page.url == served.url
    expect(tab.find("#examples img")).to_have_count(8)


def test_without_a_token_there_is_another_try(open_tab: Any, served: Served) -> None:
    served.token = "right-one"
    tab = open_tab()
    tab.page.click("#token-cancel")
    expect(tab.find("#alerts [role=alert]")).to_contain_text("Give the token")
    tab.page.click("#alerts >> text=Try again")
    tab.page.fill("#token-value", "right-one")
    tab.page.click("#token >> text=Go on")
    tab.ready()
    assert tab.find("#alerts [role=alert]").count() == 0


def test_what_has_been_superseded_is_given_up(tab: Tab, served: Served) -> None:
    tab.make_class("a", film("covid-19", 11))
    tab.make_class("b", film("healthy", 12))
    tab.put(film("covid-19"))
    expect(tab.find(".sentence")).to_contain_text("Nearest to a")
    failed = []
    tab.page.on("requestfailed", lambda request: failed.append(request.url.rsplit("/", 1)[1]))
    served.open.clear()
    with tab.page.expect_request("**/v1/classify"):
        tab.page.click("text=Add the film shown >> nth=1")
    with tab.page.expect_request("**/v1/classify"):
        tab.page.click("text=Add the film shown >> nth=0")
    served.open.set()
    expect(tab.find('.zone[data-name="a"] .chip')).to_have_count(2)
    expect(tab.find("#from input[value=own]")).to_be_checked()
    expect(tab.find(".sentence")).to_contain_text("Nearest to a")
    assert "classify" in failed


def test_an_example_that_is_no_film_is_left_out(tab: Tab) -> None:
    tab.make_class("dense")
    zone = '.zone[data-name="dense"]'
    tab.page.set_input_files(f"{zone} input[type=file]", [film("covid-19"), other("notes.txt", b"hello")])
    expect(tab.find("#alerts [role=alert]")).to_contain_text("notes.txt: Wanted a PNG")
    expect(tab.find(f"{zone} .chip")).to_have_count(1)
    tab.page.click("#alerts >> text=Close")
    expect(tab.find("#alerts [role=alert]")).to_have_count(0)
    tab.page.fill("#class-name", "dense")
    tab.page.press("#class-name", "Enter")
    assert "already" in tab.find("#class-name").evaluate("(field) => field.validationMessage")
