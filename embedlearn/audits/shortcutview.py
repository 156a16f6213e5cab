"""How shortcuts are shown: dots with intervals, a panel a class, and the tables under them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlearn.audits.findings import Shown
from embedlearn.audits.judging import Judged, score_cell
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Cell, Group, Row, Table, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = ("s", "^", "D", "v", "P", "X")  # one a source
WIDTH, ROW = 4.5, 0.26  # inches
CAPTION = (
    "How well each class is told from the rest, 95 % interval: by probes (orange) and by embeddings (blue). Hollow "
    "marks: within one source. Dotted: chance; dashed: where a probe begins to matter."
)


def shortcut_figures(
    overall: Judged, within: Mapping[str, Judged], models: Sequence[str], telling: float
) -> dict[str, Shown]:
    """One picture, a panel a class."""
    least = min(float(np.nanmin([found.found[..., 0].min() for found in (overall, *within.values())])), 0.5)
    panels = []
    for name in overall.classes:
        beside = within if len(within) <= len(MARKS) else {}
        draw = partial(
            _draw, name=name, overall=overall, within=beside, models=models, telling=telling, least=least - 0.03
        )
        height = 0.8 + ROW * len(overall.views) + legend_height(len(beside))
        panels.append(Panel(f"{name} against the rest", draw, height))
    return {"shortcuts": Shown(CAPTION, Picture(tuple(panels), WIDTH, 3))}


def shortcut_blocks(
    overall: Judged, within: Mapping[str, Judged], models: Sequence[str], notes: Sequence[str]
) -> Iterator[Block]:
    """The table of every AUC, over all films and within each source, and how it was made."""
    yield Table(
        "AUC, each class against the rest",
        ("told by", "all films", *(f"within {name}" for name in within)),
        tuple(
            Group(name, tuple(_row(view, name, overall, within, models) for view in overall.views))
            for name in overall.classes
        ),
    )
    for words in notes:
        yield Text(words)


def _row(view: str, name: str, overall: Judged, within: Mapping[str, Judged], models: Sequence[str]) -> Row:
    cells = [_cell(judged, view, name) for judged in (overall, *within.values())]
    return Row(_named(view, models), tuple(cells))


def _named(view: str, models: Sequence[str]) -> str:
    return f"{view} encoder" if view in models else view


def _cell(judged: Judged, view: str, name: str) -> Cell:
    if view not in judged.views or name not in judged.classes:
        return Cell("–", share=0.0)
    return score_cell(judged.auc(view, name))


def _draw(
    axes: Axes,
    name: str,
    overall: Judged,
    within: Mapping[str, Judged],
    models: Sequence[str],
    telling: float,
    least: float,
) -> None:
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    axes.axvline(telling, color=GREY, linestyle="--", linewidth=1)
    for mark, (source, judged) in zip(MARKS, within.items(), strict=False):
        if name not in judged.classes:
            continue
        rows = [row for row, view in enumerate(overall.views) if view in judged.views]
        values = [judged.auc_value(overall.views[row], name) for row in rows]
        look: Any = {"color": GREY, "markerfacecolor": "none", "markersize": 4.5, "linestyle": "", "zorder": 3}
        axes.plot(values, rows, marker=mark, label=f"within {source}", **look)
    for row, view in enumerate(overall.views):
        found = overall.auc(view, name)
        colour = COLOURS[0] if view in models else COLOURS[1]
        axes.hlines(row, found.low, found.high, color=colour, linewidth=2)
        axes.plot(found.value, row, "o", color=colour, markersize=6)
    if models:
        axes.axhline(len(overall.views) - len(models) - 0.5, color=GREY, linewidth=0.6)
    axes.set_yticks(range(len(overall.views)), [_named(view, models) for view in overall.views])
    axes.set(xlim=(least, 1.02), ylim=(len(overall.views) - 0.5, -0.5), xlabel="AUC")
    if within:
        legend_below(axes)
