"""`python -m experiments.run NAME`: a published system, trained and judged as its authors did and as it ought to be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from embedlearn.console import run_command, say
from embedlearn.errors import ArgumentError

PICTURE = Path(__file__).parent.parent / "assets" / "rows.png"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Run a row of the tables. Its data are looked for in ../shared/data, or named by --data.

    Finished trainings are kept in --runs and taken as they are.
    """

    name: Annotated[str, Positional, arg(metavar="NAME")]
    """The row: covid-x-ray, darkcovidnet, deepcovid19, four-class, three-class or transfer-study; all for all."""
    quick: bool = False
    """On phantoms in the layout of the row's data, an epoch or two, to see that it works; nothing is stored."""
    data: Annotated[tuple[str, ...], UseAppendAction] = ()
    """Your copy of the row's data; may be given more than once."""
    runs: Path = Path("runs/rows")
    """Folder of the trainings and figures."""
    out: Path | None = None
    """Folder of the result, NAME.json; experiments/results/rows, or with --quick the row's folder of --runs."""


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Run, _run, "experiments.run", arguments)


def _run(flags: Run) -> None:
    from experiments.systems.row import load_row, row_names
    from experiments.systems.running import draw_rows, run_row

    if flags.name == "all" and flags.data:
        raise ArgumentError("--data: is for one row, which all is not; name the row")
    for name in row_names() if flags.name == "all" else [flags.name]:
        began = time.monotonic()
        if path := run_row(load_row(name), flags.data, flags.runs, quick=flags.quick, out=flags.out):
            say(f"wrote {path} ({time.monotonic() - began:.0f} s); next: python -m experiments.tables")
    if not flags.quick and flags.out is None:
        draw_rows(PICTURE)
        say(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
