"""Which packages a starting program loads, and how long each takes: what `python -X importtime` says, added up."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")


class Loaded(NamedTuple):
    """A package: milliseconds in its own modules, the number of these, and who loaded it first."""

    name: str
    own: float
    modules: int
    by: str


def packages(lines: Iterable[str]) -> list[Loaded]:
    """The packages that were loaded, the slowest first; our own modules are one."""
    rows = [(int(found[1]), len(found[3]) // 2, found[4]) for line in lines if (found := LINE.match(line))]
    own: dict[str, float] = defaultdict(float)
    modules: dict[str, int] = defaultdict(int)
    by: dict[str, str] = {}
    parents: list[str] = []  # a module is told after those that it loads, so that the file is read from its end
    for spent, depth, module in reversed(rows):
        del parents[depth:]
        name = module.partition(".")[0]
        own[name] += spent / 1000
        modules[name] += 1
        above = next((parent for parent in reversed(parents) if parent.partition(".")[0] != name), "")
        by[name] = above or by.get(name, "")
        parents.append(module)
    return sorted((Loaded(name, own[name], modules[name], by[name]) for name in own), key=lambda each: -each.own)
