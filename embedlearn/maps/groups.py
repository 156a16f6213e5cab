"""How the films of a map are told apart: a colour and a marker for each label, or each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import Theme

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
MOST = 12  # names with a colour and marker of their own; no eye tells more apart
OTHERS = "others"


class Group(NamedTuple):
    """Films of one name: how they look, and which rows they are, int64 [n]."""

    name: str
    colour: str
    marker: str
    rows: NDArray[np.int64]

    @property
    def short(self) -> str:
        """The name as it fits on a map."""
        return _cut(self.name, 28)

    @property
    def words(self) -> str:
        """What a legend says."""
        return f"{_cut(self.name, 40)} ({len(self.rows):,})"


def grouped(names: Sequence[str], theme: Theme, first: int = 0) -> list[Group]:
    """The names by frequency; what is beyond `MOST` is one grey group. `first` is where the colours start."""
    counts = Counter(map(str, names))
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    own = ranked if len(ranked) <= MOST else ranked[: MOST - 1]
    given = np.array([str(name) for name in names], dtype=object)
    groups = []
    for place, name in enumerate(own, first):
        look = theme.colours[place % len(theme.colours)], MARKERS[place % len(MARKERS)]
        groups.append(Group(name, *look, np.flatnonzero(given == name)))
    if rest := set(ranked) - set(own):
        rows = np.flatnonzero([name in rest for name in given])
        groups.append(Group(f"{len(rest)} {OTHERS}", theme.muted, ".", rows))
    return groups


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
