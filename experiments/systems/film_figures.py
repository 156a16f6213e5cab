"""The pictures of a row that show films: random views, answers, activations and evidence. They stay in a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.filmmap import FilmMap
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.panels import Shown, films_figure, in_rows
from embedlearn.explanations.sheet import Answered, draw_answers
from embedlearn.figures import COLOURS, GREY, figure
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS, SIDE = 6, 1.4  # films in a row, and inches of one
ANSWERS = 3  # films with their bars in a row
EVIDENCE = "the score is that of the answer less the mean of all classes; class activation maps (Zhou 2016)"
RELATIVE = "each place's share in the slope of the answer's score; a dense layer stands behind, the map does not add up"


def draw_views(path: Path, film: NDArray[np.uint8], views: NDArray[np.uint8], title: str = "") -> None:
    """A film uint8 [S, S] and the random views uint8 [n, S, S] that training made of it. Raises `StorageError`."""
    panels = [Shown(film, "the film")]
    panels += [Shown(view, "random views" if not number else "") for number, view in enumerate(views)]
    with films_figure(path, in_rows(panels, ACROSS, SIDE), title=title):
        pass


def draw_activations(
    path: Path, film: NDArray[np.uint8], features: NDArray[np.floating], *, channels: int = 11, title: str = ""
) -> None:
    """A film uint8 [S, S] and the feature maps float [C, h, w] of the channels that answer most, brightest first.

    Each is as bright as its own largest value, which stands below it. Raises `StorageError`.
    """
    peaks = features.max((1, 2))
    panels = [Shown(film, "the film")]
    for channel in np.argsort(-peaks, kind="stable")[:channels].tolist():
        bright = np.clip(features[channel], 0, None) / max(float(peaks[channel]), 1e-12)
        pixels = np.rint(255 * bright).astype(np.uint8)
        panels.append(Shown(pixels, f"channel {channel}", [f"0 to {peaks[channel]:.2f}"], size=film.shape))
    with films_figure(path, in_rows(panels, ACROSS, SIDE), title=title):
        pass


def draw_evidence(
    path: Path,
    films: NDArray[np.uint8],
    maps: NDArray[np.floating],
    scores: NDArray[np.floating],
    answers: Sequence[str],
    truths: Sequence[str],
    *,
    adds_up: bool = True,
    title: str = "",
) -> None:
    """Films uint8 [n, S, S] under the maps float [n, h, w] of their answers, whose scores are float [n].

    A film that was answered wrongly is framed. Maps share a scale where they add up to the score. Raises
    `ArgumentError` where there are no films or too many for a sheet, `StorageError`.
    """
    shown = [
        FilmMap(answer, values, float(score), float(score - values.sum(dtype=np.float64)) if adds_up else None)
        for answer, values, score in zip(answers, maps, scores, strict=True)
    ]
    sheet = [
        Answered(film, f"film {number}{'' if adds_up else f', scale to {each.scale():.2g}'}", answer, each, truth)
        for number, (film, answer, each, truth) in enumerate(zip(films, answers, shown, truths, strict=True), 1)
    ]
    sight = Sight(Preprocessing(size=films.shape[-1]))
    draw_answers(path, sheet, sight, title=title, verdict=EVIDENCE if adds_up else RELATIVE)


def draw_probabilities(
    path: Path,
    films: NDArray[np.uint8],
    probabilities: NDArray[np.floating],
    classes: Sequence[str],
    truths: Sequence[int],
    title: str = "",
) -> None:
    """Films uint8 [n, S, S], beside each a bar for the probability of every class, float [n, C], the truth's coloured.

    `truths`: the place of each film's true class. Raises `StorageError`.
    """
    across = min(ANSWERS, len(films))
    down = -(-len(films) // across)
    with figure(path, 4.1 * across, 0.5 + max(1.5, 0.24 * len(classes) + 0.6) * down) as drawn:
        grid = drawn.subplots(down, 2 * across, squeeze=False, width_ratios=(1, 1.1) * across)
        for place, (film, bars) in enumerate(grid.reshape(-1, 2)):
            if place < len(films):
                film.imshow(films[place], cmap="gray", vmin=0, vmax=255)
                _draw_bars(bars, probabilities[place], classes, truths[place])
            else:
                bars.set_visible(False)
            film.axis("off")
        key = "(green: the film's own class; orange: another that was answered)"
        drawn.suptitle(f"{title} {key}".strip(), fontsize=9, x=0.01, ha="left")


def _draw_bars(axes: Axes, probabilities: NDArray[np.floating], classes: Sequence[str], truth: int) -> None:
    answer = int(probabilities.argmax())
    colours = [GREY] * len(classes)
    colours[answer], colours[truth] = COLOURS[1], COLOURS[2]
    axes.barh(range(len(classes)), probabilities, color=colours, height=0.7)
    for place, value in enumerate(probabilities):
        axes.text(value + 0.03, place, f"{value:.2f}", va="center", fontsize=7)
    axes.set_yticks(range(len(classes)), classes, fontsize=7.5)
    axes.set(xlim=(0, 1.22), ylim=(len(classes) - 0.5, -0.5), xticks=[])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
