"""The page in a real browser: a film goes in, and its answer, the similar cases and the reason come out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from page_server import Served
from page_tab import Tab, expect, film, other
from phantom_answers import Canned, film_of, phantom, png_of

from embedlearn.radiographs.phantom import LABELS


@pytest.fixture(scope="module")
def canned() -> Canned:
    return Canned()


def test_a_film_is_answered(tab: Tab, served: Served) -> None:
    assert tab.page.is_visible("#welcome") and tab.page.is_hidden("#answer")
    tab.put(film("covid-19"))
    told = served.canned.classified([served.canned.embedding(phantom("covid-19", 1, 200))], None)
    shares = [answer["probabilities"]["covid-19"] for answer in told["films"][0]["answers"]]
    assert tab.text(".sentence").endswith("Nearest to covid-19")  # no share: the two ways of answering differ
    averages, neighbours = (f"{round(100 * share)} %" for share in shares)
    expected = f"agree: class averages {averages}, nearest neighbours {neighbours}."
    assert tab.text(".beside").replace("\N{NO-BREAK SPACE}", " ").endswith(expected)
    for head, answer in enumerate(told["films"][0]["answers"]):
        bars = tab.find(".head").nth(head).locator(".bars li")
        assert bars.locator(".name").all_inner_texts() == list(LABELS)
        numbers = [int(re.sub(r"\D", "", text)) for text in bars.locator(".number").all_inner_texts()]
        assert numbers == pytest.approx([100 * share for share in answer["probabilities"].values()], abs=0.51)
    assert tab.text("#answer").endswith("Research use only: nothing here is fit for diagnosis.")
    assert "On this flat map covid-19 1.png has most often covid-19 around it" in tab.seen("#latent-map")
    assert tab.find("#said").inner_text().startswith("covid-19 1.png: Nearest to covid-19")
    assert served.names == {"film"}  # a file's name may be a patient's


def test_similar_cases_are_nearest_first_and_the_same_picture_is_marked(tab: Tab, served: Served) -> None:
    tab.put(other("again.png", served.canned.films[3], "image/png"))
    expect(tab.find("#cards .case")).to_have_count(8)
    distances = [float(text.split()[-1]) for text in tab.find("#cards .facts:last-child").all_inner_texts()]
    assert distances == sorted(distances) and distances[0] == 0
    assert tab.find("#cards .badge").all_inner_texts() == ["the same picture"]
    assert "the same picture" in tab.text("#cards li:first-child")
    pictured = sum(case["picture"] for case in served.canned.similar(served.canned.vectors[3], 8)["films"][0]["cases"])
    expect(tab.find("#cards img")).to_have_count(pictured)
    assert tab.find("#cards .placeholder").count() == 8 - pictured


def test_a_film_like_nothing_is_unknown(tab: Tab) -> None:
    tab.put(other("blank.png", png_of(film_of(phantom("healthy", 9, 96))), "image/png"))
    assert tab.text(".sentence").endswith("Unlike anything known")
    assert "beyond the bound of 0.200" in tab.text("#verdict")


def test_several_films_are_dropped_and_one_is_shown(tab: Tab, served: Served) -> None:
    served.open.clear()
    films = [film("covid-19", 2), film("healthy", 3), film("pneumonia/viral", 4)]
    tab.drop("#own-title", *films)
    expect(tab.find("#progress-line")).to_have_text("Reading film 1 of 3")
    expect(tab.find("#verdict")).to_have_text("Reading the film…")
    served.open.set()
    tab.all_read()
    answers = tab.find("#strip .film-answer")
    assert [text.split()[0].replace("\n", "") for text in answers.all_inner_texts()] == [
        "covid-19", "healthy", "pneumonia/viral",
    ]  # fmt: skip
    assert "covid-19" in tab.text(".sentence")
    tab.find("#strip .film").nth(1).click()
    assert "healthy" in tab.text(".sentence") and tab.text("#film-title") == "healthy 3.png"
    tab.find("#strip .film[aria-current]").wait_for()
    tab.page.click("#strip li:nth-child(2) .remove")
    assert "pneumonia/viral" in tab.text(".sentence")
    tab.page.click("#forget")
    assert tab.page.is_visible("#welcome") and tab.page.is_hidden("#answer")


def test_a_film_can_be_pasted_or_be_one_of_the_examples(tab: Tab) -> None:
    tab.paste(film("healthy", 5))
    tab.all_read()
    assert "healthy" in tab.text(".sentence")
    tab.page.click("#forget")
    tab.find("#examples .case").last.click()
    tab.all_read()
    assert "covid-19" in tab.text(".sentence")


def test_the_map_is_chosen_and_made_fainter(tab: Tab) -> None:
    tab.put(film("covid-19"))
    assert "covid-19, not" in tab.seen("#viewer")
    drawn = {tab.pixels("#viewer")}
    for name, words in (("class", "like covid-19"), ("nearest", "nearest cases"), ("none", "no map over it")):
        tab.page.check(f"#maps input[value={name}]", force=True)
        drawn.add(tab.pixels("#viewer"))
        assert words in tab.seen("#viewer")
    assert len(drawn) == 4
    tab.page.check("#maps input[value=margin]", force=True)
    assert tab.pixels("#viewer") in drawn
    tab.page.fill('#viewer [aria-label="Opacity of the map"]', "15")
    assert tab.pixels("#viewer") not in drawn


def test_a_case_is_compared_side_by_side(tab: Tab, served: Served) -> None:
    tab.put(film("covid-19"))
    cases = served.canned.similar(served.canned.embedding(phantom("covid-19", 1, 200)), 8)["films"][0]["cases"]
    shown = next(n for n, case in enumerate(cases) if n and case["picture"])
    tab.find("#cards .case").nth(shown).click()
    expect(tab.find("#compare-facts")).to_contain_text(cases[shown]["id"][:8])
    expect(tab.find("#compare-case canvas")).to_have_attribute("aria-label", re.compile("a map of “like the film”"))
    assert "like its nearest case" in tab.seen("#compare-film")
    assert ("POST", f"explain?case={cases[shown]['id']}") in served.asked
    tab.page.click("#compare-next")
    expect(tab.find("#compare-facts")).to_contain_text(cases[shown + 1]["id"][:8])
    expect(tab.find("#compare-film canvas")).to_have_attribute("aria-label", re.compile("a map of"))
    tab.page.keyboard.press("Escape")
    assert tab.page.is_hidden("#compare")
    assert tab.find("#cards .case").nth(shown).evaluate("(card) => card === document.activeElement")
    assert tab.page.is_checked("#maps input[value=case]")
    assert cases[shown + 1]["id"][:8] in tab.text("#maps")


def test_answers_come_from_classes_of_ones_own(tab: Tab, served: Served) -> None:
    tab.put(film("covid-19"), film("healthy", 2))
    assert tab.page.is_disabled("#from input[value=own]")
    tab.make_class("dense", film("covid-19", 11), film("covid-19", 12))
    tab.make_class("clear", film("healthy", 13))
    expect(tab.find(".sentence")).to_contain_text("Nearest to dense")
    assert tab.page.is_checked("#from input[value=own]")
    expect(tab.find("#strip .film-answer").nth(1)).to_contain_text("clear")
    expect(tab.find("#verdict .numbers")).to_contain_text("A class has one example")
    expect(tab.find("#viewer canvas").first).to_have_attribute("aria-label", re.compile("dense, not clear"))
    expect(tab.find("#latent-map canvas").first).to_have_attribute("aria-label", re.compile("dense.*clear"))
    before = tab.text("#verdict")
    tab.drag(tab.find("#strip .film").nth(1), tab.find('.zone[data-name="clear"]'))
    expect(tab.find('.zone[data-name="clear"] .chip')).to_have_count(2)
    expect(tab.find("#verdict .numbers")).to_have_count(0)
    assert tab.text("#verdict") != before
    tab.page.check("#from input[value=gallery]", force=True)
    assert "Nearest to covid-19" in tab.text(".sentence")


def test_examples_are_moved_and_removed(tab: Tab) -> None:
    tab.put(film("covid-19"))
    tab.make_class("one", film("covid-19", 11), film("healthy", 12))
    tab.make_class("two", film("healthy", 13))
    tab.find(".chip select").nth(1).select_option("two")
    expect(tab.find('.zone[data-name="two"] .chip')).to_have_count(2)
    expect(tab.find(".sentence")).to_contain_text("Nearest to one")  # after which nothing moves
    tab.drag(tab.find('.zone[data-name="two"] .chip').nth(0), tab.find('.zone[data-name="one"]'))
    expect(tab.find('.zone[data-name="one"] .chip')).to_have_count(2)
    expect(tab.find(".sentence")).to_contain_text("Perhaps unlike anything known")  # the class is of two kinds now
    tab.find('.zone[data-name="two"] .chip .remove').click()
    expect(tab.find('.zone[data-name="two"] .chip')).to_have_count(0)
    expect(tab.find("#from input[value=own]")).to_be_disabled()
    assert "Nearest to covid-19" in tab.text(".sentence")
    tab.page.click("text=Add the film shown >> nth=1")
    expect(tab.find("#verdict .warning")).to_contain_text("itself among the examples")
    tab.page.click('[aria-label="Remove the class two"]')
    expect(tab.find(".zone")).to_have_count(1)


def test_classes_are_downloaded_and_loaded(tab: Tab) -> None:
    tab.make_class("dense", film("covid-19", 11), film("covid-19", 12))
    tab.make_class("clear", film("healthy", 13))
    with tab.page.expect_download() as started:
        tab.page.click("#download")
    text = Path(started.value.path()).read_text()
    assert {name: len(rows) for name, rows in json.loads(text)["classes"].items()} == {"dense": 2, "clear": 1}
    tab.page.reload()
    tab.ready()
    assert tab.find(".zone").count() == 0
    tab.drop("body", other("classes.json", text.encode(), "application/json"))
    expect(tab.find(".zone .chip")).to_have_count(3)
    tab.put(film("covid-19", 2))
    expect(tab.find(".sentence")).to_contain_text("Nearest to dense")
    strangers = {"no json": "is no JSON", "{}": "no classes", text.replace("5e5e", "5f5f"): "another encoder"}
    for content, words in strangers.items():
        tab.page.set_input_files("#support-file", [other("x.json", content.encode())])
        expect(tab.find("#alerts [role=alert]").last).to_contain_text(words)
    assert tab.find(".zone .chip").count() == 3


def test_the_sentence_says_how_sure_the_heads_are(still: Tab) -> None:
    def answer(*shares: float, unknown: bool = False) -> dict[str, Any]:
        named = dict(zip("abcd", shares, strict=False))
        best = max(named, key=lambda name: named[name])
        return {"head": "knn", "class": best, "probability": named[best], "unknown": unknown, "probabilities": named}

    wanted = {
        "Nearest to a: 80 %": [answer(0.8, 0.2), answer(0.804, 0.196)],
        "Nearest to a": [answer(0.999, 0.001), answer(0.7, 0.3)],
        "Undecided: a or b": [answer(0.6, 0.4), answer(0.3, 0.7)],
        "Undecided: b or a": [answer(0.39, 0.41, 0.2), answer(0.4, 0.42, 0.18)],
        "Nearest to b": [answer(0.39, 0.41, 0.2), answer(0.05, 0.9, 0.05)],
        "Undecided: no class stands out": [answer(0.25, 0.25, 0.26, 0.24)],
        "Perhaps unlike anything known": [answer(0.8, 0.2, unknown=True), answer(0.9, 0.1)],
        "Unlike anything known": [answer(0.8, 0.2, unknown=True), answer(0.9, 0.1, unknown=True)],
    }
    said = "async (all) => all.map((await import('/static/words.js')).summary)"
    told = [one["sentence"].replace("\N{NO-BREAK SPACE}", " ") for one in still.page.evaluate(said, [*wanted.values()])]
    assert told == [*wanted]
