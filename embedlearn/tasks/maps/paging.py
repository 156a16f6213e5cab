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
FURTHER = ("finding", "view", "sex")  # columns of the films that are worth a colour, too
NUMBERED = "A film's number is its row in points.parquet of the folders map-KIND."


def page_of(
    title: str,
    drawn: Sequence[Drawn],
    *,
    names: bool = False,
    beside: Pictured | None = None,
    notes: Sequence[str] = (),
) -> PageData:
    """The page of maps of the same films, of one space or two; each is turned towards that of the last space.

    Answers are those of the last one, whose maps alone show new films. `names`: whether films are called by their
    files; else by their row. `beside`: films to show, and explanations.
    """
    last = drawn[-1]
    frame = last.latent.frame
    maps = _titles(drawn)
    laid = {name: _laid(one, drawn) for name, one in maps.items()}
    beside = beside or Pictured()
    small = np.rint(thumbnails(beside.films, SHOWN)).astype(np.uint8) if beside.films is not None else None
    return PageData(
        title=title,
        ids=[Path(path).name for path in frame["path"]] if names else [f"{row}" for row in range(len(frame))],
        maps=laid,
        columns=_columns(last, frame),
        quality={name: one.sentences for name, one in maps.items()},
        reliability={name: one.reliability for name, one in maps.items()},
        thumbnails=small,
        most_thumbnails=beside.most,
        explanations=beside.explanations,
        explained=beside.explained,
        new=_new({name: one for name, one in maps.items() if one.name == last.name}),
        notes=[*notes, *_notes(last, names)],
    )


def _notes(drawn: Drawn, names: bool) -> list[str]:
    """How labels, predictions and numbers are to be read."""
    said = [
        f"Prediction is what most of the {drawn.quality.k} nearest films of other cases are labelled, in the embedding "
        "and not on the map."
    ]
    if "finding" in drawn.latent.frame:
        said.append("Findings behind a slash, such as pneumonia/viral, are joined in the label; finding has them.")
    return said if names else [*said, NUMBERED]


def _titles(drawn: Sequence[Drawn]) -> dict[str, Drawn]:
    """Each map by what the page calls it, the last space's first."""
    spaces = list(dict.fromkeys(one.name for one in reversed(drawn)))
    if len(spaces) == 1:
        return {TITLES[one.kind]: one for one in drawn}
    return {f"{TITLES[one.kind]}, {name}": one for name in spaces for one in drawn if one.name == name}


def _laid(one: Drawn, drawn: Sequence[Drawn]) -> NDArray[np.float32]:
    """Where its films lie, turned as in the figure towards the map of the same kind of the last space."""
    goal = next(other for other in reversed(drawn) if other.kind == one.kind)
    if goal is one:
        return one.latent.positions
    if one.som and goal.som:
        return one.som.turned_like(goal.som).positions
    return align(one.latent.positions, goal.latent.positions).apply(one.latent.positions)


def _columns(drawn: Drawn, frame: pd.DataFrame) -> Mapping[str, NDArray[Any]]:
    labels = frame["label"].to_numpy(str)
    answers = knn_answers(drawn.latent.vectors, labels, frame["case"].to_numpy(), drawn.quality.k)
    columns: dict[str, NDArray[Any]] = {
        "label": labels,
        "source": frame["source"].to_numpy(str),
        "prediction": answers,
        "error": answers != labels,
        "trained on": frame["split"].isin(SEEN).to_numpy(bool),
    }
    for name in FURTHER:
        if name in frame and frame[name].nunique() > 1:
            columns[name] = frame[name].astype(object).where(frame[name].notna(), None).to_numpy()
    return columns


def _new(maps: Mapping[str, Drawn]) -> NewFilms | None:
    stars = {name: one.stars for name, one in maps.items() if one.stars}
    if not stars:
        return None
    first = next(iter(stars.values()))
    return NewFilms(first.names, {name: one.positions for name, one in stars.items()}, first.strange)
