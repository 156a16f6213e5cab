"""What comes of one film that was sent, and of what is no film, lies about itself or is torn."""

import contextlib
import hashlib
import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_films import smooth
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless
from sent_films import dicom, png_of, saved

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film, read_film
from embedlearn.web.decoding.decoded import Decoded, decode_film

SETTINGS = Preprocessing(size=32)
DEEP = smooth().astype(np.uint16) * 16


def decode(data: bytes, shown: int = 0, pixels: int = 1_000_000, settings: Preprocessing = SETTINGS) -> Decoded:
    return decode_film(FilmBytes(data, "film 3"), settings, pixels=pixels, shown=shown)


HONEST = {
    "png": saved(smooth()),
    "jpeg": saved(smooth(600, 900), "JPEG"),
    "webp": saved(smooth(), "WEBP"),
    "tiff": saved(smooth(), "TIFF", compression="tiff_lzw"),
    "bmp": saved(smooth(), "BMP"),
    "dicom": dicom(DEEP),
}


@pytest.mark.parametrize("form", HONEST)
@pytest.mark.parametrize("settings", [SETTINGS, Preprocessing(size=16, fit="pad", border=0.1)])
def test_the_square_is_that_of_a_file(tmp_path: Path, form: str, settings: Preprocessing) -> None:
    path = tmp_path / "film.bin"
    path.write_bytes(HONEST[form])
    film = decode(HONEST[form], shown=50, settings=settings)
    assert np.array_equal(film.square, load_film(path, settings))
    assert (film.height, film.width) == read_film(path).shape
    assert film.digest == hashlib.sha256(HONEST[form]).hexdigest()
    assert film.patient == ("P-7" if form == "dicom" else None)


@pytest.mark.parametrize("form", HONEST)
@pytest.mark.parametrize("side", [30, 45, 500, 5_000])
def test_what_is_shown_is_the_film_made_smaller_and_never_larger(form: str, side: int) -> None:
    film = decode(HONEST[form], shown=side)
    assert film.shown is not None
    assert max(film.shown.shape) == min(side, max(film.height, film.width))
    whole = Image.fromarray(read_film(FilmBytes(HONEST[form]))).resize(film.shown.shape[::-1], Image.Resampling.BOX)
    assert np.abs(film.shown.astype(int) - np.asarray(whole)).mean() < 3


def test_a_film_on_its_side_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    film = decode(saved(smooth(600, 900), "JPEG", exif=exif), shown=90)
    assert (film.height, film.width) == (900, 600)
    assert film.shown is not None
    assert film.shown.shape == (90, 60)


def test_nothing_is_shown_unasked_and_nobody_is_named_without_a_name() -> None:
    film = decode(dicom(DEEP, PatientID=""))
    assert film.shown is None
    assert film.patient is None


# What is not a film.

ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(300)
OTHERS = {
    "empty": b"",
    "one byte": b"\x89",
    "text": b"Dear colleague, please find attached\n",
    "gif": b"GIF89a" + bytes(200),
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9e9"/>',
    "pdf": b"%PDF-1.7\n1 0 obj",
    "elf": b"\x7fELF\x02\x01\x01" + bytes(200),
    "zip": ZIP,
    "gzip": b"\x1f\x8b\x08" + bytes(200),
    "html that hides a png": b"<html>" + HONEST["png"],
    "riff that is no webp": b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(200),
    "a mark of dicom and a program": b"MZ" + bytes(126) + b"DICM" + b"\x90\x00\x03\x00" * 90,
    "a mark of dicom and html": b"<html>".ljust(128) + b"DICM" + b"<script>alert(1)</script>" * 9,
    "zeros": bytes(5_000),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_film_is_refused_in_one_line(kind: str) -> None:
    with pytest.raises(ImageError, match=r"^film 3: wanted [ -~]*$"):
        decode(OTHERS[kind])


@pytest.mark.parametrize("tail", [b"<html><script>alert(1)</script>", ZIP, HONEST["dicom"]])
@pytest.mark.parametrize("form", ["png", "jpeg", "dicom"])
def test_a_film_with_a_tail_is_that_film_or_refused(form: str, tail: bytes) -> None:
    if form == "dicom":  # whose tail reads as elements that are not there
        with contextlib.suppress(ImageError):
            assert (decode(HONEST[form] + tail).height, decode(HONEST[form] + tail).width) == (60, 80)
    else:
        assert np.array_equal(decode(HONEST[form] + tail).square, decode(HONEST[form]).square)


@pytest.mark.parametrize("preamble", [b"MZ", b"<html>", b"II*\x00", b"\x7fELF"])
def test_the_preamble_of_dicom_says_nothing(preamble: bytes) -> None:
    film = decode(preamble.ljust(128, b"\0") + HONEST["dicom"][128:])
    assert np.array_equal(film.square, decode(HONEST["dicom"]).square)


# Bombs: small to send, large to hold. Whoever sent one waits for no time, and nothing large is made.


def squeezed(count: int) -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)) + packer.flush()


def deflated_bomb() -> bytes:
    file = dicom(DEEP, DeflatedExplicitVRLittleEndian)
    return file[: 144 + int.from_bytes(file[140:144], "little")] + squeezed(64 << 20)


def huge_j2k() -> bytes:
    stream = bytearray(saved(smooth(), "JPEG2000", no_jp2=True))
    at = stream.index(b"\xff\x51") + 6  # SIZ: the sides of the grid, and then of its tiles
    stream[at : at + 8] = struct.pack(">II", 60_000, 60_000)
    return dicom(smooth(), JPEG2000Lossless, frame=bytes(stream))


def lying_tiff() -> bytes:
    file = bytearray(HONEST["tiff"])
    order = "<" if file[:2] == b"II" else ">"
    at = struct.unpack(order + "I", file[4:8])[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack(order + "H", file[at : at + 2])[0], 12):
        if struct.unpack(order + "H", file[entry : entry + 2])[0] in (0x100, 0x101, 0x116):
            file[entry + 2 : entry + 12] = struct.pack(order + "HII", 4, 1, 60_000)
    return bytes(file)


BOMBS: dict[str, Any] = {
    "a png of 4 thousand million pixels": lambda: png_of(65_500, 65_500, zlib.compress(bytes(99))),
    "a png of all the pixels there can be": lambda: png_of(2**31 - 1, 2**31 - 1, zlib.compress(bytes(99))),
    "a png one pixel too large": lambda: png_of(1_000_001, 1, zlib.compress(bytes(99))),
    "a png with much text": lambda: HONEST["png"][:33] + text_bomb() + HONEST["png"][33:],
    "a deflated data set": deflated_bomb,
    "a dicom of too many rows": lambda: dicom(DEEP, Rows=65_535, Columns=65_535),
    "a dicom of more rows than pixels": lambda: dicom(DEEP, Rows=900, Columns=900),
    "a dicom of many frames": lambda: dicom(DEEP, NumberOfFrames=2**31 - 1),
    "a dicom that holds a larger picture": huge_j2k,
    "a tiff of many pixels": lying_tiff,
    "a bmp of many pixels": lambda: HONEST["bmp"][:18] + struct.pack("<ii", 60_000, 60_000) + HONEST["bmp"][26:],
}


def text_bomb() -> bytes:
    body = b"zTXtnote\0\0" + zlib.compress(bytes(32 << 20), 9)
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs(kind: str) -> None:
    bomb = BOMBS[kind]()
    assert len(bomb) < 200_000
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^film 3: wanted [ -~]*$"):
        decode(bomb)
    assert time.process_time() - started < 1


def test_rows_beyond_those_of_the_header_are_not_kept() -> None:
    film = decode(png_of(80, 60, zlib.compress(bytes(16 << 20), 9)), shown=100)
    assert (film.height, film.width) == (60, 80)
    assert film.shown is not None
    assert not film.shown.any()


def test_pictures_within_a_file_are_not_decoded() -> None:
    file = io.BytesIO()
    pages = [Image.fromarray(smooth()) for _ in range(30)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(ImageError, match=r"^film 3: wanted one picture, got 30; save the one you want"):
        decode(file.getvalue())
