"""Films with their maps over them: orange where a place speaks for the score, blue where against, clear at zero."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import UNCHECKED, FilmMap, scale_of
from embedlearn.explanations.geometry import Sight, Window, on_film, shown_of
from embedlearn.explanations.panels import (
    AGAINST,
    FOR,
    OPAQUE,
    Box,
    Scale,
    Shown,
    films_figure,
    in_rows,
    outline,
    reduced,
)
from embedlearn.files import replacing

DIMMED = 0.7  # brightness of a film under its map, for the colours to be seen on white too
UNSEEN = 0.4  # and of what the encoder was not shown
ACROSS = 4  # panels in a row
SIDE = 2.1  # of a panel, in inches

Upsampling = Literal["bilinear", "nearest"]


def painted(
    film: NDArray[np.uint8],
    values: NDArray[Any],
    sight: Sight,
    scale: float,
    how: Upsampling = "bilinear",
) -> NDArray[np.uint8]:
    """A film uint8 [H, W] with a map [h, w] over it, uint8 [H, W, 3]; opacity is |value| / `scale`, hue its sign.

    What the encoder was not shown is darkened. Raises `ArgumentError` where the film is no grey one.
    """
    check_film(film)
    height, width = film.shape
    laid = on_film(values, height, width, sight, how)
    share = np.minimum(np.nan_to_num(np.abs(laid)) * np.float32(OPAQUE / scale), np.float32(OPAQUE))
    grey = film * np.where(np.isnan(laid), np.float32(UNSEEN), np.float32(DIMMED)) * (1 - share)
    pixels = np.empty((height, width, 3), np.uint8)
    for channel, (speaks_for, against) in enumerate(zip(FOR, AGAINST, strict=True)):
        hue = np.where(laid > 0, np.float32(speaks_for), np.float32(against))
        pixels[..., channel] = np.rint(grey + hue * share)
    return pixels


def write_overlay_png(
    path: Path,
    film: NDArray[np.uint8],
    shown: FilmMap,
    sight: Sight,
    *,
    scale: float | None = None,
    how: Upsampling = "bilinear",
    lungs: NDArray[np.bool_] | None = None,
) -> None:
    """Write a film uint8 [H, W] with its map over it as a PNG of the film's own size, nothing around it.

    `scale` is `scale_of` all maps that are to be compared, else the map's own; `lungs` bool [H, W] is outlined. Raises
    `ArgumentError`, `StorageError`.
    """
    from PIL import Image

    pixels = painted(film, shown.values, sight, scale or shown.scale(), how)
    if lungs is not None:
        edge = lungs & ~_shrunk(lungs)
        pixels[~_shrunk(~edge)] = 0
        pixels[edge] = 255
    with replacing(Path(path)) as beside:
        Image.fromarray(pixels).save(beside, "PNG")


def draw_overlay(
    path: Path,
    film: NDArray[np.uint8],
    maps: Sequence[FilmMap],
    sight: Sight,
    *,
    title: str = "",
    verdict: str = UNCHECKED,
    lungs: NDArray[np.bool_] | None = None,
    boxes: Sequence[Box] = (),
    beside: Sequence[tuple[str, NDArray[np.uint8]]] = (),
    how: Upsampling = "bilinear",
    theme: str = "light",
) -> None:
    """Write a figure, PNG or SVG: a film uint8 [H, W], then the film under each of its maps, all on one scale.

    A map that does not add up has a scale of its own. `lungs` bool [H, W] are outlined, `boxes` (top, left, bottom,
    right) in the film's pixels framed; `beside` are other films to be seen with it, such as the similar case, with
    their names. `verdict` says which checks the maps passed. Raises `ArgumentError`, `StorageError`.
    """
    if not maps:
        raise ArgumentError("maps: wanted one or more, got none; name a target to explain")
    check_film(film)
    end = scale_of(maps)
    height, width = film.shape
    whole = shown_of(height, width, sight.preprocessing) == Window(0, 0, height, width)
    panels = [Shown(reduced(film), "film", [] if whole else ["dotted: what the encoder sees"], size=film.shape)]
    small = reduced(film)
    for each in maps:
        own = end if each.constant is not None else each.scale()
        pixels = painted(small, each.values, sight, own, how)
        panels.append(Shown(pixels, each.name, each.lines(), size=film.shape))
    panels += [Shown(reduced(other), name, size=other.shape) for name, other in beside]
    across = -(-len(panels) // -(-len(panels) // ACROSS))  # as many in each row
    rows, scale = in_rows(panels, across, SIDE), meaning(maps, how)
    with films_figure(path, rows, title=title, verdict=verdict, scale=scale, theme=theme) as cells:
        for axes in cells[: len(maps) + 1]:
            outline(axes, film.shape, sight.preprocessing, lungs, boxes)


def meaning(
    maps: Sequence[FilmMap], how: Upsampling = "bilinear", sides: tuple[str, str] = ("against", "for")
) -> Scale:
    """What a colour says of maps shown together, and that the picture is finer than the maps."""
    h, w = np.shape(maps[0].values)
    drawn = f"upsampled bilinearly from {h} x {w}" if how == "bilinear" else f"the {h} x {w} cells as they are"
    if all(each.constant is None for each in maps):
        return Scale(None, f"each map on its own scale, whose end stands below it; {drawn}", sides)
    return Scale(scale_of(maps), f"what one cell adds to the score; {drawn}", sides)


def check_film(film: NDArray[np.uint8]) -> None:
    """Raise `ArgumentError` unless `film` is of grey values, uint8 [H, W]."""
    if film.ndim != 2 or film.dtype != np.uint8:
        raise ArgumentError(f"film: wanted grey values uint8 [height, width], got {film.dtype} of shape {film.shape}")


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask less its outermost pixels."""
    held = np.pad(mask, 1, constant_values=True)
    inner: NDArray[np.bool_] = mask & held[:-2, 1:-1] & held[2:, 1:-1] & held[1:-1, :-2] & held[1:-1, 2:]
    return inner
