"""A run's validation films as its encoder sees them: what probabilities and the bound for the unknown are fitted on."""

from __future__ import annotations

import contextlib

import torch

from embedlearn.console import say
from embedlearn.embeddings import Embeddings, load_embeddings
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.runs import VALIDATION, Run
from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.pool import BASE, base_of
from embedlearn.errors import ImageError, ManifestError, MismatchError, StorageError
from embedlearn.radiographs.manifest import Manifest
from embedlearn.sources import decode, embed_collection


def base_manifest(run: Run) -> Manifest:
    """The films that fitting is done on: of the run, those of its validation."""
    manifest = run.manifest()
    return manifest.where(manifest.frame["split"] == BASE)


def trained_base(run: Run, saved: SavedEncoder, device: torch.device) -> BaseFilms | None:
    """The run's validation films as its encoder alone sees them; None where they cannot be had."""
    trained = base_embeddings(run, saved, device)
    return None if trained is None else base_of(trained, {}, run.classes, ())


def base_embeddings(run: Run, saved: SavedEncoder, device: torch.device) -> Embeddings | None:
    """The embeddings of the run's validation films; None, and a word why, where they cannot be had.

    They are kept in the run's folder, so that a run can be used where its films are not.
    """
    rows = base_manifest(run)
    if not len(rows):
        return None
    kept = run.folder / VALIDATION
    with contextlib.suppress(ManifestError, StorageError):
        found = load_embeddings(kept)
        if found.encoder == saved.digest and list(found.frame["sha256"]) == list(rows.frame["sha256"]):
            return found
    if gone := [path for path in rows.paths if not path.is_file()]:
        say(f"  note: nothing is fitted on base films: {gone[0]} and {len(gone) - 1} more of {run.folder} are gone")
        return None
    try:
        films = decode(rows.frame, saved.preprocessing)
    except (ImageError, MismatchError) as error:
        say(f"  note: nothing is fitted on base films: {error}")
        return None
    made = embed_collection(saved, films, device, "embedding, base films")
    with contextlib.suppress(StorageError):  # a run may be lent for reading only
        made.save(kept)
    return made
