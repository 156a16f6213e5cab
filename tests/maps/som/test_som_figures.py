"""Figures of a self-organising map: what is drawn is what the nodes hold, in both themes, as PNG and SVG."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.figures import THEMES, theme_of
from embedlearn.maps.som.figures import draw_before_after, draw_form, draw_som_sheet, forms_of
from embedlearn.maps.som.forms import FORMS, exemplar_tiles, pie_groups, principal_planes
from embedlearn.maps.som.grids import Grid, Scale, grid_in, mark_sides
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.view import view_som

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


def test_every_form_is_drawn_with_its_quality(view, tmp_path):
    assert forms_of(view) == list(FORMS)
    for form in FORMS:
        draw_form(tmp_path / f"{form}.svg", view, form)
        words = (tmp_path / f"{form}.svg").read_text()
        assert len(re.findall("<!-- .*quantization error", words)) == 1
        assert len(re.findall("<!-- trained: ", words)) == 1


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("columns", [1, 2])
def test_a_figure_is_as_wide_as_one_or_two_columns_on_the_themes_ground(view, tmp_path, theme, columns):
    draw_form(tmp_path / "a.png", view, "labels", theme, columns)
    image = Image.open(tmp_path / "a.png").convert("RGB")
    assert image.width == round(3.5 * columns * 300)
    ground = tuple(int(theme_of(theme).paper[at : at + 2], 16) for at in (1, 3, 5))
    assert {image.getpixel((x, y)) for x in (0, image.width - 1) for y in (0, image.height - 1)} == {ground}
    assert len(image.getcolors(1 << 24)) > 50


def test_the_same_view_makes_the_same_bytes(view, tmp_path):
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        draw_form(tmp_path / name, view, "labels", "dark")
    for suffix in ("png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_without_films_a_sheet_holds_the_other_forms(tmp_path):
    bare = made_view(films=False)
    assert forms_of(bare) == ["u-matrix", "hits", "labels", "sources", "planes"]
    alone = dataclasses.replace(bare, sources=["here"] * 120)
    assert forms_of(alone) == ["u-matrix", "hits", "labels", "planes"]
    with pytest.raises(ArgumentError, match="trained has no second source"):
        draw_form(tmp_path / "no.png", alone, "sources")
    draw_som_sheet(tmp_path / "sheet.svg", bare)
    words = (tmp_path / "sheet.svg").read_text()
    assert "Component planes" in words and "Exemplar" not in words
    with pytest.raises(ArgumentError, match="trained has no films and no explanations"):
        draw_form(tmp_path / "no.png", bare, "explanations")
    assert not (tmp_path / "no.png").exists()


def test_two_maps_stand_side_by_side(view, tmp_path):
    before = made_view("untrained", seed=1)
    draw_before_after(tmp_path / "both.svg", before, view)
    words = (tmp_path / "both.svg").read_text()
    assert words.count("<!-- Labels -->") == words.count("<!-- U-matrix -->") == 2
    assert "<!-- untrained -->" in words and "<!-- trained -->" in words
    with pytest.raises(ArgumentError, match="wanted the 120 films of trained, got 60"):
        draw_before_after(tmp_path / "no.png", made_view("untrained", count=60), view)
    with pytest.raises(ArgumentError, match="forms: wanted"):
        draw_before_after(tmp_path / "no.png", made_view(films=False), view, forms=["exemplars"])


def test_wrong_words_are_refused(view, tmp_path):
    with pytest.raises(ArgumentError, match="form: wanted u-matrix, hits"):
        draw_form(tmp_path / "a.png", view, "pie")
    with pytest.raises(ArgumentError, match="columns: wanted 1 or 2, got 3"):
        draw_form(tmp_path / "a.png", view, "hits", columns=3)
    with pytest.raises(ArgumentError, match="theme"):
        draw_form(tmp_path / "a.png", view, "hits", "blue")
    with pytest.raises(ArgumentError, match="films: wanted 120"):
        som = SelfOrganisingMap().fit(np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32))
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
    sides = mark_sides(np.array([0, 1, 4, 16]), Grid(2, 2, 0, 0, 0.5))
    np.testing.assert_allclose(sides**2 / sides[-1] ** 2, [0, 1 / 16, 1 / 4, 1])
    assert sides.max() < 0.5
    assert 0 < mark_sides(np.array([1, 100_000]), Grid(2, 2, 0, 0, 0.5))[0] < 0.02


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
