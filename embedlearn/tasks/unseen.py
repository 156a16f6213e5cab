"""Which films an encoder has not seen, and those of them that are of certain classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import DataFlags, say
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.runs import Run
from embedlearn.episodes.pool import choose_films
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection, collect_for_run


def unseen_films(
    flags: DataFlags, run: Run, saved: SavedEncoder, classes: Sequence[str]
) -> tuple[Collection, tuple[str, ...]]:
    """The films that the run has not seen and that are of one of `classes`, decoded, and these classes.

    Where no classes are named they are chosen as `choose_films` says.
    """
    collection = collect_for_run(flags, run, saved.preprocessing)
    chosen = choose_films(collection.manifest.frame, classes, run.classes, own=not flags.data)
    for note in chosen.notes:
        say(f"  note: {note}")
    return collection.where(chosen.kept), chosen.classes


def seen_by(run: Run, collection: Collection) -> NDArray[np.bool_]:
    """Which films another run has seen, or has seen a film of the same case of, bool [N]."""
    own, frame = run.manifest().frame, collection.manifest.frame
    seen = own[own["split"].isin(SEEN)]
    named = seen.dropna(subset=["patient"])
    patients = set(zip(named["source"], named["patient"], strict=True))
    known = frame["sha256"].isin(set(seen["sha256"])).to_numpy(bool, copy=True)
    known |= [pair in patients for pair in zip(frame["source"], frame["patient"].fillna(""), strict=True)]
    return np.isin(frame["case"], frame["case"][known])
