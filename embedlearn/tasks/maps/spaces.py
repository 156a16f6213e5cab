"""Latent spaces that maps are drawn of: the same films as one or more encoders see them. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.embeddings import Embeddings, load_embeddings
from embedlearn.errors import ManifestError
from embedlearn.files import require_folder
from embedlearn.maps.latent import require_map_folder
from embedlearn.radiographs.manifest import class_of
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
    out_of(settings, path.parent)
    return Spaces({path.stem: joined(load_films(settings, path))}, {}, None, path.parent)


def load_films(settings: Visualize, path: Path) -> Embeddings:
    """The films of a file of embeddings that the flags ask for, labelled as they are there. Raises `ManifestError`."""
    embeddings = load_embeddings(path)
    if "case" not in embeddings.frame:
        raise ManifestError(f"{path}: wanted a column case, of the films that belong together; embed the films again")
    return embeddings.where(chosen(settings, embeddings.frame))


def out_of(settings: Visualize, folder: Path) -> Path:
    """Where maps of a run or embeddings in `folder` go.

    Raises `StorageError` where they cannot be written, or would replace something else; called before long work.
    """
    out = settings.out or folder / "maps"
    require_folder(out, "--out")
    for kind in settings.maps:
        require_map_folder(map_folder(out, kind))
    return out


def map_folder(out: Path, kind: str) -> Path:
    """Where a map of this kind is kept."""
    return out / f"map-{kind}"


def joined(embeddings: Embeddings, classes: Sequence[str] = ()) -> Embeddings:
    """The same films by class: what stands behind a slash is a finer label, which only some sources know.

    A label becomes that of `classes` which it belongs to, else what stands before its first slash; where that changes
    any, a column `finding` keeps what it was.
    """
    fine = embeddings.frame["label"].astype(str)
    label = fine.map({name: class_of(name, classes) or name.split("/")[0] for name in fine.unique()})
    if label.equals(fine):
        return embeddings
    return replace(embeddings, frame=embeddings.frame.assign(label=label, finding=fine))


def chosen(settings: Visualize, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """The films to map, bool [N]: of --split, and a sample where they are more than --at-most."""
    kept = np.ones(len(frame), bool)
    if settings.split == "unseen":
        kept = ~frame["split"].isin(SEEN).to_numpy(bool)
        if not kept.any():
            others = "embed others" if settings.embeddings else "name others with --data"
            raise ManifestError(f"--split unseen: the encoder was trained on all of these films; {others}")
    rows = np.flatnonzero(kept)
    if len(rows) > settings.at_most:
        say(f"  note: {settings.at_most:,} of {len(rows):,} films, drawn by lot; --at-most takes more")
        drawn = np.random.default_rng(settings.seed).choice(rows, settings.at_most, replace=False)
        kept = np.isin(np.arange(len(frame)), drawn)
    return kept
