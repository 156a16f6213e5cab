"""`python -m embedlearn.visualize`: maps of the latent space, before and after training."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.console import run_command
from embedlearn.tasks.maps.flags import Visualize

PROGRAM = "embedlearn visualize"


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Visualize, _visualize, PROGRAM, arguments)


def _visualize(settings: Visualize) -> None:
    from embedlearn.tasks.maps import drawing

    if settings.on:
        drawing.place_films(settings)
    else:
        drawing.draw_maps(settings)


if __name__ == "__main__":
    main()
