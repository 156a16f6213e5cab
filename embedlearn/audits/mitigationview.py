"""How mitigations are shown: a panel of dots for each probe, and the table before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from embedlearn.audits.findings import Shown
from embedlearn.audits.judging import interval
from embedlearn.audits.measured import MODEL, Measured
from embedlearn.audits.replicates import Estimate
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Cell, Group, Row, Table, Text
from embedlearn.pages.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW = 3.0, 0.22  # inches


def mitigation_figures(settings: Mapping[str, Mapping[str, Estimate]], asked: str) -> dict[str, Shown]:
    """One picture, a panel a view, a row a setting; the first setting is before."""
    views = list(dict.fromkeys(view for found in settings.values() for view in found))
    ends = [end for found in settings.values() for estimate in found.values() for end in estimate]
    least = min(0.5, float(np.nanmin(ends))) - 0.03
    panels = []
    for view in views:
        rows = {name: found.get(view) for name, found in settings.items()}
        height = 0.75 + ROW * len(rows)
        panels.append(Panel(view, partial(_draw, rows=rows, colour=_colour(view), least=least), height))
    caption = (
        f"AUC of {asked}, with its 95 % interval, as the films are (grey, dashed) and after each mitigation; probes "
        "orange, the encoder and the source that the pixels tell blue. Dotted: chance."
    )
    return {"mitigations": Shown(caption, Picture(tuple(panels), WIDTH, 3))}


def mitigation_blocks(
    settings: Mapping[str, Mapping[str, Mapping[str, Estimate]]], notes: Sequence[str]
) -> Iterator[Block]:
    """The table, a column a setting and a row a view, and how it was made."""
    groups = []
    for title in dict.fromkeys(title for found in settings.values() for title in found):
        parts = [found.get(title, {}) for found in settings.values()]
        views = dict.fromkeys(view for part in parts for view in part)
        signed = title.startswith("lift")
        rows = (Row(view, tuple(_cell(part.get(view), signed) for part in parts)) for view in views)
        groups.append(Group(title, tuple(rows)))
    yield Table("AUC before and after", ("", *settings), tuple(groups))
    for words in notes:
        yield Text(words)


def mitigation_notes(rows: Mapping[str, Measured]) -> Iterator[str]:
    """How it was done, in sentences."""
    yield (
        "Measured as the shortcuts are, with the same folds and replicates where the films are the same. Films are "
        "mitigated at the audit's resolution, and their headers then are those of PNG files; even greys are less even "
        "again where a film is shrunk afterwards."
    )
    yield (
        "Around the lungs are the border ring and the corners, so far as they lie outside one box that hides the "
        "lungs of most films, and all else outside it. At the edges of a trimmed film may be lung; of what lies "
        "outside the box only the rest is left. Even greys go by all pixels of a film, those of the lungs among them."
    )
    yield (
        "Lungs: where no masks or boxes are given for all films, an estimate is taken for all of them. What lies "
        "around the lungs is then gone, and the border ring and the corners are lung or near it."
    )
    weighted = [
        f"{name} {found.judged.films:,} films are worth {found.counting:,.0f} of equal weight"
        for name, found in rows.items()
        if found.judged and found.counting is not None
    ]
    if weighted:
        yield (
            f"Weighted, of {'; of '.join(weighted)} (Kish 1965). Films count by their weights where models are fitted "
            "and alike where AUCs are asked: an AUC below .5, even by all of its interval, then says nothing by "
            "itself, and none says that a shortcut is gone."
        )
    judged = next(iter(rows.values())).judged
    if judged and MODEL in judged.views:
        yield "The encoder was trained on films as they are; what it would learn of mitigated ones, a training tells."


def _cell(found: Estimate | None, signed: bool) -> Cell:
    if found is None:
        return Cell("–", "", "gone", 0.0)
    share = None if signed or np.isnan(found.value) else max(0.0, 2 * found.value - 1)
    return Cell(number(found.value, signed=signed), "", interval(found, signed=signed), share)


def _colour(view: str) -> str:
    return COLOURS[0] if view == MODEL or view.startswith("source,") else COLOURS[1]


def _draw(axes: Axes, rows: Mapping[str, Estimate | None], colour: str, least: float) -> None:
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    for place, found in enumerate(rows.values()):
        if found is None:
            axes.text(0.75, place, "gone", color=GREY, ha="center", va="center", fontsize=8)
            continue
        if not place:
            axes.axvline(found.value, color=GREY, linestyle="--", linewidth=1)
        shown = colour if place else GREY
        axes.hlines(place, found.low, found.high, color=shown, linewidth=2)
        axes.plot(found.value, place, "o", color=shown, markersize=5)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xlim=(least, 1.02), ylim=(len(rows) - 0.5, -0.5), xlabel="AUC")
