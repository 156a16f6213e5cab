"""Embeddings on disk: vectors, the manifest rows they belong to, and the digest of the encoder that made them.

This is the seam of the toolkit: heads, galleries, maps and audits start here and need neither a GPU nor torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ManifestError, MismatchError
from embedlearn.files import replacing
from embedlearn.radiographs.manifest import COLUMNS

FORMAT = "embedlearn-embeddings-1"
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
        if _VECTOR in self.frame:
            raise ManifestError(f"{path}: the rows have a column {_VECTOR} of their own; rename it")
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        flat = pa.array(np.ascontiguousarray(self.vectors).reshape(-1))
        table = table.append_column(_VECTOR, pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]))
        about = {
            "format": FORMAT,
            "encoder": self.encoder,
            "preprocessing": self.preprocessing,
            "center": json.dumps([float(value) for value in self.center]),
        }
        with replacing(path) as beside:
            pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **about}), beside)

    def require_encoder(self, digest: str, path: Path, run: Path) -> None:
        """Raise `MismatchError` unless the encoder with this digest made these vectors."""
        if self.encoder != digest:
            raise MismatchError(
                f"{path}: wanted embeddings by the encoder of {run} ({digest[:12]}), got {self.encoder[:12]}; "
                "embed the films again with this run, or name the run that made them"
            )


def load_embeddings(path: Path) -> Embeddings:
    """Read what `Embeddings.save` wrote. Raises `ManifestError` for a file that is missing, torn or something else."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise ManifestError(f"{path}: there is no such file; wanted embeddings made by embedlearn embed") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ManifestError(f"{path}: torn or not a Parquet file ({reason}); embed the films again") from error
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    if about.get("format") != FORMAT or not {_VECTOR, *COLUMNS} <= set(table.column_names):
        raise ManifestError(f"{path}: a Parquet file, but not of embeddings; wanted one made by embedlearn embed")
    column = table.column(_VECTOR).combine_chunks()
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    center = np.array(json.loads(about["center"]), np.float32)
    frame = table.drop_columns([_VECTOR]).to_pandas()
    return Embeddings(vectors, frame, about["encoder"], about["preprocessing"], center)
