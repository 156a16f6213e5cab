"""The page's overlay against the library's, pixel by pixel, and what stands on the screen against both."""

import base64
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from amounts import mostly_slow
from numpy.typing import NDArray
from shown_page import ShownPage

from embedlearn.explanations.geometry import Sight, cell_at, shown_of, window_of
from embedlearn.explanations.overlay import painted
from embedlearn.radiographs.preprocessing import Preprocessing

PAINTED = """(each) => {
  const film = Uint8Array.from(atob(each.film), (letter) => letter.charCodeAt(0));
  const laid = overlay.onFilm(each.map, each, each.height, each.width, each.cells);
  return btoa(String.fromCharCode(...overlay.painted(film, laid, each.scale)));
}"""
CELLS = "({ map, points }) => points.map(([down, across]) => overlay.cellAt(map.map, map, down, across))"
SIGHTS = [
    ((1, 1), 0.0, {"fit": "crop"}, (57, 80)),
    ((6, 6), 0.0, {"fit": "crop"}, (96, 96)),
    ((6, 6), 0.31, {"fit": "crop", "border": 0.06}, (120, 75)),
    ((3, 7), -0.45, {"fit": "pad"}, (61, 130)),
    ((7, 3), 0.9, {"fit": "pad", "border": 0.1}, (130, 61)),
    ((12, 12), -0.99, {"fit": "pad", "size": 64}, (97, 33)),
]


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[ShownPage]:
    opened = ShownPage(browser)
    yield opened
    opened.close()


def made_up(
    grid: tuple[int, int], lag: float, settings: dict[str, Any], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], Sight, dict[str, Any]]:
    """A film of noise, a map's values, how it is seen, and all of it as the API would send it."""
    random = np.random.default_rng(sum(size))
    film = random.integers(0, 256, size).astype(np.uint8)
    values = random.normal(0, 0.03, grid).round(5).astype(np.float32)
    preprocessing = Preprocessing(**settings)
    sent = {
        "film": base64.b64encode(film.tobytes()).decode(),
        "height": size[0],
        "width": size[1],
        "map": values.tolist(),
        "window": list(window_of(*size, preprocessing)),
        "shown": list(shown_of(*size, preprocessing)),
        "lag": lag,
        "scale": 0.8 * float(np.abs(values).max()),
        "target": "a, not b",
        "score": 0.1,
        "constant": 0.02,
    }
    return film, values, Sight(preprocessing, lag), sent


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("case", SIGHTS)
def test_the_overlay_is_that_of_the_library(page: ShownPage, case: Any, cells: bool) -> None:
    film, values, sight, sent = made_up(*case)
    got = np.frombuffer(base64.b64decode(page.tab.evaluate(PAINTED, sent | {"cells": cells})), np.uint8)
    wanted = painted(film, values, sight, sent["scale"], "nearest" if cells else "bilinear")
    assert np.abs(got.reshape(wanted.shape).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("case", SIGHTS)
def test_a_point_lies_in_the_cell_that_the_library_finds(page: ShownPage, case: Any) -> None:
    film, values, sight, sent = made_up(*case)
    points = np.random.default_rng(1).uniform(0, film.shape, (200, 2))
    found = page.tab.evaluate(CELLS, {"map": sent, "points": points.tolist()})
    top, left, bottom, right = sent["shown"]
    for (down, across), cell in zip(points, found, strict=True):
        seen = top <= down < bottom and left <= across < right
        wanted = cell_at(down, across, values.shape, *film.shape, sight) if seen else None
        assert (cell and tuple(cell)) == wanted


@pytest.mark.parametrize(
    ("case", "cells"),
    mostly_slow(list(product(SIGHTS[1:4], [False, True])), [(SIGHTS[2], False), (SIGHTS[3], True)]),
)
def test_the_screen_shows_the_overlay(page: ShownPage, case: Any, cells: bool) -> None:
    film, values, sight, sent = made_up(*case)
    page.set_film(film)
    page.set_map(sent)
    page.tab.evaluate(f"film.showCells({str(cells).lower()}); film.showPixels(); drawn()")
    screen = page.pixels()[..., :3].astype(int)
    wanted = painted(film, values, sight, sent["scale"], "nearest" if cells else "bilinear")
    top, left = (np.array(screen.shape[:2]) - film.shape + 1) // 2
    got = screen[top : top + film.shape[0], left : left + film.shape[1]]
    away = np.abs(got - wanted).max(axis=2)
    edge = 0.02 if cells else 0.0  # a pixel that two cells share is given to either
    assert (away > 3).mean() <= edge
    assert page.tab.evaluate("film.opacity = 0.5") == 0.5
    half = page.pixels()[top : top + film.shape[0], left : left + film.shape[1], :3]
    mixed = (wanted.astype(float) + film[..., None]) / 2
    assert (np.abs(half - mixed).max(axis=2) > 3).mean() <= edge
    page.tab.evaluate("film.opacity = 0")
    plain = page.pixels()[top : top + film.shape[0], left : left + film.shape[1], :3]
    np.testing.assert_array_equal(plain, np.repeat(film[..., None], 3, axis=2))
    page.tab.evaluate("film.opacity = 1; film.showCells(false)")


@pytest.mark.parametrize(("width", "level"), [(256, 128), (100, 60), (2, 200), (512, 10)])
def test_a_window_is_that_of_dicom(page: ShownPage, width: int, level: int) -> None:
    grey = np.arange(256)
    low, high = level - 0.5 - (width - 1) / 2, level - 0.5 + (width - 1) / 2
    linear = ((grey - (level - 0.5)) / (width - 1) + 0.5) * 255
    wanted = np.select([grey <= low, grey > high], [0.0, 255.0], linear)
    for inverted in (False, True):
        asked = {"width": width, "level": level, "inverted": inverted}
        got = np.array(page.tab.evaluate("(window) => [...shades(window)]", asked))
        assert np.abs(got - (255 - wanted if inverted else wanted)).max() <= 0.5 + 1e-6
