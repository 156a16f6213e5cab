"""Films in a cache, and the ledger of it."""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film

SMALL = Preprocessing(size=16)


def draw_films(folder: Path, count: int) -> list[Path]:
    """Films that all differ, as BMP, so that one byte of the file is one grey value."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(count)
    paths = [folder / f"{number:03}.bmp" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 24), dtype=np.uint8)).save(path)
    return paths


def expected(paths: list[Path], settings: Preprocessing = SMALL) -> NDArray[np.uint8]:
    return np.stack([load_film(path, settings) for path in paths])


def entered(folder: Path, settings: Preprocessing = SMALL) -> list[int]:
    """The rows of the ledger, which must be 0..n-1, with the pixels of all of them on disk."""
    store = folder / f"films-{settings.pixels_digest}"
    with contextlib.closing(sqlite3.connect(store / "ledger.sqlite")) as ledger:
        rows = [row for (row,) in ledger.execute("SELECT row FROM films ORDER BY row")]
    assert rows == list(range(len(rows)))
    assert not rows or (store / "pixels.u8").stat().st_size >= len(rows) * settings.size**2
    return rows
