"""The picture of a training: its losses and its validation scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.encoders.findings import MEAN, OF_EACH
from embedlearn.figures import COLOURS, GREY, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, float]]


def draw_curves(path: Path, history: History, kept: int, title: str) -> None:
    """Draw losses and validation scores by epoch, the kept epoch marked. Raises `StorageError`."""
    epochs = [int(row["epoch"]) for row in history]
    with figure(path, 8, 3.2) as drawn:
        losses, scores = drawn.subplots(1, 2)
        for name, colour, label in (
            ("label_loss", COLOURS[0], "label term"), ("instance_loss", COLOURS[1], "instance term")
        ):  # fmt: skip
            losses.plot(epochs, [row[name] for row in history], color=colour, label=label)
        losses.set(xlabel="epoch", ylabel="training loss", title=title)
        losses.legend()
        (_draw_findings if MEAN in history[0] else _draw_neighbours)(scores, epochs, history)
        scores.axvline(epochs[kept], color=GREY, linestyle=":", label=f"kept: epoch {epochs[kept]}")
        scores.legend(loc="lower right")
        for axes in (losses, scores):
            axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_neighbours(axes: Axes, epochs: Sequence[int], history: History) -> None:
    axes.plot(epochs, [row["val_recall_at_1"] for row in history], color=COLOURS[2], label="recall@1")
    axes.plot(epochs, [row["val_knn"] for row in history], color=COLOURS[3], label="5-NN")
    axes.set(xlabel="epoch", ylabel="balanced accuracy", title="validation films among training films")


def _draw_findings(axes: Axes, epochs: Sequence[int], history: History) -> None:
    each = [name for name in history[0] if name.startswith(OF_EACH)]
    for number, name in enumerate(each):
        label = "each finding" if not number else ""
        axes.plot(epochs, [row[name] for row in history], color=GREY, linewidth=0.7, alpha=0.6, label=label)
    axes.plot(epochs, [row[MEAN] for row in history], color=COLOURS[2], linewidth=2, label="mean of findings")
    axes.set(xlabel="epoch", ylabel="AUC", title="validation films")
