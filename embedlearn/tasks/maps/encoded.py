"""From runs and films to the latent spaces that maps are drawn of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.embeddings import Embeddings
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import Run, choose_maker, choose_run, open_run
from embedlearn.errors import MismatchError
from embedlearn.maps.latent import LatentMap
from embedlearn.radiographs.manifest import build_manifest
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection, collect_films, collect_for_run, decode, embed_collection, named_films
from embedlearn.tasks.maps.flags import UNTRAINED, Visualize
from embedlearn.tasks.maps.spaces import Spaces, chosen, joined, load_films, out_of
from embedlearn.tasks.unseen import seen_cases

TRAINED = "trained"


def encoded_spaces(settings: Visualize) -> Spaces:
    """What the flags name. Raises an `EmbedlearnError` for what a user can mend."""
    runs = _runs_of(settings)
    main = list(runs.values())[-1]
    out_of(settings, main.folder)
    encoders = {name: load_encoder(run.untrained if name == UNTRAINED else run.encoder) for name, run in runs.items()}
    names = list(encoders)
    if encoders[names[0]].digest == encoders[names[1]].digest:
        raise MismatchError(f"--compare {' '.join(settings.compare)}: wanted two encoders, got the same one twice")
    preprocessing = encoders[names[-1]].preprocessing
    collection = collect_for_run(settings, main, preprocessing)
    for run in runs.values():
        if run != main:
            collection = _marked(collection, run, preprocessing)
    collection = collection.where(chosen(settings, collection.manifest.frame))
    embeddings = _embedded(encoders, collection, settings.device)
    return Spaces(
        {name: joined(one, main.classes) for name, one in embeddings.items()}, encoders, collection, main.folder
    )


def beside_stored(settings: Visualize, path: Path, folder: Path) -> Spaces:
    """The films of a file of embeddings, and as the untrained network of the run in `folder` sees them."""
    run = open_run(folder)
    out_of(settings, run.folder)
    saved, untrained = load_encoder(run.encoder), load_encoder(run.untrained)
    stored = load_films(settings, path)
    stored.require_encoder(saved.digest, path, folder)
    collection = decode(stored.frame, saved.preprocessing)
    blank = embed_collection(untrained, collection, choose_device(settings.device), f"embedding, {UNTRAINED}")
    encoders = {UNTRAINED: untrained, TRAINED: saved}
    embeddings = {UNTRAINED: joined(blank, run.classes), TRAINED: joined(stored, run.classes)}
    return Spaces(embeddings, encoders, collection, run.folder)


def films_to_place(settings: Visualize) -> list[Path]:
    """The new films that --place names. Raises `ManifestError`."""
    return named_films("--place", *settings.place)


def new_vectors(
    paths: Sequence[Path], encoders: Mapping[str, SavedEncoder], device: str
) -> dict[str, NDArray[np.float32]]:
    """New films as each encoder sees them, float32 [M, D] by its name. Raises `ImageError`."""
    where = choose_device(device)
    manifest = build_manifest([{"path": path.absolute(), "label": "?"} for path in paths], "new")
    return {
        name: embed_collection(
            saved, collect_films(manifest, saved.preprocessing, skippable=False), where, "embedding new films"
        ).vectors
        for name, saved in encoders.items()
    }


def encoder_of(latent: LatentMap, settings: Visualize) -> SavedEncoder:
    """The encoder that a saved map was made with, from --run or one under --runs. Raises an `EmbedlearnError`."""
    assert settings.on is not None
    run = choose_maker(settings.run, settings.runs, latent.encoder, settings.on)
    saved = load_encoder(run.encoder)
    if saved.digest != latent.encoder:
        raise MismatchError(
            f"--on {settings.on}: wanted the encoder that made the map ({latent.encoder[:12]}), got that of "
            f"{run.folder} ({saved.digest[:12]}); name its run with --run, or draw a map of this one"
        )
    return saved


def _runs_of(settings: Visualize) -> dict[str, Run]:
    """Two runs by what their encoders are called: those to compare, or one run beside its untrained network."""
    if not settings.compare:
        run = choose_run(settings.run, settings.runs)
        return {UNTRAINED: run, TRAINED: run}
    opened = {word: open_run(Path(word)) for word in settings.compare if word != UNTRAINED}
    one = list(opened.values())[-1]
    names = {word: Path(word).name or word for word in opened}
    if len({UNTRAINED, *names.values()}) <= len(names):
        names = {word: word for word in opened}
    if len(opened) == 1 and UNTRAINED not in settings.compare:
        raise MismatchError(f"--compare {' '.join(settings.compare)}: wanted two encoders, got the same one twice")
    words = sorted(settings.compare, key=lambda word: word != UNTRAINED)  # before training stands first
    return {names.get(word, word): opened.get(word, one) for word in words}


def _marked(collection: Collection, run: Run, preprocessing: Preprocessing) -> Collection:
    """The films, those that another run has seen, or whose patient or twin it has seen, marked as seen, too."""
    split = collection.manifest.frame["split"].to_numpy(object, copy=True)
    split[seen_cases(collection, run, preprocessing) & ~np.isin(split, SEEN)] = SEEN[0]
    return Collection(collection.manifest.with_columns(split=split), collection.films)


def _embedded(encoders: Mapping[str, SavedEncoder], collection: Collection, device: str) -> dict[str, Embeddings]:
    """The films as each encoder sees them, decoded anew for one that wants them otherwise."""
    found, where = {}, choose_device(device)
    prepared = list(encoders.values())[-1].preprocessing
    for name, saved in encoders.items():
        films = collection
        if saved.preprocessing != prepared:
            films = decode(collection.manifest.frame, saved.preprocessing)
        found[name] = embed_collection(saved, films, where, f"embedding, {name}")
    return found
