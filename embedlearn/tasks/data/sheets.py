"""What a data set looks like: a sheet of examples, and one of the random views that training makes of films."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ImageError
from embedlearn.figures import GREY, figure
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import FilmHeader, read_film
from embedlearn.tasks.data.flags import Show
from embedlearn.tasks.data.problems import one_line
from embedlearn.tasks.data.survey import Survey

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Film = NDArray[np.uint8]
EXAMPLES, VIEWS = "examples.png", "augmentations.png"
MOST_ROWS = 40  # classes of sources on a sheet
VIEWED, VIEWS_EACH = 6, 6
PIXELS = 256  # of a film's longer side on the sheet
SIDE, GAP, LINE, MARGIN = 1.5, 0.08, 0.16, 0.1  # inches
BESIDE = 2.8 * LINE  # what a row takes besides its films


class Group(NamedTuple):
    """The films of a class in a source, by their places."""

    label: str
    source: str
    places: list[int]


def draw_examples(settings: Show, survey: Survey) -> list[str]:
    """Write `EXAMPLES`: some films of each source and class, captioned by view, size and mode and by no name."""
    groups = _groups(settings, survey)
    some = f", the first {MOST_ROWS} of {len(groups)}" if len(groups) > MOST_ROWS else ""
    title = f"Examples by class and source{some}"
    rows = [
        (f"{group.label}, {group.source}: {len(group.places):,}", list(_tiles(settings, survey, group.places)))
        for group in groups[:MOST_ROWS]
    ]
    _draw(settings.out / EXAMPLES, rows, title, settings.each)
    return [EXAMPLES]


def draw_views(settings: Show, survey: Survey) -> list[str]:
    """Write `VIEWS`: films as training sees them by its defaults, and random views of each; none without a film."""
    import torch

    from embedlearn.encoders.augmentation import augment
    from embedlearn.encoders.settings import Augmentation

    places = _one_of_each(settings, survey)
    if not places:
        return []
    pixels = open_films([Path(path) for path in survey.frame["path"].iloc[places]], Preprocessing())[:]
    films = torch.from_numpy(pixels)[:, None].float() / 255
    generator = torch.Generator().manual_seed(settings.seed)
    drawn = [augment(films, Augmentation(), generator) for _ in range(VIEWS_EACH)]
    views = (torch.stack([films, *drawn], 1)[:, :, 0] * 255).round().byte().numpy()
    labels = survey.frame[["label", "source"]].iloc[places].itertuples(index=False)
    rows = [
        (f"{label}, {source}", list(zip(row, ("the film", "random views", *[""] * VIEWS_EACH), strict=False)))
        for (label, source), row in zip(labels, views, strict=True)
    ]
    _draw(settings.out / VIEWS, rows, "Random views of films, by the defaults of pretrain", VIEWS_EACH + 1)
    return [VIEWS]


def _groups(settings: Show, survey: Survey) -> list[Group]:
    """Each class in each source, with its films in a random order, one of each person first."""
    groups = []
    for number, ((label, source), found) in enumerate(survey.findings.groupby(["class", "source"])):
        mixed = found.iloc[np.random.default_rng([settings.seed, number]).permutation(len(found))]
        again = mixed.duplicated("person").to_numpy()
        places = mixed.index.to_numpy()
        groups.append(Group(str(label), str(source), [*places[~again].tolist(), *places[again].tolist()]))
    return groups


def _one_of_each(settings: Show, survey: Survey) -> list[int]:
    """A readable film of each class and source in turn, of those with the most films first; `VIEWED` at most."""
    groups = sorted(_groups(settings, survey), key=lambda group: -len(group.places))
    queues = [[place for place in group.places if place not in survey.bad][:VIEWED] for group in groups]
    in_turn = [place for turn in itertools.zip_longest(*queues) for place in turn if place is not None]
    return list(dict.fromkeys(in_turn))[:VIEWED]


def _tiles(settings: Show, survey: Survey, places: Sequence[int]) -> Iterator[tuple[Film, str]]:
    """The first films that can be read, and what is said of each."""
    found = 0
    for place in places:
        header = survey.headers[place]
        if header is None or place in survey.bad:
            continue
        try:
            film = _small(Path(survey.frame["path"].iloc[place]))
        except ImageError:  # torn, which a quick look at headers does not see
            continue
        yield film, _caption(survey.frame["view"].iloc[place], header)
        found += 1
        if found == settings.each:
            return


def _caption(view: object, header: FilmHeader) -> str:
    told = [view] if isinstance(view, str) else []
    return ", ".join([*told, f"{header['width']} × {header['height']}", header["mode"]])


def _small(path: Path) -> Film:
    """A film, its longer side no more than the sheet can show."""
    image = Image.fromarray(read_film(path, target=PIXELS))
    image.thumbnail((PIXELS, PIXELS), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _draw(path: Path, rows: Sequence[tuple[str, Sequence[tuple[Film, str]]]], title: str, across: int) -> None:
    """Rows of films under a heading each, every film with a caption below; a row is as high as its highest film."""
    width = 2 * MARGIN + across * (SIDE + GAP) - GAP
    high = [SIDE * max((min(1.0, film.shape[0] / film.shape[1]) for film, _ in films), default=0) for _, films in rows]
    height = 2 * MARGIN + 2 * LINE + sum(high) + BESIDE * len(rows)
    with warnings.catch_warnings(), figure(path, width, height) as drawn:
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a class may be named in any script
        drawn.set_layout_engine("none")
        write = functools.partial(_write, drawn)
        write(MARGIN, MARGIN, title, fontsize=9)
        top = MARGIN + 2 * LINE
        for (heading, films), tall in zip(rows, high, strict=True):
            write(MARGIN, top, heading, fontsize=8, fontweight="bold")
            for place, (film, caption) in enumerate(films):
                left, under = MARGIN + place * (SIDE + GAP), top + LINE + tall
                axes = drawn.add_axes((left / width, 1 - under / height, SIDE / width, tall / height), anchor="SW")
                axes.imshow(film, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
                axes.axis("off")
                write(left, under + 0.03, caption, fontsize=6.5, color=GREY)
            top += tall + BESIDE


def _write(drawn: Figure, left: float, top: float, words: str, **look: Any) -> None:
    """A line of words, its upper left corner so many inches from the figure's."""
    width, height = drawn.get_size_inches()
    drawn.text(left / width, 1 - top / height, one_line(words), va="top", ha="left", **look)
