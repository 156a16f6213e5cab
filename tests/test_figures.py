"""Figures: a PNG or an SVG, whole, the same bytes each time, and nothing left behind."""

from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.figures import COLOURS, GREY, THEMES, Panel, Picture, figure


def draw(path: Path) -> None:
    with figure(path, 4, 3) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1, 4, 9], color=COLOURS[0], label="squares")
        axes.legend()


def test_a_figure_is_a_png_of_its_size(tmp_path: Path) -> None:
    draw(tmp_path / "deep" / "squares.png")
    with Image.open(tmp_path / "deep" / "squares.png") as image:
        assert image.format == "PNG"
        assert image.size == (600, 450)
        assert len(np.unique(np.asarray(image.convert("L")))) > 10
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["squares.png"]


def test_a_figure_drawn_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_our_style_is_left_behind_nowhere(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    draw(tmp_path / "squares.png")
    assert dict(mpl.rcParams) == before


def test_an_error_while_drawing_leaves_the_old_figure(tmp_path: Path) -> None:
    path = tmp_path / "squares.png"
    draw(path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), figure(path, 4, 3):
        _ = 1 / 0
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_figure_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "squares.png").mkdir()
    with pytest.raises(StorageError, match=r"squares\.png: cannot be written"):
        draw(tmp_path / "squares.png")


def test_an_inline_figure_is_at_home_in_a_page() -> None:
    def draw_all(axes: Axes) -> None:
        for number, colour in enumerate((*COLOURS, GREY)):
            axes.plot([0, number], [1, 2], color=colour, marker="o", label=f"<{number}> $x$")
        axes.legend()

    (svg,) = Picture((Panel("a <title> & more", draw_all, 3),), 4).svgs("home")
    root = ElementTree.fromstring(svg)
    assert root.attrib == {"viewBox": "0 0 288 216", "role": "img", "aria-label": "a <title> & more"}
    assert root[0].tag == "title" and root[0].text == "a <title> & more"
    told = [element.text for element in root.iter("text")]
    assert {"a <title> & more", "<3> $x$"} <= set(told)
    values = [value for element in root.iter() for value in element.attrib.values()]
    styles = " ".join(values).lower()
    assert "font-family" not in styles and not {"#000000", GREY, "#e6e6e6"} & set(styles.replace(";", " ").split())
    assert {"stroke: currentColor", "stroke: var(--muted)", "stroke: var(--grid)"} <= set("; ".join(values).split("; "))
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    used = {value[1:] for value in values if value.startswith("#")}
    used |= {value[5:-1] for value in values if value.startswith("url(")}
    assert ids == used and all(name.startswith("home-0-") for name in ids)


def test_a_picture_of_several_panels_is_one_file(tmp_path: Path) -> None:
    panels = tuple(Panel(str(number), lambda axes: axes.plot([0, 1]), 2) for number in range(3))
    Picture(panels, 3).save(tmp_path / "three.png")
    with Image.open(tmp_path / "three.png") as image:
        assert image.size == (900, 600)
    assert len(Picture(panels, 3).svgs("three")) == 3


def draw_words(path: Path, theme: str) -> None:
    with figure(path, 2, 2, theme) as drawn:
        axes = drawn.subplots()
        axes.scatter([0, 1, 2], [2, 0, 1], rasterized=True)
        axes.set_title("$5 a film")


@pytest.mark.parametrize("theme", THEMES)
def test_an_svg_drawn_twice_is_the_same_to_the_byte(theme: str, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw_words(tmp_path / name, theme)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.attrib["viewBox"] == "0 0 144 144"
    assert not [element for element in root.iter() if element.tag.endswith("}date")]


def test_a_theme_is_the_ground_and_the_words(tmp_path: Path) -> None:
    grounds = {}
    for theme in THEMES:
        draw_words(tmp_path / f"{theme}.png", theme)
        with Image.open(tmp_path / f"{theme}.png") as image:
            grounds[theme] = "#{:02x}{:02x}{:02x}".format(*image.convert("RGB").getpixel((0, 0)))
    assert grounds == {"light": THEMES["light"].paper, "dark": THEMES["dark"].paper}


def luminance(colour: str) -> float:
    """Of a colour #rrggbb, relative, as WCAG 2 defines it."""
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_what_is_dark_can_be_read() -> None:
    dark = THEMES["dark"]
    ground = luminance(dark.paper) + 0.05
    assert all((luminance(colour) + 0.05) / ground > 4.5 for colour in (*dark.colours, dark.ink, dark.muted))
    assert len(dark.colours) == len(set(dark.colours)) == len(COLOURS)


def test_another_form_or_theme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"a\.pdf: wanted"), figure(tmp_path / "a.pdf", 2, 2):
        pass
    with pytest.raises(ArgumentError, match="theme: wanted light or dark"):
        draw_words(tmp_path / "a.png", "sepia")
    assert not list(tmp_path.iterdir())
