"""Films with something changed in them: each is a film or is refused in one line, soon, and nothing else happens."""

import asyncio
import io
import time
from collections import Counter

import numpy as np
import pytest
from made_films import smooth
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)
from sent_films import dicom, saved

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.decoding.decoded import Decoded, decode_film
from embedlearn.web.decoding.decoders import Decoders
from embedlearn.web.face import SlowError

SETTINGS = Preprocessing(size=16)
PIXELS = 250_000
SHOWN = 64
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def run_lengths() -> bytes:
    dataset = dcmread(io.BytesIO(dicom(smooth())))
    dataset.compress(RLELossless, generate_instance_uid=False)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def turned(form: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(smooth(), form, exif=exif)


DEEP = smooth().astype(np.uint16) * 16
FILMS = {
    "png": saved(smooth()),
    "deep png": saved(DEEP),
    "palette png": saved(np.dstack([smooth(), smooth(), 255 - smooth(), smooth()])),
    "jpeg": turned("JPEG"),
    "progressive jpeg": saved(smooth(), "JPEG", progressive=True),
    "tiff": turned("TIFF"),
    "lzw tiff": saved(smooth(), "TIFF", compression="tiff_lzw"),
    "deflated tiff": saved(DEEP, "TIFF", compression="tiff_adobe_deflate"),
    "jpeg tiff": saved(smooth(), "TIFF", compression="jpeg"),
    "bmp": saved(smooth(), "BMP"),
    "webp": saved(smooth(), "WEBP"),
    "lossless webp": saved(smooth(), "WEBP", lossless=True),
    "dicom": dicom(DEEP, WindowCenter=2000, WindowWidth=3000, RescaleSlope=1, RescaleIntercept=0),
    "implicit dicom": dicom(DEEP, ImplicitVRLittleEndian),
    "big dicom": dicom(DEEP, ExplicitVRBigEndian),
    "deflated dicom": dicom(DEEP, DeflatedExplicitVRLittleEndian),
    "run lengths": run_lengths(),
    "jpeg dicom": dicom(smooth(), JPEGBaseline8Bit, frame=saved(smooth(), "JPEG")),
    "jpeg 2000 dicom": dicom(smooth(), JPEG2000Lossless, frame=saved(smooth(), "JPEG2000", no_jp2=True)),
}


def mutated(film: bytes, generator: np.random.Generator) -> bytes:
    """A film with one to four changes: most near its start, where it says what it is."""
    data = bytearray(film)
    for _ in range(generator.integers(1, 5)):
        reach = min(len(data), 600) if generator.random() < 0.7 else len(data)
        at = int(generator.integers(max(1, reach)))
        width = int(generator.integers(1, 40))
        match generator.integers(7):
            case 0:
                data[at : at + 1] = bytes([data[at] ^ (1 << generator.integers(8))]) if data else b""
            case 1:
                data[at : at + width] = generator.bytes(width)
            case 2:
                size = int(generator.choice((1, 2, 4)))
                value = int(generator.choice(EXTREMES)) & (256**size - 1)
                data[at : at + size] = value.to_bytes(size, "little" if generator.random() < 0.5 else "big")
            case 3:
                del data[at : at + width]
            case 4:
                data[at:at] = generator.bytes(width)
            case 5:
                data[at:at] = data[at : at + 10 * width]
            case 6 if generator.random() < 0.3:
                del data[at:]
    return bytes(data)


def mutations(form: str, count: int, seed: int) -> list[bytes]:
    generator = np.random.default_rng([seed, *form.encode()])
    return [mutated(FILMS[form], generator) for _ in range(count)]


def check_film(film: Decoded) -> None:
    assert film.square.shape == (16, 16)
    assert film.square.dtype == np.uint8
    assert film.shown is not None
    assert min(film.height, film.width) >= 16
    assert film.height * film.width <= PIXELS
    assert max(film.shown.shape) == min(SHOWN, max(film.height, film.width))


def check_refusal(message: str) -> None:
    assert message.startswith("film 1: wanted ")
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of what it mends; a process ignores them, too
@pytest.mark.parametrize("form", FILMS)
def test_a_changed_film_is_a_film_or_is_refused(form: str) -> None:
    seen: Counter[str] = Counter()
    for data in mutations(form, 1_000 // len(FILMS) + 1, seed=1):
        started = time.process_time()
        try:
            check_film(decode_film(FilmBytes(data, "film 1"), SETTINGS, pixels=PIXELS, shown=SHOWN))
            seen["film"] += 1
        except ImageError as error:
            check_refusal(str(error))
            seen["refused"] += 1
        assert time.process_time() - started < 2
    assert min(seen["film"], seen["refused"]) > 0, seen


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_films_through_a_process_come_out_as_they_do_here() -> None:
    films = [data for form in FILMS for data in mutations(form, 8, seed=2)]

    async def outcomes() -> list[Decoded | BaseException]:
        decoders = Decoders(SETTINGS, workers=2, pixels=PIXELS, seconds=20)
        decoders.start()
        try:
            asked = (decoders.decode(data, name="film 1", shown=SHOWN) for data in films)
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            decoders.stop()

    for data, outcome in zip(films, asyncio.run(outcomes()), strict=True):
        if isinstance(outcome, Decoded):
            check_film(outcome)
            here = decode_film(FilmBytes(data, "film 1"), SETTINGS, pixels=PIXELS, shown=SHOWN)
            assert np.array_equal(outcome.square, here.square)
        else:
            assert isinstance(outcome, ImageError | SlowError)
            check_refusal(str(outcome))
