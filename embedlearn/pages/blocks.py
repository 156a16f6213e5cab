"""What the page is made of, and how that becomes one HTML file: every word is escaped, nothing is fetched or run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATE = "page.html.jinja"
MANY_ROWS = 24


class Cell(NamedTuple):
    """A number, what stands beside it and what below; `share`, 0..1, shades the cell."""

    main: str
    beside: str = ""
    below: str = ""
    share: float | None = None


class Row(NamedTuple):
    """A named row of cells."""

    name: str
    cells: tuple[Cell, ...]


class Group(NamedTuple):
    """Rows under a common name; none is written where it is empty."""

    name: str
    rows: tuple[Row, ...]


class Film(NamedTuple):
    """A film by its name; `picture` is a data URI, empty where it is not shown."""

    name: str
    picture: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    words: str


@dataclass(frozen=True)
class Box:
    """A sentence that must not be overlooked, after its `label`."""

    kind: ClassVar[str] = "box"
    label: str
    words: str


@dataclass(frozen=True)
class Table:
    """A table; `columns` begins with the heading of the rows' names. `wordy`: of words, which may take more lines."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    wordy: bool = False


@dataclass(frozen=True)
class Tables:
    """Small tables beside each other."""

    kind: ClassVar[str] = "tables"
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Pictures:
    """Pictures beside each other, <svg> each, with one caption; `small` for many."""

    kind: ClassVar[str] = "pictures"
    caption: str
    svgs: tuple[Markup, ...]
    small: bool = False


@dataclass(frozen=True)
class Films:
    """Named lists of films."""

    kind: ClassVar[str] = "films"
    lists: tuple[tuple[str, tuple[Film, ...]], ...]


@dataclass(frozen=True)
class Fold:
    """Blocks that are shown when asked for."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: tuple[Block, ...]


Block = Text | Box | Table | Tables | Pictures | Films | Fold


class Section(NamedTuple):
    """Blocks under a heading; `key` is its address in the page."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def long_table(
    caption: str, columns: tuple[str, ...], groups: Sequence[Group], shown: Callable[[Group], bool]
) -> Iterator[Block]:
    """A table whose groups, where they are many rows, are folded but for those that are `shown`."""
    first = [group for group in groups if shown(group)]
    rest = [group for group in groups if not shown(group)]
    if sum(len(group.rows) for group in groups) <= MANY_ROWS or not rest:
        yield Table(caption, columns, tuple(groups))
    else:
        yield Table(caption, columns, tuple(first))
        yield Fold(", ".join(group.name for group in rest), (Table(caption, columns, tuple(rest)),))


def drawn(svgs: Sequence[str]) -> tuple[Markup, ...]:
    """Pictures as `figures.Picture.svgs` gives them, which are markup already."""
    return tuple(Markup(svg) for svg in svgs)


def render(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The page as one text; sections without blocks are left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [section for section in sections if section.blocks]
    return environment.get_template(TEMPLATE).render(title=title, lead=lead, sections=shown) + "\n"
