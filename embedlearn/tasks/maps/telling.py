"""What `embedlearn visualize` says: the films, what each map is worth, and where new films lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from embedlearn.console import say
from embedlearn.tasks.maps.fitting import TITLES, Drawn, seen_count

COLUMNS = ("trustworthiness", "continuity", "kept", "label_map", "label_space", "source_map", "source_space")
HEADS = ("trusted", "contin.", "kept", "on map", "in space", "on map", "in space")
WIDE = 9


def say_films(frame: pd.DataFrame) -> None:
    """How many films of which labels, and how many of them were in training."""
    seen = seen_count(frame)
    trained = f"; the encoder was trained on, or chosen by, {seen:,} of them" if seen else ""
    counts = ", ".join(f"{label} {count}" for label, count in frame["label"].value_counts().sort_index().items())
    say(f"mapping {len(frame):,} films ({counts}){trained}")


def say_table(drawn: Sequence[Drawn]) -> None:
    """Every map's quality in a row, those of one kind below each other."""
    first = max(len(f"{TITLES[one.kind]}  {one.name}") for one in drawn) + 2
    k = drawn[0].quality.k
    say(f"{'':{first}}{f'{k} nearest films':>{3 * WIDE}}{'label k-NN':>{2 * WIDE}}{'source k-NN':>{2 * WIDE}}")
    say(f"{'':{first}}" + "".join(f"{head:>{WIDE}}" for head in HEADS))
    for kind in dict.fromkeys(one.kind for one in drawn):
        for one in (one for one in drawn if one.kind == kind):
            values = "".join(f"{_number(getattr(one.quality, name)):>{WIDE}}" for name in COLUMNS)
            say(f"{f'{TITLES[kind]}  {one.name}':{first}}{values}")
    quality = drawn[0].quality
    chances = (("labels", quality.label_chance), ("sources", quality.source_chance))
    said = ", ".join(f"{name} {_number(chance)}" for name, chance in chances if not math.isnan(chance))
    say(f"  by chance: {said}" if said else "  one label and one source: nothing to tell apart")


def say_placed(drawn: Sequence[Drawn]) -> None:
    """Where new films lie on each map, and which are unlike anything it was made from."""
    for one in drawn:
        if one.stars is None:
            continue
        for name, (x, y), strange in zip(one.stars.names, one.stars.positions, one.stars.strange, strict=True):
            warning = ": unlike any film of the map; its place says nothing" if strange else ""
            say(f"  {TITLES[one.kind]}: {name} at {x:.2f}, {y:.2f}{warning}")


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)
