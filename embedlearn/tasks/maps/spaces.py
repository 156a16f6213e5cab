"""Latent spaces that maps are drawn of: the same films as one or more encoders see them. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.embeddings import Embeddings, load_embeddings
from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.maps.flags import Visualize

if TYPE_CHECKING:
    from embedlearn.encoders.checkpoints import SavedEncoder
    from embedlearn.sources import Collection


@dataclass(frozen=True, eq=False)
class Spaces:
    """The same films as several encoders see them: embeddings by what the encoder is called, the main one last.

    `encoders` has the same names where runs are at hand, and `collection` the decoded films; `folder` is where maps go
    unless another is named.
    """

    embeddings: Mapping[str, Embeddings]
    encoders: Mapping[str, SavedEncoder]
    collection: Collection | None
    folder: Path

    @property
    def main(self) -> str:
        """The name of the last."""
        return list(self.embeddings)[-1]

    @property
    def own(self) -> Embeddings:
        """The main encoder's embeddings."""
        return self.embeddings[self.main]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows of the films."""
        return self.own.frame


def stored_space(settings: Visualize, path: Path) -> Spaces:
    """The films of a file of embeddings that the flags ask for, called as the file is. Raises `ManifestError`."""
    embeddings = load_embeddings(path)
    if "case" not in embeddings.frame:
        raise ManifestError(f"{path}: wanted a column case, of the films that belong together; embed the films again")
    return Spaces({path.stem: embeddings.where(chosen(settings, embeddings.frame))}, {}, None, path.parent)


def chosen(settings: Visualize, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """The films to map, bool [N]: of --split, and a sample where they are more than --at-most."""
    kept = np.ones(len(frame), bool)
    if settings.split == "unseen":
        kept = ~frame["split"].isin(SEEN).to_numpy(bool)
        if not kept.any():
            raise ManifestError(
                "--split unseen: the encoder was trained on all of these films; name others with --data"
            )
    rows = np.flatnonzero(kept)
    if len(rows) > settings.at_most:
        say(f"  note: {settings.at_most:,} of {len(rows):,} films, drawn by lot; --at-most takes more")
        drawn = np.random.default_rng(settings.seed).choice(rows, settings.at_most, replace=False)
        kept = np.isin(np.arange(len(frame)), drawn)
    return kept


def require_films(paths: Sequence[Path]) -> None:
    """Raise `ArgumentError` unless there is a file at each of the paths; called before long work."""
    for path in paths:
        if not path.is_file():
            raise ArgumentError(f"--place {path}: wanted a film, got nothing there; check the path")
