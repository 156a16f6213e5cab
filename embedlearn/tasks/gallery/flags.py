"""What may be asked of a gallery: the flags of `embedlearn index` and `embedlearn search`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import UseAppendAction

from embedlearn.console import DataFlags
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number
from embedlearn.gallery.kinds import KindName

SETTLED = ("kind", "recall", "metric", "keep_columns", "id_column", "plain", "seed")  # when a gallery is made


@dataclass(frozen=True, kw_only=True)
class Index(DataFlags):
    """Make a gallery of films, to be searched for similar cases with embedlearn search.

    Without --data or --embeddings, of the run's own films. A gallery keeps embeddings, labels, sources, views and
    tokens in place of patients and films: no names, no paths. It is not anonymous: an embedding can identify a patient.
    """

    out: Path
    """The gallery: a folder, or with --store its name there."""
    run: Path | None = None
    """Run folder whose encoder to use; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    embeddings: Path | None = None
    """Take embeddings that embedlearn embed wrote, a file or a folder of shards, instead of films."""
    add: bool = False
    """Add to the gallery that is there; its index stays as it is until --compact."""
    replace: bool = False
    """Put the new gallery in the place of the one that is there."""
    skip_known: bool = False
    """With --add, leave out the cases that are in the gallery already."""
    remove: Annotated[tuple[str, ...], UseAppendAction] = ()
    """Take out the case with this id; may be given more than once."""
    compact: bool = False
    """Fold in what was added and drop what was removed."""
    kind: KindName = "auto"
    """How to search: flat compares all; auto takes it up to a million cases, and lists of short codes above."""
    recall: float | None = None
    """Recall@10 to tune an approximate index to; by default .95, and below a million cases exact search."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """What a distance is: Euclidean, or 1 - cosine."""
    keep_columns: tuple[str, ...] = ()
    """Further columns of the films to keep as they are, such as date or path; they may name patients."""
    id_column: str | None = None
    """Column that names a case; by default a case is named by its film's digest."""
    plain: bool = False
    """Keep ids, patients and digests as they are instead of as tokens of a secret salt."""
    store: str | None = None
    """Keep the gallery in a database, postgresql://USER@HOST/DATABASE, instead of a folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to embed and to build; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the lists, the codes and the held-out queries."""

    def __post_init__(self) -> None:
        if self.recall is not None:
            require_number("--recall", self.recall, 0.01, 1)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        asked = [flag for flag, given in self._acts().items() if given]
        if len(asked) > 1:
            raise ArgumentError(f"{' '.join(asked)}: do one at a time")
        if (self.remove or self.compact) and (self.data or self.embeddings):
            raise ArgumentError(f"{asked[0]}: takes no films; leave out --data and --embeddings")
        if asked and not self.replace:
            for name in SETTLED:
                if getattr(self, name) != getattr(Index, name):
                    flag = f"--{name.replace('_', '-')}"
                    raise ArgumentError(f"{flag}: is settled when a gallery is made; leave it out, or --replace it")
        if self.embeddings and (self.map or self.columns or self.skip_bad):
            raise ArgumentError("--embeddings: have their labels; --map, --columns and --skip-bad are for --data")
        if self.compact and self.store:
            raise ArgumentError("--compact: a database keeps its cases compact by itself; leave it out")
        if self.skip_known and not self.add:
            raise ArgumentError("--skip-known: is for --add; give both, or neither")
        if self.store and self.kind not in ("auto", "flat", "hnsw"):
            raise ArgumentError(f"--kind {self.kind}: a database searches exactly (auto, flat) or by a graph (hnsw)")
        if self.store and self.recall is not None:
            raise ArgumentError("--recall: a database's graph is not tuned to one; leave it out")
        if self.data and self.embeddings:
            raise ArgumentError("--embeddings: takes the place of --data; give one of them")

    def _acts(self) -> dict[str, bool]:
        return {"--add": self.add, "--replace": self.replace, "--remove": bool(self.remove), "--compact": self.compact}


@dataclass(frozen=True, kw_only=True)
class Search:
    """Find the cases of a gallery that are most similar to a film, several films of one case, a case, or a vector.

    Prints them, nearest first, and draws a contact sheet. Cases of the query's own patient are left out. Research use
    only: nothing here is fit for diagnosis.
    """

    gallery: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="GALLERY")]
    """The gallery that embedlearn index made."""
    films: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILM")] = ()
    """Films of one case: PNG, JPEG, TIFF, WebP, BMP or DICOM."""
    case: Annotated[tuple[str, ...], UseAppendAction] = ()
    """Ask with a case of the gallery, by its id, instead of films; may be given more than once."""
    vector: Path | None = None
    """Ask with embeddings from a file NAME.npy, [D] or [N, D], instead of films."""
    k: Annotated[int, tyro.conf.arg(aliases=["-k"])] = 10
    """Cases to find."""
    where: str | None = None
    """Which cases to search, such as: view == 'PA' and source != 'nih' and label in ('covid-19', 'healthy')."""
    combine: Literal["mean", "max"] = "mean"
    """How several films are one query: their mean, or for each case the film that is most alike."""
    patient: str | None = None
    """The query's patient, whose own cases are left out; a case of the gallery and a DICOM file say it themselves."""
    same_patient: bool = False
    """Find cases of the query's own patient too."""
    one_per_patient: bool = False
    """Find one case of a patient, the nearest."""
    twins: bool = False
    """Find near-identical pictures of a case already found too."""
    expand: int = 0
    """Ask again with the mean of the query and its so many nearest cases; 0 asks once."""
    rerank: bool = False
    """Order by whether the query is also near its neighbours (k-reciprocal re-ranking)."""
    out: Path = Path("similar.png")
    """The contact sheet to write, NAME.png."""
    table: Path | None = None
    """Write the cases to a file too, NAME.csv or NAME.json."""
    pictures: Annotated[tuple[Path, ...], UseAppendAction] = ()
    """A folder with the gallery's films, for the sheet; films that this machine has decoded before need none."""
    run: Path | None = None
    """Run folder of the encoder that made the gallery; looked for in the folder of the runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    store: str | None = None
    """The database that keeps the gallery, postgresql://USER@HOST/DATABASE, where it is not a folder."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to embed and to search; auto takes a GPU where there is one."""

    def __post_init__(self) -> None:
        require_number("-k", self.k, 1, 1000)
        require_number("--expand", self.expand, 0, 100)
        given = [
            name for name, value in (("films", self.films), ("--case", self.case), ("--vector", self.vector)) if value
        ]
        if len(given) != 1:
            raise ArgumentError(f"wanted films, --case or --vector, got {' and '.join(given) or 'none of them'}")
        if self.same_patient and self.patient:
            raise ArgumentError("--same-patient: finds the cases that --patient leaves out; give one of them")
        if self.out.suffix != ".png":
            raise ArgumentError(f"--out {self.out}: wanted a name that ends in .png")
        if self.table and self.table.suffix not in (".csv", ".json"):
            raise ArgumentError(f"--table {self.table}: wanted a name that ends in .csv or .json")
