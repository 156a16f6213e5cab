"""Where a row's films are: named, lying in the shared folder beside the project, or planted for a quick run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.layouts import layout_of
from experiments.systems.row import Row

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


def find_data(row: Row, named: Sequence[str]) -> tuple[str, ...]:
    """The row's sets, as `--data` takes them; empty where none is named and one is not in the shared folder.

    Raises `ArgumentError` where what is named is laid out otherwise than the row's sets, or is not enough for it.
    """
    found = {}
    for spec in named:
        wanted = (*row.data, *row.also)
        found[layout := layout_of(spec)[0]] = spec
        if layout not in wanted:
            raise ArgumentError(f"--data {spec}: wanted {' or '.join(wanted)}, got the layout {layout}; name another")
    if named:
        if not any(set(needed) <= set(found) for needed in (row.data, *row.instead)):
            enough = ", or ".join(" and ".join(needed) for needed in (row.data, *row.instead))
            raise ArgumentError(f"--data: {row.name} wants {enough}, got {' and '.join(found)}; name the others too")
        return tuple(named)
    there = [SHARED / name for name in row.data]
    return tuple(str(path.resolve()) for path in there) if all(path.is_dir() for path in there) else ()
