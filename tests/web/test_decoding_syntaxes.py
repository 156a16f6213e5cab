"""DICOM films of every transfer syntax: decoded alike from a file and from memory, or refused in one clear line."""

import io
from pathlib import Path

import numpy as np
import pytest
from made_films import smooth
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)
from sent_films import dicom, saved

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film, read_film
from embedlearn.web.decoding.decoded import Decoded, decode_film

SETTINGS = Preprocessing(size=32)
DEEP = smooth().astype(np.uint16) * 16
PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
PACKED = {
    JPEGBaseline8Bit: saved(smooth(), "JPEG", quality=95),
    JPEGExtended12Bit: saved(smooth(), "JPEG", quality=95),
    JPEG2000Lossless: saved(smooth(), "JPEG2000", no_jp2=True),
    JPEG2000: saved(smooth(), "JPEG2000", no_jp2=True, irreversible=True, quality_mode="dB", quality_layers=[50]),
}


def decode(data: bytes) -> Decoded:
    return decode_film(FilmBytes(data, "film 3"), SETTINGS, pixels=10_000, shown=200)


def as_file(folder: Path, data: bytes) -> Path:
    (folder / "film.dcm").write_bytes(data)
    return folder / "film.dcm"


@pytest.mark.parametrize("syntax", PLAIN, ids=lambda syntax: syntax.keyword)
def test_without_a_codec_the_values_are_those_that_were_written(tmp_path: Path, syntax: UID) -> None:
    data = dicom(DEEP, syntax, WindowCenter=2048.5, WindowWidth=4097)
    film = decode(data)
    assert dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == syntax
    assert film.shown is not None
    assert np.array_equal(film.shown, np.rint(DEEP * (255 / 4096)))
    assert np.array_equal(film.square, load_film(as_file(tmp_path, data), SETTINGS))


def test_run_lengths(tmp_path: Path) -> None:
    dataset = dcmread(io.BytesIO(dicom(DEEP)))
    dataset.compress(RLELossless, generate_instance_uid=False)
    file = io.BytesIO()
    dataset.save_as(file)
    film = decode(file.getvalue())
    assert np.array_equal(film.square, decode(dicom(DEEP)).square)
    assert np.array_equal(film.square, load_film(as_file(tmp_path, file.getvalue()), SETTINGS))


@pytest.mark.parametrize("syntax", PACKED, ids=lambda syntax: syntax.keyword)
def test_with_a_codec(tmp_path: Path, syntax: UID) -> None:
    data = dicom(smooth(), syntax, frame=PACKED[syntax], WindowCenter=128, WindowWidth=256)
    film = decode(data)
    with Image.open(io.BytesIO(PACKED[syntax])) as image:
        packed = np.asarray(image)
    assert film.shown is not None
    assert np.array_equal(film.shown, packed)
    assert np.abs(packed.astype(int) - smooth()).mean() <= (0 if syntax == JPEG2000Lossless else 3)
    assert np.array_equal(film.square, load_film(as_file(tmp_path, data), SETTINGS))
    assert (film.height, film.width) == read_film(tmp_path / "film.dcm").shape


def has_codec(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


@pytest.mark.parametrize("syntax", AllTransferSyntaxes, ids=lambda syntax: syntax.keyword)
def test_a_syntax_without_a_codec_is_named_and_every_other_one_is_read_or_torn(syntax: UID) -> None:
    sent = dicom(smooth(), syntax, frame=b"no picture at all" if syntax.is_encapsulated else None)
    if not syntax.is_encapsulated and has_codec(syntax):
        assert decode(sent).height == 60
        return
    wanted = "whole DICOM pixels, got an error" if has_codec(syntax) else "a codec for the DICOM transfer syntax"
    with pytest.raises(ImageError, match=rf"^film 3: wanted {wanted}[ -~]*$") as caught:
        decode(sent)
    assert has_codec(syntax) or str(syntax) in str(caught.value)
    assert "pip" not in str(caught.value)  # who sends a film installs nothing where it is read


def test_a_picture_of_other_sides_than_the_header_says_is_refused() -> None:
    for syntax, frame in PACKED.items():
        small = dicom(smooth()[:30, :30], syntax, frame=frame)
        with pytest.raises(ImageError, match=r"^film 3: wanted whole DICOM pixels"):
            decode(small)


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": "1e308", "RescaleIntercept": "1e308"},
        {"RescaleSlope": "nan", "RescaleIntercept": "0"},
        {"WindowCenter": "0", "WindowWidth": "inf"},
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR DS:UserWarning")
def test_numbers_that_are_not_finite_are_refused(elements: dict[str, str]) -> None:
    with pytest.raises(ImageError, match=r"^film 3: wanted whole DICOM pixels, got an error \(.*not finite\)"):
        decode(dicom(DEEP, **elements))


def test_a_steep_window_is_no_error() -> None:
    film = decode(dicom(DEEP, WindowCenter=2000, WindowWidth=0.001, VOILUTFunction="SIGMOID"))
    assert film.shown is not None
    assert np.array_equal(film.shown, np.where(DEEP > 2000, 255, np.where(DEEP == 2000, 128, 0)))
