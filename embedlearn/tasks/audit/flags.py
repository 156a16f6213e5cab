"""What `audit` is asked: its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from embedlearn.console import DataFlags
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number

CHAPTERS = (
    "confounding", "leaks", "twins", "shortcuts", "origins", "looking", "markers", "card", "mitigations",
)  # fmt: skip
ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Audit(DataFlags):
    """Find out what a score on these films is worth, before anyone publishes it.

    Patients and pictures that stand on two sides, shortcuts that tell the label without the lungs, sources, markers,
    who is in the data; with a run, what its encoder adds and what it looks at. With no DATA it takes the run's films,
    or synthetic phantoms. Exits with code 1 where what --fail-on names is a warning.
    """

    data: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DATA")] = ()
    """A folder of films, a CSV or Parquet table, or LAYOUT:PATH; one or more."""
    run: Path | None = None
    """A run whose encoder is held against the probes, on films that it has not seen."""
    support: str | None = None
    """The labelled examples of a few-shot test, a folder or a table; what it shares with DATA is told."""
    classes: tuple[str, ...] = ()
    """Labels to tell apart; a name holds its finer labels. By default those of ten cases or more."""
    positive: str | None = None
    """The class that matters most; by default covid-19, or the rarest. Of label sets: this finding against the rest."""
    masks: Path | None = None
    """A folder with folders images and masks, of films and of their lungs under the same names."""
    boxes: Path | None = None
    """A COCO file NAME.json of lung boxes, in pixels of the original films, with a folder images beside it."""
    mitigate: tuple[Literal["trim", "lungs", "intensity", "balance", "twins"], ...] = ()
    """Measure again with borders cut, cropped to the lungs, greys standardised, sources balanced, or no twins."""
    trim: float = 0.1
    """Share of each side that the mitigation trim cuts away, 0 to 0.4."""
    width: float = 0.1
    """Half-width of the 95 % interval for which the card says how many cases are enough."""
    fail_on: tuple[str, ...] = ()
    """Exit with code 1 where a warning is among these: any, chapters (twins) or findings (twins.across)."""
    show: bool = True
    """Show films in the report, as twins side by side; films may identify patients."""
    out: Path | None = None
    """Folder to write; by default the folder audit, in the run's where one is named."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the folds, the resampling and the films drawn."""

    def __post_init__(self) -> None:
        require_number("--trim", self.trim, 0, 0.4)
        require_number("--width", self.width, 0.001, 0.5)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.trim != Audit.trim and "trim" not in self.mitigate:
            raise ArgumentError(f"--trim {self.trim:g}: does nothing by itself; add --mitigate trim")
        for name in self.fail_on:
            if name != ANY and name.partition(".")[0] not in CHAPTERS:
                wanted = f"{ANY}, {', '.join(CHAPTERS)}, or a finding of one such as twins.across"
                raise ArgumentError(f"--fail-on {name}: wanted {wanted}")
        if self.run is None:
            for name in self.fail_on:
                if name.partition(".")[0] in ("origins", "looking"):
                    raise ArgumentError(f"--fail-on {name}: is found out of an encoder; name one with --run")
        if self.boxes and self.run is None and "lungs" not in self.mitigate:
            raise ArgumentError(f"--boxes {self.boxes}: is for a run or for --mitigate lungs; add one or leave it out")
        if not self.mitigate and any(name.partition(".")[0] == "mitigations" for name in self.fail_on):
            raise ArgumentError("--fail-on mitigations: nothing is mitigated; add --mitigate")
        if self.support and not self.data:
            raise ArgumentError("--support: is compared with DATA; name the films that are asked about")
        if self.positive and self.classes and self.positive not in self.classes:
            raise ArgumentError(f"--positive {self.positive}: wanted one of --classes {' '.join(self.classes)}")
