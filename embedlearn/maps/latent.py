"""A map as it is kept: the projection, the gate before it, the films, and what the map is worth."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import file_digest, value_digest, write_json
from embedlearn.gallery.store.disk import sync_folder
from embedlearn.maps.gate import Gate
from embedlearn.maps.projections import projection_class
from embedlearn.maps.projections.base import Floats, Projection

FORMAT = "embedlearn-map-1"
ABOUT, ARRAYS, POINTS = "map.json", "map.safetensors", "points.parquet"
_VECTORS, _LEARNT = "vectors", "projection."
_AGAIN = "copy it again, or make the map again"


class Placed(NamedTuple):
    """Films on a map: `positions` float32 [M, 2], and as the gate says `distances` float32 [M], `strange` bool [M]."""

    positions: Floats
    distances: Floats
    strange: NDArray[np.bool_]


class LatentMap:
    """A fitted projection and gate with the films they were made from.

    `vectors`: float32 [N, D], the films' embeddings; `frame`: a row each; `encoder` and `preprocessing`: digests, as
    `Embeddings` has them; `quality`: plain values, as `Quality.plain` gives them. Raises `ArgumentError` where these
    are not of the same films.
    """

    def __init__(
        self,
        projection: Projection,
        gate: Gate,
        vectors: Floats,
        frame: pd.DataFrame,
        encoder: str,
        preprocessing: str,
        quality: Mapping[str, Any],
    ) -> None:
        films = (len(vectors), len(frame), len(projection.embedding_), len(gate.vectors_))
        if len(set(films)) > 1:
            raise ArgumentError(f"wanted vectors, frame, projection and gate of the same films, got {films} of them")
        if projection.embedding_.shape != (len(vectors), 2):
            raise ArgumentError(f"projection: wanted places [films, 2], got shape {projection.embedding_.shape}")
        self.projection, self.gate, self.vectors, self.frame = projection, gate, vectors, frame
        self.encoder, self.preprocessing, self.quality = encoder, preprocessing, dict(quality)

    @property
    def positions(self) -> Floats:
        """Where the films lie, float32 [N, 2]."""
        return self.projection.embedding_

    def place(self, vectors: ArrayLike) -> Placed:
        """New films, float [M, D], on the map, each for itself, and whether the gate finds them strange.

        A strange film has a place too; it says nothing. Raises `ArgumentError` where the vectors are not finite or of
        another width.
        """
        distances = self.gate.distances(vectors)
        return Placed(self.projection.transform(vectors), distances, distances > self.gate.bound_)

    def save(self, folder: Path) -> None:
        """Write a folder of three files, whole or not at all; a map that is there is replaced.

        Raises `StorageError` where something else is there, or the disk refuses.
        """
        from safetensors.numpy import save_file

        learnt = self.projection.arrays()
        if _VECTORS in learnt and np.array_equal(learnt[_VECTORS], self.vectors):
            del learnt[_VECTORS]  # they lie there once, for the gate too
        arrays = {_VECTORS: self.vectors, **{_LEARNT + name: array for name, array in learnt.items()}}
        with _replacing_folder(Path(folder).absolute()) as beside:
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, beside / ARRAYS)
            pq.write_table(pa.Table.from_pandas(self.frame, preserve_index=False), beside / POINTS)
            about = {
                "format": FORMAT,
                "kind": self.projection.kind,
                "settings": self.projection.settings(),
                "gate": self.gate.state(),
                "encoder": self.encoder,
                "preprocessing": self.preprocessing,
                "quality": self.quality,
                "films": len(self.vectors),
                "files": {name: file_digest(beside / name) for name in (ARRAYS, POINTS)},
            }
            write_json(beside / ABOUT, {**about, "digest": value_digest(about)})


def load_map(folder: Path) -> LatentMap:
    """Read what `LatentMap.save` wrote. Raises `StorageError` where it is missing, torn, damaged or something else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    folder = Path(folder)
    about = _read_about(folder)
    if about is None:
        raise StorageError(f"{folder}: there is no map here; wanted a folder made by embedlearn visualize")
    try:
        bytes_of = {name: _verified(folder / name, about["files"][name]) for name in (ARRAYS, POINTS)}
        arrays = load(bytes_of[ARRAYS])
        frame = pq.read_table(io.BytesIO(bytes_of[POINTS])).to_pandas()
        vectors = arrays[_VECTORS]
        learnt = {name.removeprefix(_LEARNT): array for name, array in arrays.items() if name.startswith(_LEARNT)}
        projection = projection_class(about["kind"]).restored(about["settings"], {_VECTORS: vectors, **learnt})
        return LatentMap(
            projection, Gate.restored(about["gate"], vectors), vectors, frame,
            about["encoder"], about["preprocessing"], about["quality"],
        )  # fmt: skip
    except (SafetensorError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"{folder}: the files do not fit what {ABOUT} says ({error}); {_AGAIN}") from error


def _read_about(folder: Path) -> dict[str, Any] | None:
    """What the folder's map.json says, proved; None where there is none."""
    path = folder / ABOUT
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        digest = about.pop("digest")
        if about["format"] != FORMAT:
            raise StorageError(f"{path}: wanted {FORMAT}, got {about['format']}; upgrade embedlearn, or {_AGAIN}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path}: torn, or not of a map ({error}); {_AGAIN}") from error
    if digest != value_digest(about):
        raise StorageError(f"{path}: damaged (its digest differs); {_AGAIN}")
    return about


def _verified(path: Path, digest: str) -> bytes:
    try:
        held = path.read_bytes()
        if file_digest(path) != digest:
            raise StorageError(f"{path}: torn or damaged (its digest differs); {_AGAIN}")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error}); {_AGAIN}") from error
    return held


@contextlib.contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a fresh folder beside; when the block ends well, put it in the place of a map, an empty folder or nothing.

    A reader finds the old map, the new one or, for a moment, none, but never a mixture.
    """
    token = secrets.token_hex(4)
    beside, old = (folder.with_name(f".{folder.name}-{token}{end}") for end in ("", "-old"))
    try:
        require_map_folder(folder)
        beside.mkdir(parents=True)
        yield beside
        for path in (*beside.iterdir(), beside):
            sync_folder(path)
        if folder.exists():
            folder.rename(old)
        try:
            beside.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        sync_folder(folder.parent)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"{folder}: cannot be written ({reason}); nothing was changed") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def require_map_folder(folder: Path) -> None:
    """Raise `StorageError` where a folder holds, or is, something that is not a map; called before long work, too."""
    if not os.path.lexists(folder):
        return
    if folder.is_dir() and not folder.is_symlink():
        held = {path.name for path in folder.iterdir()}
        if not held or (ABOUT in held and held <= {ABOUT, ARRAYS, POINTS} and _is_ours(folder)):
            return
    raise StorageError(f"{folder}: wanted a new or empty folder, or one that holds a map alone; name another")


def _is_ours(folder: Path) -> bool:
    """Whether the map.json speaks of a map, be it a damaged one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((folder / ABOUT).read_text(encoding="utf-8")).get("format")).startswith("embedlearn-map-")
    return False
