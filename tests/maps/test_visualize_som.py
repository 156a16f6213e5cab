"""The self-organising map of `embedlearn visualize`: what is told, shown, turned and placed, and by whose numbers."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from embedlearn import visualize
from embedlearn.files import file_digest
from embedlearn.maps.latent import load_map
from embedlearn.maps.quality import map_quality
from embedlearn.maps.som.forms import exemplar_tiles
from embedlearn.radiographs.layouts import read_data
from embedlearn.tasks.maps import drawing
from embedlearn.tasks.maps.paging import page_of

FEW = ["--maps", "som", "--at-most", "90"]


def call(place, out, *words):
    visualize.main(["--run", str(place / "runs" / "base"), "--out", str(out), *FEW, *map(str, words)])
    return json.loads((out / "visualize.json").read_text())


def words_of(path):
    """What a figure says, its lines joined."""
    return " ".join(re.findall("<!-- (.*?) -->", path.read_text()))


@pytest.fixture
def drawn(monkeypatch):
    """The self-organising maps that are drawn while a test runs, and the pages."""
    held = {"sheets": [], "pages": []}
    sheet, page = drawing.draw_som_sheet, drawing.write_page
    monkeypatch.setattr(
        drawing, "draw_som_sheet", lambda path, view, theme: [held["sheets"].append(view), sheet(path, view, theme)]
    )
    monkeypatch.setattr(drawing, "write_page", lambda path, data: [held["pages"].append(data), page(path, data)])
    return held


def test_the_figure_and_the_page_say_all_that_is_known(place, tmp_path, drawn):
    record = call(place, tmp_path)
    latent = load_map(tmp_path / "map-som")
    frame = latent.frame
    own = map_quality(latent.vectors, latent.positions, frame["label"], frame["source"], frame["case"])
    som = latent.quality.pop("som")
    assert latent.quality == own.plain() and record["quality"]["som"]["trained"] == {**own.plain(), "som": som}
    seen = f"Training has seen {record['films_in_training']} of these films"
    said = words_of(tmp_path / "som.svg")
    for words in (*own.sentences(), seen, f"topographic error {som['topographic_error']:.3f}"):
        assert words in said
    [page] = drawn["pages"]
    assert [*drawn["sheets"][0].quality.sentences(), *own.sentences()] == list(page.quality["Self-organising map"])
    np.testing.assert_array_equal(page.maps["Self-organising map"], latent.positions)
    assert seen in " ".join(page.notes)


def test_no_more_films_are_shown_than_are_asked_for(place, tmp_path, drawn):
    call(place, tmp_path, "--thumbnails", "4", "--no-page")
    view = drawn["sheets"][0]
    _, rows = exemplar_tiles(view, 3.38)
    held = view.hits.ravel()[view.nodes[rows[rows >= 0]]]
    assert (rows >= 0).sum() == 4 and held.min() >= np.sort(view.hits.ravel())[-4]
    said = words_of(tmp_path / "som.svg")
    assert "of the 4 fullest of these" in said


def test_new_films_are_stars_at_their_nodes_when_drawn_and_later(place, tmp_path, drawn):
    film = read_data(str(place / "films")).paths[3]
    call(place, tmp_path / "maps", "--place", film, "--at-most", "1000")
    visualize.main(["--on", str(tmp_path / "maps" / "map-som"), "--runs", str(place / "runs"), "--place", str(film)])
    latent = load_map(tmp_path / "maps" / "map-som")
    row = latent.frame["sha256"].tolist().index(file_digest(film))
    for view in (drawn["sheets"][0], drawn["sheets"][-1]):
        np.testing.assert_array_equal(view.new.positions, latent.positions[[row]])
    for path in (tmp_path / "maps" / "som.svg", tmp_path / "maps" / "placed" / "som.svg"):
        said = words_of(path)
        assert "new film" in said and film.name in said and "Training has seen" in said
    first, second = drawn["pages"]
    np.testing.assert_array_equal(
        first.new.positions["Self-organising map"], second.new.positions["Self-organising map"]
    )
    assert [note for note in second.notes if "Training has seen" in note]


def test_a_som_of_a_disk_is_not_drawn_pale(place, tmp_path, refused):
    call(place, tmp_path, "--no-page")
    film = read_data(str(place / "films")).paths[3]
    words = ["--on", tmp_path / "map-som", "--runs", place / "runs", "--place", film, "--pale"]
    assert "--pale: a self-organising map draws no single films" in refused(visualize.main, *words)


def test_two_maps_are_turned_alike_in_the_figure_and_in_the_page(place, tmp_path, drawn, monkeypatch):
    given = []
    monkeypatch.setattr(drawing, "page_of", lambda title, maps, **more: given.extend(maps) or page_of(title, maps))
    words = ["--compare", "untrained", str(place / "runs" / "base"), *FEW, "--out", str(tmp_path)]
    visualize.main([*words, "--place", str(read_data(str(place / "films")).paths[3])])
    [page] = drawn["pages"]
    main, other = "Self-organising map, base", "Self-organising map, untrained"
    assert list(page.maps) == [main, other]
    np.testing.assert_array_equal(page.maps[other], given[0].som.turned_like(given[1].som).positions)
    upside = replace(given[1], som=given[1].som.turned(upside_down=True, mirrored=True))
    rows, columns = given[0].som.sides
    turned = page_of("a", [given[0], upside]).maps[other]
    np.testing.assert_array_equal(turned, [columns - 1, rows - 1] - page.maps[other])
    assert list(page.new.positions) == [main]  # what is strange there is so to its encoder
