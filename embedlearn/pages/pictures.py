"""Films as a page holds them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from embedlearn.errors import ImageError
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film

SIDE = 96  # pixels of a picture
QUALITY = 70


def film_picture(path: Path) -> str:
    """The film as a small JPEG in a data URI; empty where it cannot be read."""
    try:
        pixels = load_film(path, Preprocessing(size=SIDE, fit="pad"))
    except ImageError:
        return ""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
