"""What `embedlearn explain` writes: a picture of each film, sheets of all, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import progress, say
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import FilmMap, plain_map, scale_of
from embedlearn.explanations.geometry import window_of
from embedlearn.explanations.masks import find_masks, read_mask
from embedlearn.explanations.overlay import draw_overlay, write_overlay_png
from embedlearn.explanations.pairs import Pair
from embedlearn.explanations.pairview import FEW, draw_match, draw_pair
from embedlearn.explanations.sheet import MOST, Answered, Matched, draw_answers, draw_matches
from embedlearn.explanations.support import Question
from embedlearn.files import write_json
from embedlearn.flags import as_plain
from embedlearn.provenance import describe_software
from embedlearn.radiographs.reading import read_film
from embedlearn.tasks.explain.flags import Explain

FORMAT = "embedlearn-explanations-1"
FOLDER = "explain"  # in a run's
CHECKED = "check.json"
RESEARCH = "Research use only."


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


def write_reasons(
    out: Path, settings: Explain, reasons: Sequence[Reason], support: Sequence[Path], saved: SavedEncoder, verdict: str
) -> None:
    """Write all into the folder `out`. `support` are the paths of the examples. Raises `ImageError`, `StorageError`."""
    names = free_names([reason.path.stem for reason in reasons])
    masks = find_masks(settings.masks, [reason.path.stem for reason in reasons]) if settings.masks else {}
    films, answered, pairs = [], [], []
    scale = scale_of(reason.maps[0] for reason in reasons) if settings.method == "exact" else None
    with progress("drawing films") as report:
        for number, (name, reason) in enumerate(zip(names, reasons, strict=True), 1):
            film = read_film(reason.path)
            mask = masks.get(reason.path.stem)
            lungs = read_mask(mask, film.shape[0], film.shape[1]) if mask else None
            margin = reason.maps[0]
            write_overlay_png(out / f"{name}-overlay.png", film, margin, saved.preprocessing, scale=scale, lungs=lungs)
            _draw(out / f"{name}.png", film, reason, saved, verdict, settings.theme, lungs)
            if reason.pair:
                pairs.append(_draw_pair(out, name, film, reason, saved, settings, verdict))
            films.append(_plain(name, film, reason, support, saved, verdict))
            if number <= MOST:
                label = None if settings.why else reason.label  # a film is then not judged by its answer
                answered.append(Answered(film, name, reason.question.why, reason.maps[0], label))
            report(number, len(reasons))
    title = f"What speaks for each film's answer and against the nearest other class. {RESEARCH}"
    draw_answers(out / "sheet.png", answered, saved.preprocessing, title=title, verdict=verdict, theme=settings.theme)
    if pairs:
        title = f"Where each film and its case are alike. {RESEARCH}"
        draw_matches(
            out / "pairs.png", pairs[:MOST], saved.preprocessing, title=title, verdict=verdict, theme=settings.theme
        )
    about = {"encoder": saved.digest, "settings": as_plain(settings), "software": describe_software()}
    write_json(out / "explain.json", {"format": FORMAT, **about, "verdict": verdict, "films": films})
    _tell(out, settings, reasons, verdict)


def free_names(stems: Sequence[str]) -> list[str]:
    """The names themselves; one that comes again gets a number."""
    taken: set[str] = {"sheet", "pairs", "check"}
    names = []
    for stem in stems:
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name)
        names.append(name)
    return names


def _draw(
    path: Path,
    film: NDArray[np.uint8],
    reason: Reason,
    saved: SavedEncoder,
    verdict: str,
    theme: str,
    lungs: NDArray[np.bool_] | None,
) -> None:
    """The film, its four maps, and the case that it is compared with."""
    told = f", labelled {reason.label}" if reason.label else ""
    title = f"{reason.path.name}: {reason.question.answer}{told}. {RESEARCH}"
    beside = [(f"the case: {reason.case.name}", read_film(reason.case))]
    draw_overlay(
        path, film, reason.maps, saved.preprocessing, title=title, verdict=verdict, lungs=lungs, beside=beside,
        theme=theme,
    )  # fmt: skip


def _draw_pair(
    out: Path, name: str, film: NDArray[np.uint8], reason: Reason, saved: SavedEncoder, settings: Explain, verdict: str
) -> Matched:
    """The film beside its case, region by region, and what is like one point of it; the pair for a sheet of all."""
    assert reason.pair
    case, matrix = read_film(reason.case), reason.pair.matrix.cpu().numpy()
    title = f"{reason.path.name} beside {reason.case.name}. {RESEARCH}"
    score, constant = float(reason.pair.score), float(reason.pair.constant)
    draw_pair(
        out / f"{name}-pair.png", (film, case), matrix, reason.pair.strongest(FEW), saved.preprocessing,
        score=score, constant=constant, title=title, verdict=verdict, theme=settings.theme,
    )  # fmt: skip
    if settings.at:
        cell = _cell(settings.at, reason.path, film, matrix, saved)
        draw_match(
            out / f"{name}-at.png", (film, case), matrix, cell, saved.preprocessing,
            title=title, verdict=verdict, theme=settings.theme,
        )  # fmt: skip
    here, there = (FilmMap("likeness", matrix.sum(axis), score, constant) for axis in ((2, 3), (0, 1)))
    return Matched(film, case, name, reason.case.stem, here, there, reason.label)


def _cell(
    at: tuple[float, float], path: Path, film: NDArray[np.uint8], matrix: NDArray[np.float32], saved: SavedEncoder
) -> tuple[int, int]:
    """The cell that a point of the film lies in. Raises `ArgumentError` where the encoder does not see the point."""
    height, width = film.shape
    seen = window_of(height, width, saved.preprocessing)
    down, across = (at[0] * height - seen.top, at[1] * width - seen.left)
    row = int(down / (seen.bottom - seen.top) * matrix.shape[0])
    column = int(across / (seen.right - seen.left) * matrix.shape[1])
    if min(down, across) < 0 or row >= matrix.shape[0] or column >= matrix.shape[1]:
        raise ArgumentError(f"--at {at[0]} {at[1]}: the encoder does not see this point of {path}; name another")
    return row, column


def _plain(
    name: str, film: NDArray[np.uint8], reason: Reason, support: Sequence[Path], saved: SavedEncoder, verdict: str
) -> dict[str, Any]:
    question = reason.question
    return {
        "name": name,
        "path": str(reason.path),
        "label": reason.label,
        "answer": question.answer,
        "why": question.why,
        "why_not": question.why_not,
        "case": str(reason.case),
        "nearest": [str(support[row]) for row in question.nearest],
        **plain_map(reason.maps, film.shape[0], film.shape[1], saved.preprocessing, verdict),
    }


def _tell(out: Path, settings: Explain, reasons: Sequence[Reason], verdict: str) -> None:
    for reason in reasons[:20]:
        margin = reason.maps[0]
        label = f" (labelled {reason.label})" if reason.label else ""
        say(f"{reason.path.name}{label}: {reason.question.answer}; {margin.name}: {margin.score:+.3f}")
    if len(reasons) > 20:
        say(f"  and {len(reasons) - 20} more")
    if settings.method == "exact":
        worst = max(shown.residual or 0.0 for reason in reasons for shown in reason.maps)
        say(f"  the maps and their constants add up to the scores within {worst:.1e}")
    say(f"  {verdict}")
    shown = f" (the first {MOST} on the sheet)" if len(reasons) > MOST else ""
    say(f"wrote {out}: {len(reasons)} films{shown}, sheet.png, explain.json")
