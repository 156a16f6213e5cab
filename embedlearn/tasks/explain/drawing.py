"""The pictures of explained films: each by itself, beside its case, and all on a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.checks.report import PAIRS
from embedlearn.explanations.filmmap import FilmMap
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.overlay import draw_overlay, write_overlay_png
from embedlearn.explanations.pairs import Pair
from embedlearn.explanations.pairview import FEW, draw_match, draw_pair
from embedlearn.explanations.panels import reduced
from embedlearn.explanations.sheet import Answered, Matched, draw_answers, draw_matches
from embedlearn.explanations.support import Question
from embedlearn.radiographs.reading import read_film
from embedlearn.tasks.explain.flags import Explain

ENDINGS = ("", "-overlay", "-pair", "-at")  # of the names of a film's pictures
RESEARCH = "Research use only."

Film = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Reason:
    """One film: what was asked of it, the maps of its four targets, and the case that it is compared with.

    `label` is its own class, None where it is not known; `pair` the likeness of film and case, place by place, where it
    was asked for.
    """

    path: Path
    label: str | None
    question: Question
    maps: Sequence[FilmMap]
    case: Path
    pair: Pair | None = None


@dataclass(frozen=True, eq=False)
class Place:
    """What is known of places on a film: its lungs, bool [H, W], and the cell (row, column) that was asked about."""

    lungs: NDArray[np.bool_] | None = None
    cell: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Drawing:
    """Where films are drawn, and with what: `scale` ends the one scale of all overlays, `written` are the files."""

    out: Path
    settings: Explain
    sight: Sight
    scale: float | None
    verdict: str
    written: list[str] = field(default_factory=list)

    def draw_film(self, name: str, film: Film, reason: Reason, place: Place) -> None:
        """The film's margin at its own size, its four maps beside its case, and what the two share."""
        write_overlay_png(
            self._file(f"{name}-overlay"), film, reason.maps[0], self.sight, scale=self.scale, lungs=place.lungs
        )
        told = f", labelled {reason.label}" if reason.label else ""
        title = f"{reason.path.name}: {reason.question.answer}{told}. {RESEARCH}"
        case = read_film(reason.case)
        draw_overlay(
            self._file(name), film, reason.maps, self.sight, title=title, verdict=self.verdict, lungs=place.lungs,
            beside=[(f"the case: {reason.case.name}", case)], theme=self.settings.theme,
        )  # fmt: skip
        if reason.pair:
            self._draw_pair(name, (film, case), reason, reason.pair, place)

    def matched(self, name: str, film: Film, reason: Reason) -> Matched:
        """The film and its case for a sheet of all pairs."""
        assert reason.pair
        matrix, score, constant = _numbers(reason.pair)
        here, there = (FilmMap("likeness", matrix.sum(axis), score, constant) for axis in ((2, 3), (0, 1)))
        return Matched(
            reduced(film), reduced(read_film(reason.case)), name, reason.case.stem, here, there, reason.label
        )

    def draw_sheets(self, answered: Sequence[Answered], pairs: Sequence[Matched]) -> None:
        """All films, and all pairs where there are any."""
        mine = self.settings.why or "each film's answer"
        other = self.settings.why_not or "the nearest other class"
        title, theme = f"What speaks for {mine} and against {other}. {RESEARCH}", self.settings.theme
        draw_answers(self._file("sheet"), answered, self.sight, title=title, verdict=self.verdict, theme=theme)
        if pairs:
            title = f"Where each film and its case are alike. {RESEARCH}"
            draw_matches(self._file("pairs"), pairs, self.sight, title=title, verdict=PAIRS, theme=theme)

    def _draw_pair(self, name: str, films: tuple[Film, Film], reason: Reason, pair: Pair, place: Place) -> None:
        matrix, score, constant = _numbers(pair)
        title = f"{reason.path.name} beside {reason.case.name}. {RESEARCH}"
        draw_pair(
            self._file(f"{name}-pair"), films, matrix, pair.strongest(FEW), self.sight, score=score, constant=constant,
            title=title, verdict=PAIRS, theme=self.settings.theme,
        )  # fmt: skip
        if place.cell:
            draw_match(
                self._file(f"{name}-at"), films, matrix, place.cell, self.sight, title=title, verdict=PAIRS,
                theme=self.settings.theme,
            )  # fmt: skip

    def _file(self, name: str) -> Path:
        self.written.append(f"{name}.png")
        return self.out / self.written[-1]


def _numbers(pair: Pair) -> tuple[NDArray[np.float32], float, float]:
    return pair.matrix.cpu().numpy(), float(pair.score), float(pair.constant)
