"""What is burned into a film: the word PHANTOM on every one, and a radiographer's markers, which mean nothing."""

import functools

import numpy as np
import numpy.typing as npt

GLYPHS = {  # 5 x 7 pixels, a row a number, the lowest bit at the right
    "A": (14, 17, 17, 31, 17, 17, 17),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4),
}
WORD = "PHANTOM"


@functools.lru_cache(maxsize=64)
def lettering(text: str, scale: int) -> npt.NDArray[np.float32]:
    """`text` as float32 [9 * scale, (6 * len(text) + 1) * scale], 1 on ink and 0 beside, with a margin around."""
    rows = np.zeros((9, 6 * len(text) + 1), np.float32)
    for place, letter in enumerate(text):
        for row, bits in enumerate(GLYPHS[letter]):
            rows[row + 1, 6 * place + 1 : 6 * place + 6] = [bits >> shift & 1 for shift in (4, 3, 2, 1, 0)]
    return np.kron(rows, np.ones((scale, scale), np.float32))


def burn_word(film: npt.NDArray[np.float32]) -> None:
    """Write PHANTOM at the bottom middle of `film` [size, size] (0 to 1), in place, on a darkened strip."""
    size = film.shape[0]
    ink = lettering(WORD, max(1, round(size / 256)))
    height, width = ink.shape
    top, left = size - height - size // 64, (size - width) // 2
    strip = film[top : top + height, left : left + width]
    strip *= 0.3
    np.maximum(strip, 0.9 * ink, out=strip)


def burn_marker(film: npt.NDArray[np.float32], text: str, centre: tuple[float, float], scale: int, boxed: bool) -> None:
    """Write `text` into `film` [size, size] (0 to 1), in place, about `centre` (x, y, -1 to 1); kept on the film."""
    size = film.shape[0]
    ink = lettering(text, scale)
    height, width = ink.shape
    left = int(np.clip((centre[0] + 1) * size / 2 - width / 2, 0, size - width))
    top = int(np.clip((centre[1] + 1) * size / 2 - height / 2, 0, size - height))
    place = film[top : top + height, left : left + width]
    if boxed:
        place[:] = 0.85 - 0.75 * ink
    else:
        np.maximum(place, 0.95 * ink, out=place)
