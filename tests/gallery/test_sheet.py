"""The contact sheet shows every film, in its place, with its label's colour around it."""

import numpy as np
import pytest
from PIL import Image

from embedlearn.gallery.sheet import Tile, draw_sheet

GREYS = (40, 90, 140, 190, 240, 65, 115)


def flat(grey):
    return np.full((32, 32), grey, np.uint8)


@pytest.fixture
def sheet(tmp_path):
    hits = [Tile(flat(grey), [f"{place}"], "ab"[place % 2]) for place, grey in enumerate(GREYS)]
    draw_sheet(tmp_path / "s.png", [Tile(flat(10), ["query", "a name $that$ is very long indeed.png"])], hits, "title")
    with Image.open(tmp_path / "s.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


def middle(sheet, grey):
    """Row and column of the middle of the film of one grey."""
    rows, columns = np.nonzero((abs(sheet - grey) <= 1).all(2))
    assert len(rows) > 20_000, f"no film of grey {grey}"
    return rows.mean(), columns.mean()


def test_films_stand_in_order_below_the_query(sheet):
    places = [middle(sheet, grey) for grey in GREYS]
    query = middle(sheet, 10)
    assert all(row > query[0] + 50 for row, _ in places)
    assert [column for _, column in places[:5]] == sorted(column for _, column in places[:5])
    assert places[5][0] > places[0][0] + 50 and abs(places[5][1] - places[0][1]) < 2


def test_the_frames_colour_is_the_labels(sheet):
    frames = []
    for grey in GREYS[:4]:
        row, column = (round(value) for value in middle(sheet, grey))
        edge = column - np.argmax((abs(sheet[row, column::-1] - grey) > 1).any(1)) - 3
        frames.append(tuple(sheet[row, edge]))
    assert frames[0] == frames[2] != frames[1] == frames[3]


def test_a_film_that_is_not_at_hand_has_its_place(tmp_path):
    draw_sheet(tmp_path / "s.png", [], [Tile(None, ["1"], "a"), Tile(flat(90), ["2"], "a")], "title")
    with Image.open(tmp_path / "s.png") as image:
        assert (np.asarray(image.convert("L")) == 0xEE).sum() > 20_000


def test_the_same_bytes_each_time(tmp_path):
    for name in ("a.png", "b.png"):
        draw_sheet(tmp_path / name, [Tile(flat(10), ["q"])], [Tile(flat(20), ["1"], "x")], "t")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
