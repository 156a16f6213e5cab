"""From drawn maps to the page that one looks around in: what films are coloured by, called and shown as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.maps.alignment import align
from embedlearn.maps.page import NewFilms, PageData
from embedlearn.maps.quality import knn_answers
from embedlearn.radiographs.splits import SEEN
from embedlearn.radiographs.thumbnails import thumbnails
from embedlearn.tasks.maps.fitting import TITLES, Drawn, Pictured

SHOWN = 64  # pixels a side of a film in the page
WHERE = ("view", "sex")  # further columns of the films that are worth a colour


def page_of(
    title: str,
    drawn: Sequence[Drawn],
    *,
    names: bool = False,
    beside: Pictured | None = None,
    most: int = 0,
    notes: Sequence[str] = (),
) -> PageData:
    """The page of maps of the same films, of one space or two; each is laid over that of the last space.

    Answers are those of the last one. `names`: whether films are called by their files; else by their row.
    `beside`: films to show, of which `most` at most, and explanations.
    """
    last = drawn[-1]
    frame = last.latent.frame
    maps = _titles(drawn)
    laid = {name: _laid(one, drawn) for name, one in maps.items()}
    beside = beside or Pictured()
    small = np.rint(thumbnails(beside.films, SHOWN)).astype(np.uint8) if most and beside.films is not None else None
    return PageData(
        title=title,
        ids=[Path(path).name for path in frame["path"]] if names else [f"{row}" for row in range(len(frame))],
        maps={name: positions for name, (positions, _) in laid.items()},
        columns=_columns(last, frame),
        quality={name: one.quality.sentences() for name, one in maps.items()},
        reliability={name: one.reliability for name, one in maps.items()},
        thumbnails=small,
        most_thumbnails=most,
        explanations=beside.explanations,
        explained=beside.explained,
        new=_new(drawn, {name: stars for name, (_, stars) in laid.items()}),
        notes=notes,
    )


def _titles(drawn: Sequence[Drawn]) -> dict[str, Drawn]:
    """Each map by what the page calls it, the last space's first."""
    spaces = list(dict.fromkeys(one.name for one in reversed(drawn)))
    if len(spaces) == 1:
        return {TITLES[one.kind]: one for one in drawn}
    return {f"{TITLES[one.kind]}, {name}": one for name in spaces for one in drawn if one.name == name}


def _laid(one: Drawn, drawn: Sequence[Drawn]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Where its films lie, and new ones, turned towards the map of the same kind of the last space."""
    goal = next(other for other in reversed(drawn) if other.kind == one.kind)
    stars = one.stars.positions if one.stars else None
    if goal is one or one.kind == "som":
        return one.positions, stars
    alignment = align(one.positions, goal.positions)
    return alignment.apply(one.positions), None if stars is None else alignment.apply(stars)


def _columns(drawn: Drawn, frame: pd.DataFrame) -> Mapping[str, NDArray[Any]]:
    labels = frame["label"].to_numpy(str)
    answers = knn_answers(drawn.latent.vectors, labels, frame["case"].to_numpy())
    columns: dict[str, NDArray[Any]] = {
        "label": labels,
        "source": frame["source"].to_numpy(str),
        "prediction": answers,
        "error": answers != labels,
        "trained on": frame["split"].isin(SEEN).to_numpy(bool),
    }
    for name in WHERE:
        if name in frame and frame[name].nunique() > 1:
            columns[name] = frame[name].astype(object).where(frame[name].notna(), None).to_numpy()
    return columns


def _new(drawn: Sequence[Drawn], positions: Mapping[str, NDArray[np.float32] | None]) -> NewFilms | None:
    stars = drawn[-1].stars
    if stars is None:
        return None
    return NewFilms(stars.names, {title: at for title, at in positions.items() if at is not None}, stars.strange)
