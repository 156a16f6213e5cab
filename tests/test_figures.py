"""Figures: a PNG, whole, the same bytes each time, and nothing left behind."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import StorageError
from embedlearn.figures import COLOURS, figure


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
