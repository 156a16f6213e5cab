"""From the films that a user names to a manifest with decoded films and cases, and on to embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from embedlearn.console import DataFlags, progress, say
from embedlearn.embeddings import Embeddings
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import Run
from embedlearn.errors import ArgumentError, ImageError, ManifestError, MismatchError
from embedlearn.files import cache_folder
from embedlearn.flags import split_pairs
from embedlearn.radiographs import phantom
from embedlearn.radiographs.cache import Films, find_unreadable, open_films
from embedlearn.radiographs.cases import find_cases
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.layouts.listing import films_below
from embedlearn.radiographs.manifest import Manifest, join
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.splits import HELD_OUT, SEEN

PHANTOM_PATIENTS = 600
MOST_COMPARED = 200_000  # films that are compared each with each, which takes minutes


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
    manifest = _readable(read_named(flags), preprocessing, flags.skip_bad)
    collection = _decode(manifest, preprocessing)
    describe(manifest)
    cases, twins = find_cases(manifest, collection.films)
    if twins:
        say(f"  note: {twins} pairs of near-identical films across patients; each pair counts as one case")
    return Collection(collection.manifest.with_columns(case=cases), collection.films)


def collect_for_run(flags: DataFlags, run: Run, preprocessing: Preprocessing) -> Collection:
    """The films a run is to be used on, with a column `split` that says which of them it has seen (train, val).

    Without data named, the run's own films; a `MismatchError` where one has changed. With data, those films, of which
    one counts as seen that `seen_by` says. Raises `ArgumentError` for flags that only data named would need.
    """
    own = run.manifest()
    if not flags.data:
        if flags.map or flags.columns:
            raise ArgumentError("--map and --columns: are for films that --data names; name them or leave these out")
        return decode(_readable(own, preprocessing, flags.skip_bad).frame, preprocessing, skippable=True)
    manifest = _readable(read_named(flags), preprocessing, flags.skip_bad)
    describe(manifest)
    if strange := sorted(set(manifest.frame["source"]) - set(own.frame["source"])):
        say(f"  note: {', '.join(strange)}: not a source of {run.folder}; patients are compared within a source only")
    collection, seen = seen_by(run, manifest, preprocessing, flags.skip_bad)
    split = np.where(seen, SEEN[0], HELD_OUT)
    return Collection(collection.manifest.with_columns(split=split), collection.films)


def seen_by(
    run: Run, manifest: Manifest, preprocessing: Preprocessing, skip_bad: bool = False
) -> tuple[Collection, NDArray[np.bool_]]:
    """The films of a manifest, decoded, with their cases; and which of them the run has seen, bool [N].

    Seen is a film of the run's training or validation, its near-identical picture, and every film of its patient.
    """
    own = run.manifest()
    seen = own.where(own.frame["split"].isin(SEEN))
    known = _readable(seen.where(pd.Series([path.is_file() for path in seen.paths])), preprocessing, skip_bad)
    columns = manifest.frame.columns.drop(["case", "sha256", "split"], errors="ignore")
    frame = pd.concat([manifest.frame[columns], known.frame.reindex(columns=columns)], ignore_index=True)
    collection = _decode(Manifest(frame, manifest.notes), preprocessing)
    many = len(manifest) > MOST_COMPARED
    if many:
        say(f"  note: more than {MOST_COMPARED:,} films: near-identical ones are looked for among the training's only")
    cases, _ = find_cases(collection.manifest, collection.films, against=len(manifest) if many else 0)
    digests = np.array(collection.films.digests)
    unchanged = digests[len(manifest) :] == known.frame["sha256"].to_numpy(str)
    met = set(cases[len(manifest) :][unchanged])
    if gone := len(seen) - int(unchanged.sum()):
        say(f"  note: {gone} training films of {run.folder} are gone or changed; their twins cannot be recognised")
    learnt, patients = set(seen.frame["sha256"]), set(_named_patients(seen)) - {None}
    is_seen = np.array([digest in learnt for digest in digests]) | np.isin(cases, list(met))
    is_seen[: len(manifest)] |= [name in patients for name in _named_patients(manifest)]
    whole = Collection(collection.manifest.with_columns(case=cases), collection.films)
    asked = np.arange(len(frame)) < len(manifest)
    return whole.where(asked), is_seen[asked]


def _named_patients(manifest: Manifest) -> list[tuple[str, str] | None]:
    """(source, patient) of every film, None where the patient is not known."""
    patients = zip(manifest.frame["source"], manifest.frame["patient"].fillna(""), strict=True)
    return [(source, patient) if patient else None for source, patient in patients]


def decode(frame: pd.DataFrame, preprocessing: Preprocessing, *, skippable: bool = False) -> Collection:
    """The films of rows that were collected before. Raises `MismatchError` where a film is no longer the same.

    `skippable`: whether --skip-bad would help against a film that cannot be read.
    """
    collection = _decode(Manifest(frame), preprocessing, skippable=skippable)
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


def named_films(flag: str, *paths: Path) -> list[Path]:
    """The films that a user names one by one or by a folder that holds them. Raises `ManifestError` for none."""
    films: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ManifestError(f"{flag} {path}: wanted a film or a folder of films, got nothing there; check the path")
        below = [path.absolute()] if path.is_file() else films_below(path.absolute())
        if not below:
            wanted = "films (PNG, JPEG, TIFF, WebP, BMP or DICOM)"
            raise ManifestError(f"{flag} {path}: wanted {wanted}, got an empty folder")
        films += below
    return films


def default_phantoms() -> Manifest:
    """The synthetic films that stand in where no data is named, drawn once into the cache folder."""
    folder = cache_folder() / f"phantoms-{phantom.VERSION}-{PHANTOM_PATIENTS}"
    if not phantom.recognises(folder):
        with progress("drawing phantoms") as report:
            phantom.write_phantoms(folder, patients=PHANTOM_PATIENTS, progress=report)
    return phantom.phantom_manifest(folder)


def read_named(flags: DataFlags) -> Manifest:
    """The manifest of what the flags name, or of the phantoms where they name nothing. Raises `ManifestError`."""
    names, columns = split_pairs("--map", flags.map), split_pairs("--columns", flags.columns)
    if not flags.data:
        return default_phantoms()
    return join(read_data(spec, names=names, columns=columns) for spec in flags.data)


def collect_films(
    manifest: Manifest, preprocessing: Preprocessing, skip_bad: bool = False, *, skippable: bool = True
) -> Collection:
    """The films of a manifest, decoded; their cases are not looked for. Raises `ImageError` or `StorageError`.

    `skippable`: whether --skip-bad would help against a film that cannot be read.
    """
    return _decode(_readable(manifest, preprocessing, skip_bad), preprocessing, skippable=skippable)


def _readable(manifest: Manifest, preprocessing: Preprocessing, skip_bad: bool) -> Manifest:
    """The manifest; with `skip_bad` less the films that cannot be read, each of which is named."""
    if not skip_bad:
        return manifest
    with progress("decoding films") as report:
        bad = find_unreadable(manifest.paths, preprocessing, progress=report)
    for error in bad.values():
        say(f"  note: left out: {error}")
    if bad and len(bad) == len(manifest):
        raise ImageError(f"--skip-bad: none of {len(bad)} films can be read; name others")
    return manifest.where(pd.Series([place not in bad for place in range(len(manifest))]))


def _decode(manifest: Manifest, preprocessing: Preprocessing, *, skippable: bool = True) -> Collection:
    try:
        with progress("decoding films") as report:
            films = open_films(manifest.paths, preprocessing, progress=report)
    except ImageError as error:
        raise ImageError(f"{error}{'; --skip-bad leaves out such films' if skippable else ''}") from error
    return Collection(manifest.with_columns(sha256=films.digests), films)


def describe(manifest: Manifest) -> None:
    """Say what was found in each source, and the manifest's notes."""
    for source, rows in manifest.frame.groupby("source"):
        say(f"{source}: {len(rows)} films ({count_labels(rows)})")
    for note in manifest.notes:
        say(f"  note: {note}")


def count_labels(rows: pd.DataFrame) -> str:
    """The rows' labels and how many of each, as in: healthy 20, pneumonia 30."""
    counts = rows["label"].value_counts().sort_index()
    return ", ".join(f"{label} {count}" for label, count in counts.items())
