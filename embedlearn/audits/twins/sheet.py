"""Shared pictures side by side, so that a reader can see for himself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from embedlearn.audits.films import SIDE as SQUARE
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.twins.counting import class_names
from embedlearn.audits.twins.pictures import Pictures
from embedlearn.figures import GREY, figure
from embedlearn.pages import blocks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 24  # pairs shown
ACROSS, SIDE, WORDS, HEAD = 3, 1.5, 0.34, 0.45  # pairs in a row; inches of a film, of the words below it, of the title
LETTERS = 27  # of a name
QUALITY, PIXELS = 80, 170  # of a film in a page


def telling_pairs(audited: AuditedFilms, pictures: Pictures, most: int = MOST) -> NDArray[np.int64]:
    """Numbers of the pairs to show, one of a picture: across sources first, least alike first, equal ones last."""
    source = audited.frame["source"].to_numpy(dtype=str)
    across = source[pictures.pairs[:, 0]] != source[pictures.pairs[:, 1]]
    order = np.lexsort((pictures.correlation, ~across, pictures.exact))
    group = pictures.group[pictures.pairs[order, 0]]
    first = np.sort(np.unique(group, return_index=True)[1])
    return np.asarray(order[first][:most], np.int64)


def save_sheet(path: Path, audited: AuditedFilms, pictures: Pictures) -> None:
    """Write pairs of one picture side by side as PNG, at most `MOST`. Raises `StorageError`."""
    pairs = telling_pairs(audited, pictures)
    rows = max(1, -(-len(pairs) // ACROSS))
    width, height = ACROSS * (2 * SIDE + 0.25), rows * (SIDE + WORDS) + HEAD
    with figure(path, width, height) as drawn:
        drawn.set_layout_engine("none")
        drawn.text(0.08 / width, 1 - 0.12 / height, _title(len(pairs), pictures), va="top", fontsize=8.5, wrap=True)
        for place, pair in enumerate(pairs.tolist()):
            for side, film in enumerate(pictures.pairs[pair].tolist()):
                left = 0.08 + place % ACROSS * (2 * SIDE + 0.25) + side * (SIDE + 0.04)
                bottom = height - HEAD - place // ACROSS * (SIDE + WORDS) - SIDE
                axes = drawn.add_axes((left / width, bottom / height, SIDE / width, SIDE / height))
                _draw(axes, audited, film, _agreement(pictures, pair) if side == 0 else "")


def pictures_block(audited: AuditedFilms, pictures: Pictures) -> blocks.Pictures:
    """The same pairs for a page, each film with its source, class and name."""
    shown = telling_pairs(audited, pictures).tolist()
    return blocks.Pictures(_title(len(shown), pictures), tuple(_svg(audited, pictures, pair) for pair in shown))


def _title(shown: int, pictures: Pictures) -> str:
    many = len(np.unique(pictures.group[pictures.pairs[:, 0]]))
    if not shown:
        return "No picture was found twice."
    return f"{shown} of {many} pictures that stand more than once, two films of each: across sources, least alike first"


def _agreement(pictures: Pictures, pair: int) -> str:
    return (
        f"the same at {SQUARE} pixels"
        if pictures.exact[pair]
        else f"local correlation {pictures.correlation[pair]:.2f}"
    )


def _words(audited: AuditedFilms, film: int) -> Sequence[str]:
    row = audited.frame.iloc[[film]]
    return str(row["source"].iloc[0]), str(class_names(row).iloc[0]), Path(str(row["path"].iloc[0])).name


def _draw(axes: Axes, audited: AuditedFilms, film: int, over: str) -> None:
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[], facecolor="#dddddd")
    square = audited.films[np.array([film])][0]
    axes.imshow(square, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY, linewidth=0.5)
    source, label, name = _words(audited, film)
    axes.text(0, -0.02, f"{_cut(f'{source}, {label}')}\n{_cut(name)}", transform=axes.transAxes, va="top", fontsize=5.5)
    if over:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(0.02, 0.02, over, transform=axes.transAxes, va="bottom", fontsize=5.5, bbox=box)


def _cut(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS // 2]}…{name[-LETTERS // 2 + 1 :]}"


def _svg(audited: AuditedFilms, pictures: Pictures, pair: int) -> Markup:
    """Two films beside each other and what they are, as markup; every word is escaped."""
    wide = 2 * PIXELS + 6
    line = Markup('<text x="{}" y="{}" font-size="9" fill="currentColor">{}</text>')
    parts = [line.format(0, 10, _agreement(pictures, pair))]
    for side, film in enumerate(pictures.pairs[pair].tolist()):
        left = side * (PIXELS + 6)
        source, label, name = _words(audited, film)
        image = Markup('<image x="{}" y="16" width="{}" height="{}" href="{}"/>')
        parts.append(image.format(left, PIXELS, PIXELS, _encoded(audited, film)))
        parts.append(line.format(left, PIXELS + 30, _cut(f"{source}, {label}")))
        parts.append(line.format(left, PIXELS + 44, _cut(name)))
    head = Markup('<svg viewBox="0 0 {} {}" width="{}" height="{}" role="img">')
    return head.format(wide, PIXELS + 50, wide, PIXELS + 50) + Markup("").join(parts) + Markup("</svg>")


def _encoded(audited: AuditedFilms, film: int) -> str:
    from PIL import Image

    written = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(audited.films[np.array([film])][0]))
    image.save(written, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
