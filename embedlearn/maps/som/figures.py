"""Figures of a self-organising map: one form by itself, all on one sheet, and two maps side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from embedlearn.errors import ArgumentError
from embedlearn.figures import theme_of
from embedlearn.flags import require_choice
from embedlearn.maps.cells import COLUMN, MARGIN, Cell, save_cells, words_cell
from embedlearn.maps.som.forms import FORMS, Form
from embedlearn.maps.som.view import SomView

NEEDS: dict[str, dict[str, Callable[[SomView], bool]]] = {
    "sources": {"second source": lambda view: len(set(view.sources)) > 1},
    "exemplars": {"films": lambda view: view.films is not None},
    "explanations": {
        "films": lambda view: view.films is not None,
        "explanations": lambda view: view.explanations is not None,
    },
}
COMPARED = ("labels", "sources", "u-matrix")
GAP = Cell(lambda axes: None, 0.1)


def forms_of(view: SomView) -> list[str]:
    """The forms that can be drawn: all but those whose films or explanations are not at hand, or of a single source."""
    return [name for name in FORMS if not _missing(view, name)]


def draw_form(path: Path, view: SomView, form: str, theme: str = "light", columns: int = 1) -> None:
    """Write one form of a map, as wide as one or two of a page's columns, with its quality below it.

    `form` is one of `FORMS`. Raises `ArgumentError` for another, or where what it shows is not at hand; `StorageError`.
    """
    require_choice("form", form, tuple(FORMS))
    if missing := _missing(view, form):
        raise ArgumentError(f"form {form}: {view.title} has no {' and no '.join(missing)}; give them to view_som")
    if columns not in (1, 2):
        raise ArgumentError(f"columns: wanted 1 or 2, got {columns}")
    drawn = FORMS[form](view, theme_of(theme), _wide(columns))
    rows = [
        [words_cell([f"{view.title}: {drawn.words}"], columns, strong=True)],
        [drawn.picture],
        *([key] for key in drawn.keys),
        [words_cell(view.quality.sentences(), columns)],
    ]
    save_cells(path, rows if columns == 1 else [[GAP, GAP], *rows], theme)


def draw_som_sheet(path: Path, view: SomView, theme: str = "light") -> None:
    """Write all forms that can be drawn, two beside each other. Raises `StorageError`."""
    look = theme_of(theme)
    forms = [FORMS[name](view, look, _wide(1)) for name in forms_of(view)]
    rows = [[words_cell([view.title], 2, strong=True)], [words_cell(view.quality.sentences(), 2)]]
    for start in range(0, len(forms), 2):
        rows.extend(_beside(forms[start : start + 2]))
    save_cells(path, rows, theme)


def draw_before_after(
    path: Path, before: SomView, after: SomView, theme: str = "light", forms: Sequence[str] | None = None
) -> None:
    """Write two maps of the same films, such as before and after training, side by side, form by form.

    `forms` are some of `FORMS`; by default those of `COMPARED` that can be drawn of both.
    The first is turned so that films lie where they lie on the second, as far as may be; maps of one grid compare best.
    Raises `ArgumentError` where
    the films are not as many, or a form cannot be drawn of both; `StorageError`.
    """
    views = (before.turned_like(after), after)
    both = [name for name in forms_of(before) if name in forms_of(after)]
    forms = [name for name in COMPARED if name in both] if forms is None else forms
    for form in forms:
        require_choice("forms", form, both)
    look = theme_of(theme)
    rows = [[words_cell([view.title], strong=True) for view in views]]
    for form in forms:
        rows.extend(_beside([FORMS[form](view, look, _wide(1)) for view in views]))
    rows.append([words_cell(view.quality.sentences()) for view in views])
    save_cells(path, rows, theme)


def _beside(forms: Sequence[Form]) -> list[list[Cell]]:
    """Rows of two cells: what each form is, its picture, its keys."""
    columns = [[words_cell([form.words[0].upper() + form.words[1:]]), form.picture, *form.keys, GAP] for form in forms]
    return [list(row) for row in zip_longest(*columns, *([[]] * (2 - len(columns))), fillvalue=GAP)]


def _missing(view: SomView, form: str) -> list[str]:
    return [name for name, there in NEEDS.get(form, {}).items() if not there(view)]


def _wide(columns: int) -> float:
    return COLUMN * columns - 2 * MARGIN
