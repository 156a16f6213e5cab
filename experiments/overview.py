"""`python -m experiments.overview --run RUN`: the README's first picture, from phantoms and a run's few-shot report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from embedlearn.console import run_command, say
from embedlearn.errors import ManifestError
from embedlearn.figures import COLOURS, GREY, figure
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film

FILMS = 3
SPACES = {"trained": "trained encoder", "untrained": "untrained network", "border probe": "border of the film alone"}


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Draw phantoms of the four classes beside the shots curve of a few-shot report."""

    run: Path
    """Run folder with a few-shot report of several shots."""
    out: Path = Path("assets/overview.png")
    """Picture to write."""


def main() -> None:
    run_command(Overview, _draw, "experiments.overview", None)


def _draw(settings: Overview) -> None:
    path = settings.run / "fewshot" / "table.csv"
    if not path.is_file():
        raise ManifestError(f"{path}: there is no such report; make one with embedlearn fewshot --shots 1 5 10")
    table = pd.read_csv(path)
    rows = table[(table["head"] == "prototype") & (table["metric"] == "accuracy")]
    with figure(settings.out, 10, 4.3) as drawn:
        films, curve = np.asarray(drawn.subfigures(1, 2, width_ratios=(1.25, 1)))
        grid = films.subplots(FILMS, len(LABELS))
        for column, label in enumerate(LABELS):
            for row in range(FILMS):
                pixels = draw_film(
                    label, seed=1, patient=10 * column + row, source=SOURCES[row % len(SOURCES)], size=256
                )
                grid[row, column].imshow(pixels, cmap="gray", vmin=0, vmax=255)
                grid[row, column].axis("off")
            grid[0, column].set_title(label, fontsize=9)
        films.suptitle("synthetic films; COVID-19 is never seen in pretraining", fontsize=10)
        axes = curve.subplots()
        for colour, (space, name) in zip(COLOURS, SPACES.items(), strict=False):
            of_space = rows[rows["space"] == space].sort_values("shots")
            axes.fill_between(
                of_space["shots"], of_space["patient_low"], of_space["patient_high"], color=colour, alpha=0.15
            )
            axes.plot(of_space["shots"], of_space["mean"], color=colour, marker="o", label=name)
        axes.axhline(1 / 3, color=GREY, linestyle=":", linewidth=1)
        axes.set(xlabel="examples of each class", ylabel="accuracy (band: 95 % by patient bootstrap)", ylim=(0.25, 0.9))
        axes.set_xticks(sorted(set(rows["shots"])))
        axes.set_title("healthy / pneumonia / COVID-19, nearest prototype")
        axes.legend(loc="upper left")
    say(f"wrote {settings.out}")


if __name__ == "__main__":
    main()
