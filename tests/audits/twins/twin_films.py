"""Phantoms, and copies of them such as public sets hold."""

import io

import numpy as np
from PIL import Image, ImageDraw

from embedlearn.audits.films import SIDE, AuditedFilms, inner_shape
from embedlearn.radiographs.manifest import build_manifest
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film

LARGE = 384


def phantom(patient, film=0):
    """A phantom as a published file might be: uint8 [384, 384]."""
    label, source = LABELS[patient % len(LABELS)], SOURCES[patient % len(SOURCES)]
    return draw_film(label, seed=5, patient=patient, film=film, source=source, size=LARGE)


def as_jpeg(film, quality=40):
    written = io.BytesIO()
    Image.fromarray(film).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written))


def marked(film):
    image = Image.fromarray(film)
    ImageDraw.Draw(image).text((20, 20), "PORTABLE\nSUPINE", fill=255, font_size=36)
    ImageDraw.Draw(image).rectangle((300, 310, 370, 370), fill=0)
    return np.asarray(image)


def widened(film):
    return np.pad(film, ((0, 0), (60, 60)))


COPIES = {
    "resized": lambda film: np.asarray(Image.fromarray(film).resize((210, 210), Image.Resampling.LANCZOS)),
    "squeezed": lambda film: np.asarray(Image.fromarray(film).resize((300, 384), Image.Resampling.LANCZOS)),
    "a corner cut to 90 %": lambda film: film[: round(0.9 * LARGE), round(0.1 * LARGE) :],
    "cut to 80 %": lambda film: film[38:345, 38:345],
    "brighter and flatter": lambda film: np.asarray(255 * (0.1 + 0.8 * (film / 255) ** 0.7), np.uint8),
    "JPEG": as_jpeg,
    "marked": marked,
    "black margins": widened,
    "white margins": lambda film: np.pad(film, ((40, 40), (0, 0)), constant_values=255),
    "turned by two degrees": lambda film: np.asarray(
        Image.fromarray(film).rotate(2, Image.Resampling.BICUBIC, fillcolor=0)
    ),
    "cut, darker, marked, JPEG": lambda film: as_jpeg(marked((film * 0.7).astype(np.uint8))[20:360, 10:370]),
}


def audited(films, **columns):
    """Films of any shapes as an audit looks at them; `columns` are of the frame."""
    count = len(films)
    squares, shapes = np.zeros((count, SIDE, SIDE), np.uint8), np.array([film.shape for film in films], np.int64)
    for square, film, shape in zip(squares, films, shapes, strict=True):
        height, width = inner_shape(shape, SIDE)
        small = Image.fromarray(film).resize((width, height), Image.Resampling.LANCZOS)
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        square[top : top + height, left : left + width] = np.asarray(small)
    known = {"label": ["healthy"] * count, "source": ["set"] * count, **columns}
    rows = [
        {"path": f"/films/{row}.png", **{name: values[row] for name, values in known.items()}} for row in range(count)
    ]
    frame = build_manifest(rows, "set").frame
    return AuditedFilms(
        frame.assign(**{"class": frame["label"], "case": range(count), "sha256": list(map(str, range(count)))}),
        squares,
        shapes,
    )
