"""How a data card is shown: tables of who is in it, the ages, and how far the number of cases carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.enough import Carries
from embedlearn.audits.findings import Shown
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Cell, Group, Row, Table, Text
from embedlearn.pages.numbers import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
AGES = {"0 to 5": 6, "6 to 17": 18, "18 to 39": 40, "40 to 59": 60, "60 to 79": 80, "80 and more": np.inf}
FILMS = {"1 film": 2, "2 or 3": 4, "4 to 9": 10, "10 and more": np.inf}
MANY = 8  # values of a column that are listed, the most frequent first
BIN = 10  # years
WIDTH = 7.0  # inches


def card_blocks(
    frame: pd.DataFrame, enough: Mapping[str, Sequence[Carries]], width: float, notes: Sequence[str]
) -> Iterator[Block]:
    """The tables, and what the readers of the films noted."""
    yield _who_table(frame)
    for where, found in enough.items():
        if found:
            yield _enough_table(found, width, where)
    for words in notes:
        yield Text(words)


def card_figures(frame: pd.DataFrame, enough: Sequence[Carries], width: float) -> dict[str, Shown]:
    """Ages by class, where they are known, and the half-widths by class."""
    figures = {}
    known = frame[frame["years"].notna()]
    if len(known):
        caption = "Ages by class: the share of its films in each ten years, of those whose age is known."
        edges = np.arange(0, max(100.0, known["years"].max() + 1) + BIN, BIN)
        by_class = {str(name): np.asarray(years, float) for name, years in known.groupby("class")["years"]}
        shown = sorted(by_class, key=lambda name: -len(by_class[name]))[:MANY]
        shares = {name: np.histogram(by_class[name], edges)[0] / len(by_class[name]) for name in shown}
        most = max(float(share.max()) for share in shares.values())
        panels = []
        for name, share in shares.items():
            draw = partial(_draw_ages, shares=share, edges=edges, most=most)
            panels.append(Panel(f"{name}, {len(by_class[name]):,} films", draw, 1.7))
        figures["ages"] = Shown(caption, Picture(tuple(panels), WIDTH / 2))
    caption = (
        "Half the width of the 95 % interval that the cases of each class give, for a sensitivity of 50 % (the worst "
        "case) and of 90 %, and for an AUC of .8 against the other classes. Dashed: what was asked for."
    )
    draw = partial(_draw_enough, enough=enough, width=width)
    panel = Panel("How far the number of cases carries", draw, 0.9 + 0.3 * len(enough) + legend_height(3))
    figures["enough"] = Shown(caption, Picture((panel,), WIDTH))
    return figures


def _who_table(frame: pd.DataFrame) -> Table:
    """Films by all that is known of them, for all films and each class; shaded by the share of the column."""
    import pandas as pd

    classes = [str(name) for name in sorted(frame["class"].unique())]
    parts = [frame, *(frame[frame["class"] == name] for name in classes)]
    named = [part[part["patient"].notna()] for part in parts]
    counts = [part.groupby(["source", "patient"]).size() for part in named]
    groups = [
        Group(
            "in all",
            (
                _row("films", [len(part) for part in parts]),
                _row("cases", [part["case"].nunique() for part in parts]),
                _row("named patients", [len(count) for count in counts]),
            ),
        )
    ]
    ages = pd.cut(frame["years"], [-np.inf, *AGES.values()], right=False, labels=list(AGES))
    columns = {
        "source": frame["source"], "view": frame["view"], "sex": frame["sex"],
        "age": ages.astype("string"), "licence": frame["licence"], "split": frame["split"],
    }  # fmt: skip
    for name, values in columns.items():
        if values.notna().any():
            groups.append(Group(name, tuple(_rows_of(values, parts, list(AGES) if name == "age" else None))))
    if len(counts[0]):
        cut = [pd.cut(count, [0, *FILMS.values()], right=False, labels=list(FILMS)).value_counts() for count in counts]
        rows = tuple(_row(label, [int(one[label]) for one in cut], [len(count) for count in counts]) for label in FILMS)
        groups.append(Group("patients by films", rows))
    return Table("Who is in it: films, by class", ("", "all", *classes), tuple(groups))


def _rows_of(values: pd.Series[Any], parts: Sequence[pd.DataFrame], order: Sequence[str] | None) -> Iterator[Row]:
    """A row for each value of a column, in `order` or by how frequent it is, and one for what is not known."""
    totals = [len(part) for part in parts]
    listed = [value for value in order if (values == value).any()] if order else list(values.value_counts().index)
    for value in listed[:MANY]:
        yield _row(str(value), [int((values[part.index] == value).sum()) for part in parts], totals)
    if rest := listed[MANY:]:
        label = f"{len(rest)} others"
        yield _row(label, [int(values[part.index].isin(rest).sum()) for part in parts], totals)
    if values.isna().any():
        yield _row("not known", [int(values[part.index].isna().sum()) for part in parts], totals)


def _row(name: str, counts: Sequence[int], totals: Sequence[int] | None = None) -> Row:
    shares = [None] * len(counts) if totals is None else [n / max(1, m) for n, m in zip(counts, totals, strict=True)]
    return Row(name, tuple(Cell(f"{count:,}", share=share) for count, share in zip(counts, shares, strict=True)))


def _enough_table(enough: Sequence[Carries], width: float, where: str) -> Table:
    """± and, under it, the cases that are enough."""
    rows = []
    for one in enough:
        cells = [Cell(f"{one.cases:,}")]
        for value, half in one.share.items():
            cells.append(Cell(f"±{100 * half:.1f}", "", f"{one.share_needs[value]:,} needed"))
        for value, half in one.auc.items():
            cells.append(Cell(f"±{number(half)}", "", f"{one.auc_needs[value]:,} needed"))
        rows.append(Row(one.name, tuple(cells)))
    told = tuple(f"sensitivity {100 * value:.0f} %" for value in enough[0].share)
    told += tuple(f"AUC {number(value, digits=1)}" for value in enough[0].auc)
    caption = f"What the cases {where} give, and what ±{100 * width:g} points (an AUC of ±{number(width)}) need"
    return Table(" ".join(caption.split()), ("class", "cases", *told), (Group("", tuple(rows)),))


def _draw_ages(axes: Axes, shares: Floats, edges: Floats, most: float) -> None:
    axes.stairs(shares, edges, fill=True, color=COLOURS[0])
    axes.set(xlabel="age in years", ylabel="share", xlim=(0, edges[-1]), ylim=(0, 1.1 * most))


def _draw_enough(axes: Axes, enough: Sequence[Carries], width: float) -> None:
    axes.axvline(width, color=GREY, linestyle="--", linewidth=1)
    rows = np.arange(len(enough))
    marks = {
        "sensitivity 50 %": ("o", COLOURS[0], [one.share[0.5] for one in enough]),
        "sensitivity 90 %": ("D", COLOURS[1], [one.share[0.9] for one in enough]),
        "AUC .8": ("s", COLOURS[2], [one.auc[0.8] for one in enough]),
    }
    for label, (mark, colour, values) in marks.items():
        axes.plot(values, rows, mark, color=colour, markersize=6, label=label)
    axes.set_yticks(rows, [f"{one.name} ({one.cases:,})" for one in enough])
    axes.set(xlabel="± of the 95 % interval", ylim=(len(enough) - 0.5, -0.5))
    axes.set_xlim(0, 1.15 * max(width, *(value for _, _, values in marks.values() for value in values)))
    legend_below(axes)
