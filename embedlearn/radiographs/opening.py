"""What a film is read from: a file by its path, or bytes in memory under a name; and how messages quote it."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from embedlearn.errors import ImageError

WANTED = "a PNG, JPEG, WebP, TIFF, BMP or DICOM film"
HEAD = 132  # bytes that tell what a file is: the mark of DICOM ends there


@dataclass(frozen=True)
class FilmBytes:
    """The bytes of a film in memory, and what messages call it, such as "film 2"."""

    data: bytes = field(repr=False)
    name: str = "the film"

    def __str__(self) -> str:
        return self.name


Film = Path | FilmBytes


def as_film(film: Film) -> Film:
    """A path as `Path`, were it a string; bytes in memory as they are."""
    return film if isinstance(film, FilmBytes) else Path(film)


@contextlib.contextmanager
def film_file(film: Film) -> Iterator[tuple[BinaryIO, bytes]]:
    """A film open for reading, and its first `HEAD` bytes. Raises `ImageError` where there are none to read."""
    with _opened(film) as file:
        head = file.read(HEAD)
        if not head:
            raise ImageError(f"{film}: wanted {WANTED}, got an empty file (0 bytes); fetch the file again")
        file.seek(0)
        yield file, head


def plain(text: object, most: int = 200) -> str:
    """What a film says of itself, or an error says of it: one line of at most `most` printable characters."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(text).split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def reason(error: Exception) -> str:
    """What an error says, or its name where it says nothing, as `plain` text."""
    return plain(error) or type(error).__name__


def raw_file(film: Film) -> io.RawIOBase | io.BytesIO:
    """A film open for reading, without a buffer of its own."""
    return io.BytesIO(film.data) if isinstance(film, FilmBytes) else io.FileIO(film)


def _opened(film: Film) -> BinaryIO:
    if isinstance(film, FilmBytes):
        return io.BytesIO(film.data)
    try:
        if film.exists() and not film.is_file():
            raise ImageError(f"{film}: wanted {WANTED}, got a folder or a device; give the file itself")
        return film.open("rb")
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or error
        raise ImageError(f"{film}: wanted {WANTED}, got {got}; check the path and its permissions") from error
