"""Maps as figures: complete, legible, the same bytes each time, and no name over another."""

import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.figures import THEMES, theme_of
from embedlearn.maps import cells
from embedlearn.maps.cells import COLUMN, DPI, SIZE, box_of, legend_cell, words_cell
from embedlearn.maps.figures import PALE, View, draw_comparison, draw_map
from embedlearn.maps.groups import MARKERS, MOST, grouped
from embedlearn.maps.stars import Stars

LABELS = ("covid-19", "pneumonia/bacterial", "pneumonia/viral", "healthy $5 & <b>")
CAPITALS = "HOSPITAL OF SAINT WOLFGANG AM WALDE, DEPARTMENT OF RADIOLOGY"
SENTENCES = ["Trustworthiness .87, continuity .91; .12 of the 15 nearest films are kept (300 films asked)."]


def made_up(films: int = 300, seed: int = 0, **words: Any) -> View:
    random = np.random.default_rng(seed)
    label = random.integers(4, size=films)
    positions = (random.normal(size=(films, 2)) + 2 * np.stack([label % 2, label // 2], axis=1)).astype(np.float32)
    defaults = {"sentences": SENTENCES, "sources": [f"hospital-{place % 2}" for place in range(films)]}
    return View("a map", positions, words.pop("labels", [LABELS[place] for place in label]), **{**defaults, **words})


def with_stars(view: View) -> View:
    names = ["IMG-001.png", "IMG-002.png", "a horse.jpg"]
    positions = np.array([[0, 0], [0.05, 0], [4, 3]], np.float32)
    return View(view.title, view.positions, view.labels, view.sources, view.sentences, None,
                Stars(names, positions, np.array([False, False, True])))  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved while a test runs."""
    figures: list[Figure] = []
    real = Figure.savefig

    def save(figure: Figure, *arguments: Any, **words: Any) -> None:
        figures.append(figure)
        real(figure, *arguments, **words)

    monkeypatch.setattr(Figure, "savefig", save)
    return figures


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def extents_of(figure: Figure, texts: list[Any]) -> list[Any]:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return [text.get_window_extent(renderer) for text in texts]


def test_a_map_is_as_wide_as_two_columns_with_all_that_is_told(tmp_path: Path, drawn: list[Figure]) -> None:
    view = made_up()
    draw_map(tmp_path / "map.png", view)
    with Image.open(tmp_path / "map.png") as image:
        assert image.width == 2 * COLUMN * DPI
    told = texts_of(drawn[0])
    assert {"a map", "by label", "by source", *LABELS, "hospital-0", "hospital-1 (150)"} <= set(told)
    assert f"healthy $5 & <b> ({view.labels.count(LABELS[3])})" in told
    assert SENTENCES[0] in " ".join(told)
    assert not {"new film", PALE} & set(told)


def test_one_source_needs_one_column(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_map(tmp_path / "map.png", made_up(sources=["one"] * 300))
    with Image.open(tmp_path / "map.png") as image:
        assert image.width == COLUMN * DPI
    assert "by source" not in texts_of(drawn[0])


@pytest.mark.parametrize("seed", range(3))
def test_no_name_covers_another_and_none_leaves_its_map(seed: int, tmp_path: Path, drawn: list[Figure]) -> None:
    draw_map(tmp_path / "map.png", with_stars(made_up(seed=seed)))
    maps = [axes for axes in drawn[0].axes if axes.patches]
    assert len(maps) == 2
    for axes, count in zip(maps, (4 + 3, 2 + 3), strict=True):
        for text in axes.texts:
            text.update_bbox_position_size(drawn[0].canvas.get_renderer())  # type: ignore[attr-defined]
        extents = extents_of(drawn[0], [text.get_bbox_patch() for text in axes.texts])
        assert len(extents) == count
        frame = axes.get_window_extent()
        assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in extents)
        assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in extents)
        assert not [pair for pair in itertools.combinations(extents, 2) if pair[0].overlaps(pair[1])]


def test_all_words_can_be_read_and_stay_on_the_paper(tmp_path: Path, drawn: list[Figure]) -> None:
    names = [f"a rather long finding, the {place}th" for place in range(300)]
    long = made_up(labels=[names[place % 9] for place in range(300)], sources=[CAPITALS] * 150 + [CAPITALS[::-1]] * 150)
    for view in (made_up(), long):
        draw_map(tmp_path / "map.png", view)
        draw_comparison(tmp_path / "two.png", [view, made_up(seed=1, labels=view.labels, sources=view.sources)])
    for figure in drawn:
        texts = [text for axes in figure.axes for text in axes.texts]
        assert min(text.get_fontsize() for text in texts) >= SIZE == 7
        width, height = figure.bbox.size
        for extent in extents_of(figure, texts):
            assert extent.x0 >= 0 and extent.y0 >= 0 and extent.x1 <= width and extent.y1 <= height


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("form", ["png", "svg"])
def test_drawn_twice_it_is_the_same_to_the_byte(theme: str, form: str, tmp_path: Path) -> None:
    view = with_stars(made_up())
    for name in "ab":
        draw_map(tmp_path / f"{name}.{form}", view, theme)
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / f"b.{form}").read_bytes()


def test_new_films_are_told_apart(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_map(tmp_path / "map.png", with_stars(made_up()))
    told = texts_of(drawn[0])
    assert told.count("new film") == told.count("new film, unlike any on the map") == 2
    hollow = [
        points
        for axes in drawn[0].axes
        if axes.patches
        for points in axes.collections
        if len(points.get_offsets()) and not len(points.get_facecolors()) and len(points.get_edgecolors())
    ]
    assert [len(points.get_offsets()) for points in hollow] == [1, 1]


def test_many_films_are_pixels_in_an_svg(tmp_path: Path) -> None:
    few, many = made_up(4_000), made_up(6_000)
    draw_map(tmp_path / "few.svg", few)
    draw_map(tmp_path / "many.svg", many)
    roots = [ElementTree.parse(tmp_path / f"{name}.svg").getroot() for name in ("few", "many")]
    images = [[one for one in root.iter() if one.tag.endswith("}image")] for root in roots]
    assert [len(found) for found in images] == [0, 2]
    assert (tmp_path / "many.svg").stat().st_size < (tmp_path / "few.svg").stat().st_size


def test_films_without_their_neighbours_are_pale(tmp_path: Path, drawn: list[Figure]) -> None:
    reliability = np.where(np.arange(300) < 150, 0, 1).astype(np.float32)
    draw_map(tmp_path / "map.png", made_up(reliability=reliability))
    alphas = np.concatenate(
        [points.get_alpha() for points in drawn[0].axes[3].collections if np.ndim(points.get_alpha()) == 1]
    )
    assert len(alphas) == 300
    assert np.isclose(np.sort(alphas)[:150], 0.12).all() and (np.sort(alphas)[150:] > 0.5).all()
    assert PALE.split()[0] in " ".join(texts_of(drawn[0]))


def test_two_maps_share_their_frame_and_one_lies_on_the_other(tmp_path: Path, drawn: list[Figure]) -> None:
    after = made_up()
    before = View("before", after.positions[:, ::-1] * 9 + 40, after.labels, after.sources, SENTENCES)
    np.testing.assert_allclose(before.laid_over(after).positions, after.positions, atol=1e-4)
    draw_comparison(tmp_path / "two.png", [before, after])
    maps = [axes for axes in drawn[0].axes if axes.patches]
    assert len(maps) == 4
    assert len({tuple(axes.get_window_extent().size.round(6)) for axes in maps}) == 1
    places = [np.vstack([points.get_offsets() for points in axes.collections]) for axes in maps]
    np.testing.assert_allclose(places[0], places[1], atol=1e-4)
    assert texts_of(drawn[0]).count("by label") == 1


def test_maps_of_other_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="same films"):
        draw_comparison(tmp_path / "two.png", [made_up(299), made_up(300)])
    with pytest.raises(ArgumentError, match="299 labels for 300 positions"):
        View("a map", np.zeros((300, 2), np.float32), ["a"] * 299, ["b"] * 300)
    assert not list(tmp_path.iterdir())


def test_groups_differ_in_colour_and_marker() -> None:
    names = [str(number) for number in range(40) for _ in range(number + 1)]
    groups = grouped(names, theme_of("light"))
    assert len(groups) == MOST and groups[-1].name == f"{40 - MOST + 1} others"
    assert [group.name for group in groups[:3]] == ["39", "38", "37"]
    assert sorted(np.concatenate([group.rows for group in groups]).tolist()) == list(range(len(names)))
    assert len({(group.colour, group.marker) for group in groups}) == len(groups)
    assert len({group.marker for group in groups[:-1]}) == min(MOST - 1, len(MARKERS))


def test_positions_lie_in_their_box() -> None:
    wide = np.array([[0, 0], [100, 1], [50, 0.5]], np.float32)
    high = wide[:, ::-1]
    for positions in (wide, high, wide[:1]):
        box = box_of(positions)
        inches = box.inches(positions)
        assert (inches >= 0).all() and (inches <= [cells.SIDE, box.height]).all()
        assert cells.LOWEST <= box.height / cells.SIDE <= cells.HIGHEST + 1e-9


def test_cells_are_as_high_as_what_they_hold() -> None:
    one, three = words_cell(["a word"]), words_cell(["a word", "another", "a third"])
    assert three.height - one.height == pytest.approx(2 * cells.LINE)
    groups = grouped(["a", "b", "c", "d"], theme_of("dark"))
    assert legend_cell(groups).height < legend_cell([group._replace(name="a" * 40) for group in groups]).height
