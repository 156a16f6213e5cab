"""`python -m embedlearn.explain`: which regions of a film made its answer; `check`: whether that can be trusted."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.explain.flags import Check, Explain

PROGRAM = "embedlearn explain"
SUBCOMMAND = "check"


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [SUBCOMMAND]:
        run_command(Check, _check, f"{PROGRAM} {SUBCOMMAND}", given[1:])
    else:
        run_command(Explain, _explain, PROGRAM, given)


def _explain(settings: Explain) -> None:
    from embedlearn.tasks.explain.explaining import show_reasons

    show_reasons(settings)


def _check(settings: Check) -> None:
    from embedlearn.tasks.explain.checking import check_maps

    if not check_maps(settings):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
