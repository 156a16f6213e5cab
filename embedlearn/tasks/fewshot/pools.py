"""From a run and films to the pool that episodes are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from embedlearn.audits.probes import border_features, header_features
from embedlearn.console import DataFlags, say
from embedlearn.embeddings import Embeddings
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.runs import Run
from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.pool import (
    OTHER,
    TRAINED,
    UNTRAINED,
    Pool,
    base_of,
    choose_films,
    load_whole,
    make_pool,
)
from embedlearn.episodes.space import Space
from embedlearn.errors import EpisodeError, ImageError, MismatchError
from embedlearn.radiographs.manifest import class_of
from embedlearn.sources import Collection, decode, embed_collection
from embedlearn.tasks.base import base_embeddings, base_manifest
from embedlearn.tasks.unseen import less_seen, unseen_films


def pool_of_films(
    flags: DataFlags,
    run: Run,
    classes: Sequence[str],
    transforms: Sequence[str],
    device: torch.device,
    against: Run | None = None,
) -> tuple[Pool, Collection]:
    """The films that the run has not seen, embedded now, and the same films decoded.

    `against`: another run, whose encoder is to answer too; films that it has seen are then left out.
    """
    saved = load_encoder(run.encoder)
    collection, chosen = unseen_films(flags, run, saved, classes)
    others = {}
    if against is not None:
        other = load_encoder(against.encoder)
        if other.digest == saved.digest:
            raise MismatchError(f"--against {against.folder}: wanted another encoder, got the same; name another run")
        collection = less_seen(collection, against, saved.preprocessing)
        if missing := sorted(set(chosen) - _classes_of(collection, chosen)):
            raise EpisodeError(
                f"--against {against.folder}: it has seen all films of {', '.join(missing)}; name another"
            )
        others[OTHER] = _by_other(other, collection, device)
    trained = embed_collection(saved, collection, device, "embedding, trained")
    return _pool_beside(run, saved, trained, others, collection, chosen, transforms, device), collection


def _classes_of(collection: Collection, classes: Sequence[str]) -> set[str | None]:
    return {class_of(label, classes) for label in collection.manifest.frame["label"]}


def _by_other(saved: SavedEncoder, collection: Collection, device: torch.device) -> Embeddings:
    """The same films as another run's encoder sees them."""
    return embed_collection(saved, decode(collection.manifest.frame, saved.preprocessing), device, "embedding, other")


def pool_of_embeddings(
    path: Path, run: Run, classes: Sequence[str], transforms: Sequence[str], device: torch.device
) -> tuple[Pool, Collection]:
    """The pool of a file of embeddings; its films are decoded for what stands beside the run's encoder."""
    whole, saved = load_whole(path), load_encoder(run.encoder)
    whole.require_encoder(saved.digest, path, run.folder)
    chosen = choose_films(whole.frame, classes, run.classes)
    for note in chosen.notes:
        say(f"  note: {note}")
    trained = whole.where(chosen.kept)
    collection = decode(trained.frame, saved.preprocessing)
    return _pool_beside(run, saved, trained, {}, collection, chosen.classes, transforms, device), collection


def base_films(run: Run, saved: SavedEncoder, device: torch.device, transforms: Sequence[str] = ()) -> BaseFilms | None:
    """The run's validation films as its encoder and its untrained network see them; None where they are not there."""
    trained = base_embeddings(run, saved, device)
    if trained is None:
        return None
    try:
        films = decode(base_manifest(run).frame, saved.preprocessing)
    except (ImageError, MismatchError):
        return base_of(trained, {}, run.classes, transforms)
    untrained = embed_collection(load_encoder(run.untrained), films, device, "embedding, base films, untrained")
    return base_of(trained, {UNTRAINED: untrained}, run.classes, transforms)


def _pool_beside(
    run: Run,
    saved: SavedEncoder,
    trained: Embeddings,
    others: Mapping[str, Embeddings],
    collection: Collection,
    classes: tuple[str, ...],
    transforms: Sequence[str],
    device: torch.device,
) -> Pool:
    """The pool of the chosen films, with others, the run's untrained network and the two probes beside its encoder."""
    untrained = embed_collection(load_encoder(run.untrained), collection, device, "embedding, untrained")
    encoders = {TRAINED: trained, **others, UNTRAINED: untrained}
    spaces = {name: Space(found.vectors, found.center) for name, found in encoders.items()}
    probes = {
        "border probe": border_features(collection.films),
        "header probe": header_features(collection.manifest.paths),
    }
    spaces |= {name: Space(features, features.mean(0)) for name, features in probes.items()}
    base = base_films(run, saved, device, transforms)
    return make_pool(trained, spaces, run.classes, classes, base, transforms)
