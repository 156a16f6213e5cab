"""What `embedlearn search` shows: a table, a contact sheet, and a file of the cases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.files import write_text
from embedlearn.gallery.sheet import Tile, draw_sheet
from embedlearn.gallery.similar import Hits
from embedlearn.radiographs.cases import find_twins
from embedlearn.tasks.gallery.flags import Search

Film = NDArray[np.uint8]
FORMAT = "embedlearn-similar-1"
FIRST = ("label", "source", "view", "patient", "split")  # columns of the table
UNSEEN = ("id", "twin", "film")  # the id stands last, the others are for the program
ON_SHEET = 30  # cases at most
DIGITS = 8  # of a patient's token


@dataclass(frozen=True, eq=False)
class Shown:
    """Hits with their films (None where one is not at hand); `findable`: whether folders could help to find them."""

    hits: Hits
    films: Sequence[Film | None]
    findable: bool

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        """What is known of each."""
        found: list[dict[str, Any]] = self.hits.cases.to_pylist()
        return found

    def same_picture(self, queries: Sequence[Film | None]) -> list[bool]:
        """Which hits are, to the eye, a film of the query again, resized or renamed."""
        asked = [film for film in queries if film is not None]
        there = [place for place, film in enumerate(self.films) if film is not None]
        if not asked or not there:
            return [False] * len(self.hits)
        stack = np.stack([*asked, *(film for film in self.films if film is not None)])
        again = {there[b - len(asked)] for a, b in find_twins(stack) if a < len(asked) <= b}
        return [place in again for place in range(len(self.hits))]


def show(settings: Search, films: Sequence[Film | None], titles: Sequence[str], found: Shown) -> None:
    """Print the cases, draw the sheet and, where asked for, write the table. Raises `StorageError`."""
    again = found.same_picture(films)
    for line in _lines(found, again):
        say(line)
    if len(found.hits) < settings.k:
        say(f"  note: {len(found.hits)} cases were found, not {settings.k}: there are no more")
    queries = [Tile(film, ["query", title]) for film, title in zip(films, titles, strict=True)][:ON_SHEET]
    tiles = [
        Tile(film, _words(place, case, found.hits.distances[place], again[place]), case.get("label"))
        for place, (case, film) in enumerate(zip(found.cases[:ON_SHEET], found.films, strict=False))
    ]
    draw_sheet(settings.out, queries, tiles, f"{settings.gallery.name}: most similar cases. Not for diagnosis.")
    said = f" with the first {ON_SHEET}" if len(found.hits) > ON_SHEET else ""
    if missing := sum(tile.film is None for tile in tiles):
        helps = ", --pictures FOLDER finds them" if found.findable else ""
        said += f"; films not at hand: {missing}{helps}"
    say(f"wrote {settings.out}{said}")
    if settings.table:
        _write_table(settings.table, found.hits, again)
        say(f"wrote {settings.table}")


def _lines(found: Shown, again: Sequence[bool]) -> list[str]:
    """The table, and how many of the hits share a label and a source."""
    names = [name for name in found.hits.cases.column_names if name not in UNSEEN]
    names = [*(name for name in FIRST if name in names), *(name for name in names if name not in FIRST)]
    names = [name for name in names if any(case[name] is not None for case in found.cases)]
    rows = [["", "distance", *names, "id"]]
    for place, case in enumerate(found.cases):
        cells = [_cell(name, case[name]) for name in names]
        rows.append([str(place + 1), f"{found.hits.distances[place]:.4f}", *cells, case["id"]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for name in (name for name in ("label", "source") if name in names):
        counted = Counter(case[name] for case in found.cases).most_common()
        lines.append(f"  {name}: " + ", ".join(f"{value} {count}" for value, count in counted))
    if any(again):
        which = ", ".join(str(place + 1) for place, same in enumerate(again) if same)
        lines.append(f"  note: {which}: the query's own picture again, or one that can hardly be told from it")
    return lines


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "patient" and len(value) > 2 * DIGITS:
        return f"{value[:DIGITS]}…"
    return str(value)


def _words(place: int, case: dict[str, Any], distance: float, again: bool) -> list[str]:
    """What stands below a film."""
    third = "the same picture" if again else case.get("view") or ""
    return [f"{place + 1}  {case.get('label') or ''}", f"{distance:.3f}  {case.get('source') or ''}", third]


def _write_table(path: Path, hits: Hits, again: Sequence[bool]) -> None:
    """The hits as CSV or JSON, whole or not at all."""
    frame = hits.cases.to_pandas()
    frame.insert(0, "rank", range(1, len(frame) + 1))
    frame.insert(1, "distance", hits.distances)
    frame["same_picture"] = list(again)
    if path.suffix == ".csv":
        write_text(path, frame.to_csv(index=False))
    else:
        cases = json.loads(frame.to_json(orient="records", date_format="iso"))
        write_text(path, json.dumps({"format": FORMAT, "cases": cases}, indent=2) + "\n")
