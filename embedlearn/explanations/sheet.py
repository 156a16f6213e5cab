"""Contact sheets: many films with the map of their answer, or pairs of films with what they share; one scale each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import UNCHECKED, FilmMap, scale_of, signed
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.overlay import meaning, painted
from embedlearn.explanations.panels import Shown, films_figure, in_rows, reduced
from embedlearn.figures import theme_of

MOST = 400  # films of one sheet
FILMS_ACROSS, FILM_SIDE = 5, 1.5  # inches
PAIRS_ACROSS, PAIR_SIDE = 2, 1.85


@dataclass(frozen=True, eq=False)
class Answered:
    """A film uint8 [H, W], its name, the class it was given, the map of that, and its own label where it is known."""

    film: NDArray[np.uint8]
    name: str
    answer: str
    shown: FilmMap
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Matched:
    """A film and a case, uint8 [H, W] and [H', W'], their names and known labels, and where each is like the other."""

    film: NDArray[np.uint8]
    case: NDArray[np.uint8]
    name: str
    case_name: str
    shown: FilmMap
    case_shown: FilmMap
    label: str | None = None
    case_label: str | None = None


def draw_answers(
    path: Path,
    films: Sequence[Answered],
    sight: Sight,
    *,
    title: str = "",
    verdict: str = UNCHECKED,
    sides: tuple[str, str] = ("against", "for"),
    theme: str = "light",
) -> None:
    """Write the sheet, PNG or SVG: by answer, the greatest score first; a film that was answered wrongly is framed.

    `sides` is what the negative and the positive colour speak for, such as the two classes of a margin. Raises
    `ArgumentError` where there are no films or more than `MOST`, `StorageError`.
    """
    _check_count(films, "films")
    scale = scale_of(each.shown for each in films)
    wrong = theme_of(theme).colours[3]
    ordered = sorted(films, key=lambda each: (each.answer, -each.shown.score, each.name))
    panels = [
        Shown(_painted(each.film, each.shown, sight, scale), "", _words(each), wrong if _is_wrong(each) else None)
        for each in ordered
    ]
    legend = "; framed: the answer is not the film's own label" if any(map(_is_wrong, films)) else ""
    said = meaning([each.shown for each in films], sides=sides)
    said = replace(said, says=said.says + legend)
    rows = in_rows(panels, FILMS_ACROSS, FILM_SIDE)
    with films_figure(path, rows, title=title, verdict=verdict, scale=said, theme=theme):
        pass


def draw_matches(
    path: Path,
    pairs: Sequence[Matched],
    sight: Sight,
    *,
    title: str = "",
    verdict: str = UNCHECKED,
    theme: str = "light",
) -> None:
    """Write a sheet of pairs, PNG or SVG, in the order given: each film and its case, coloured where they are alike.

    Raises `ArgumentError` where there are no pairs or more than `MOST`, `StorageError`.
    """
    _check_count(pairs, "pairs")
    maps = [shown for each in pairs for shown in (each.shown, each.case_shown)]
    scale = scale_of(maps)
    panels = []
    for number, each in enumerate(pairs, 1):
        likeness = f"{number}: cosine {signed(each.shown.score)}"
        film, case = _labelled(each.name, each.label), _labelled(each.case_name, each.case_label)
        panels += [
            Shown(_painted(each.film, each.shown, sight, scale), likeness, film),
            Shown(_painted(each.case, each.case_shown, sight, scale), "", case),
        ]
    rows = in_rows(panels, 2 * PAIRS_ACROSS, PAIR_SIDE)
    with films_figure(path, rows, title=title, verdict=verdict, scale=meaning(maps), theme=theme):
        pass


def _painted(film: NDArray[np.uint8], shown: FilmMap, sight: Sight, scale: float) -> NDArray[np.uint8]:
    """A film with its map, no larger than a sheet can show."""
    own = scale if shown.constant is not None else shown.scale()
    return painted(reduced(film), shown.values, sight, own)


def _words(each: Answered) -> list[str]:
    name, *label = _labelled(each.name, each.label)
    return [name, f"{each.answer} {signed(each.shown.score)}", *label]


def _labelled(name: str, label: str | None) -> list[str]:
    return [name] if label is None else [name, f"labelled {label}"]


def _is_wrong(each: Answered) -> bool:
    return each.label is not None and each.label != each.answer


def _check_count(entries: Sequence[object], name: str) -> None:
    if not 1 <= len(entries) <= MOST:
        raise ArgumentError(f"{name}: wanted 1 to {MOST} on one sheet, got {len(entries)}; draw several sheets")
