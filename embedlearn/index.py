"""`python -m embedlearn.index`: make a gallery of films, or change one."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.gallery.flags import Index

PROGRAM = "embedlearn index"


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Index, _index, PROGRAM, arguments)


def _index(settings: Index) -> None:
    from embedlearn.tasks.gallery import indexing

    if settings.remove:
        indexing.remove_cases(settings)
    elif settings.compact:
        indexing.compact_gallery(settings)
    elif settings.add:
        indexing.add_cases(settings)
    else:
        indexing.make_gallery(settings)


if __name__ == "__main__":
    main()
