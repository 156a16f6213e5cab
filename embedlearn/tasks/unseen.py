"""Which films an encoder has not seen, and those of them that are of certain classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import DataFlags, say
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.runs import Run
from embedlearn.episodes.pool import choose_films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import Collection, collect_for_run, seen_by


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


def less_seen(collection: Collection, other: Run, preprocessing: Preprocessing) -> Collection:
    """The films of the collection, decoded by `preprocessing`, that another run has not seen; says how many it has."""
    seen = seen_cases(collection, other, preprocessing)
    if seen.any():
        say(f"  note: {seen.sum()} films left out: {other.folder} has seen them, their patient or their twin")
    return collection.where(~seen)


def seen_cases(collection: Collection, other: Run, preprocessing: Preprocessing) -> NDArray[np.bool_]:
    """Which films another run has seen, or has seen a film of the same case of, bool [N]."""
    _, seen = seen_by(other, collection.manifest, preprocessing)
    cases = collection.manifest.frame["case"]
    return cases.isin(cases[seen]).to_numpy(bool)
