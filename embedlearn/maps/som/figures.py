"""Figures of a self-organising map: all forms on one sheet, and two maps side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from embedlearn.figures import theme_of
from embedlearn.maps.cells import SIDE, Cell, save_cells, words_cell
from embedlearn.maps.som.forms import FORMS, Form, Paper
from embedlearn.maps.som.view import SomView

NEEDS: dict[str, Callable[[SomView], bool]] = {
    "sources": lambda view: len(set(view.sources)) > 1,
    "exemplars": lambda view: view.films is not None,
    "explanations": lambda view: view.films is not None and view.explanations is not None,
}
COMPARED = ("labels", "sources", "u-matrix")
GAP = Cell(lambda axes: None, 0.1)


def forms_of(view: SomView) -> list[str]:
    """The forms that can be drawn: all but those whose films or explanations are not at hand, or of a single source."""
    return [name for name in FORMS if name not in NEEDS or NEEDS[name](view)]


def draw_som_sheet(path: Path, view: SomView, theme: str = "light") -> None:
    """Write all forms that can be drawn, two beside each other. Raises `StorageError`."""
    paper = Paper(theme_of(theme), SIDE, [view])
    forms = [FORMS[name](view, paper) for name in forms_of(view)]
    rows = [[words_cell([view.title], 2, strong=True)], [words_cell(view.said, 2)]]
    for start in range(0, len(forms), 2):
        rows.extend(_beside(forms[start : start + 2]))
    save_cells(path, rows, theme)


def draw_before_after(path: Path, before: SomView, after: SomView, theme: str = "light") -> None:
    """Write two maps of the same films, such as before and after training, side by side, form by form, to one scale.

    Drawn are those of `COMPARED` that can be drawn of both. The first is turned so that films lie where they lie on the
    second, as far as may be. Raises `ArgumentError` where the films are not as many; `StorageError`.
    """
    views = (before.turned_like(after), after)
    paper = Paper(theme_of(theme), SIDE, views)
    rows = [[words_cell([view.title], strong=True) for view in views]]
    for form in COMPARED:
        if all(form in forms_of(view) for view in views):
            rows.extend(_beside([FORMS[form](view, paper) for view in views]))
    rows.append([words_cell(view.said) for view in views])
    save_cells(path, rows, theme)


def _beside(forms: Sequence[Form]) -> list[list[Cell]]:
    """Rows of two cells: what each form is, its picture, its keys."""
    columns = [[words_cell([form.words[0].upper() + form.words[1:]]), form.picture, *form.keys, GAP] for form in forms]
    return [list(row) for row in zip_longest(*columns, *([[]] * (2 - len(columns))), fillvalue=GAP)]
