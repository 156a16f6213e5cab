"""Figures of a self-organising map: what is drawn is what the nodes hold, in both themes, as PNG and SVG."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.figures import THEMES, theme_of
from embedlearn.maps.som import forms
from embedlearn.maps.som.figures import draw_before_after, draw_som_sheet, forms_of
from embedlearn.maps.som.forms import FORMS, Paper, exemplar_tiles, pie_groups, principal_planes
from embedlearn.maps.som.grids import Grid, Scale, Sizes, grid_in
from embedlearn.maps.som.measures import u_matrix
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.view import view_som
from embedlearn.maps.stars import Stars

LIGHT = theme_of("light")


def made_view(title="trained", seed=0, films=True, count=120):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["healthy", "pneumonia"], count)
    X = rng.normal(size=(count, 5)) + 3 * (labels == "healthy")[:, None] * np.eye(5)[0]
    X = X.astype(np.float32)
    som = SelfOrganisingMap(rows=4, columns=6, epochs=5).fit(X)
    extra = {
        "films": rng.integers(0, 256, (count, 16, 16), dtype=np.uint8),
        "explanations": rng.normal(size=(count, 3, 3)).astype(np.float32),
    }
    sources = np.where(np.arange(count) % 3, "north", "south")
    return view_som(title, som, X, labels, sources, np.arange(count) // 2, **(extra if films else {}))


@pytest.fixture(scope="module")
def view():
    return made_view()


def words_of(path):
    """What a figure says, its lines joined."""
    return " ".join(re.findall("<!-- (.*?) -->", path.read_text()))


@pytest.mark.parametrize("theme", THEMES)
def test_a_sheet_holds_every_form_and_all_sentences_on_the_themes_ground(view, tmp_path, theme):
    assert forms_of(view) == list(FORMS)
    told = dataclasses.replace(view, sentences=["Training has seen 60 of these films."])
    for name in ("a.svg", "a.png", "b.png"):
        draw_som_sheet(tmp_path / name, told, theme)
    said = words_of(tmp_path / "a.svg")
    for form in FORMS:
        words = FORMS[form](view, Paper(theme_of(theme), 3.38, [view])).words
        assert words[0].upper() + words[1:] in said
    assert said.count("quantization error") == 1 and "Training has seen 60" in said and "Nodes sort films" in said
    image = Image.open(tmp_path / "a.png").convert("RGB")
    assert image.width == 2100 and (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    ground = tuple(int(theme_of(theme).paper[at : at + 2], 16) for at in (1, 3, 5))
    assert {image.getpixel((x, y)) for x in (0, image.width - 1) for y in (0, image.height - 1)} == {ground}


def test_without_films_a_sheet_holds_the_other_forms(tmp_path):
    bare = made_view(films=False)
    assert forms_of(bare) == ["u-matrix", "hits", "labels", "sources", "planes"]
    assert forms_of(dataclasses.replace(bare, sources=["here"] * 120)) == ["u-matrix", "hits", "labels", "planes"]
    draw_som_sheet(tmp_path / "sheet.svg", bare)
    words = (tmp_path / "sheet.svg").read_text()
    assert "Component planes" in words and "Exemplar" not in words


def test_two_maps_stand_side_by_side(view, tmp_path):
    before = made_view("untrained", seed=1)
    draw_before_after(tmp_path / "both.svg", before, view)
    words = (tmp_path / "both.svg").read_text()
    assert words.count("<!-- Labels -->") == words.count("<!-- U-matrix -->") == 2
    assert "<!-- untrained -->" in words and "<!-- trained -->" in words
    with pytest.raises(ArgumentError, match="wanted the 120 films of trained, got 60"):
        draw_before_after(tmp_path / "no.png", made_view("untrained", count=60), view)


def test_two_maps_have_one_scale_for_ridges_and_one_for_sizes(view, monkeypatch):
    wide = dataclasses.replace(made_view("untrained", seed=1), weights=3 * made_view("untrained", seed=1).weights)
    scales, sizes = [], []
    monkeypatch.setattr(forms, "squares", lambda axes, grid, values, scale: scales.append(scale))
    monkeypatch.setattr(forms, "pies", lambda axes, grid, counts, size, colours, look: sizes.append(size))
    paper = Paper(LIGHT, 3.38, [wide, view])
    for one in paper.views:
        for form in ("u-matrix", "labels"):
            FORMS[form](one, paper).picture.draw(None)
    every = [u_matrix(one.weights) for one in paper.views]
    assert scales[0] == scales[1] and scales[0][:2] == (np.min(every), np.max(every))
    assert sizes[0] == sizes[1] and sizes[0].of(np.array([max(wide.hits.max(), view.hits.max())])) < 3.38 / 6


def test_new_films_turn_with_their_map_and_stand_at_their_nodes(view, monkeypatch):
    stars = Stars(["a", "b"], view.positions[:2], np.array([False, True]))
    turned = dataclasses.replace(view, new=stars).turned(upside_down=True, mirrored=False)
    np.testing.assert_array_equal(turned.new.positions, turned.positions[:2])
    places = []
    monkeypatch.setattr(forms, "pies", lambda *given: None)
    monkeypatch.setattr(forms, "draw_stars", lambda axes, new, at, films, look: places.append(at))
    form = FORMS["labels"](turned, Paper(LIGHT, 3.38, [turned]))
    form.picture.draw(None)
    np.testing.assert_allclose(places[0], grid_in(turned.sides, 3.38).centres()[turned.nodes[:2]])


@pytest.mark.parametrize("most", [1, 5, 500])
def test_no_more_films_are_tiles_than_may_be_shown(view, most):
    capped = dataclasses.replace(view, most=most)
    for wide, block in ((3.38, 1), (0.9, 2)):
        (_, every), (found, rows) = exemplar_tiles(view, wide), exemplar_tiles(capped, wide)
        held = np.where(every >= 0, view.hits.ravel()[view.nodes[every]], 0)
        assert found == block and (rows >= 0).sum() == min(most, (every >= 0).sum())
        assert (rows[rows >= 0] == every[rows >= 0]).all() and held[rows >= 0].min() >= held[rows < 0].max(initial=0)


def test_films_must_be_as_many_as_vectors():
    som = SelfOrganisingMap().fit(np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32))
    with pytest.raises(ArgumentError, match="films: wanted 120"):
        view_som("a", som, np.zeros((120, 3), np.float32), ["a"] * 120, ["b"] * 120, films=np.zeros((3, 4, 4)))


@pytest.mark.parametrize(("upside_down", "mirrored"), [(True, False), (False, True), (True, True)])
def test_a_turned_map_is_the_same_map(view, upside_down, mirrored):
    turned = view.turned(upside_down=upside_down, mirrored=mirrored)
    flat, other = (each.weights.reshape(24, -1) for each in (view, turned))
    assert np.array_equal(flat[view.nodes], other[turned.nodes])
    assert np.array_equal(turned.hits, view.hits[:: -1 if upside_down else 1, :: -1 if mirrored else 1])
    assert all(turned.nodes[row] == node for node, row in enumerate(turned.exemplars) if row >= 0)
    assert np.array_equal(turned.explanations[turned.nodes], view.explanations[view.nodes])
    back = turned.turned_like(view)
    assert np.array_equal(back.nodes, view.nodes) and np.array_equal(back.exemplars, view.exemplars)


def test_pies_have_no_two_groups_of_one_colour_and_hold_all_films():
    names = [f"class {number}" for number in range(12) for _ in range(12 - number)]
    groups = pie_groups(names, LIGHT)
    assert [group.name for group in groups] == [*(f"class {number}" for number in range(6)), "6 others"]
    assert len({group.colour for group in groups}) == len(LIGHT.colours)
    assert sorted(np.concatenate([group.rows for group in groups]).tolist()) == list(range(len(names)))
    assert [group.name for group in pie_groups(["b", "a", "a"], LIGHT)] == ["a", "b"]


def test_marks_have_areas_in_proportion_to_films_and_stay_inside_their_nodes():
    grids = [Grid(2, 2, 0, 0, 0.5), Grid(2, 2, 0, 0, 0.3)]
    films = np.array([0, 1, 4, 16])
    sizes = Sizes.fitting(grids, [films, films // 4])
    sides = sizes.of(films)
    np.testing.assert_allclose(sides**2 / sides[-1] ** 2, [0, 1 / 16, 1 / 4, 1])
    assert sides.max() < 0.5 and sizes.of(films // 4).max() < 0.3
    assert 0 < Sizes.fitting(grids[:1], [np.array([1, 100_000])]).of(np.array([1]))[0] < 0.02


@pytest.mark.parametrize("sides", [(4, 6), (20, 5), (1, 20), (7, 7)])
def test_a_grid_fits_its_width_with_its_first_row_at_the_bottom(sides):
    grid = grid_in(sides, 3.0)
    centres = grid.centres().reshape(*sides, 2)
    assert grid.height <= 3 + 1e-9 and grid.left >= 0 and grid.left + sides[1] * grid.pitch <= 3 + 1e-9
    assert np.all(np.diff(centres[..., 1], axis=0) > 0) and np.all(np.diff(centres[..., 0], axis=1) > 0)
    assert centres.min() >= grid.pitch / 2 - 1e-9


def test_tiles_are_films_of_the_fullest_nodes(view):
    block, rows = exemplar_tiles(view, 3.4)
    assert block == 1 and np.array_equal(rows.ravel(), view.exemplars)
    block, rows = exemplar_tiles(view, 0.9)
    assert (block, rows.shape) == (2, (2, 3))
    for down, over in np.ndindex(2, 3):
        part = view.hits[2 * down : 2 * down + 2, 2 * over : 2 * over + 2]
        assert view.hits.ravel()[view.nodes[rows[down, over]]] == part.max()


def test_planes_are_the_weights_principal_components(view):
    planes, shares = principal_planes(view.weights, 4)
    flat = view.weights.reshape(24, -1)
    values = np.sort(np.linalg.eigvalsh(np.cov(flat.T)))[::-1]
    np.testing.assert_allclose(shares, values[:4] / values.sum(), rtol=1e-4)
    np.testing.assert_allclose(planes.reshape(4, -1).var(1, ddof=1), values[:4], rtol=1e-4)
    assert planes.shape == (4, 4, 6)


def test_scales_span_what_they_show_and_signed_ones_have_0_in_the_middle():
    values = np.array([-1.0, 0.5])
    assert Scale.rising(values, LIGHT)[:2] == (-1, 0.5)
    assert Scale.signed(values, LIGHT)[:2] == (-1, 1)
    assert Scale.rising(np.zeros(3), LIGHT)[:2] == (0, 1)
    assert Scale.rising(values, LIGHT).map != Scale.rising(values, theme_of("dark")).map
