"""`python -m embedlearn.search`: the cases of a gallery that are most similar to a film."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.gallery.flags import Search

PROGRAM = "embedlearn search"


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Search, _search, PROGRAM, arguments)


def _search(settings: Search) -> None:
    from embedlearn.tasks.gallery.asking import search_gallery

    search_gallery(settings)


if __name__ == "__main__":
    main()
