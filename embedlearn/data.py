"""`python -m embedlearn.data`: `show` what a data set is, `fetch` a published one, `convert` it to a copy."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.data.flags import Convert, Data, Fetch, Show, refuse

PROGRAM = "embedlearn data"


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    program = f"{PROGRAM} {given[0]}" if given else PROGRAM
    if given[:1] == ["show"]:
        run_command(Show, _show, program, given[1:])
    elif given[:1] == ["fetch"]:
        run_command(Fetch, _fetch, program, given[1:])
    elif given[:1] == ["convert"]:
        run_command(Convert, _convert, program, given[1:])
    else:
        run_command(Data, refuse, PROGRAM, given[:1])


def _show(settings: Show) -> None:
    from embedlearn.tasks.data.showing import show

    show(settings)


def _fetch(settings: Fetch) -> None:
    from embedlearn.tasks.data.fetching import fetch

    fetch(settings)


def _convert(settings: Convert) -> None:
    from embedlearn.tasks.data.converting import convert

    convert(settings)


if __name__ == "__main__":
    main()
