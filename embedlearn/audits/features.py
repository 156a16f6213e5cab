"""What shortcut probes see of films: numbers that know next to nothing of disease."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.audits.films import AuditedFilms, at_least
from embedlearn.audits.probes import SIDE, border_ring, header_columns
from embedlearn.radiographs.reading import film_header
from embedlearn.radiographs.thumbnails import thumbnails

Floats = NDArray[np.float32]
CORNER = SIDE // 8  # pixels a side of each corner's square
GREYS = 32  # bins of a histogram
HEADER, SOURCE = "file header", "source name"
BORDER, CORNERS, HIDDEN = "border ring", "corners", "lungs blacked out"
HISTOGRAM, THUMBNAIL = "grey histogram", "16 px thumbnail"
WITHOUT_LUNGS = (HEADER, BORDER, CORNERS, HIDDEN, SOURCE)
# Top, left, bottom and right of the box that hides the lungs of a film, as shares of its sides. On 44 films with lung
# masks made by hand it covers 98 % of the lungs' area, 96 % or more on nine films of ten, and 84 % on the worst.
BOX = (1 / 16, 1 / 16, 27 / 32, 15 / 16)
SEEN_IN = 0.05  # share of the given masks from which on a place outside the box is hidden too


class Blackout(NamedTuple):
    """What of every film is blacked out, bool [side, side], alike so that its outline tells nothing of a film.

    `covered` float [M] is the share of the lungs' area under it, of each of the M films whose lungs are known.
    """

    place: NDArray[np.bool_]
    covered: NDArray[np.float64]


def probe_features(audited: AuditedFilms, blackout: Blackout) -> dict[str, Floats]:
    """What each probe sees of N films, float32 [N, F] each; pixels are those of films stretched to one square.

    Border ring and corners are of what `BOX` leaves: the whole outer eighth holds 8 % of the lungs' area.
    Raises `ImageError` where a file cannot be read.
    """
    small, beside = audited.stretched(SIDE), ~box_place(SIDE)
    return {
        HEADER: file_features([Path(path) for path in audited.frame["path"]]),
        SOURCE: one_hot(audited.frame["source"]),
        BORDER: small[:, border_ring(SIDE) & beside],
        CORNERS: small[:, corner_squares(SIDE) & beside],
        HIDDEN: small[:, ~blackout.place],
        HISTOGRAM: histograms(audited),
        THUMBNAIL: small.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).mean((2, 4)).reshape(len(small), -1),
    }


def file_features(paths: list[Path]) -> Floats:
    """Of each file `probes.header_columns`, its format, and whether EXIF turns it, float32 [N, F]; undecoded.

    Raises `ImageError` where a file cannot be read.
    """
    headers = [film_header(path) for path in paths]
    turned = np.array([[float(header["turned"])] for header in headers], np.float32)
    return np.hstack([header_columns(headers), one_hot([header["format"] for header in headers]), turned])


def histograms(audited: AuditedFilms) -> Floats:
    """Square roots of the shares of each film's pixels in equal bins of grey, float32 [N, GREYS]."""
    found = np.empty((len(audited), GREYS), np.float32)
    for row in range(len(audited)):
        film = audited.content(row)
        found[row] = np.sqrt(np.bincount((film.astype(np.intp) * GREYS // 256).ravel(), minlength=GREYS) / film.size)
    return found


def one_hot(values: ArrayLike) -> Floats:
    """Each of N values as 0 and 1, float32 [N, values that there are]."""
    names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    return np.eye(len(names), dtype=np.float32)[codes]


def corner_squares(side: int) -> NDArray[np.bool_]:
    """Where a square of `side` pixels is one of its four corners, bool [side, side]."""
    ends = np.zeros(side, bool)
    ends[:CORNER] = ends[-CORNER:] = True
    return np.outer(ends, ends)


def hide_lungs(lungs: Mapping[int, NDArray[np.bool_]] | None, side: int = SIDE) -> Blackout:
    """One place to black out on all films: `BOX`, and where `lungs` are beyond it on one film of twenty or more.

    `lungs`: masks bool [h, w] of the content of some films. Were each film's own lungs blacked out, the outline would
    tell the shape of the lungs, and which films have masks.
    """
    place = box_place(side)
    tiled = [_tiled(mask, side) for mask in (lungs or {}).values() if mask.any()]
    if not tiled:
        return Blackout(place, np.zeros(0))
    shares = np.stack(tiled)
    place |= (shares > 0.5).mean(0) >= SEEN_IN
    return Blackout(place, (shares * place).sum((1, 2)) / shares.sum((1, 2)))


def box_place(side: int) -> NDArray[np.bool_]:
    """`BOX` on a square of `side` pixels, bool [side, side]."""
    top, left, bottom, right = (round(share * side) for share in BOX)
    place = np.zeros((side, side), bool)
    place[top:bottom, left:right] = True
    return place


def _tiled(mask: NDArray[np.bool_], side: int) -> NDArray[np.float64]:
    """The share of each of `side` x `side` tiles of a mask bool [h, w] that is lung."""
    grey = at_least(mask.astype(np.uint8) * np.uint8(255), side)
    return np.asarray(thumbnails(grey[None], side)[0] / 255, np.float64)
