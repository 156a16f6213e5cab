"""The picture of a training: its losses and its validation scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedlearn.figures import COLOURS, GREY, figure


def draw_curves(path: Path, history: Sequence[Mapping[str, float]], kept: int, title: str) -> None:
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
        scores.plot(epochs, [row["val_recall_at_1"] for row in history], color=COLOURS[2], label="recall@1")
        scores.plot(epochs, [row["val_knn"] for row in history], color=COLOURS[3], label="5-NN")
        scores.axvline(epochs[kept], color=GREY, linestyle=":", label=f"kept: epoch {epochs[kept]}")
        scores.set(xlabel="epoch", ylabel="balanced accuracy", title="validation films among training films")
        scores.legend(loc="lower right")
        for axes in (losses, scores):
            axes.xaxis.get_major_locator().set_params(integer=True)
