"""The pictures of an evaluation, each drawn once for a PNG file and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embedlearn.episodes.calibration import Reliability
from embedlearn.episodes.results import Calibration, FewShotResult, Setting
from embedlearn.episodes.supports import SupportStudy
from embedlearn.episodes.unknown import UnknownScores, UnknownSetting
from embedlearn.figures import COLOURS, GREY, Panel, Picture, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = ("-", "--", ":", "-.")
LEGEND_COLUMNS, LEGEND_ROW = 3, 0.175  # inches
CHANCE: Any = {"color": GREY, "linestyle": ":", "linewidth": 1}


class Curve(NamedTuple):
    """One curve among others: whose it is, and what the legend calls it."""

    setting: Setting
    label: str


def draw_shots(path: Path, result: FewShotResult) -> None:
    """Write `shots_picture` as a PNG file. Raises `StorageError`."""
    shots_picture(result).save(path)


def draw_roc(path: Path, result: FewShotResult) -> None:
    """Write `roc_picture` as a PNG file. Raises `StorageError`."""
    roc_picture(result).save(path)


def draw_confusion(path: Path, result: FewShotResult, space: str) -> None:
    """For each number of shots, the share of each true class answered as each class, by the first head."""
    head = _heads(result)[0]
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


def shots_picture(result: FewShotResult) -> Picture:
    """Accuracy by shots: every head of the first space, and every space by the first head; rows where there is one."""
    only = len(result.episodes) == 1
    draw = _draw_rows if only else _draw_shots
    panels = []
    for title, curves in _both_ways(result, max(result.episodes)):
        height = 1.0 + 0.22 * len(curves) if only else 3.0 + _legend_height(curves)
        panels.append(Panel(title, partial(draw, result=result, curves=curves), height))
    return Picture(tuple(panels), 4.5)


def roc_picture(result: FewShotResult) -> Picture:
    """ROC of the positive class at the largest number of shots, panels as in `shots_picture`."""
    shots = max(result.episodes)

    def draw(axes: Axes, curves: Sequence[Curve]) -> None:
        axes.plot([0, 1], [0, 1], **CHANCE)
        for number, (setting, label) in enumerate(curves):
            found = result.scores[setting].curve
            if found is not None:
                area = result.scores[setting].estimate("auc").mean
                axes.plot(found.false_positive_rate, found.recall, label=f"{label} {area:.3f}", **_look(number))
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
        _legend(axes, 2)

    return Picture(tuple(_curve_panel(title, draw, curves) for title, curves in _both_ways(result, shots)), 4.5)


def precision_recall_picture(result: FewShotResult) -> Picture:
    """Precision by recall of the positive class at the largest number of shots, panels as in `shots_picture`."""
    shots = max(result.episodes)

    def draw(axes: Axes, curves: Sequence[Curve]) -> None:
        for number, (setting, label) in enumerate(curves):
            found = result.scores[setting].curve
            if found is not None:
                if not number:
                    axes.axhline(found.precision[-1], **CHANCE)
                label = f"{label} {found.average_precision:.3f}"
                axes.plot(found.recall, found.precision, label=label, **_look(number))
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))
        _legend(axes, 2)

    return Picture(tuple(_curve_panel(title, draw, curves) for title, curves in _both_ways(result, shots)), 4.5)


def reliability_picture(result: FewShotResult) -> Picture:
    """Accuracy by confidence before and after the temperature: each head of the first space, most shots.

    A dot is as large as its share of the films.
    """
    space, shots = _spaces(result)[0], max(result.episodes)
    panels = []
    for head in _heads(result):
        calibration = result.scores[Setting(space, head, shots)].calibration
        panels.append(Panel(head, partial(_draw_reliability, calibration=calibration), 2.75))
    return Picture(tuple(panels), 2.4, 4)


def rejection_picture(unknown: Mapping[UnknownSetting, UnknownScores]) -> Picture:
    """Unknown films caught by known films accepted, a panel a measure, every space, at the largest number of shots."""
    shots = max(setting.shots for setting in unknown)

    def draw(axes: Axes, measure: str) -> None:
        axes.plot([0, 1], [1, 0], **CHANCE)
        curves = {setting: found for setting, found in unknown.items() if setting[1:] == (measure, shots)}
        for number, (setting, found) in enumerate(curves.items()):
            label = f"{setting.space} {found.auroc.mean:.3f}"
            axes.plot(*found.pooled.curve, label=label, **_look(number))
        axes.set(xlabel="known films accepted", ylabel="unknown films caught", xlim=(0, 1), ylim=(0, 1.01))
        _legend(axes, 2)

    spaces = len({setting.space for setting in unknown})
    measures = dict.fromkeys(setting.measure for setting in unknown)
    height = 3.2 + LEGEND_ROW * math.ceil(spaces / 2)
    return Picture(tuple(Panel(name, partial(draw, measure=name), height) for name in measures), 3.6, 3)


def supports_picture(supports: Mapping[int, SupportStudy]) -> Picture:
    """What different supports make of the same head on the same films, by shots."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(supports))
        worst, low, median, high, best = np.array([found.quantiles for found in supports.values()]).T
        axes.vlines(places, worst, best, color=GREY, linewidth=1, label="worst to best")
        axes.vlines(places, low, high, color=COLOURS[0], linewidth=5, label="5 % to 95 %")
        axes.plot(places, median, "_", color="#000000", markersize=16, markeredgewidth=2, label="median")
        medoid = [found.medoid_accuracy for found in supports.values()]
        axes.plot(places, medoid, "D", color=COLOURS[1], markersize=5, label="medoids")
        axes.axhline(1 / len(next(iter(supports.values())).classes), **CHANCE)
        axes.set_xticks(places, [str(shots) for shots in supports])
        axes.set(xlabel="support films a class", ylabel="balanced accuracy\n(dotted: chance)")
        axes.set_xlim(-0.6, len(supports) - 0.4)
        _legend(axes, 2)

    return Picture((Panel("the same films, other examples", draw, 3.5),), 4.5)


def _spaces(result: FewShotResult) -> list[str]:
    return list(dict.fromkeys(setting.space for setting in result.scores))


def _heads(result: FewShotResult) -> list[str]:
    return list(dict.fromkeys(setting.head for setting in result.scores))


def _both_ways(result: FewShotResult, shots: int) -> list[tuple[str, list[Curve]]]:
    """Titled curves: every head of the first space, and every space by the first head where there is another."""
    spaces, heads = _spaces(result), _heads(result)
    ways = [(f"heads, {spaces[0]} encoder", [Curve(Setting(spaces[0], head, shots), head) for head in heads])]
    if len(spaces) > 1:
        ways.append(
            (f"what stands beside it ({heads[0]})", [Curve(Setting(name, heads[0], shots), name) for name in spaces])
        )
    return ways


def _look(number: int) -> dict[str, Any]:
    """Colour and line of a curve; after all colours come other lines."""
    line = LINES[number // len(COLOURS) % len(LINES)]
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": line, "linewidth": 1.5}


def _legend_height(curves: Sequence[Curve], columns: int = LEGEND_COLUMNS) -> float:
    return LEGEND_ROW * math.ceil(len(curves) / columns)


def _legend(axes: Axes, columns: int = LEGEND_COLUMNS) -> None:
    """Below the axes, where it hides no curve, from the left end of the panel."""
    from matplotlib.transforms import ScaledTranslation

    moved = axes.transAxes + ScaledTranslation(-0.45, -0.45, axes.figure.dpi_scale_trans)
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=moved, borderaxespad=0, ncols=columns,
        fontsize=8, handlelength=2.4, columnspacing=1.2,
    )  # fmt: skip


def _curve_panel(title: str, draw: Any, curves: Sequence[Curve]) -> Panel:
    return Panel(title, partial(draw, curves=curves), 3.7 + _legend_height(curves, 2))


def _draw_shots(axes: Axes, result: FewShotResult, curves: Sequence[Curve]) -> None:
    """Curves over shots, their points set a little apart so that no interval hides another."""
    shots = np.array(sorted(result.episodes), float)
    closest = (shots[1:] / shots[:-1]).min()
    step = min(1.035, closest ** (0.4 / max(len(curves) - 1, 1)))
    for number, (setting, label) in enumerate(curves):
        mean, reach = _with_reach(result, [setting._replace(shots=int(k)) for k in shots])
        places = shots * step ** (number - (len(curves) - 1) / 2)
        look = _look(number)
        axes.errorbar(
            places, mean, yerr=reach, ecolor=(look["color"], 0.5), label=label, marker="o", markersize=3.5, **look
        )
    axes.axhline(1 / result.episodes[int(shots[0])].n_way, **CHANCE)
    axes.set(xlabel="support films a class", xscale="log", ylabel="accuracy, with 95 % interval\n(dotted: chance)")
    axes.set_xticks(shots, [f"{number:.0f}" for number in shots])
    axes.minorticks_off()
    _legend(axes)


def _draw_rows(axes: Axes, result: FewShotResult, curves: Sequence[Curve]) -> None:
    """A row for each, at the only number of shots."""
    mean, reach = _with_reach(result, [curve.setting for curve in curves])
    places = np.arange(len(curves))
    axes.errorbar(mean, places, xerr=reach, color=COLOURS[0], marker="o", markersize=4, linestyle="", elinewidth=1)
    axes.axvline(1 / next(iter(result.episodes.values())).n_way, **CHANCE)
    axes.set_yticks(places, [curve.label for curve in curves])
    axes.set(xlabel="accuracy, with 95 % interval (dotted: chance)", ylim=(len(curves) - 0.5, -0.5))


def _with_reach(result: FewShotResult, settings: Sequence[Setting]) -> tuple[Any, Any]:
    """Mean accuracy [n], and how far the interval (by patient where there is one) reaches to either side, [2, n]."""
    estimates = [result.scores[setting].estimate("accuracy") for setting in settings]
    intervals = [estimate.patient or estimate.episode for estimate in estimates]
    mean = np.array([estimate.mean for estimate in estimates])
    below, above = (np.array([interval[end] for interval in intervals]) for end in (1, 2))
    return mean, np.nan_to_num(np.maximum([mean - below, above - mean], 0))


def _draw_reliability(axes: Axes, calibration: Calibration) -> None:
    axes.plot([0, 1], [0, 1], **CHANCE)

    def draw(found: Reliability, label: str, colour: str) -> None:
        there = found.films > 0
        at = found.confidence[there], found.accuracy[there]
        axes.plot(*at, color=colour, linewidth=1, label=f"{label}, ECE {found.ece:.3f}")
        axes.scatter(*at, s=4 + 70 * found.films[there] / found.films.sum(), color=colour, linewidths=0)

    draw(calibration.raw, "as it comes", COLOURS[1])
    if calibration.mended is not None:
        draw(calibration.mended, f"T = {calibration.temperature:.2g}", COLOURS[0])
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02))
    _legend(axes, 1)
