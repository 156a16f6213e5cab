"""How films are coloured: every column of the page as a few groups of films, each with a name, colours and a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import COLOURS, GREY
from embedlearn.maps.page.contents import PageData

MOST = len(COLOURS)  # groups of words that have a colour of their own
ON_DARK = {"#000000": "#f2f4f6", "#0072B2": "#2387CC"}  # in place of those that are too dark there
STEPS = ("#D55E00", "#E5995F", "#A0A0A0", "#63A3CC", "#0072B2")  # from low to high, on light and dark paper
MISSING = "(none)"


class Group(NamedTuple):
    """Films of one colour; `dark` is the colour on dark paper, `films` how many there are."""

    name: str
    colour: str
    dark: str
    films: int


class Column(NamedTuple):
    """A column of N films: `codes` uint32 [N] of `names`, or numbers `values` float32 [N]; `group` uint8 [N].

    `map` is the one map that it belongs to, None for all.
    """

    name: str
    map: str | None
    names: tuple[str, ...]
    codes: NDArray[np.uint32]
    values: NDArray[np.float32] | None
    groups: tuple[Group, ...]
    group: NDArray[np.uint8]


def columns_of(page: PageData) -> Iterator[Column]:
    """The columns of the page in their order, then the reliability of each map."""
    classes: Sequence[str] = ()
    for name, values in page.columns.items():
        if np.asarray(values).dtype.kind in "fiu":
            yield _of_numbers(name, None, values)
        else:
            column = _of_words(name, values, classes if name == "prediction" else ())
            classes = column.names if name == "label" else classes
            yield column
    for name, values in page.reliability.items():
        yield _of_numbers("reliability", name, values)


def _of_words(name: str, values: NDArray[Any], first: Sequence[str]) -> Column:
    """Words: those of `first`, then the others from the commonest to the rarest; the last are joined if too many."""
    words = [_word(value) for value in values]
    count = Counter(words)
    if np.asarray(values).dtype.kind == "b":
        names = ["no", "yes"]
    else:
        names = [*first, *sorted(set(count) - set(first), key=lambda word: (-count[word], word))]
    place = {word: number for number, word in enumerate(names)}
    codes = np.array([place[word] for word in words], np.uint32)
    own = len(names) if len(names) <= MOST else MOST - 1
    groups = [_group(word, COLOURS[number], count[word]) for number, word in enumerate(names[:own])]
    if own < len(names):
        rest = sum(count[word] for word in names[own:])
        groups.append(_group(f"other ({len(names) - own} more)", GREY, rest))
    group = np.minimum(codes, len(groups) - 1).astype(np.uint8)
    return Column(name, None, tuple(names), codes, None, tuple(groups), group)


def _of_numbers(name: str, of_map: str | None, values: NDArray[Any]) -> Column:
    """Numbers, in five equal steps from the lowest to the highest, or from 0 to 1 where they are shares."""
    numbers = np.asarray(values, np.float32)
    finite = np.isfinite(numbers)
    low, high = (float(numbers[finite].min()), float(numbers[finite].max())) if finite.any() else (0.0, 1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    edges = np.linspace(low, high, len(STEPS) + 1)
    step = np.searchsorted(edges[1:-1], np.where(finite, numbers, low), side="right")
    step[~finite] = len(STEPS)
    counts = np.bincount(step, minlength=len(STEPS) + 1)
    groups = [
        _group(f"{edges[place]:.3g} to {edges[place + 1]:.3g}", STEPS[place], int(counts[place]))
        for place in range(len(STEPS))
    ]
    if not finite.all():
        groups.append(_group(MISSING, GREY, int(counts[-1])))
    return Column(name, of_map, (), np.empty(0, np.uint32), numbers, tuple(groups), step.astype(np.uint8))


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    missing = value is None or value != value or value == ""  # NaN differs from itself
    return MISSING if missing else str(value)


def _group(name: str, colour: str, count: int) -> Group:
    return Group(name, colour, ON_DARK.get(colour, colour), count)
