"""What `explain` is asked: its flags, and those of `explain check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from embedlearn.console import DataFlags
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number


@dataclass(frozen=True, kw_only=True)
class Explain:
    """Show which regions of films made their answer, by maps that add up to the score.

    Of each film: why this class and not the next (the margin), and what is like the class, like the nearest cases and
    like the nearest one. Draws each over the film itself, a sheet of all, and writes the numbers. How far the maps can
    be trusted: explain check --help. Research use only: nothing here is fit for diagnosis.
    """

    films: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILM")] = ()
    """Films, or folders of films; by default some of the run's that its encoder has not seen."""
    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    support: str | None = None
    """The examples: a folder of class folders, or a table with path and label; by default the run's unseen films."""
    classes: tuple[str, ...] = ()
    """Classes of the examples; by default the run's and covid-19, or every label where there is no such class."""
    why: str | None = None
    """The class to explain; by default a film's own answer."""
    why_not: str | None = None
    """The class it is held against; by default the nearest other one."""
    case: Path | None = None
    """A film to compare each with; by default its nearest example."""
    neighbours: int = 5
    """Nearest examples whose mean similarity is explained."""
    method: str = "exact"
    """How maps are made: exact, or a gradient method by name, such as gradcam."""
    pairs: bool = False
    """Draw each film beside the case it is compared with, region by region; exact maps only."""
    at: tuple[float, float] | None = None
    """With pairs, a point of the film, as shares of its height and width: what is like it in the case."""
    masks: Path | None = None
    """A folder of lung masks with the films' names, whose outlines are drawn."""
    each: int = 3
    """Films a class to show where none are named."""
    theme: Literal["light", "dark"] = "light"
    """Of the pictures."""
    out: Path | None = None
    """Folder to write; by default the folder explain in the run's."""
    map: tuple[str, ...] = ()
    """Your names for labels, as NAME=LABEL: tb=tuberculosis."""
    columns: tuple[str, ...] = ()
    """The examples' columns, as NAME=COLUMN: path=file label=finding."""
    skip_bad: bool = False
    """Leave out films that cannot be read, naming each, instead of stopping at the first."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the films that are shown where none are named."""

    def __post_init__(self) -> None:
        require_number("--neighbours", self.neighbours, 1, 10_000)
        require_number("--each", self.each, 1, 1000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.why and self.why == self.why_not:
            raise ArgumentError(f"--why-not {self.why_not}: wanted another class than --why, got the same")
        if self.pairs and self.method != "exact":
            raise ArgumentError(f"--pairs: is made of exact maps; leave it or --method {self.method} out")
        if self.at and not self.pairs:
            raise ArgumentError("--at: a point is looked for in another film; add --pairs")
        for share in self.at or ():
            require_number("--at", share, 0, 1)
        for flag, given in (("--each", self.each != Explain.each), ("--seed", self.seed != Explain.seed)):
            if given and self.films:
                raise ArgumentError(f"{flag}: is for films that are chosen for you; leave it or the films out")
        if (self.map or self.columns) and not self.support:
            raise ArgumentError("--map and --columns: are for the examples of --support; name them or leave these out")


@dataclass(frozen=True, kw_only=True)
class Check(DataFlags):
    """Check whether a run's maps can be trusted; exits with code 1 where one cannot.

    Completeness, randomised weights, insertion and deletion, ROAD, lesions planted in phantoms, the border, and, with
    what is named, another seed's maps and the lungs. Takes the run's unseen films, or those that --data names.
    """

    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    methods: tuple[str, ...] = ("exact", "gradcam-cosine")
    """Methods to check, by name."""
    against: Path | None = None
    """A run with another seed, whose maps should say the same."""
    masks: Path | None = None
    """A folder with folders images and masks, of films and of their lungs under the same names."""
    boxes: Path | None = None
    """A COCO file NAME.json of lung boxes, in pixels of the original films, with a folder images beside it."""
    classes: tuple[str, ...] = ()
    """Classes to tell apart; by default the run's and covid-19, or every unseen label where there is none."""
    at_most: int = 64
    """About how many films are asked about, evenly of each class; up to 16 others a class stand for it."""
    out: Path | None = None
    """Folder to write; by default the folder explain in the run's."""
    theme: Literal["light", "dark"] = "light"
    """Of the picture."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the films drawn, the random networks and what holes are filled with; phantoms are always the same."""

    def __post_init__(self) -> None:
        require_number("--at-most", self.at_most, 8, 100_000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if not self.methods:
            raise ArgumentError("--methods: wanted one method or more, got none")
