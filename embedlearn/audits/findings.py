"""What an audit says: findings, each one number and one sentence, gathered in chapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from embedlearn.figures import Picture
from embedlearn.pages.blocks import Block

Level = Literal["fine", "note", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    `key` is its name for programs ("twins.across"), `level` how much it should worry the reader, and `sentence` says
    it in plain words with the number in them. `value` is that number, `measure` what it is ("AUC", "pairs", "share"),
    `low` and `high` the ends of its 95 % interval, `how` how the interval was made, `films` how many it is of.
    """

    key: str
    level: Level
    sentence: str
    measure: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    how: str = ""
    films: int | None = None


class Shown(NamedTuple):
    """A figure: the words under it, and what is drawn."""

    caption: str
    picture: Picture


@dataclass(frozen=True)
class Chapter:
    """One subject of an audit.

    `figures` are saved under their names (NAME.png) and stand in the page; `blocks` follow them there. `data` is what
    `audit.json` holds of the chapter beside its findings: plain values.
    """

    key: str
    title: str
    findings: tuple[Finding, ...]
    figures: Mapping[str, Shown] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
