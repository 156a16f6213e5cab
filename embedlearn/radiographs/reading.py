"""From a file, or bytes in memory, to the square 8-bit film that an encoder reads.

What a file is, its content says and never its name. Its header is looked at before a pixel is decoded.
"""

import contextlib
import io
import math
import re
import struct
import warnings
from typing import Any, BinaryIO, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from embedlearn.errors import ImageError
from embedlearn.radiographs.dicom import dicom_header, dicom_values, is_dicom
from embedlearn.radiographs.opening import WANTED, Film, as_film, film_file, reason
from embedlearn.radiographs.preprocessing import Preprocessing

MAX_PIXELS = 100_000_000
MIN_SIDE = 16
DRAFT_GAP = 2  # a JPEG is decoded at this many times the wanted side or more, which leaves the last step to us
ORIENTATION = 0x0112
BLOCK = 1 << 18  # pixels scaled together
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")

# Pillow's readers are chosen here and not by `Image.open`, which tries 40 formats and warns of size by its own limit.
SIGNATURES: tuple[tuple[int, bytes, type[ImageFile]], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", PngImageFile),
    (0, b"\xff\xd8\xff", JpegImageFile),
    (8, b"WEBP", WebPImageFile),
    (0, b"II*\x00", TiffImageFile),
    (0, b"MM\x00*", TiffImageFile),
    (0, b"II+\x00", TiffImageFile),
    (0, b"MM\x00+", TiffImageFile),
    (0, b"BM", BmpImageFile),
)


class FilmHeader(TypedDict):
    """What a file says of itself undecoded: sides in pixels as stored, colour mode, bytes on disk, format.

    `turned`: whether its EXIF orientation swaps the sides when the film is shown upright.
    """

    width: int
    height: int
    mode: str
    bytes: int
    format: str
    turned: bool


def film_header(film: Film) -> FilmHeader:
    """The header of a film, its pixels untouched. Raises `ImageError` where there is none to read."""
    film = as_film(film)
    with film_file(film) as (file, head):
        if is_dicom(film, head):
            form, turned, (width, height, mode) = "DICOM", False, dicom_header(film)
        else:
            image = _opened(film, file, head)
            form, (width, height), mode = str(image.format), image.size, image.mode
            turned = _orientation(image) >= 5
        size = file.seek(0, io.SEEK_END)
    return FilmHeader(width=width, height=height, mode=mode, bytes=size, format=form, turned=turned)


def upright_sides(film: Film) -> tuple[int, int]:
    """Height and width of a film as `read_film` gives it, its pixels untouched. Raises `ImageError`."""
    header = film_header(film)
    height, width = header["height"], header["width"]
    return (width, height) if header["turned"] else (height, width)


def read_film(
    film: Film, *, target: int | None = None, frame: int | None = None, most: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """One film, uint8 [H, W], 0 black to 255 white: upright, colour as luminance, transparency on black.

    Films of more than 8 bits are scaled by their own smallest and largest value, DICOM by its window. Where only
    `target` pixels of the smaller side are wanted, a JPEG may come shrunk by 2, 4 or 8, never below `target`.
    `frame`, counted from 1, chooses one of several frames of a DICOM file; without it such a file is refused.
    Raises `ImageError`, naming the film, where it is missing, unreadable, empty, torn, no film, of more than `most`
    pixels by its header, smaller than `MIN_SIDE` a side, or of several frames.
    """
    film = as_film(film)
    with film_file(film) as (file, head):
        if is_dicom(film, head):
            _check_size(film, *dicom_header(film)[:2], most)
            return _to_bytes(*dicom_values(film, frame))
        if frame not in (None, 1):
            raise ImageError(f"{film}: wanted --frame 1 of a file that is no DICOM, got {frame}; leave --frame out")
        image = _opened(film, file, head)
        _check_size(film, *image.size, most)
        try:
            if isinstance(image, JpegImageFile):
                image.draft("L", (target, target) if target else None)
            large = image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf)
            quiet = warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning)
            with quiet if large else contextlib.nullcontext():  # Pillow's limit for TIFF is below ours
                image.load()
            pixels = _grey(image)
        except Exception as error:  # a torn or forged file makes the codecs raise almost anything
            raise ImageError(_torn(film, error)) from error
        return _upright(pixels, _orientation(image))


def load_film(film: Film, settings: Preprocessing, *, most: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read and preprocess one film: uint8 [S, S] with S = `settings.size`. Raises `ImageError`, as `read_film` does."""
    return preprocess(read_film(film, target=wanted_side(settings), most=most), settings)


def wanted_side(settings: Preprocessing) -> int:
    """Pixels of the smaller side that are enough for `preprocess`: a JPEG need not be decoded larger."""
    return math.ceil(DRAFT_GAP * settings.size / (1 - 2 * settings.border))


def preprocess(film: NDArray[np.uint8], settings: Preprocessing) -> NDArray[np.uint8]:
    """Trim, square, resize and perhaps equalise a film: uint8 [H, W] -> uint8 [S, S]."""
    height, width = film.shape
    top, left = int(settings.border * height), int(settings.border * width)
    film = film[top : height - top, left : width - left]
    square = _padded(film, settings.size) if settings.fit == "pad" else _resized(_centre(film), settings.size)
    return _equalised(square) if settings.clahe else square


def _opened(film: Film, file: BinaryIO, head: bytes) -> ImageFile:
    """A single Pillow image whose header is read and whose pixels are not. Raises `ImageError`."""
    readers = [reader for at, signature, reader in SIGNATURES if head[at : at + len(signature)] == signature]
    if not readers:
        words = re.match(rb"[ -~]{3,12}", head)
        start = f'"{words[0].decode()}"' if words else f"the bytes {head[:8].hex(' ')}"
        raise ImageError(f"{film}: wanted {WANTED}, got a file that starts with {start}; replace it or leave it out")
    try:
        image = readers[0](file)  # not by its name: Pillow 13 maps a named TIFF wrongly that EXIF turns on its side
        frames = getattr(image, "n_frames", 1)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(film, "more")) from error
    except Exception as error:
        raise ImageError(_torn(film, error)) from error
    if frames > 1:
        raise ImageError(f"{film}: wanted one picture, got {frames}; save the one you want as a file of its own")
    return image


def _check_size(film: Film, width: int, height: int, most: int) -> None:
    if width * height > most:
        raise ImageError(_too_large(film, f"{width} x {height}", most))
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{film}: wanted at least {MIN_SIDE} pixels a side, got {width} x {height}; replace it or leave it out"
        )


def _too_large(film: Film, got: str, most: int = MAX_PIXELS) -> str:
    return f"{film}: wanted at most {most / 10**6:g} million pixels, got {got}; shrink the film or leave it out"


def _torn(film: Film, error: Exception) -> str:
    told = f"{film}: wanted a whole film, got one that cannot be decoded ({reason(error)})"
    return f"{told}; fetch or save the file again"


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    """A loaded image of any mode as uint8 [H, W]."""
    if image.mode in DEEP_MODES:
        values = np.asarray(image)
        low, high = values.min(), values.max()
        if not np.isfinite([low, high]).all():
            raise ValueError("grey values that are not finite")
        return _to_bytes(values, float(low), float(high))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = ImageChops.multiply(image.convert("L"), image.getchannel("A"))
    elif image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _to_bytes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """`low`..`high` as 0..255, what lies beyond at the ends; a film with nothing between them is 0."""
    film = np.zeros(values.shape, np.uint8)
    if high > low:
        rows = max(1, BLOCK // values.shape[1])
        for start in range(0, len(values), rows):  # some rows at a time: the steps between are eight times the film
            scaled = (values[start : start + rows].astype(np.float64) - low) * (255 / (high - low))
            film[start : start + rows] = np.rint(scaled.clip(0, 255))
    return film


def _orientation(image: ImageFile) -> int:
    """The EXIF orientation, 1 to 8; EXIF that cannot be read says nothing."""
    try:
        return int(Image.Image.getexif(image).get(ORIENTATION, 1))  # a PNG's own getexif decodes the film first
    except (OSError, SyntaxError, TypeError, ValueError, struct.error):
        return 1


def _upright(film: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation: 5 to 8 swap the axes, and then rows or columns run backwards (EXIF 2.3, 4.6.4)."""
    film = film.T if 5 <= orientation <= 8 else film
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(film[rows, columns])


def _centre(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest central square, uint8 [H, W] -> uint8 [D, D] with D = min(H, W)."""
    height, width = film.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return film[top : top + side, left : left + side]


def _padded(film: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The whole film on a black square, uint8 [H, W] -> uint8 [size, size]: resized first, so a strip stays small."""
    height, width = (max(1, round(side * size / max(film.shape))) for side in film.shape)
    top, left = (size - height) // 2, (size - width) // 2
    square = np.zeros((size, size), np.uint8)
    square[top : top + height, left : left + width] = _resized(film, height, width)
    return square


def _resized(film: NDArray[np.uint8], height: int, width: int | None = None) -> NDArray[np.uint8]:
    """Lanczos, widened where it shrinks so that nothing aliases: uint8 [H, W] -> uint8 [height, width or height]."""
    image = Image.fromarray(np.ascontiguousarray(film))
    return np.array(image.resize((width or height, height), Image.Resampling.LANCZOS, reducing_gap=3.0))


def _equalised(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), uint8 [S, S]."""
    if film.min() == film.max():
        return film
    from skimage.exposure import equalize_adapthist

    equalised: NDArray[np.float64] = equalize_adapthist(film, clip_limit=0.01)
    return np.rint(equalised * 255).astype(np.uint8)
