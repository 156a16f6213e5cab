"""What `data show`, `data fetch` and `data convert` are asked: their flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from embedlearn.console import DataFlags
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number

SUBCOMMANDS = ("show", "fetch", "convert")
TABLES = (".csv", ".parquet")
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Say what a data set is (show), download a published one (fetch), or make a copy or a table of it (convert)."""

    word: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="SUBCOMMAND")] = None
    """One of show, fetch and convert; what each takes is told by show --help and so on."""


@dataclass(frozen=True, kw_only=True)
class Show:
    """Say what a data set is, before anything is learnt from it.

    Prints the layout that was recognised, counts, sizes and problems; draws a sheet of examples and one of the random
    views that training makes of them. Stops at no bad film. With no PATH it shows the synthetic phantoms.
    """

    data: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH")] = ()
    """A folder of films, a CSV or Parquet table, or LAYOUT:PATH; several are shown as one set."""
    out: Path = Path("data-show")
    """Folder to write: examples.png, augmentations.png and show.json."""
    quick: bool = False
    """Read headers only: no film is decoded, so that torn films and copies go unseen and none is augmented."""
    each: int = 6
    """Films of a class and source on the sheet of examples; 0 draws no sheets."""
    map: tuple[str, ...] = ()
    """Your names for labels, as NAME=LABEL: tb=tuberculosis."""
    columns: tuple[str, ...] = ()
    """A table's columns, as NAME=COLUMN: path=file label=finding patient=pid."""
    seed: int = 0
    """Of the films on the sheets and of the random views."""

    def __post_init__(self) -> None:
        require_number("--each", self.each, 0, 20)
        require_number("--seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """Download a published data set from Kaggle, and say where it lies and what to do next.

    Needs the package kagglehub (pip install 'embedlearn[kaggle]') and a network. Without them it says how to get the
    set by hand.
    """

    name: Annotated[Literal["kermany", "radiography"], tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """The set: kermany (children's films, healthy or pneumonia) or radiography (COVID-19 Radiography Database)."""
    out: Path | None = None
    """Folder that it goes to; by default kagglehub's own cache."""


@dataclass(frozen=True, kw_only=True)
class Convert(DataFlags):
    """Make a table of a data set, or a resized copy with its table; a copy that was broken off goes on.

    A copy holds 8-bit grey PNG or JPEG in the folder images, and manifest.csv with every column that is known, whose
    paths hold wherever the folder is moved to.
    """

    data: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH")] = ()
    """A folder of films, a CSV or Parquet table, or LAYOUT:PATH; several become one set."""
    out: Path | None = None
    """NAME.csv or NAME.parquet for a table alone, or a folder for a copy of the films."""
    size: int = 512
    """Longest side of a copied film in pixels; smaller films keep theirs."""
    format: Literal["png", "jpeg"] = "png"
    """Of the copied films: png, or jpeg of quality 95."""
    frame: str | None = None
    """Which frame of DICOM files that hold several: its number from 1, or all, which become films of their own."""
    trim: float = 0.0
    """Share of each side to cut away, 0 to 0.4: borders carry a hospital's marks."""
    lungs: bool = False
    """Keep only the box around the lungs: of --masks or --boxes, else estimated."""
    intensity: bool = False
    """Give every film's greys the same distribution."""
    masks: Path | None = None
    """A folder of lung masks with the films' names."""
    boxes: Path | None = None
    """A COCO file of lung boxes, in pixels of the original films as they are shown upright."""
    anonymous: bool = False
    """Numbers for names of files, patients and unpublished sources, and no further columns; labels stay, and what is
    burnt into films."""

    def __post_init__(self) -> None:
        if not self.data:
            raise ArgumentError(
                "PATH: wanted a folder of films, a table or LAYOUT:PATH, got none; name what to convert"
            )
        if self.out is None:
            raise ArgumentError("--out: wanted a folder, NAME.csv or NAME.parquet, got none; name what to write")
        require_number("--size", self.size, 16, 10_000)
        require_number("--trim", self.trim, 0, 0.4)
        if self.frame not in (None, ALL) and not (str(self.frame).isdecimal() and int(str(self.frame)) > 0):
            raise ArgumentError(f"--frame {self.frame}: wanted a number from 1, or {ALL}")
        if (self.masks or self.boxes) and not self.lungs:
            raise ArgumentError("--masks and --boxes: say where the lungs are; add --lungs, or leave them out")
        if self.is_table and self.out.suffix not in TABLES:
            ending = self.out.suffix.lower()
            raise ArgumentError(f"--out {self.out}: wanted the ending {ending}; name {self.out.with_suffix(ending)}")
        if self.is_table and self.changes_films:
            raise ArgumentError(
                f"--out {self.out}: is a table, whose films stay as they are; name a folder, or leave "
                f"{self.changes_films} out"
            )

    @property
    def is_table(self) -> bool:
        """Whether a table alone is to be written."""
        return self.out is not None and self.out.suffix.lower() in TABLES

    @property
    def changes_films(self) -> str | None:
        """The first flag that only a copy of the films can obey."""
        given = {
            "--size": self.size != Convert.size,
            "--format": self.format != Convert.format,
            "--frame": self.frame is not None,
            "--trim": self.trim > 0,
            "--lungs": self.lungs,
            "--intensity": self.intensity,
            "--anonymous": self.anonymous,
            "--skip-bad": self.skip_bad,
        }
        return next((flag for flag, is_given in given.items() if is_given), None)


def refuse(settings: Data) -> None:
    """Raise `ArgumentError`: no subcommand was named, or none of ours."""
    got = settings.word or "none"
    raise ArgumentError(f"wanted {', '.join(SUBCOMMANDS[:-1])} or {SUBCOMMANDS[-1]}, got {got}; such as: show FOLDER")
