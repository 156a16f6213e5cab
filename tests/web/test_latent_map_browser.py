"""The latent map in a real browser: what it draws, says and lets pick."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from amounts import slow
from shown_page import ShownPage

LABELS = ["normal", "bacterial pneumonia", "viral <b>pneumonia</b>"]
RANDOM = np.random.default_rng(4)
LABEL = np.repeat([0, 1, 2], [60, 40, 20])
PLACES = np.array([[0, 0], [6, 0], [3, 5]])[LABEL] + RANDOM.normal(0, 0.6, (120, 2))
POINTS = {
    "kind": "umap",
    "sentences": ["Neighbours on the map are mostly neighbours in the embedding."],
    "labels": LABELS,
    "x": PLACES[:, 0].tolist(),
    "y": PLACES[:, 1].tolist(),
    "label": LABEL.tolist(),
    "id": [None if row % 10 == 9 else f"case-{row}" for row in range(120)],
}
ALT = "document.querySelector('#map canvas').getAttribute('aria-label')"
TOLD = "window.picked = []; map.addEventListener('pick', (event) => picked.push(event.detail.id))"


@pytest.fixture
def page(browser: Any) -> Iterator[ShownPage]:
    opened = ShownPage(browser, height=1400)
    opened.tab.evaluate("(points) => map.setPoints(points)", POINTS)
    opened.tab.evaluate(TOLD)
    yield opened
    opened.close()


def place(page: ShownPage, x: float, y: float) -> tuple[float, float]:
    """Where a place of the map is in the window."""
    u, v = page.tab.evaluate("(at) => map.outside(...at)", [float(x), float(y)])
    box = page.tab.locator("#map canvas").first.bounding_box()
    return box["x"] + u, box["y"] + v


def lonely(with_case: bool) -> int:
    """The film farthest from every other one, among those that have a case or have none."""
    away = np.linalg.norm(PLACES[:, None] - PLACES[None], axis=2)
    alone = np.partition(away, 1, axis=1)[:, 1]
    fits = np.array([(name is not None) == with_case for name in POINTS["id"]])
    return int(np.argmax(np.where(fits, alone, -1)))


def colours_at(page: ShownPage, x: float, y: float, reach: int = 3) -> set[tuple[int, ...]]:
    """The colours within so many pixels of a place of the map."""
    u, v = (round(at) for at in page.tab.evaluate("(at) => map.outside(...at)", [float(x), float(y)]))
    pixels = page.pixels("#map canvas")[v - reach : v + reach + 1, u - reach : u + reach + 1]
    return {tuple(int(part) for part in pixel) for pixel in pixels.reshape(-1, 4) if pixel[3] > 150}


def test_a_click_picks_a_case_and_a_film_without_one_says_so(page: ShownPage) -> None:
    row, without = lonely(True), lonely(False)
    page.tab.mouse.move(*place(page, *PLACES[without]))
    assert page.tab.inner_text("#map .latent-tip") == f"{LABELS[LABEL[without]]} · not in the gallery"
    page.tab.mouse.click(*place(page, *PLACES[without]))
    page.tab.mouse.click(*place(page, *PLACES[row]))
    assert page.tab.inner_text("#map .latent-tip") == f"{LABELS[LABEL[row]]} · open this case"
    assert page.tab.evaluate("picked") == [f"case-{row}"]


def test_a_label_hides_its_films_by_mouse_and_by_keyboard(page: ShownPage) -> None:
    row = lonely(True)
    button = page.tab.locator("#map .latent-legend button").nth(int(LABEL[row]))
    seen = colours_at(page, *PLACES[row])
    assert seen
    button.click()
    assert button.get_attribute("aria-pressed") == "false" and "(hidden)" in page.tab.evaluate(ALT)
    assert not colours_at(page, *PLACES[row])
    page.tab.mouse.click(*place(page, *PLACES[row]))
    assert page.tab.evaluate("picked") == []
    button.focus()
    page.tab.keyboard.press("Enter")
    page.tab.mouse.move(1, 1)
    assert colours_at(page, *PLACES[row]) == seen
    texts = page.tab.locator("#map .latent-legend button").all_inner_texts()
    assert [text.split("\n") for text in texts] == [
        [name, str(n)] for name, n in zip(LABELS, (60, 40, 20), strict=True)
    ]


def test_arrow_keys_go_from_film_to_film_and_enter_picks(page: ShownPage) -> None:
    page.tab.evaluate("map.setFilms([{ x: 0, y: 0, strange: false, label: 'Your film' }])")
    page.tab.focus("#map canvas")
    page.tab.keyboard.press("ArrowRight")
    first = page.tab.evaluate("map.at")
    assert first == int(np.argmin(np.linalg.norm(PLACES, axis=1)))
    visited = [first]
    for _ in range(12):
        page.tab.keyboard.press("ArrowRight")
        visited.append(page.tab.evaluate("map.at"))
    across = PLACES[visited, 0]
    assert (np.diff(across) >= 0).all() and across[-1] > across[0] + 0.5
    while POINTS["id"][visited[-1]] is None:
        page.tab.keyboard.press("ArrowLeft")
        visited.append(page.tab.evaluate("map.at"))
    page.tab.keyboard.press("Enter")
    assert page.tab.evaluate("picked") == [POINTS["id"][visited[-1]]]


def test_new_films_are_told_and_strange_ones_are_hollow(page: ShownPage) -> None:
    films = [
        {"x": 6, "y": 0, "strange": False, "label": "Your film"},
        {"x": 0, "y": 4, "strange": True, "label": "The other"},
    ]
    page.tab.evaluate("(films) => map.setFilms(films)", films)
    text = page.tab.evaluate(ALT)
    assert "umap) of 120 films: 60 normal, 40 bacterial pneumonia" in text
    assert "On this flat map Your film has most often bacterial pneumonia around it, 15 of 15" in text
    assert "1 more of your films is on it" in text
    page.tab.evaluate("(films) => map.setFilms(films.toReversed())", films)
    assert "The other does not fit this flat map: its place says nothing" in page.tab.evaluate(ALT)
    page.tab.evaluate("(films) => map.setFilms(films)", films)
    assert (28, 33, 39, 255) in colours_at(page, 6, 0, 1) and (28, 33, 39, 255) not in colours_at(page, 0, 4, 1)
    before = page.pixels("#map canvas").astype(int)
    page.tab.evaluate("map.highlight(['case-0', 'case-70', 'unheard of'])")
    after = page.pixels("#map canvas").astype(int)
    middle = tuple(
        round(at) for at in page.tab.evaluate("(at) => map.outside(...at)", ((PLACES[0] + (6, 0)) / 2).tolist())
    )
    around = np.s_[middle[1] - 2 : middle[1] + 3, middle[0] - 2 : middle[0] + 3]
    assert np.abs(after - before)[around].max() > 60  # a line


def test_prototypes_glide_unless_motion_is_not_wanted(page: ShownPage) -> None:
    first = [{"name": "normal", "x": 0, "y": 0, "examples": 3}, {"name": "my own", "x": 3, "y": 2, "examples": 1}]
    moved = [{"name": "normal", "x": 6, "y": 4, "examples": 4}, {"name": "my own", "x": 3, "y": 2, "examples": 1}]
    goes = """(moved) => {
      map.setPrototypes(moved);
      const { x, y, from, since } = map.prototypes[0];
      return [0, 150, 400, 601].map((later) => placeNow({ x, y, from, since }, Math.max(since, 0) + later));
    }"""
    page.tab.evaluate("(first) => map.setPrototypes(first)", first)
    assert "Prototypes: normal (of 3), my own (of 1)" in page.tab.evaluate(ALT)
    places = np.array(page.tab.evaluate(goes, moved))
    assert (np.diff(places, axis=0) >= 0).all() and places[0].tolist() == [0, 0] and places[3].tolist() == [6, 4]
    assert 0 < places[1][0] < 6
    page.tab.emulate_media(reduced_motion="reduce")
    assert np.array(page.tab.evaluate(goes, first)).tolist() == [[0, 0]] * 4


def test_the_wheel_zooms_and_the_whole_comes_back(page: ShownPage) -> None:
    row = lonely(True)
    at = place(page, *PLACES[row])
    page.tab.mouse.move(*at)
    page.tab.mouse.wheel(0, -300)
    page.tab.wait_for_function("() => map.view.zoom > 1.3")
    np.testing.assert_allclose(place(page, *PLACES[row]), at, atol=1)  # a wheel turns on a whole pixel
    page.tab.get_by_role("button", name="Show the whole map").click()
    assert page.view("map") == {"zoom": 1, "across": 0.5, "down": 0.5}


@pytest.mark.parametrize("scheme", ["light", slow("dark")])
def test_twenty_thousand_films_are_drawn_in_time_on_narrow_paper(browser: Any, scheme: str) -> None:
    page = ShownPage(browser, 320, 700, scheme)
    many = """(points) => {
      const often = (list) => Array.from({ length: 20000 }, (_, at) => list[at % list.length]);
      const spread = (list) => often(list).map((value, at) => value + Math.sin(at) / 4);
      const { x, y, label, id } = points;
      map.setPoints({ ...points, x: spread(x), y: spread(y), label: often(label), id: often(id).fill(null) });
    }"""
    page.tab.evaluate(many, POINTS)
    assert "20000 films" in page.tab.evaluate(ALT)
    spent = """async () => {
      const times = [];
      for (let turn = 0; turn < 9; turn++) {
        await drawn();
        const start = performance.now();
        map.painter.kept = null; // nothing of it is at hand
        map.painter.draw(map, { ink: "#000", paper: "#fff", classes: ["#123", "#456", "#789"] }, "serif");
        times.push(performance.now() - start);
      }
      return times;
    }"""
    assert min(page.tab.evaluate(spent)) < 50  # the least: others may use this machine, too
    assert page.tab.evaluate("document.scrollingElement.scrollWidth") <= 320
    page.close()


def test_a_star_is_named_chosen_and_kept_while_zooming(page: ShownPage) -> None:
    page.tab.evaluate("window.chosen = []; map.addEventListener('choose', (event) => chosen.push(event.detail.id))")
    film = {"x": 3, "y": 2, "strange": False, "label": "Your film", "id": "film-1"}
    page.tab.evaluate("(film) => map.setFilms([film])", film)
    at = place(page, 3, 2)
    page.tab.mouse.move(*at)
    assert page.tab.inner_text("#map .latent-tip") == "Your film"
    page.tab.mouse.click(*at)
    assert page.tab.evaluate("[chosen, picked]") == [["film-1"], []]
    for _ in range(3):
        page.tab.get_by_role("button", name="Zoom into the map").click()
    assert page.view("map")["zoom"] > 3
    np.testing.assert_allclose(place(page, 3, 2), at, atol=1)
