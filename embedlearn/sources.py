"""From the films that a user names to a manifest with decoded films and cases, and on to embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from embedlearn.console import DataFlags, progress, say
from embedlearn.embeddings import Embeddings
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import Run
from embedlearn.errors import MismatchError
from embedlearn.files import cache_folder
from embedlearn.flags import split_pairs
from embedlearn.radiographs import phantom
from embedlearn.radiographs.cache import Films, open_films
from embedlearn.radiographs.cases import find_cases
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import Manifest, join
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.splits import HELD_OUT, SEEN

PHANTOM_PATIENTS = 960


@dataclass(frozen=True, eq=False)
class Collection:
    """A manifest with columns `case` (int64) and `sha256`, and its films in the same order."""

    manifest: Manifest
    films: Films

    def where(self, mask: ArrayLike) -> Collection:
        """The films for which the boolean array [N] holds."""
        kept = np.asarray(mask, dtype=bool)
        return Collection(self.manifest.where(pd.Series(kept)), self.films.take(np.flatnonzero(kept)))


def collect(flags: DataFlags, preprocessing: Preprocessing) -> Collection:
    """Read what the flags name, or the phantoms where they name nothing; decode it; find its cases.

    Says what was found and left out. Raises `ManifestError`, `ImageError`, `ArgumentError` or `StorageError`.
    """
    manifest = _read(flags)
    collection = _decode(manifest, preprocessing)
    _describe(manifest)
    cases, twins = find_cases(manifest, collection.films[slice(None)])
    if twins:
        say(f"  note: {twins} pairs of near-identical films across patients; each pair counts as one case")
    return Collection(collection.manifest.with_columns(case=cases), collection.films)


def collect_for_run(flags: DataFlags, run: Run, preprocessing: Preprocessing) -> Collection:
    """The films a run is to be used on, with a column `split` that says which of them it has seen (train, val).

    Without data named, the run's own films. With data, those films; one that shares a patient or a picture with a film
    of the run's training counts as seen. Raises as `collect` does, and `MismatchError` where a film of the run changed.
    """
    own = run.manifest()
    if not flags.data:
        return decode(own.frame, preprocessing)
    manifest = _read(flags)
    _describe(manifest)
    seen = own.where(own.frame["split"].isin(SEEN))
    there = np.array([path.is_file() for path in seen.paths])
    if not there.all():
        say(f"  note: {(~there).sum()} training films of {run.folder} are gone; only their patients can be told apart")
    known = seen.where(pd.Series(there))
    columns = manifest.frame.columns
    both = Manifest(
        pd.concat([manifest.frame, known.frame.reindex(columns=columns)], ignore_index=True), manifest.notes
    )
    collection = _decode(both, preprocessing)
    cases, _ = find_cases(both, collection.films[slice(None)])
    met = set(cases[len(manifest) :])
    names = set(zip(seen.frame["source"], seen.frame["patient"], strict=True))
    patients = zip(manifest.frame["source"], manifest.frame["patient"], strict=True)
    fresh = [case not in met and name not in names for case, name in zip(cases, patients, strict=False)]
    split = [HELD_OUT if new else "train" for new in fresh] + list(known.frame["split"])
    marked = Collection(collection.manifest.with_columns(case=cases, split=split), collection.films)
    return marked.where(np.arange(len(both)) < len(manifest))


def decode(frame: pd.DataFrame, preprocessing: Preprocessing) -> Collection:
    """The films of rows that were collected before. Raises `MismatchError` where a film is no longer the same."""
    collection = _decode(Manifest(frame), preprocessing)
    changed = frame["sha256"].to_numpy(str) != np.array(collection.films.digests)
    if changed.any():
        first = frame["path"].to_numpy()[changed][0]
        raise MismatchError(f"{first}: not the film it was ({changed.sum()} changed in all); name films with --data")
    return collection


def embed_collection(saved: SavedEncoder, collection: Collection, device: torch.device, what: str) -> Embeddings:
    """The collection's embeddings by a saved encoder, drawn as they are made."""
    with progress(what) as report:
        vectors = embed_films(saved.encoder, collection.films, saved.preprocessing, device=device, progress=report)
    return Embeddings(
        vectors, collection.manifest.frame, saved.digest, saved.preprocessing.digest, saved.center.numpy()
    )


def default_phantoms() -> Manifest:
    """The synthetic films that stand in where no data is named, drawn once into the cache folder."""
    folder = cache_folder() / f"phantoms-{phantom.VERSION}-{PHANTOM_PATIENTS}"
    if not phantom.recognises(folder):
        with progress("drawing phantoms") as report:
            phantom.write_phantoms(folder, patients=PHANTOM_PATIENTS, progress=report)
    return phantom.phantom_manifest(folder)


def _read(flags: DataFlags) -> Manifest:
    names, columns = split_pairs("--map", flags.map), split_pairs("--columns", flags.columns)
    if not flags.data:
        return default_phantoms()
    return join(read_data(spec, names=names, columns=columns) for spec in flags.data)


def _decode(manifest: Manifest, preprocessing: Preprocessing) -> Collection:
    with progress("decoding films") as report:
        films = open_films(manifest.paths, preprocessing, progress=report)
    return Collection(manifest.with_columns(sha256=films.digests), films)


def _describe(manifest: Manifest) -> None:
    for source, rows in manifest.frame.groupby("source"):
        say(f"{source}: {len(rows)} films ({count_labels(rows)})")
    for note in manifest.notes:
        say(f"  note: {note}")


def count_labels(rows: pd.DataFrame) -> str:
    """The rows' labels and how many of each, as in: healthy 20, pneumonia 30."""
    counts = rows["label"].value_counts().sort_index()
    return ", ".join(f"{label} {count}" for label, count in counts.items())
