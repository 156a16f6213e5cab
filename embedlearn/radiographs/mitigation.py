"""What can be taken out of a film before anyone learns from it: its borders, all but the lungs, its own greys."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.flags import require_number
from embedlearn.radiographs.masks import Box, LungBoxes, find_masks, read_boxes, read_mask
from embedlearn.radiographs.reading import read_film, upright_sides

MARGIN = 0.05  # of the box's height and width, left around the lungs on each side
LOOKED_AT = 256  # pixels of the smaller side that a film is read with where the lungs are to be estimated
GRID = 64  # tiles a side that an estimate looks at
# How the middle of the greys' steps goes over into the lungs' ends, by least squares on 114 outlined films.
TOP, SIDES, BOTTOM = (-0.024, 0.583), (-0.072, 0.925), (-0.224, 1.469)


@dataclass(frozen=True)
class Mitigation:
    """What is done to a film, in this order. Raises `ArgumentError` where `trim` is beyond its limits."""

    trim: float = 0.0
    """Share of each side cut away, 0 to 0.4."""
    lungs: bool = False
    """Keep the box around the lungs and a small margin."""
    intensity: bool = False
    """Give every film's greys the same distribution."""

    def __post_init__(self) -> None:
        require_number("--trim", self.trim, 0, 0.4)

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.trim or self.lungs or self.intensity)


def mitigate(film: NDArray[np.uint8], mitigation: Mitigation, lungs: Box | None = None) -> NDArray[np.uint8]:
    """The film uint8 [H, W] after the mitigation, uint8 [H', W'], at least one pixel.

    `lungs`: top, left, bottom and right of the lungs as shares of the height and the width of the film as given.
    Raises `ArgumentError` where they are wanted and not given, or are no box.
    """
    height, width = film.shape
    down, across = int(mitigation.trim * height), int(mitigation.trim * width)
    rows, columns = slice(down, height - down), slice(across, width - across)
    if mitigation.lungs:
        top, left, bottom, right = with_margin(_checked(lungs))
        rows, columns = _within(rows, top * height, bottom * height), _within(columns, left * width, right * width)
    kept = film[rows, columns]
    return even_greys(kept) if mitigation.intensity else kept


def even_greys(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film with each grey from 0 to 255 equally often, in the order that its pixels had: uint8 [H, W].

    Exact histogram specification (Coltuc, Bolon and Chassery 2006): pixels of one grey are ordered by the mean of
    their 3 x 3, then of their 7 x 7 neighbours. Those that are still equal, as on a black border, stay equal.
    """
    from scipy.ndimage import uniform_filter

    grey = film * float(3**2 * 7**2)  # by which both means are whole numbers, and equal ones exactly equal
    order = grey + uniform_filter(grey, 3) / 2**9 + uniform_filter(grey, 7) / 2**22
    places = np.argsort(order, axis=None)
    ordered = order.ravel()[places]
    darker = np.empty(film.size, np.int64)
    darker[places] = np.searchsorted(ordered, ordered)  # of equal ones, as many as of the first
    return (darker * 256 // film.size).astype(np.uint8).reshape(film.shape)


def with_margin(box: Box) -> Box:
    """The box of shares with `MARGIN` of its sides added, within the film."""
    top, left, bottom, right = box
    down, across = MARGIN * (bottom - top), MARGIN * (right - left)
    return max(0.0, top - down), max(0.0, left - across), min(1.0, bottom + down), min(1.0, right + across)


def find_lungs(paths: Iterable[Path], masks: Path | None = None, boxes: Path | None = None) -> dict[Path, Box]:
    """The box around the lungs of every film, as shares of its height and width.

    By the masks of a folder (see `masks.find_masks`) or the boxes of a COCO file; by `estimate_lungs` where neither is
    given. Outlined and estimated films never stand side by side: the way of cropping would tell them apart. Raises
    `ManifestError` where a film has no outline, or two films share the name by which it is found, and `ImageError`.
    """
    films = list(dict.fromkeys(Path(path) for path in paths))
    if masks is None and boxes is None:
        return {path: estimate_lungs(read_film(path, target=LOOKED_AT)) for path in films}
    found: dict[Path, Box] = {}
    if masks is not None:
        found |= _by_masks(films, masks)
    if boxes is not None:
        found = _by_boxes(films, boxes) | found
    lacking = [path for path in films if path not in found]
    if lacking:
        raise ManifestError(
            f"{masks or boxes}: {len(lacking)} of {len(films)} films have no lungs outlined there, the first is "
            f"{lacking[0]}; outline them, leave them out, or let the lungs of all films be estimated"
        )
    return found


def estimate_lungs(film: NDArray[np.uint8]) -> Box:
    """Where the lungs of an upright frontal film uint8 [H, W] probably are, as shares of its height and width.

    Lungs are dark between brighter tissue: a film grows darker from its sides inwards and from the neck down, and
    brighter at the diaphragm. Each end of the box is taken from the middle of those steps in the film's ranks.
    Against hand-made outlines the boxes overlap by .84 on average (intersection over union; one fixed box: .76) and
    with `MARGIN` hold .98 of the lungs' box, at the worst .8: enough to cut away borders, not to measure a lung.
    """
    small = np.asarray(Image.fromarray(film).resize((GRID, GRID), Image.Resampling.BOX))
    counts = np.bincount(small.ravel(), minlength=256)
    ranks = (np.cumsum(counts) - counts / 2)[small] / small.size
    folded = (ranks + ranks[:, ::-1]) / 2

    def part(low: float, high: float) -> slice:
        return slice(int(low * GRID), int(high * GRID))

    across = ranks[part(0.3, 0.7)].mean(0)
    apexes, bases = folded[:, part(0.2, 0.35)].mean(1), folded[:, part(0.15, 0.4)].mean(1)
    top = _shifted(TOP, _middle_of_rises(-apexes, 0, 0.35))
    left = _shifted(SIDES, _middle_of_rises(-across, 0, 0.4))
    right = 1 - _shifted(SIDES, _middle_of_rises(-across[::-1], 0, 0.4))
    return top, left, _shifted(BOTTOM, _middle_of_rises(bases, 0.5, 1)), right


def _middle_of_rises(profile: NDArray[np.float64], start: float, end: float) -> float:
    """The mean place, 0..1, of all that a profile [L] rises by between two places, each step by its height."""
    places = np.arange(1, len(profile)) / len(profile)
    rises = np.maximum(np.diff(profile), 0) * ((places > start) & (places < end))
    return float(rises @ places / rises.sum()) if rises.any() else (start + end) / 2


def _shifted(line: tuple[float, float], place: float) -> float:
    offset, slope = line
    return min(1.0, max(0.0, offset + slope * place))


def _by_masks(films: list[Path], folder: Path) -> dict[Path, Box]:
    stems = [path.stem for path in films]
    found = find_masks(folder, stems)
    _check_names(folder, [stem for stem in stems if stem in found])
    boxes: dict[Path, Box] = {}
    for path in films:
        if path.stem in found:
            mask = read_mask(found[path.stem], *upright_sides(path))
            boxes[path] = _around(mask)
    return boxes


def _by_boxes(films: list[Path], file: Path) -> dict[Path, Box]:
    """The smallest box around all boxes of each film, which lie on it as it is shown upright.

    A film that was cropped since they were drawn has none.
    """
    found = read_boxes(file)
    _check_names(file, [path.name for path in films if path.name in found])
    boxes: dict[Path, Box] = {}
    for path in films:
        if path.name in found:
            outlined = found[path.name]
            with contextlib.suppress(ManifestError):
                outlined.on(*upright_sides(path))
                boxes[path] = _around_all(outlined)
    return boxes


def _check_names(place: Path, names: list[str]) -> None:
    """Raise `ManifestError` where a name is that of two films."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ManifestError(f"{place}: two films are named {twice[0]}, so whose lungs are these? rename one")


def _around_all(outlined: LungBoxes) -> Box:
    """The smallest box around all boxes of a film, as shares of it."""
    top, left, bottom, right = np.array(outlined.boxes).T
    down, across = outlined.height, outlined.width
    ends = (top.min() / down, left.min() / across, bottom.max() / down, right.max() / across)
    first, second, third, fourth = np.clip(ends, 0, 1).tolist()
    return first, second, third, fourth


def _around(mask: NDArray[np.bool_]) -> Box:
    """The box around a mask bool [H, W] that is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return (
        float(rows[0] / height), float(columns[0] / width),
        float((rows[-1] + 1) / height), float((columns[-1] + 1) / width),
    )  # fmt: skip


def _checked(lungs: Box | None) -> Box:
    if lungs is None:
        raise ArgumentError("lungs: wanted the box around them as shares of the film, got none; see `find_lungs`")
    top, left, bottom, right = lungs
    if not (0 <= top < bottom <= 1 and 0 <= left < right <= 1):
        raise ArgumentError(f"lungs: wanted top < bottom and left < right within 0 to 1, got {lungs}")
    return lungs


def _within(kept: slice, start: float, end: float) -> slice:
    """What of `kept` lies between two places, in whole pixels, one at least."""
    first = min(max(kept.start, int(start)), kept.stop - 1)
    return slice(first, max(first + 1, min(kept.stop, math.ceil(end))))
