"""Documents with tables in them: a table stands between `<!-- table: NAME -->` and `<!-- /table -->`, each a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from embedlearn.errors import ArgumentError

BEGIN = re.compile(r"<!-- table: (\S+) -->")
END = "<!-- /table -->"
NEARLY = re.compile(r"<!--\s*/?\s*table\b", re.IGNORECASE)
FENCE = re.compile(r"\s*(```|~~~)")


def find_documents(folder: Path) -> list[Path]:
    """README.md and the Markdown files of docs/, in order."""
    readme = folder / "README.md"
    return [path for path in (readme, *sorted((folder / "docs").rglob("*.md"))) if path.is_file()]


def filled(text: str, made: Callable[[str], str], name: str) -> str:
    """`text` with the tables that `made` gives by name; `name` is what complaints call the document.

    Raises `ArgumentError` for a marker without its other half, and passes on, with the line, what `made` raises so.
    """
    return "".join(_lines(text, made, name))


def _lines(text: str, made: Callable[[str], str], name: str) -> Iterator[str]:
    inside, begun, fenced = "", 0, False
    for place, line in enumerate(text.splitlines(keepends=True), start=1):
        word = line.strip()
        begin = None if fenced else BEGIN.fullmatch(word)
        if begin and inside:
            raise ArgumentError(f"{name}, line {begun}: table {inside} has no end; write {END} behind it")
        if begin:
            inside, begun = begin[1], place
            try:
                yield f"{line.rstrip()}\n\n{made(inside)}\n\n"
            except ArgumentError as error:
                raise ArgumentError(f"{name}, line {place}: {error}") from error
        elif word == END and not fenced:
            if not inside:
                raise ArgumentError(f"{name}, line {place}: {END} ends no table; remove it")
            inside = ""
            yield line
        elif NEARLY.match(word) and not fenced:
            raise ArgumentError(f"{name}, line {place}: wanted <!-- table: NAME --> or {END}, got {word}")
        elif not inside:
            fenced ^= bool(FENCE.match(line))
            yield line
    if inside:
        raise ArgumentError(f"{name}, line {begun}: table {inside} has no end; write {END} behind it")
