"""The page's films, maps and columns as plain data for its script."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.maps.page.columns import Column, columns_of
from embedlearn.maps.page.contents import PageData
from embedlearn.maps.page.packing import COLUMNS, SHEET, as_bytes, evenly, packed, pitch_of, sheets, spread

UNSEEN = -1  # the thumbnail of a film that has none


def encode(page: PageData) -> dict[str, Any]:
    """`page` as JSON values: arrays are base64, and films stand in the order in which they are drawn.

    That is a shuffled one, so that no class lies above another for standing later in a table; `rows` leads back.
    """
    order = np.random.default_rng(0).permutation(len(page.ids))
    return {
        "rows": packed(order, np.uint32),
        "ids": [str(page.ids[row]) for row in order],
        "maps": [_map(page, name, order) for name in page.maps],
        "columns": [_column(column, order) for column in columns_of(page)],
        "thumbnails": _thumbnails(page, order),
        "explanations": _explanations(page, order),
        "new": None if page.new is None else _new(page),
    }


def _map(page: PageData, name: str, order: NDArray[np.int64]) -> dict[str, Any]:
    positions = np.asarray(page.maps[name], np.float32)
    drawn, moved = spread(positions)
    return {
        "name": name,
        "quality": list(page.quality.get(name, ())),
        "x": packed(positions[order, 0], np.float32),
        "y": packed(positions[order, 1], np.float32),
        "drawn": [packed(drawn[order, axis], np.float32) for axis in (0, 1)] if moved else None,
    }


def _column(column: Column, order: NDArray[np.int64]) -> dict[str, Any]:
    numbers = column.values is not None
    return {
        "name": column.name,
        "map": column.map,
        "names": None if numbers else list(column.names),
        "codes": None if numbers else packed(column.codes[order], np.uint32),
        "values": packed(column.values[order], np.float32) if column.values is not None else None,
        "groups": [group._asdict() for group in column.groups],
        "group": packed(column.group[order], np.uint8),
    }


def _thumbnails(page: PageData, order: NDArray[np.int64]) -> dict[str, Any] | None:
    if page.thumbnails is None or page.most_thumbnails < 1:
        return None
    chosen = evenly(len(page.ids), page.most_thumbnails)
    place = np.full(len(page.ids), UNSEEN)
    place[chosen] = np.arange(len(chosen))
    side = page.thumbnails.shape[1]
    return {
        "side": side,
        "pitch": pitch_of(side),
        "columns": COLUMNS,
        "sheet": SHEET,
        "shown": len(chosen),
        "place": packed(place[order], np.int32),
        "sheets": list(sheets(page.thumbnails[chosen])),
    }


def _explanations(page: PageData, order: NDArray[np.int64]) -> dict[str, Any] | None:
    if page.explanations is None:
        return None
    steps, scale = as_bytes(np.asarray(page.explanations, np.float32)[order])
    rows, columns = page.explanations.shape[1:]
    return {"rows": rows, "columns": columns, "steps": packed(steps, np.int8), "scale": packed(scale, np.float32)}


def _new(page: PageData) -> dict[str, Any]:
    assert page.new is not None
    return {
        "names": [str(name) for name in page.new.names],
        "strange": [bool(strange) for strange in page.new.strange],
        "maps": {name: np.asarray(positions, np.float64).T.tolist() for name, positions in page.new.positions.items()},
    }
