"""The page in a real browser, by a real mouse and keyboard, under its own policy."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amounts import slow
from made_up_page import make_page
from matplotlib.path import Path as Outline
from opened_page import ANOTHER_MAP, BROWSERS, RANGE, RECOLOUR, Opened, found_browser
from test_map_page import HOSTILE

from embedlearn.figures import COLOURS
from embedlearn.maps.page import PageData, write_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found_browser(), args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} is on the path ({error.message.splitlines()[0]})")
        yield started
        started.close()


@pytest.fixture(scope="module")
def page() -> PageData:
    return make_page()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, page: PageData) -> Path:
    made = tmp_path_factory.mktemp("page") / "map.html"
    write_page(made, page)
    return made


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    found = Opened(browser, path)
    yield found
    assert found.said == [] and found.asked == []
    assert found.tab.evaluate("() => window.broken ?? []") == []
    found.tab.context.close()


def lonely(page: PageData) -> int:
    """The film that is farthest from every other one."""
    away = np.linalg.norm(page.maps["blobs"][:, None] - page.maps["blobs"][None], axis=2)
    return int(np.argmax(np.partition(away, 1, axis=1)[:, 1]))


def test_the_pointer_finds_a_film(opened: Opened, page: PageData) -> None:
    row = lonely(page)
    [place] = opened.places([row])
    assert opened.tab.is_hidden("#card")
    opened.point(place + 60)
    opened.point(place)
    text = opened.text("#card")
    assert text.startswith(page.ids[row])
    for name in ("label", "source", "prediction"):
        assert f"{name} {page.columns[name][row]}" in text
    grey = opened.tab.evaluate(
        "() => document.querySelector('#card canvas').getContext('2d').getImageData(2, 2, 1, 1).data[0]"
    )
    assert page.thumbnails is not None and abs(grey - int(page.thumbnails[row, :5, :5].mean())) < 25
    opened.point(np.array([5, 5]))
    assert opened.tab.is_hidden("#card")


def test_a_new_film_says_that_it_is_strange(opened: Opened, page: PageData) -> None:
    assert page.new is not None
    assert "☆ new-b.png unlike anything the map was made from" in opened.text(".new")
    low_x, high_x, low_y, high_y = opened.tab.evaluate(RANGE)
    box = opened.tab.locator("#plot").bounding_box()
    for name, (x, y), strange in zip(page.new.names, page.new.positions["blobs"], page.new.strange, strict=True):
        right, down = (x - low_x) / (high_x - low_x), (high_y - y) / (high_y - low_y)
        place = np.array([box["x"] + right * box["width"], box["y"] + down * box["height"]])
        assert (opened.colour_at(place).mean() > 200) == strange  # hollow
        opened.point(place)
        assert opened.text("#card") == f"{name} new film" + ", unlike anything the map was made from" * int(strange)


def test_the_wheel_zooms_about_the_pointer_and_reset_goes_back(opened: Opened, page: PageData) -> None:
    row = lonely(page)
    [place], before = opened.places([row]), opened.tab.evaluate(RANGE)
    opened.point(place)
    opened.tab.mouse.wheel(0, -200)
    opened.settle()
    after = opened.tab.evaluate(RANGE)
    assert after[1] - after[0] < 0.9 * (before[1] - before[0])
    np.testing.assert_allclose(opened.places([row])[0], place, atol=1.5)
    moved = place + np.array([40, 30])
    opened.drag(np.array([place, moved]))
    np.testing.assert_allclose(opened.places([row])[0], moved, atol=1.5)
    opened.tab.click("#reset")
    opened.settle()
    np.testing.assert_allclose(opened.tab.evaluate(RANGE), before)


@pytest.mark.parametrize("tool", ["lasso", slow("box")])
def test_what_is_drawn_around_is_selected_counted_and_saved(opened: Opened, page: PageData, tool: str) -> None:
    places = opened.places(range(len(page.ids)))
    middle, reach = places[page.columns["label"] == "pneumonia"].mean(axis=0), 45.0
    angles = np.linspace(0, 2 * np.pi, 13)
    ring = middle + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    corners = ring if tool == "lasso" else np.array([middle - reach, middle + reach])
    inside = Outline(ring).contains_points(places) if tool == "lasso" else (np.abs(places - middle) < reach).all(axis=1)
    edge = Outline(ring).contains_points(places, radius=2) if tool == "lasso" else inside
    opened.tab.click(f"[data-tool={tool}]")
    opened.drag(corners)
    saved = opened.saved()
    wanted = [page.ids[row] for row in np.flatnonzero(inside)]
    allowed = {page.ids[row] for row in np.flatnonzero(inside | edge)}
    found = [row["id"] for row in saved]
    assert len(found) > 10 and set(wanted) <= set(found) <= allowed and found == sorted(found)
    assert opened.text("#selected-count") == str(len(found))
    for row in saved:
        film = page.ids.index(row["id"])
        for name in ("label", "source", "prediction"):
            assert row[name] == page.columns[name][film]
        assert row["map"] == "blobs" and row["error"] == ("yes" if page.columns["error"][film] else "no")
        np.testing.assert_allclose([float(row["x"]), float(row["y"])], page.maps["blobs"][film], rtol=1e-6)
    for name in ("label", "source"):
        count = Counter(row[name] for row in saved)
        assert all(f"{value} {number}" in opened.text("#counts") for value, number in count.items())
    assert opened.text("#listed").count(".png") == min(60, len(found))
    assert page.explanations is not None
    mean = page.explanations[[page.ids.index(name) for name in found]].mean(axis=0)
    assert float(opened.text("#scale-high")) == pytest.approx(np.abs(mean).max(), rel=0.06)
    opened.tab.click("#clear")
    assert opened.text("#selected-count") == "0" and opened.tab.is_disabled("#save")


def test_a_click_selects_a_film_and_shift_adds_one(opened: Opened, page: PageData) -> None:
    first = lonely(page)
    other = int(np.argmax(np.linalg.norm(page.maps["blobs"] - page.maps["blobs"][first], axis=1)))
    for film, rows in ((first, [first]), (other, sorted([first, other]))):
        opened.tab.wait_for_timeout(350)  # sooner, two clicks are a double one
        opened.tab.mouse.click(*map(float, opened.places([film])[0]))
        sync_api.expect(opened.tab.locator("#selected-count")).to_have_text(str(len(rows)))
        assert [row["id"] for row in opened.saved()] == [page.ids[row] for row in rows]
        opened.tab.keyboard.down("Shift")
    opened.tab.keyboard.up("Shift")


def test_the_colours_are_those_of_the_column_that_is_chosen(opened: Opened, page: PageData) -> None:
    row = lonely(page)
    [place] = opened.places([row])
    for name, words in (("label", str), ("error", lambda value: "yes" if value else "no")):
        opened.tab.select_option("#colour", name)
        opened.settle()
        legend = opened.legend()
        assert legend == Counter(words(value) for value in page.columns[name])
        wanted = COLOURS[list(legend).index(words(page.columns[name][row]))]
        mixed = [0.85 * int(wanted[at : at + 2], 16) + 0.15 * 255 for at in (1, 3, 5)]
        assert np.abs(opened.colour_at(place) - mixed).max() < 25


def test_another_map_moves_the_films(opened: Opened, page: PageData) -> None:
    opened.tab.select_option("#colour", "reliability")
    assert "Trustworthiness" in opened.text("#quality") and opened.tab.is_hidden("#spread")
    opened.tab.select_option("#map", label="grid")
    opened.settle()
    assert opened.tab.is_hidden("#quality-of") and opened.tab.is_visible("#spread")
    assert opened.tab.input_value("#colour") == "label" and "reliability" not in opened.text("#colour")
    places, cells = opened.places(range(len(page.ids))), page.maps["grid"]
    assert np.corrcoef(places[:, 0], cells[:, 0])[0, 1] > 0.9 and np.corrcoef(places[:, 1], cells[:, 1])[0, 1] < -0.9


def test_keys_move_zoom_and_select(opened: Opened, page: PageData) -> None:
    keyboard = opened.tab.keyboard
    opened.tab.focus("#reset")
    keyboard.press("Tab")
    before = opened.tab.evaluate(RANGE)
    keyboard.press("ArrowRight")
    keyboard.press("+")
    after = opened.tab.evaluate(RANGE)
    assert after[0] + after[1] > before[0] + before[1] and after[1] - after[0] < before[1] - before[0]
    keyboard.press("0")
    np.testing.assert_allclose(opened.tab.evaluate(RANGE), before)
    keyboard.press("Tab")
    keyboard.press("Enter")
    first = next(iter(opened.legend()))
    assert {row["label"] for row in opened.saved()} == {first}
    assert opened.text("#selected-count") == str((page.columns["label"] == first).sum())


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), slow(400, "light"), slow(1280, "dark"), (2000, "light")])
def test_the_page_fits_its_window_on_light_and_dark_paper(browser: Any, path: Path, width: int, scheme: str) -> None:
    opened = Opened(browser, path, width, scheme)
    assert opened.tab.evaluate("() => document.scrollingElement.scrollWidth") <= width
    box = opened.tab.locator("#plot").bounding_box()
    paper = opened.colour_at(np.array([box["x"] + box["width"] - 6, box["y"] + 6]))
    assert (paper.mean() < 60) == (scheme == "dark")
    palette = "() => Bokeh.documents[0].get_model_by_name('mark-glyph').fill_color.value"
    assert opened.tab.evaluate(palette) == {"dark": "#e3e7ec", "light": "#1c2127"}[scheme]
    opened.tab.emulate_media(media="print")
    opened.settle()
    assert opened.tab.evaluate(palette) == "#1c2127" and opened.said == []
    opened.tab.context.close()


def test_hostile_words_do_nothing(browser: Any, tmp_path: Path, page: PageData) -> None:
    named = np.array(HOSTILE)[np.arange(len(page.ids)) % 4]
    hostile = replace(
        page, title=HOSTILE[0], ids=[f"{name} {row}" for row, name in enumerate(named)], notes=HOSTILE,
        columns={"label": named, HOSTILE[1]: named}, explained=HOSTILE[0],
    )  # fmt: skip
    write_page(tmp_path / "map.html", hostile)
    opened = Opened(browser, tmp_path / "map.html")
    assert opened.tab.title() == HOSTILE[0]
    opened.tab.locator("#legend button").first.click()
    saved = opened.saved()
    first = hostile.columns["label"][hostile.ids.index(saved[0]["id"])]
    assert {row["label"] for row in saved} == {first} and [row["id"] for row in saved] == [
        name for name, label in zip(hostile.ids, named, strict=True) if label == first
    ]
    assert opened.tab.evaluate("() => typeof pwned") == "undefined"
    assert opened.said == [] and opened.asked == []
    opened.tab.context.close()


def test_the_policy_is_in_force(browser: Any, path: Path) -> None:
    opened = Opened(browser, path)
    opened.tab.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'pwned = 1'; document.body.append(s); }"
    )
    opened.tab.evaluate("() => fetch('https://example.org/').catch(() => {})")
    assert opened.tab.evaluate("() => typeof pwned") == "undefined" and opened.asked == []
    assert {word.split("-")[0] for word in opened.tab.evaluate("() => window.broken")} == {"script", "connect"}
    opened.tab.context.close()


@pytest.mark.slow
def test_ten_thousand_films_are_drawn_anew_in_50_ms_of_processor_time(browser: Any, tmp_path: Path) -> None:
    write_page(tmp_path / "map.html", make_page(10_000))
    opened = Opened(browser, tmp_path / "map.html")
    for change in (RECOLOUR, ANOTHER_MAP, "(turn) => element(turn % 2 ? 'wider' : 'closer').click()"):
        assert min(opened.spent(change) for _ in range(4)) < 0.05  # the least: others may use this machine, too
    opened.tab.context.close()
