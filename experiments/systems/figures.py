"""The charts of a row: what was answered, how training went, and how far a few examples go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.episodes.calibration import Reliability
from embedlearn.figures import COLOURS, GREY, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANCE: Any = {"color": GREY, "linestyle": ":", "linewidth": 1}
LINES = ("-", "--", ":")
Epochs = Sequence[tuple[int, float]]  # (epoch, value)


class FewShots(NamedTuple):
    """A few-shot curve: films a class, and at each the score with its interval."""

    shots: Sequence[int]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def draw_confusion(path: Path, counts: NDArray[np.int64], classes: Sequence[str], title: str = "") -> None:
    """Films of each true class (a row) by the class answered, int [C, C], coloured by their share of the truth.

    Raises `StorageError`, as all figures here do.
    """
    size = len(classes)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    with figure(path, 2.0 + 0.8 * size, 1.6 + 0.7 * size) as drawn:
        axes = drawn.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(size, size):
            words = f"{counts[row, column]:,}\n{100 * share[row, column]:.0f} %"
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, words, ha="center", va="center", color=colour)
        axes.set_xticks(range(size), classes, rotation=30, ha="right")
        axes.set_yticks(range(size), classes)
        right = np.trace(counts) / max(counts.sum(), 1)
        axes.set(xlabel="answer", ylabel="truth")
        axes.set_title(f"{title}\n{100 * right:.1f} % right".strip(), loc="left")
        axes.grid(visible=False)


def draw_rocs(
    path: Path, truths: NDArray[np.int64], scores: NDArray[np.floating], classes: Sequence[str], title: str = ""
) -> None:
    """The ROC curve of each class against the rest, its AUC in the legend; of two classes the first is enough.

    `truths`: int [N]; `scores`: float [N, C], such as probabilities, whose order means something across films. A class
    that no film or every film is of has no curve.
    """
    from sklearn.metrics import auc, roc_curve

    shown = classes[:1] if len(classes) == 2 else classes
    with figure(path, 4.3, 4.2 + legend_height(len(shown))) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1], [0, 1], **CHANCE)
        for number, name in enumerate(shown):
            if 0 < (truths == number).sum() < len(truths):
                wrong, right, _ = roc_curve(truths == number, scores[:, number])
                axes.plot(wrong, right, label=f"{name}, AUC {auc(wrong, right):.3f}", **_look(number))
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.set_title(title, loc="left")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        legend_below(axes)


def draw_curves(path: Path, losses: Mapping[str, Epochs], accuracies: Mapping[str, Epochs], title: str = "") -> None:
    """Training loss and the tested films' accuracy after epochs, side by side: a line of (epoch, value) for each name.

    The accuracy is of the films that are tested in the end: it is shown, and chooses nothing.
    """
    with figure(path, 8, 3 + legend_height(max(len(losses), len(accuracies)))) as drawn:
        left, right = drawn.subplots(1, 2)
        _draw_epochs(left, losses, "training loss")
        _draw_epochs(right, accuracies, "accuracy on the tested films")
        left.set_title(title, loc="left")


def draw_roc_per_epoch(path: Path, areas: Mapping[str, Epochs], title: str = "") -> None:
    """The area under the ROC curve of tested films after epochs: a line of (epoch, area) for each name."""
    with figure(path, 4.6, 3 + legend_height(len(areas))) as drawn:
        axes = drawn.subplots()
        axes.axhline(0.5, **CHANCE)
        _draw_epochs(axes, areas, "AUC on the tested films\n(dotted: chance)")
        axes.set_title(title, loc="left")


def draw_reliability(path: Path, before: Reliability, after: Reliability, title: str = "") -> None:
    """Share right by confidence, before and after the temperature; a dot is as large as its share of the films."""
    with figure(path, 4.4, 3.9 + legend_height(2)) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1], [0, 1], **CHANCE)
        for found, label, colour in ((before, "as it comes", COLOURS[1]), (after, "tempered", COLOURS[0])):
            there = found.films > 0
            at = found.confidence[there], found.accuracy[there]
            axes.plot(*at, color=colour, linewidth=0.8, label=f"{label}, error {found.ece:.3f}")
            axes.scatter(*at, s=6 + 90 * found.films[there] / found.films.sum(), color=colour, linewidths=0)
        axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set_title(title, loc="left")
        legend_below(axes)


def draw_few_shot(
    path: Path, curves: Mapping[str, FewShots], chance: float, metric: str = "accuracy", title: str = ""
) -> None:
    """A score by the number of examples of each class, with 95 % intervals: a line for each name, chance dotted."""
    shots = sorted({count for curve in curves.values() for count in curve.shots})
    step = 1.03  # by which neighbouring lines are set apart, so that no interval hides another
    with figure(path, 5.2, 3.4 + legend_height(len(curves))) as drawn:
        axes = drawn.subplots()
        axes.axhline(chance, **CHANCE)
        for number, (name, curve) in enumerate(curves.items()):
            places = np.array(curve.shots, float) * step ** (number - (len(curves) - 1) / 2)
            value = np.array(curve.value, float)
            reach = np.nan_to_num(np.maximum([value - np.array(curve.low), np.array(curve.high) - value], 0))
            look = _look(number)
            axes.errorbar(places, value, reach, ecolor=(look["color"], 0.5), label=name, marker="o", ms=3.5, **look)
        axes.set(xlabel="examples of each class", ylabel=f"{metric}, with 95 % interval\n(dotted: chance)")
        axes.set_title(title, loc="left")
        axes.set_xscale("log")
        axes.set_xticks(shots, [str(count) for count in shots])
        axes.minorticks_off()
        legend_below(axes)


def _draw_epochs(axes: Axes, curves: Mapping[str, Epochs], label: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, (name, values) in enumerate(curves.items()):
        axes.plot(*zip(*values, strict=True), label=name, marker="o", markersize=2.5, **_look(number))
    axes.set(xlabel="epoch", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(curves) > 1:
        legend_below(axes)


def _look(number: int) -> dict[str, Any]:
    """Colour and line of a curve; after all colours come other lines."""
    line = LINES[number // len(COLOURS) % len(LINES)]
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": line, "linewidth": 1.5}
