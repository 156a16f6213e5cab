"""Films under their maps: the right colour in the right place, one scale, the numbers beside it."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import FAINT, UNCHECKED, FilmMap, plain_map, scale_of, signed
from embedlearn.explanations.geometry import Sight, on_film
from embedlearn.explanations.overlay import DIMMED, UNSEEN, draw_overlay, painted, write_overlay_png
from embedlearn.explanations.pairview import draw_match, draw_pair
from embedlearn.explanations.panels import AGAINST, FOR
from embedlearn.radiographs.preprocessing import Preprocessing

SQUARE = Sight(Preprocessing(size=48))


def film(height=120, width=180):
    return np.random.default_rng(0).integers(60, 200, (height, width), dtype=np.uint8)


def shown(values, name="like a", constant=0.0):
    values = np.asarray(values, np.float64)
    return FilmMap(name, values, float(values.sum() + (constant or 0)), constant)


def words(path):
    """All that an SVG says; its letters are drawn, and named in comments."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.parse(path, parser).getroot()
    return {node.text.strip() for node in root.iter() if node.tag is ElementTree.Comment}


def test_zero_is_clear_and_the_ends_have_the_colours():
    grey = np.full((100, 100), 90, np.uint8)
    pixels = painted(grey, np.array([[1.0, 0.0], [0.0, -1.0]]), SQUARE, 1.0, "nearest").astype(int)
    assert (pixels[10, 90] == round(90 * DIMMED)).all() and (pixels[90, 10] == round(90 * DIMMED)).all()
    for place, hue in (((10, 10), FOR), ((90, 90), AGAINST)):
        assert np.abs(pixels[place] - hue).max() < np.abs(pixels[place] - 90 * DIMMED).max()
        assert np.corrcoef(pixels[place], hue)[0, 1] > 0.999


def test_opacity_grows_with_the_value_and_stops_at_the_scales_end():
    grey = np.zeros((64, 64), np.uint8)
    strength = [painted(grey, np.full((2, 2), value), SQUARE, 0.4)[5, 5, 0] for value in (0, 0.1, 0.2, 0.3, 0.4, 0.8)]
    steps = np.diff([int(value) for value in strength])
    assert np.abs(steps[:4] - steps[0]).max() <= 1 and steps[0] > 30
    assert steps[4] == 0


def test_colours_lie_where_the_geometry_says_and_what_is_not_shown_is_dark():
    pixels, values = film(120, 180), np.array([[1.0, -1.0, 0.5], [0.0, 0.2, -0.3]])
    laid = on_film(values, 120, 180, SQUARE)
    colours = painted(pixels, values, SQUARE, 1.0).astype(int)
    unseen = np.isnan(laid)
    assert unseen.sum() == 120 * 60
    assert (colours[unseen] == np.rint(UNSEEN * pixels[unseen])[:, None]).all()
    redder = colours[..., 0] - colours[..., 2]
    assert (redder[laid > 0.1] > 0).all() and (redder[laid < -0.1] < 0).all()


def test_a_film_in_colour_is_refused():
    with pytest.raises(ArgumentError, match=r"film: wanted grey values uint8 \[height, width\], got uint8 of shape"):
        painted(np.zeros((9, 9, 3), np.uint8), np.ones((2, 2)), SQUARE, 1.0)


@pytest.mark.parametrize("values", [np.ones(3), np.ones((0, 2)), np.array([[np.nan, 1.0]])])
def test_a_map_that_is_none_is_refused(values):
    with pytest.raises(ArgumentError, match=r"map of x: wanted a matrix \[h, w\] of finite numbers"):
        FilmMap("x", values, 0.0)


def test_one_scale_is_that_of_the_greatest_value_and_noise_stays_faint():
    maps = [shown([[0.1, -0.3]]), shown([[0.2, 0.1]]), shown([[9.0, -9.0]], constant=None)]
    assert scale_of(maps) == pytest.approx(0.3)
    assert scale_of([shown(np.full((5, 4), 1e-8))]) == pytest.approx(FAINT / 20)
    assert maps[2].scale() == 9


def test_numbers_stand_below_a_panel():
    one = FilmMap("like a", np.array([[0.5, -0.25]]), 0.3, 0.05)
    assert one.residual == pytest.approx(0)
    text = " ".join(one.lines())
    for part in ("score +0.300", "sum +0.250", "constant +0.05", "\N{MINUS SIGN}0.250 to +0.500"):
        assert part in text
    assert "does not add up" in " ".join(FilmMap("cam", np.ones((2, 2)), 0.3, None).lines())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.5, "+0.500"), (-0.0123, "\N{MINUS SIGN}0.012"), (1e-7, "+1e-07"), (-2, "\N{MINUS SIGN}2.000")],
)
def test_numbers_carry_their_sign(value, text):
    assert signed(value) == text


def test_the_bare_picture_has_the_films_own_size(tmp_path):
    lungs = np.zeros((120, 180), bool)
    lungs[30:90, 60:120] = True
    pixels, one = film(), shown([[0.1, -0.3], [0.2, 0.0]])
    write_overlay_png(tmp_path / "a.png", pixels, one, SQUARE)
    write_overlay_png(tmp_path / "b.png", pixels, one, SQUARE, lungs=lungs)
    plain, lined = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    assert (plain == painted(pixels, one.values, SQUARE, 0.3)).all()
    changed = (plain != lined).any(2)
    assert changed[30, 60:120].all() and changed[30:90, 119].all() and (lined[30, 60:120] == 255).all()
    assert not changed[32:88, 62:118].any() and not changed[:28].any()
    again = np.asarray(lined[29, 60:120])
    assert (again == 0).all()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_figure_says_what_it_shows(tmp_path, theme):
    path = tmp_path / "o.svg"
    maps = [shown([[0.1, -0.3]] * 3, "like a", 0.25), shown([[0.1, 0.2]] * 3, "a, not b")]
    beside = [("the case", film(90, 60))]
    draw_overlay(path, film(), maps, SQUARE, title="film $1$", verdict="checked: passes", beside=beside, theme=theme)
    said = words(path)
    assert {"film $1$", "film", "like a", "a, not b", "the case", "checked: passes"} <= said
    assert "what one cell adds to the score; upsampled bilinearly from 3 x 2" in said
    assert "score \N{MINUS SIGN}0.350 = sum \N{MINUS SIGN}0.600" in said
    assert "\N{MINUS SIGN}0.300 against" in said and "+0.300 for" in said
    assert "dotted: what the encoder sees" in said


def test_what_was_not_checked_says_so_and_long_verdicts_are_whole(tmp_path):
    draw_overlay(tmp_path / "a.svg", film(50, 50), [shown(np.ones((2, 2)))], SQUARE)
    said = words(tmp_path / "a.svg")
    assert UNCHECKED in said
    assert "dotted: what the encoder sees" not in said
    long = " ".join(f"check{number}" for number in range(60))
    draw_overlay(tmp_path / "b.svg", film(50, 50), [shown(np.ones((2, 2)))], SQUARE, verdict=long)
    assert all(f"check{number}" in " ".join(words(tmp_path / "b.svg")).split() for number in range(60))


def test_maps_that_do_not_add_up_claim_no_common_scale(tmp_path):
    maps = [shown([[0.1, -0.3]], "cam", None), shown([[5.0, 1.0]], "cam++", None)]
    draw_overlay(tmp_path / "a.svg", film(50, 50), maps, SQUARE, how="nearest")
    said = words(tmp_path / "a.svg")
    assert "each map on its own scale, whose end stands below it; the 1 x 2 cells as they are" in " ".join(sorted(said))
    assert {"against", "for"} <= said


def test_a_figure_without_maps_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="maps: wanted one or more, got none"):
        draw_overlay(tmp_path / "o.png", film(), [], SQUARE)


def test_outlines_are_drawn_and_the_bytes_are_the_same_each_time(tmp_path):
    lungs = np.zeros((120, 180), bool)
    lungs[30:90, 60:120] = True
    for name, more in (("a", {}), ("b", {"lungs": lungs, "boxes": [(10, 40, 100, 90)]})):
        for turn in "12":
            draw_overlay(tmp_path / f"{name}{turn}.png", film(), [shown(np.ones((2, 2)))], SQUARE, **more)
        assert (tmp_path / f"{name}1.png").read_bytes() == (tmp_path / f"{name}2.png").read_bytes()
    without, with_ = (np.asarray(Image.open(tmp_path / f"{name}1.png")).astype(int) for name in "ab")
    assert (with_ == without).all(2).mean() < 0.995
    assert ((with_ != without).any(2) & (with_ > 240).all(2)).sum() > 200


def test_plain_numbers_are_those_of_the_map():
    values = np.random.default_rng(3).normal(size=(6, 5)) * 1e-3
    maps = [shown(values, "like a", 0.1), shown(values, "cam", None)]
    told = json.loads(
        json.dumps(
            plain_map(maps, 100, 200, Sight(Preprocessing(size=40, fit="pad"), 0.25), "checked"), allow_nan=False
        )
    )
    assert told["window"] == [-50, 0, 150, 200] and told["shown"] == [0, 0, 100, 200] and told["grid"] == [6, 5]
    assert told["lag"] == 0.25
    first, cam = told["maps"]
    assert np.allclose(first["map"], values, rtol=1e-5, atol=0)
    assert abs(np.sum(first["map"]) + first["constant"] - first["score"]) < 1e-6
    assert first["target"] == "like a" and first["residual"] < 1e-12
    assert first["scale"] == pytest.approx(max(np.abs(values).max(), FAINT / 30), rel=1e-5)
    assert cam["constant"] is None and cam["residual"] is None
    assert told["verdict"] == "checked"


@pytest.fixture
def matrix():
    return np.random.default_rng(4).normal(size=(3, 4, 2, 5)) / 100


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_pair_shows_its_regions_and_what_they_find(tmp_path, matrix, theme):
    points = [(0, 0, 1, 1), (2, 3, 0, 4), (1, 1, 0, 0)]
    score = float(matrix.sum())
    draw_pair(
        tmp_path / "p.svg", (film(), film(90, 60)), matrix, points, SQUARE, names=("one", "other"), score=score,
        theme=theme,
    )  # fmt: skip
    said = words(tmp_path / "p.svg")
    assert {"one", "other", "what 1 finds", "what 2 finds", "what 3 finds"} <= said
    assert f"in all {signed(matrix[2, 3].sum())}" in said
    assert f"cosine {signed(score)} = sum {signed(score)} + constant 0" in said


def test_one_region_and_its_match(tmp_path, matrix):
    draw_match(tmp_path / "m.svg", (film(), film(90, 60)), matrix, (2, 3), SQUARE)
    said = words(tmp_path / "m.svg")
    assert "the cell in row 2, column 3 of 3 x 4" in said and f"in all {signed(matrix[2, 3].sum())}" in said


def test_regions_that_are_none_are_refused(tmp_path, matrix):
    films = (film(), film())
    with pytest.raises(ArgumentError, match="cell: wanted a row below 3 and a column below 4, got 3, 0"):
        draw_match(tmp_path / "m.png", films, matrix, (3, 0), SQUARE)
    with pytest.raises(ArgumentError, match="points: wanted 1 to 6"):
        draw_pair(tmp_path / "m.png", films, matrix, [], SQUARE, score=1.0)
    with pytest.raises(ArgumentError, match="matrix: wanted finite numbers"):
        draw_match(tmp_path / "m.png", films, matrix[0], (0, 0), SQUARE)
    assert not list(tmp_path.iterdir())
