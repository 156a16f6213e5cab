"""Markdown in plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from embedlearn.pages.numbers import number

SPLITS = {"train": "training", "val": "validation", "test": "test", "held-out": "set aside"}
MARKS = re.compile(r"([\\`*\[\]<>|])")


def clean(text: str) -> str:
    """One line of a name or a label, safe inside a table."""
    return MARKS.sub(r"\\\1", " ".join(text.split()))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table, with an empty line behind it; numbers stand to the right."""
    body = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    line = "|".join("---:" if column and body and _numeric(body, column) else "---" for column in range(len(heads)))
    return [f"| {' | '.join(heads)} |", f"|{line}|", *(f"| {' | '.join(row)} |" for row in body), ""]


def bullets(lines: Iterable[str]) -> list[str]:
    """A list, with an empty line behind it; nothing where there are no lines."""
    found = [f"- {line}" for line in lines]
    return [*found, ""] if found else []


def counted(count: int, one: str, several: str = "") -> str:
    """3 films, 1 film."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def spaced(words: str) -> str:
    """With a space before a per cent sign."""
    return words.replace("%", " %")


def listed(names: Iterable[str]) -> str:
    """a, b and c, safe inside a table."""
    words = [clean(name) for name in names]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "nothing"


def interval(row: dict[str, float | None], name: str = "mean", *, signed: bool = False) -> str:
    """A value with its 95 % interval by patient, or by episode in round brackets where there is none by patient."""
    if row.get("patient_low") is not None:
        return f"{number(row[name], signed=signed)} [{number(row['patient_low'])} {number(row['patient_high'])}]"
    return f"{number(row[name], signed=signed)} ({number(row['episode_low'])} {number(row['episode_high'])})"


def _numeric(body: Sequence[Sequence[str]], column: int) -> bool:
    return all(re.fullmatch(r"[\d,]*", row[column]) for row in body)
