"""The chapter on origins, put together of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.audits.findings import Chapter, Finding
from embedlearn.audits.origins.elsewhere import left_out_sources
from embedlearn.audits.origins.examples import support_from_one_source
from embedlearn.audits.origins.films import KnownFilms
from embedlearn.audits.origins.purity import neighbours_purity
from embedlearn.audits.origins.traits import told_traits
from embedlearn.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd


def origins_chapter(
    frame: pd.DataFrame,
    models: Mapping[str, NDArray[np.float32]],
    *,
    learnt: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Chapter:
    """What embeddings float32 [N, D], by name, tell of the films of `frame` beside their class.

    `frame` has a row a film with `class`, `source` and `case` (int64), and `view`, `age` and `sex` where known. The
    first model is the one that is judged, the others stand beside it. `learnt`: of how many films of each source the
    judged model's encoder has learnt, by source, none of those that are not named; None where that is not known.
    Raises `ArgumentError` where a matrix is not of these films.
    """
    if not models:
        return Chapter("origins", "Sources in the embedding", (Finding("origins", "note", "No embedding was given."),))
    checked = {name: checked_matrix(X, np.float32) for name, X in models.items()}
    for name, X in checked.items():
        if len(X) != len(frame):
            raise ArgumentError(f"models: wanted a row for each of the {len(frame)} films, got {len(X)} of {name}")
    films = KnownFilms.of(frame, checked, learnt)
    makers = (told_traits, left_out_sources, support_from_one_source, neighbours_purity)
    parts = {make.__name__: make(films, seed) for make in makers}
    return Chapter(
        "origins",
        "Sources in the embedding",
        tuple(finding for part in parts.values() for finding in part.findings),
        {name: shown for part in parts.values() for name, shown in part.figures.items()},
        tuple(block for part in parts.values() for block in part.blocks),
        {name: dict(part.data) for name, part in parts.items()},
    )
