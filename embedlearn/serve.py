"""`python -m embedlearn.serve`: a page to put films in, with answers, similar cases and reasons; and a JSON API."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.serve.flags import Serve

PROGRAM = "embedlearn serve"


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Serve, _serve, PROGRAM, arguments)


def _serve(settings: Serve) -> None:
    from embedlearn.tasks.serve.starting import serve

    serve(settings)


if __name__ == "__main__":
    main()
