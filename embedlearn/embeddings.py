"""Embeddings on disk: vectors, the manifest rows they belong to, and the digest of the encoder that made them.

This is the seam of the toolkit: heads, galleries, maps and audits start here and need neither a GPU nor torch. They lie
in one file, or in a folder of shards, each of which is such a file for itself.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ManifestError, MismatchError
from embedlearn.files import replacing, write_json
from embedlearn.radiographs.manifest import COLUMNS

FORMAT = "embedlearn-embeddings-1"
FOLDER_FORMAT = "embedlearn-embedding-shards-1"
FOLDER_FILE = "embeddings.json"
_VECTOR = "vector"


@dataclass(frozen=True, eq=False)
class Embeddings:
    """`vectors` float32 [N, D] of finite values, `frame` with a row each, and the SHA-256 of the encoder's file.

    `center`, float32 [D], is the mean embedding of the encoder's training films.
    """

    vectors: NDArray[np.float32]
    frame: pd.DataFrame
    encoder: str
    preprocessing: str
    center: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.frame):
            raise ManifestError(
                f"embeddings: wanted a vector for each of {len(self.frame)} rows, got shape {self.vectors.shape}"
            )
        if not np.isfinite(self.vectors).all():
            row = int(np.flatnonzero(~np.isfinite(self.vectors).all(1))[0])
            raise ManifestError(f"embeddings: the vector of row {row} is not finite; embed the films again")

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, mask: ArrayLike) -> Embeddings:
        """The films for which the boolean array [N] holds, renumbered."""
        kept = np.asarray(mask, dtype=bool)
        frame = self.frame[kept].reset_index(drop=True)
        return Embeddings(self.vectors[kept], frame, self.encoder, self.preprocessing, self.center)

    def save(self, path: Path) -> None:
        """Write one Parquet file: the rows, and a column `vector` of fixed-size lists. Raises `StorageError`."""
        rows = pa.Table.from_pandas(self.frame, preserve_index=False)
        center = [float(value) for value in self.center]
        _write(path, rows, self.vectors, _about(self.encoder, self.preprocessing, center))

    def require_encoder(self, digest: str, path: Path, run: Path) -> None:
        """Raise `MismatchError` unless the encoder with this digest made these vectors."""
        if self.encoder != digest:
            raise MismatchError(
                f"{path}: wanted embeddings by the encoder of {run} ({digest[:12]}), got {self.encoder[:12]}; "
                "embed the films again with this run, or name the run that made them"
            )


@dataclass(frozen=True)
class Shards:
    """A folder of embeddings in files of `shard` films each (the last may hold fewer), as its `embeddings.json` says.

    `plan` is a digest of the films in their order, their rows, `shard` and the encoder; every file carries it.
    """

    folder: Path
    plan: str
    films: int
    shard: int
    encoder: str
    preprocessing: str
    center: list[float]

    def __len__(self) -> int:
        """How many shards there are to be."""
        return -(-self.films // self.shard)

    def path(self, number: int) -> Path:
        """Where a shard lies."""
        return self.folder / f"part-{number:05d}.parquet"

    def size(self, number: int) -> int:
        """How many films a shard holds."""
        return min(self.shard, self.films - number * self.shard)

    def save(self) -> None:
        """Write `embeddings.json`. Raises `StorageError`."""
        plain = {name: value for name, value in asdict(self).items() if name != "folder"}
        write_json(self.folder / FOLDER_FILE, {"format": FOLDER_FORMAT, **plain})

    def write(self, number: int, rows: pa.Table, vectors: NDArray[np.float32]) -> None:
        """Write a shard, whole or not at all. Raises `StorageError`."""
        about = _about(self.encoder, self.preprocessing, self.center)
        _write(self.path(number), rows, vectors, {**about, "plan": self.plan, "shard": str(number)})

    def read(self, number: int) -> tuple[pa.Table, NDArray[np.float32]]:
        """The rows and vectors of a shard. Raises `ManifestError` where it is missing, torn or of another plan."""
        path = self.path(number)
        with _torn(path):
            rows, vectors, about = _read(path)
        got = (about.get("plan"), about.get("shard"), vectors.shape)
        if got != (self.plan, str(number), (self.size(number), len(self.center))):
            raise ManifestError(f"{path}: not shard {number} of what {FOLDER_FILE} speaks of; embed the films again")
        return rows, vectors

    def has(self, number: int) -> bool:
        """Whether a shard is there, whole, and of this plan."""
        try:
            return bool(self.read(number))
        except ManifestError:
            return False


def read_shards(folder: Path) -> Shards:
    """What a folder's `embeddings.json` says. Raises `ManifestError` where there is none, or it is something else."""
    path = folder / FOLDER_FILE
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("format") != FOLDER_FORMAT:
            raise ValueError(f"not of the form {FOLDER_FORMAT}")
        shards = Shards(folder, **plain)
        if not (type(shards.films) is type(shards.shard) is int and shards.films > 0 and shards.shard > 0):
            raise ValueError("no number of films")
    except FileNotFoundError:
        raise ManifestError(f"{folder}: a folder without {FOLDER_FILE}; wanted one made by embedlearn embed") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path}: damaged or something else ({error}); embed into a new folder") from error
    return shards


def load_embeddings(path: Path) -> Embeddings:
    """Read what `Embeddings.save` wrote, or a folder of shards.

    Raises `ManifestError` for a file that is missing, torn or something else, or a folder that lacks shards.
    """
    path = Path(path)
    if path.is_dir():
        return _load_folder(path)
    with _torn(path):
        rows, vectors, about = _read(path)
        center = np.array(json.loads(about["center"]), np.float32)
        return Embeddings(vectors, rows.to_pandas(), about["encoder"], about["preprocessing"], center)


def _load_folder(folder: Path) -> Embeddings:
    shards = read_shards(folder)
    again = f"the same embedlearn embed --out {folder} makes what is missing"
    missing = [shards.path(number).name for number in range(len(shards)) if not shards.path(number).exists()]
    if missing:
        raise ManifestError(
            f"{folder}: {len(missing)} of {len(shards)} shards are missing, from {missing[0]} on; {again}"
        )
    vectors = np.empty((shards.films, len(shards.center)), np.float32)
    tables = []
    for number in range(len(shards)):  # one at a time, so that the vectors are held once
        start = number * shards.shard
        try:
            rows, vectors[start : start + shards.shard] = shards.read(number)
        except ManifestError as error:
            raise ManifestError(f"{error}: {again}") from error
        tables.append(rows)
    with _torn(folder):
        frame = pa.concat_tables(tables).to_pandas()
    center = np.array(shards.center, np.float32)
    return Embeddings(vectors, frame, shards.encoder, shards.preprocessing, center)


def _about(encoder: str, preprocessing: str, center: list[float]) -> dict[str, str]:
    """What a file says of itself."""
    return {"format": FORMAT, "encoder": encoder, "preprocessing": preprocessing, "center": json.dumps(center)}


def _write(path: Path, rows: pa.Table, vectors: NDArray[np.float32], about: Mapping[str, str]) -> None:
    if _VECTOR in rows.column_names:
        raise ManifestError(f"{path}: the rows have a column {_VECTOR} of their own; rename it")
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    table = rows.append_column(_VECTOR, pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **about})
    with replacing(path) as beside:
        pq.write_table(table, beside, write_page_checksum=True)


def _read(path: Path) -> tuple[pa.Table, NDArray[np.float32], dict[str, str]]:
    """The rows of one file, their vectors, and what the file says of itself."""
    if not path.exists():
        raise ManifestError(f"{path}: there is no such file; wanted embeddings made by embedlearn embed")
    table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    if about.get("format") != FORMAT or not {_VECTOR, *COLUMNS} <= set(table.column_names):
        raise ManifestError(f"{path}: a Parquet file, but not of embeddings; wanted one made by embedlearn embed")
    column = table.column(_VECTOR).combine_chunks()
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    pandas = {key: value for key, value in table.schema.metadata.items() if key == b"pandas"}
    return table.drop_columns([_VECTOR]).replace_schema_metadata(pandas), vectors, about


@contextlib.contextmanager
def _torn(path: Path) -> Iterator[None]:
    """Flipped bytes of a file's pages fail their checksum; those of its footer can make almost anything raise."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ManifestError(f"{path}: torn or not a Parquet file ({reason}); embed the films again") from error
