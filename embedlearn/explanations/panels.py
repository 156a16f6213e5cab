"""Films side by side in a figure: each with a title and lines, below all the bar of colours and a verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.explanations.filmmap import signed
from embedlearn.explanations.geometry import Window, shown_of
from embedlearn.figures import figure
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOR = (0xF5, 0x7F, 0x20)
AGAINST = (0x35, 0x9B, 0xE8)
OPAQUE = 0.8  # share of the colour at the end of the scale
GROUND = 100  # grey that the bar shows the colours over

# Inches, and points of letters.
MARGIN, GAP, HEAD = 0.12, 0.14, 0.28
LINE = 0.145
BAR = 0.42
WIDEST_BAR = 5.0
TALLEST = 1.5  # sides of a panel; what is longer is drawn narrower
LETTERS = 7.5
DRAWN = 768  # pixels of a film's longer side
PER_INCH = 15  # letters of the lines at the foot that stand on an inch

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Shown:
    """A film, uint8 [H, W] or in colour [H, W, 3], its title, the lines below it, and a frame's colour or none.

    `size` is the film's own where `pixels` are fewer: what is drawn on it is in the film's own pixels.
    """

    pixels: NDArray[np.uint8]
    title: str
    lines: Sequence[str] = ()
    frame: str | None = None
    size: tuple[int, ...] = ()

    @property
    def sides(self) -> tuple[int, ...]:
        """Height and width of the film."""
        return (self.size or self.pixels.shape)[:2]

    @property
    def tallness(self) -> float:
        """Height over width."""
        return self.sides[0] / self.sides[1]


class Row(NamedTuple):
    """Films beside each other, each `side` inches wide."""

    films: Sequence[Shown]
    side: float


@dataclass(frozen=True)
class Scale:
    """What the colours mean: the value at both ends, None where there is no common one; what a value is; its signs."""

    end: float | None
    says: str
    sides: tuple[str, str] = ("against", "for")


def reduced(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A film uint8 [H, W], no larger than a figure can show."""
    image = Image.fromarray(film)
    image.thumbnail((DRAWN, DRAWN), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(image)


def in_rows(films: Sequence[Shown], across: int, side: float) -> list[Row]:
    """Films of one width, `across` in a row."""
    return [Row(films[start : start + across], side) for start in range(0, len(films), across)]


@contextlib.contextmanager
def films_figure(
    path: Path,
    rows: Sequence[Row],
    *,
    title: str = "",
    verdict: str = "",
    scale: Scale | None = None,
    theme: str = "light",
) -> Iterator[list[Axes]]:
    """Yield the axes of all films in their order, to be drawn on; save the figure when the block ends well.

    Raises `ArgumentError` for a file's name or a theme that is none, `StorageError`.
    """
    width = MARGIN + max(len(row.films) * (row.side + GAP) for row in rows) - GAP + MARGIN
    heads = [2 * LINE if any(film.title for film in row.films) else 0.0 for row in rows]
    tall = [row.side * min(TALLEST, max(film.tallness for film in row.films)) for row in rows]
    below = [LINE * max(len(film.lines) for film in row.films) for row in rows]
    foot = wrap(scale.says, int(width * PER_INCH)) if scale else []
    foot += wrap(verdict, int(width * PER_INCH))
    height = MARGIN + (HEAD if title else 0) + sum(heads) + sum(tall) + sum(below) + GAP * len(rows)
    height += (BAR if scale else 0) + (LINE + 0.02) * len(foot) + MARGIN / 2
    with figure(Path(path), width, height, theme) as drawn:
        drawn.set_layout_engine("none")
        drawn.set_dpi(150)  # letters are as wide as they are in the file
        _write(drawn, MARGIN, MARGIN, title, 10, width - 2 * MARGIN)
        top = MARGIN + (HEAD if title else 0)
        cells = []
        for row, head, high, lines in zip(rows, heads, tall, below, strict=True):
            for place, film in enumerate(row.films):
                left = MARGIN + place * (row.side + GAP)
                axes = drawn.add_axes(_share(drawn, left, top + head, row.side, high))
                _show(axes, film)
                _write(drawn, left, top + 0.09, film.title, 9, row.side)
                under = top + head + min(high, row.side * film.tallness) + 0.05
                for number, line in enumerate(film.lines):
                    _write(drawn, left, under + number * LINE, line, LETTERS, row.side)
                cells.append(axes)
            top += head + high + lines + GAP
        if scale:
            _bar(drawn, top, min(width - 2 * MARGIN, WIDEST_BAR), scale)
            top += BAR
        for number, line in enumerate(foot):
            _write(drawn, MARGIN, top + (LINE + 0.02) * number, line, 8, width)
        yield cells


def outline(
    axes: Axes,
    size: tuple[int, ...],
    preprocessing: Preprocessing,
    lungs: NDArray[np.bool_] | None = None,
    boxes: Sequence[Box] = (),
) -> None:
    """Lines over a film of this size: lungs, boxes dashed, and dotted what the encoder saw if that is not all of it."""
    height, width = size[:2]
    if lungs is not None:
        step = max(1, max(height, width) // 512)
        rows, columns = np.arange(0, height, step), np.arange(0, width, step)
        for colour, line in (("black", 1.6), ("white", 0.7)):
            axes.contour(columns, rows, lungs[::step, ::step], [0.5], colors=colour, linewidths=line)
    shown = shown_of(height, width, preprocessing)
    for box in boxes:
        frame(axes, Window(*box), "--")
    if shown != Window(0, 0, height, width):
        frame(axes, shown, ":")
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def frame(axes: Axes, window: Window, style: str = "-", colour: str = "white", line: float = 0.8) -> None:
    """A rectangle of the film in a colour over black, seen on any ground."""
    from matplotlib.patches import Rectangle

    top, left, bottom, right = window
    for hue, thick, dashes in (("black", line + 0.8, "-"), (colour, line, style)):
        corner = (left - 0.5, top - 0.5)  # imshow puts the middle of the first pixel at 0
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, color=hue, lw=thick, ls=dashes))


def _show(axes: Axes, film: Shown) -> None:
    """One film in the upper left of its place."""
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    height, width = film.sides
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(film.pixels, cmap="gray", vmin=0, vmax=255, extent=extent)
    axes.set_anchor("NW")
    for spine in axes.spines.values():
        spine.set(visible=film.frame is not None, color=film.frame, linewidth=2)


def _bar(drawn: Figure, top: float, width: float, scale: Scale) -> None:
    """The colours from one end of the scale to the other, as they look over a middle grey."""
    values = np.linspace(-1, 1, 255)[None, :, None]
    share = np.abs(values) * OPAQUE
    colours = np.rint(GROUND * (1 - share) + np.where(values > 0, FOR, AGAINST) * share).astype(np.uint8)
    axes = drawn.add_axes(_share(drawn, MARGIN, top, width, 0.11))
    axes.imshow(colours, aspect="auto", extent=(-1, 1, 0, 1))
    axes.grid(False)
    axes.set(yticks=[])
    axes.spines[:].set_visible(False)
    low, high = ("", "") if scale.end is None else (f"{signed(-scale.end)} ", f"{signed(scale.end)} ")
    axes.set_xticks([-1, 0, 1], [low + scale.sides[0], "0", high + scale.sides[1]])
    axes.tick_params(labelsize=LETTERS, length=2, pad=1.5)
    first, _, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _write(drawn: Figure, left: float, top: float, text: str, size: float, width: float) -> None:
    """Words at a place in inches from the upper left corner, cut in their middle where they are too wide."""
    wide, high = drawn.get_size_inches()
    words = drawn.text(left / wide, 1 - top / high, text, size=size, va="top", ha="left")
    kept = len(text)
    while kept > 4 and words.get_window_extent().width > width * drawn.dpi:
        kept -= 1
        words.set_text(f"{text[: kept - kept // 2]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - kept // 2 :]}")


def _share(drawn: Figure, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    """A place in inches from the upper left corner as matplotlib counts it, in shares from the lower left."""
    wide, high = drawn.get_size_inches()
    return left / wide, 1 - (top + height) / high, width / wide, height / high
