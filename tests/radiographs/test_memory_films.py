"""Films in memory are read as films in files are, and messages call them by the name that they were given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import ramp, write
from made_films import smooth
from PIL import Image
from pydicom import dcmread

from embedlearn.errors import ImageError
from embedlearn.radiographs.dicom import dicom_patient, dicom_tags
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import film_header, load_film, read_film, upright_sides

TURNED = Image.Exif()
TURNED[0x0112] = 6
SAVED: dict[str, dict[str, Any]] = {
    "film.png": {},
    "film.jpg": {"quality": 90, "exif": TURNED},
    "film.webp": {"quality": 90},
    "film.tif": {"exif": TURNED},
    "lzw.tif": {"compression": "tiff_lzw"},
    "film.bmp": {},
}


def sent(path: Path, name: str = "film 2") -> FilmBytes:
    return FilmBytes(path.read_bytes(), name)


def bare(path: Path) -> Path:
    """A data set without the mark of DICOM."""
    dataset = dcmread(write(path, ramp()))
    del dataset.file_meta, dataset.preamble
    dataset.save_as(path, implicit_vr=True, little_endian=True)
    return path


@pytest.fixture(params=[*SAVED, "film.dcm", "bare.dcm"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A film in each format that is read."""
    path = tmp_path / request.param
    if path.name == "bare.dcm":
        return bare(path)
    if path.suffix == ".dcm":
        return write(path, smooth(300, 400).astype(np.uint16) * 7, PatientID="P-7", WindowCenter=900, WindowWidth=1200)
    Image.fromarray(smooth(300, 400)).save(path, **SAVED[path.name])
    return path


def test_bytes_are_read_as_their_file_is(path: Path) -> None:
    film = sent(path)
    assert film_header(film) == film_header(path)
    assert upright_sides(film) == upright_sides(path)
    assert np.array_equal(read_film(film), read_film(path))
    assert np.array_equal(read_film(film, target=40), read_film(path, target=40))
    assert np.array_equal(load_film(film, Preprocessing(size=32)), load_film(path, Preprocessing(size=32)))


def test_a_path_may_still_be_a_string(path: Path) -> None:
    assert np.array_equal(read_film(str(path)), read_film(path))  # type: ignore[arg-type]
    assert film_header(str(path)) == film_header(path)  # type: ignore[arg-type]


def test_tags_from_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", ramp(), PatientID="P-7", PatientAge="050Y")
    assert dicom_tags(sent(path)) == dicom_tags(path)
    assert dicom_patient(sent(path)) == "P-7"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_messages_begin_with_the_name_and_hold_no_path(path: Path, share: float) -> None:
    whole = path.read_bytes()
    with pytest.raises(ImageError) as caught:
        read_film(FilmBytes(whole[: int(share * len(whole))], "film 2"))
    message = str(caught.value)
    assert message.startswith("film 2: wanted ")
    assert str(path.parent) not in message
    assert "\n" not in message


def test_remedies_for_who_sends_a_film(tmp_path: Path) -> None:
    film = sent(write(tmp_path / "film.dcm", ramp(), NumberOfFrames=2, PixelData=ramp().tobytes() * 2))
    with pytest.raises(ImageError, match=r"^film 2: wanted one frame, got 2; send one alone$"):
        read_film(film)


def test_a_smaller_limit_of_pixels(path: Path) -> None:
    film, pixels = sent(path), read_film(path).size
    assert read_film(film, most=pixels).size == pixels
    for read in (read_film, lambda film, most: load_film(film, Preprocessing(size=32), most=most)):
        with pytest.raises(ImageError, match=r"^film 2: wanted at most .* million pixels, got \d+ x \d+; shrink"):
            read(film, most=pixels - 1)


@pytest.mark.parametrize("name", ["film.png", "film.jpg", "film.bmp"])
def test_the_limit_is_held_before_decoding(tmp_path: Path, name: str) -> None:
    Image.fromarray(smooth(300, 400)).save(tmp_path / name)
    torn = FilmBytes((tmp_path / name).read_bytes()[:-2_000])
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_film(torn, most=120_000)
    with pytest.raises(ImageError, match=r"wanted at most 0\.1 million pixels, got 400 x 300; shrink"):
        read_film(torn, most=100_000)


@pytest.mark.parametrize("start", [b"\x08\x00\x05\x00", b"\x02\x00\x10\x00", b"\x08\x00", b"\x02\x00\xff\xffUI"])
def test_what_merely_starts_like_a_bare_data_set_is_no_film(start: bytes) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).bytes(5_000)
        with pytest.raises(ImageError, match=r"^film 2: wanted a"):
            read_film(FilmBytes(start + noise, "film 2"))
    with pytest.raises(ImageError, match=r"^film 2: wanted a PNG, .* got a file that starts with the bytes 08"):
        read_film(FilmBytes(b"\x08\x00\x05\x00\xff\xff\xff\x7f" + bytes(5_000), "film 2"))


def test_deep_films_larger_than_a_block_are_scaled_as_a_whole(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (700, 900), dtype=np.uint16)
    film = read_film(sent(write(tmp_path / "film.dcm", values, WindowCenter=2000, WindowWidth=3001)))
    assert np.array_equal(film, np.rint(((values - 499.5) * (255 / 3000)).clip(0, 255)))
