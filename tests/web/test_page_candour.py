"""The page does not promise more than it knows: what was read, what was tested, how sure the answers are."""

import json
from pathlib import Path
from typing import Any

from page_tab import Tab, expect, film, other

TOLD = "async (all) => all.map((await import('/static/words.js')).summary)"
NOTES = """async (all) => {
  const { mapNotes } = await import('/static/mapnotes.js');
  return all.map(([film, ...rest]) => mapNotes(film, ...rest).map((each) => (each ? each.textContent : "")).join(" "));
}"""
LITTLE = "async (all) => all.map((await import('/static/maplegend.js')).littleOf)"
FILM = {"height": 200, "width": 100, "shown": [50, 0, 150, 100]}
WHOLE = {"height": 100, "width": 100, "shown": [0, 0, 100, 100]}
VERDICT = "margin maps, exact: faithful in 10 of 11 checks (not: blur); evidence in 3 of 7 checks (not: lesions; lungs)"


def answer(head: str, *shares: float) -> dict[str, Any]:
    named = dict(zip("abcd", shares, strict=False))
    best = max(named, key=lambda name: named[name])
    return {"head": head, "class": best, "probability": named[best], "unknown": False, "probabilities": named}


def test_shares_that_differ_are_told_by_their_heads_and_a_tie_names_both(still: Tab) -> None:
    differ = [answer("prototype", 0.55, 0.45), answer("knn", 0.83, 0.17)]
    tie = [answer("prototype", 0.2, 0.8), answer("knn", 0.39, 0.39, 0.22)]
    three = [*differ, answer("third", 0.7, 0.3)]
    told = [
        {name: line.replace("\N{NO-BREAK SPACE}", " ") for name, line in each.items()}
        for each in still.page.evaluate(TOLD, [differ, tie, three])
    ]
    assert told[0]["beside"] == "Both ways of answering agree: class averages 55 %, nearest neighbours 83 %."
    assert told[0]["label"] == "a" and told[0]["share"] == ""
    assert told[1]["beside"] == "Not of one mind: class averages say b; nearest neighbours say a or b."
    assert told[2]["beside"].startswith("All three ways of answering agree: ")


def test_a_film_that_was_read_in_part_says_so(still: Tab) -> None:
    asked = [[FILM, "margin", ""], [FILM, "none", ""], [WHOLE, "margin", VERDICT], [WHOLE, "class", VERDICT]]
    bright, plain, tested, untested = still.page.evaluate(NOTES, asked)
    assert "the bright part of the film, 50\N{NO-BREAK SPACE}% of it" in bright
    assert bright.endswith("not been tested.")
    assert "50\N{NO-BREAK SPACE}% of it, was read" in plain and "tested" not in plain
    assert "faithful in 10 of 11 checks; evidence in 3 of 7 checks." in tested and VERDICT in tested
    assert "read" not in tested and untested.strip() == "Maps of this kind have not been tested."


def test_a_map_that_explains_little_says_so(still: Tab) -> None:
    maps = [{"map": [[share, 0.0]], "score": 1.0, "constant": 1 - share} for share in (0.01, 0.49, 0.51, -0.2)]
    tiny, half, more, against = still.page.evaluate(LITTLE, maps)
    assert "explains 1\N{NO-BREAK SPACE}% of it" in tiny and "49" in half
    assert more == "" and "explains 0" in against


def test_a_double_click_removes_one_film(tab: Tab) -> None:
    tab.put(film("covid-19"), film("healthy", 2))
    tab.find("#strip .remove").first.dblclick()
    assert tab.find("#strip .film-name").all_inner_texts() == ["healthy 2.png"]


def test_long_names_of_classes_do_not_widen_the_page(open_tab: Any) -> None:
    tab = open_tab(width=360).ready()
    tab.put(film("covid-19"))
    tab.make_class("x" * 60, film("covid-19", 11))
    tab.make_class("y" * 60, film("healthy", 13))
    expect(tab.find(".sentence")).to_contain_text("x" * 60)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_classes_that_are_loaded_twice_are_there_once(tab: Tab) -> None:
    tab.make_class("dense", film("covid-19", 11), film("covid-19", 12))
    with tab.page.expect_download() as started:
        tab.page.click("#download")
    text = Path(started.value.path()).read_text()
    tab.page.set_input_files("#support-file", [other("x.json", text.encode())])
    expect(tab.find("#said")).to_contain_text("2 were there already")
    assert tab.find(".zone .chip").count() == 2
    kept = json.loads(text)
    longer = {**kept, "classes": {"a": [[2 * value for value in kept["classes"]["dense"][0]]]}}
    broken = {**kept, "classes": {"a\nb": kept["classes"]["dense"]}}
    for strange, words in ((longer, "of length 1"), (broken, "line breaks")):
        tab.page.set_input_files("#support-file", [other("x.json", json.dumps(strange).encode())])
        expect(tab.find("#alerts [role=alert]").last).to_contain_text(words)
