"""The pictures of an evaluation: scores by shots, confusion matrices, ROC curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedlearn.episodes.results import FewShotResult, Setting
from embedlearn.figures import COLOURS, GREY, figure

LINES = ("-", "--", ":", "-.")


def draw_shots(path: Path, result: FewShotResult) -> None:
    """Accuracy by shots: left every head of the first space, right every space by the first head."""
    spaces = list(dict.fromkeys(setting.space for setting in result.scores))
    heads = list(dict.fromkeys(setting.head for setting in result.scores))
    shots = list(result.episodes)
    with figure(path, 9, 3.6) as drawn:
        left, right = drawn.subplots(1, 2, sharey=True)
        panels = (
            (left, [(spaces[0], head, head) for head in heads], f"heads on the {spaces[0]} encoder"),
            (right, [(space, heads[0], space) for space in spaces], f"what stands beside it ({heads[0]})"),
        )
        for axes, curves, title in panels:
            for number, (space, head, label) in enumerate(curves):
                _draw_curve(axes, result, space, head, label, number, len(curves))
            axes.axhline(1 / result.episodes[shots[0]].n_way, color=GREY, linestyle=":", linewidth=1)
            axes.set(xlabel="support films a class", title=title, xscale="log" if len(shots) > 1 else "linear")
            axes.set_xticks(shots, [str(number) for number in shots])
            axes.minorticks_off()
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.18), ncols=3, fontsize=8)
        left.set_ylabel("accuracy, with 95 % interval\nby patient bootstrap (dotted: chance)")


def _draw_curve(
    axes: object, result: FewShotResult, space: str, head: str, label: str, number: int, count: int
) -> None:
    """One curve, its points set a little apart from the others' so that no interval hides another."""
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    shots = np.array(list(result.episodes), float)
    estimates = [result.estimate(space, head, int(k), "accuracy") for k in shots]
    intervals = [estimate.patient or estimate.episode for estimate in estimates]
    mean = np.array([estimate.mean for estimate in estimates])
    below = np.maximum(mean - [interval.low for interval in intervals], 0)
    above = np.maximum([interval.high for interval in intervals] - mean, 0)
    places = shots * 1.035 ** (number - (count - 1) / 2)
    axes.errorbar(
        places, mean, yerr=[below, above], color=COLOURS[number % len(COLOURS)], label=label, marker="o", markersize=4,
        linewidth=1.5, elinewidth=1, capsize=2, linestyle=LINES[number // len(COLOURS)],
    )  # fmt: skip


def draw_confusion(path: Path, result: FewShotResult, space: str) -> None:
    """For each number of shots, the share of each true class answered as each class, by the first head."""
    head = next(setting.head for setting in result.scores)
    shots = list(result.episodes)
    size = len(result.classes)
    with figure(path, 1.4 + (0.4 + 0.8 * size) * len(shots), 1.6 + 0.8 * size) as drawn:
        for axes, number in zip(np.atleast_1d(drawn.subplots(1, len(shots), sharey=True)), shots, strict=True):
            counts = result.scores[Setting(space, head, number)].confusion
            share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
            axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
            for row in range(size):
                for column in range(size):
                    colour = "white" if share[row, column] > 0.5 else "black"
                    axes.text(column, row, f"{share[row, column]:.2f}", ha="center", va="center", color=colour)
            axes.set_xticks(range(size), result.classes, rotation=30, ha="right")
            axes.set_yticks(range(size), result.classes)
            axes.set(xlabel="answer", title=f"{number}-shot, {head}")
            axes.grid(visible=False)
        drawn.axes[0].set_ylabel("truth")


def draw_roc(path: Path, result: FewShotResult) -> None:
    """ROC curves of the positive class at the largest number of shots, every space by the first head."""
    shots = max(result.episodes)
    head = next(setting.head for setting in result.scores)
    with figure(path, 4.6, 4.2) as drawn:
        axes = drawn.subplots()
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
        for number, space in enumerate(dict.fromkeys(setting.space for setting in result.scores)):
            scores = result.scores[Setting(space, head, shots)]
            if scores.roc is not None:
                area = result.estimate(space, head, shots, "auc").mean
                axes.plot(*scores.roc, color=COLOURS[number], label=f"{space}, mean AUC {area:.3f}")
        axes.set(
            xlabel="false positive rate", ylabel="true positive rate", aspect="equal",
            title=f"{result.positive} against the rest, {shots}-shot, {head}",
        )  # fmt: skip
        axes.legend(loc="lower right")
