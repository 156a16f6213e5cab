"""What the page shows, and the check that it fits together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError


@dataclass(frozen=True)
class NewFilms:
    """M films placed on maps that were made without them.

    `names` are M words, `positions` float32 [M, 2] by the name of each map that shows them, `strange` bool [M]: unlike
    anything the maps were made from.
    """

    names: Sequence[str]
    positions: Mapping[str, NDArray[np.float32]]
    strange: NDArray[np.bool_]


@dataclass(frozen=True)
class PageData:
    """N films on one or more maps.

    `ids` are N names to show (of files, or tokens: the caller decides what may be seen), `maps` float32 [N, 2] by name
    in the order of the select. `columns` are N values each, by name: words or bools, which have a colour each, or
    numbers, which are coloured in five steps; "label" and "source" are counted among selected films, and "prediction"
    has the colours of "label". `quality` holds sentences and `reliability` float32 [N] by the name of a map.
    `thumbnails` uint8 [N, s, s] are shown for at most `most_thumbnails` films, spread evenly over the rows.
    `explanations` float32 [N, h, w] are signed maps of what `explained` says. `notes` stand above the map.
    """

    title: str
    ids: Sequence[str]
    maps: Mapping[str, NDArray[np.float32]]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    quality: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reliability: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    thumbnails: NDArray[np.uint8] | None = None
    most_thumbnails: int = 10_000
    explanations: NDArray[np.float32] | None = None
    explained: str = "the score"
    new: NewFilms | None = None
    notes: Sequence[str] = ()


def check(page: PageData) -> None:
    """Raise `ArgumentError` where the parts of `page` do not belong together."""
    films = len(page.ids)
    if not films or not page.maps:
        raise ArgumentError(f"maps: wanted one or more of one film or more, got {len(page.maps)} of {films} films")
    for name, positions in page.maps.items():
        _require_shape(f"maps[{name!r}]", positions, (films, 2))
        if not np.isfinite(positions).all():
            raise ArgumentError(f"maps[{name!r}]: wanted finite positions, got NaN or infinity; leave such films out")
    for name, values in page.columns.items():
        _require_shape(f"columns[{name!r}]", values, (films,))
    for name, values in page.reliability.items():
        _require_shape(f"reliability[{name!r}]", values, (films,))
    _require_known("quality", page.quality, page.maps)
    _require_known("reliability", page.reliability, page.maps)
    if "reliability" in page.columns and page.reliability:
        raise ArgumentError("columns['reliability']: reliability was given by map, too; leave one of the two out")
    if page.thumbnails is not None:
        _require_shape("thumbnails", page.thumbnails, (films, *page.thumbnails.shape[1:2] * 2))
        if page.thumbnails.dtype != np.uint8:
            raise ArgumentError(f"thumbnails: wanted uint8, got {page.thumbnails.dtype}")
    if page.explanations is not None:
        if page.explanations.ndim != 3 or len(page.explanations) != films:
            raise ArgumentError(f"explanations: wanted [{films}, h, w], got shape {page.explanations.shape}")
        if not np.isfinite(page.explanations).all():
            raise ArgumentError("explanations: wanted finite numbers, got NaN or infinity")
    if page.new is not None:
        _check_new(page.new, page.maps)


def _check_new(new: NewFilms, maps: Mapping[str, NDArray[np.float32]]) -> None:
    _require_shape("new.strange", new.strange, (len(new.names),))
    _require_known("new.positions", new.positions, maps)
    for name, positions in new.positions.items():
        _require_shape(f"new.positions[{name!r}]", positions, (len(new.names), 2))
        if not np.isfinite(positions).all():
            raise ArgumentError(f"new.positions[{name!r}]: wanted finite positions, got NaN or infinity")


def _require_shape(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if np.shape(values) != shape:
        raise ArgumentError(f"{name}: wanted shape {list(shape)}, got {list(np.shape(values))}")


def _require_known(name: str, given: Mapping[str, Any], maps: Mapping[str, Any]) -> None:
    for key in given:
        if key not in maps:
            raise ArgumentError(f"{name}[{key!r}]: there is no such map; wanted one of {', '.join(maps)}")
