"""The manifest: one row a film, the one form of data inside the toolkit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.errors import ManifestError
from embedlearn.files import replacing, value_digest

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("path", "label", "patient", "source", "view", "split")
FURTHER = ("labels", "age", "sex", "licence")
SPLITS = ("train", "val", "test", "held-out")


@dataclass(frozen=True, eq=False)
class Manifest:
    """Films and what is known of them.

    `frame` has a row a film, index 0..n-1, and at least the columns of `COLUMNS`, all of string dtype:
    `path` (absolute) and `label` and `source` are never missing; `patient`, `view` and `split` may be.
    Where a source tells them there are also the columns of `FURTHER`: `labels`, the film's set of labels joined by "|",
    of which `label` is the first; `age` in years; `sex`, F or M; `licence`.
    `notes` says in plain sentences what was left out or could not be known.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def paths(self) -> list[Path]:
        """The films' files, in row order."""
        return [Path(path) for path in self.frame["path"]]

    def where(self, mask: pd.Series) -> Manifest:
        """The rows for which the boolean `mask` holds, renumbered."""
        return Manifest(self.frame[mask].reset_index(drop=True), self.notes)

    def with_columns(self, **columns: Iterable[object]) -> Manifest:
        """The same rows with columns added or replaced."""
        import pandas as pd

        frame = self.frame.copy()
        for name, values in columns.items():
            frame[name] = pd.Series(list(values), index=frame.index)
        return Manifest(frame, self.notes)

    def counts(self, by: str = "label") -> dict[str, int]:
        """How many rows have each value of column `by`, in alphabetical order; missing values are left out."""
        return {str(key): int(count) for key, count in self.frame[by].value_counts().sort_index().items()}

    def digest(self) -> str:
        """SHA-256 of the rows (not of the pixels), whatever folder they lie in."""
        rows = self.frame.drop(columns="path").assign(name=[path.name for path in self.paths])
        return value_digest(rows.astype(object).where(rows.notna(), None).to_dict("split")["data"])

    def save(self, path: Path) -> None:
        """Write the rows as CSV, or as Parquet where the name ends so. Raises `StorageError`."""
        with replacing(path) as beside:
            if path.suffix == ".parquet":
                self.frame.to_parquet(beside, index=False)
            else:
                self.frame.to_csv(beside, index=False)


def class_of(label: str, classes: Iterable[str]) -> str | None:
    """The class that `label` belongs to: its own name or a prefix of it ("pneumonia" holds "pneumonia/viral")."""
    fitting = [name for name in classes if label == name or label.startswith(f"{name}/")]
    return max(fitting, key=len) if fitting else None


def build_manifest(rows: Iterable[Mapping[str, object]], source: str, notes: Iterable[str] = ()) -> Manifest:
    """Make a manifest of plain rows with at least `path` and `label`, filling the columns they lack.

    Raises `ManifestError` where there is no row, or a row has no label.
    """
    import pandas as pd

    frame = pd.DataFrame([dict(row) for row in rows])
    if frame.empty:
        told = "; ".join(["wanted image files (PNG, JPEG, TIFF, WebP, BMP or DICOM)", *notes])
        raise ManifestError(f"{source}: no film was found; {told}")
    frame = frame.assign(**{name: None for name in COLUMNS if name not in frame})
    frame["source"] = frame["source"].fillna(source)
    frame["path"] = [_readable(str(path)) for path in frame["path"]]
    for name in (*COLUMNS, *(name for name in FURTHER if name in frame)):
        frame[name] = frame[name].astype("string")
    if unlabelled := int(frame["label"].isna().sum()):
        first = frame.loc[frame["label"].isna(), "path"].iloc[0]
        raise ManifestError(f"{source}: {unlabelled} rows have no label, the first is {first}; label or remove them")
    others = [name for name in frame if name not in COLUMNS]
    return Manifest(frame[[*COLUMNS, *others]], tuple(notes))


def each_film_once(manifest: Manifest) -> Manifest:
    """The manifest with one row a file, and a note on files that stood in several.

    Rows of one file that agree on its label, its labels and its patient are one film, of which the first row counts;
    of a file whose rows contradict each other there none is kept, for nothing tells which is right. Raises
    `ManifestError` where no film is left.
    """
    frame = manifest.frame
    repeated = frame["path"].duplicated(keep=False)
    if not repeated.any():
        return manifest
    told = [name for name in ("path", "label", "labels", "patient") if name in frame]
    first = frame[repeated].drop_duplicates(told)
    torn = set(first.loc[first["path"].duplicated(), "path"])
    contradicting = frame["path"].isin(torn)
    merged = frame["path"].duplicated() & ~contradicting
    source = frame.loc[repeated, "source"].iloc[0]
    notes = [*manifest.notes]
    if count := int(merged.sum()):
        notes.append(f"{source}: {count:,} rows name a file that an earlier row names with the same label; merged")
    if torn:
        notes.append(
            f"{source}: {len(torn):,} files stand in rows that contradict each other on label or patient and were left "
            f"out, the first is {Path(min(torn)).name}"
        )
    if contradicting.all():
        raise ManifestError(f"{source}: no film is left; {'; '.join(notes)}")
    return Manifest(frame[~contradicting & ~merged].reset_index(drop=True), tuple(notes))


def _readable(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ManifestError(f"{path!r}: wanted a file name in UTF-8; rename the file") from None
    return path


def join(manifests: Iterable[Manifest]) -> Manifest:
    """One manifest of several, in their order; two sources of one name are told apart by a number."""
    import pandas as pd

    frames: list[pd.DataFrame] = []
    notes: list[str] = []
    taken: set[str] = set()
    for manifest in manifests:
        names: dict[str, str] = {}
        for source in sorted(manifest.frame["source"].unique()):
            name, number = source, 2
            while name in taken or name in names.values():
                name, number = f"{source}-{number}", number + 1
            names[source] = name
        taken.update(names.values())
        frames.append(manifest.frame.assign(source=manifest.frame["source"].map(names).astype("string")))
        notes.extend(manifest.notes)
    return Manifest(pd.concat(frames, ignore_index=True), tuple(notes))
