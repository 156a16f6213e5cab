"""DICOM films against values worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import deflated, lut, ramp, write
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import (
    RLELossless,
)

from embedlearn.errors import ImageError
from embedlearn.radiographs.dicom import dicom_tags
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import film_header, load_film, read_film


def test_without_a_window_the_pixel_range_is_black_to_white(tmp_path: Path) -> None:
    film = read_film(write(tmp_path / "film.dcm", ramp() // 2 + 100))
    assert film.dtype == np.uint8
    assert film.shape == (16, 16)
    assert np.array_equal(film.ravel(), np.arange(256))


def test_a_window_clips_and_scales(tmp_path: Path) -> None:
    film = read_film(write(tmp_path / "film.dcm", ramp(), WindowCenter=1000.5, WindowWidth=1001))
    expected = np.rint((ramp().astype(float) - 500).clip(0, 1000) / 1000 * 255)  # C.11.2.1.2.1: from 500 to 1500
    assert np.array_equal(film, expected)


def test_an_exact_window_is_its_full_width(tmp_path: Path) -> None:
    elements: dict[str, Any] = {"WindowCenter": 1000, "WindowWidth": 1000, "VOILUTFunction": "LINEAR_EXACT"}
    film = read_film(write(tmp_path / "film.dcm", ramp(), **elements))
    assert np.array_equal(film, np.rint((ramp().astype(float) - 500).clip(0, 1000) / 1000 * 255))


def test_a_sigmoid_window_is_grey_at_its_centre(tmp_path: Path) -> None:
    elements: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"}
    film = read_film(write(tmp_path / "film.dcm", ramp(), **elements))
    assert film[8, 0] == 128
    assert film[0, 0] == 0
    assert film[-1, -1] == 255
    assert film.ravel()[(2048 + 256) // 16] == round(255 / (1 + np.exp(-4 * 256 / 1000)))


def test_the_first_of_several_windows_counts(tmp_path: Path) -> None:
    one = read_film(write(tmp_path / "one.dcm", ramp(), WindowCenter=1000, WindowWidth=500))
    two = read_film(write(tmp_path / "two.dcm", ramp(), WindowCenter=[1000, 2000], WindowWidth=[500, 4000]))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("width", [0, 1])
def test_a_window_without_width(tmp_path: Path, width: int) -> None:
    film = read_film(write(tmp_path / "film.dcm", ramp(), WindowCenter=1000, WindowWidth=width))
    assert np.array_equal(film, read_film(write(tmp_path / "none.dcm", ramp())))


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    elements: dict[str, Any] = {"RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 0.5, "WindowWidth": 1025}
    film = read_film(write(tmp_path / "film.dcm", ramp(), **elements))
    expected = np.rint((ramp() * 2.0 - 1024 + 512).clip(0, 1024) / 1024 * 255)
    assert np.array_equal(film, expected)


def test_a_negative_slope_turns_the_film_over(tmp_path: Path) -> None:
    film = read_film(write(tmp_path / "film.dcm", ramp(), RescaleSlope=-1, RescaleIntercept=4095))
    assert np.array_equal(film.ravel(), np.arange(255, -1, -1))


def test_signed_values(tmp_path: Path) -> None:
    film = read_film(write(tmp_path / "film.dcm", ramp().astype(np.int16) // 2 - 1024))
    assert np.array_equal(film.ravel(), np.arange(256))


def test_a_modality_lut_comes_before_the_window(tmp_path: Path) -> None:
    pixels = np.tile(np.array([0, 1, 2, 3], np.uint16), (16, 4))
    elements: dict[str, Any] = {
        "ModalityLUTSequence": [lut(0, 16, [100, 400, 200, 300])],
        "WindowCenter": 250.5,
        "WindowWidth": 301,
    }
    film = read_film(write(tmp_path / "film.dcm", pixels, **elements))
    assert film[0, :4].tolist() == [0, 255, 85, 170]


def test_a_voi_lut_goes_before_a_window(tmp_path: Path) -> None:
    pixels = np.tile(np.array([9, 10, 11, 12], np.uint16), (16, 4))
    elements: dict[str, Any] = {"VOILUTSequence": [lut(10, 12, [0, 4095, 819])], "WindowCenter": 10, "WindowWidth": 2}
    film = read_film(write(tmp_path / "film.dcm", pixels, **elements))
    assert film[0, :4].tolist() == [0, 0, 255, 51]


def test_a_voi_lut_reads_rescaled_values(tmp_path: Path) -> None:
    pixels = np.tile(np.array([0, 1, 2, 3], np.uint16), (16, 4))
    elements: dict[str, Any] = {
        "RescaleSlope": 1,
        "RescaleIntercept": 10,
        "VOILUTSequence": [lut(10, 12, [0, 4095, 819, 1638])],
    }
    film = read_film(write(tmp_path / "film.dcm", pixels, **elements))
    assert film[0, :4].tolist() == [0, 255, 51, 102]


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE", ""])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1000.5, "WindowWidth": 1001}])
def test_monochrome1_is_inverted_once_whatever_the_presentation_shape(
    tmp_path: Path, shape: str, window: dict[str, Any]
) -> None:
    elements: dict[str, Any] = {**window, "PresentationLUTShape": shape}
    plain = read_film(write(tmp_path / "plain.dcm", ramp(), **elements)).astype(int)
    inverse = read_film(write(tmp_path / "film.dcm", ramp(), PhotometricInterpretation="MONOCHROME1", **elements))
    assert np.abs(255 - plain - inverse).max() <= 1  # half a grey value may round either way
    assert inverse[0, 0] == 255
    assert inverse[-1, -1] == 0


def test_a_constant_film_is_black(tmp_path: Path) -> None:
    assert not read_film(write(tmp_path / "film.dcm", np.full((20, 20), 99, np.uint16))).any()


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    pixels = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    assert np.all(read_film(write(tmp_path / "film.dcm", pixels)) == 124)  # 59.8 + 58.7 + 5.7


def test_run_lengths_are_decoded(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 50), dtype=np.uint16)
    packed = write(tmp_path / "packed.dcm", pixels, rle=True)
    assert dcmread(packed).file_meta.TransferSyntaxUID == RLELossless
    assert np.array_equal(read_film(packed), read_film(write(tmp_path / "plain.dcm", pixels)))


def test_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "film.png", ramp())
    assert read_film(path).shape == (16, 16)
    assert film_header(path)["format"] == "DICOM"


def test_a_bare_data_set_without_preamble(tmp_path: Path) -> None:
    dataset = dcmread(write(tmp_path / "film.dcm", ramp()))
    del dataset.file_meta, dataset.preamble
    dataset.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True)
    assert (tmp_path / "bare.dcm").read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read_film(tmp_path / "bare.dcm"), read_film(tmp_path / "film.dcm"))


def test_the_header_without_the_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", np.zeros((30, 20), np.uint16), PhotometricInterpretation="MONOCHROME1")
    assert film_header(path) == {
        "width": 20,
        "height": 30,
        "mode": "MONOCHROME1",
        "bytes": path.stat().st_size,
        "format": "DICOM",
        "turned": False,
    }


def test_load_film_makes_a_square(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", np.random.default_rng(0).integers(0, 4096, (60, 40), dtype=np.uint16))
    assert load_film(path, Preprocessing(size=32)).shape == (32, 32)


def test_a_frame_is_chosen_by_its_number(tmp_path: Path) -> None:
    frames = np.stack([ramp(), ramp()[::-1], ramp().T])
    pixels = frames.astype(np.uint16).tobytes()
    path = write(tmp_path / "film.dcm", ramp(), NumberOfFrames=3, PixelData=pixels)
    for number, frame in enumerate(frames, start=1):
        assert np.array_equal(read_film(path, frame=number), read_film(write(tmp_path / "one.dcm", frame)))
    assert np.array_equal(read_film(write(tmp_path / "one.dcm", ramp()), frame=1), read_film(path, frame=1))


def test_the_frame_of_a_film_that_is_no_dicom(tmp_path: Path) -> None:
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "film.png")
    assert np.array_equal(read_film(tmp_path / "film.png", frame=1), np.eye(20))
    with pytest.raises(ImageError, match=r"film\.png: wanted --frame 1 of a file that is no DICOM, got 2; leave"):
        read_film(tmp_path / "film.png", frame=2)


def test_a_deflated_film(tmp_path: Path) -> None:
    film = read_film(deflated(tmp_path / "film.dcm", b""))
    assert np.array_equal(film, read_film(write(tmp_path / "plain.dcm", ramp())))


def test_tags(tmp_path: Path) -> None:
    code = Dataset()
    code.CodeMeaning = "left lateral"
    path = write(tmp_path / "film.dcm", ramp(), PatientID=" 7 ", PatientAge="018M", PatientSex="M", Laterality="R")
    tags = dicom_tags(path)
    assert (tags.patient, tags.age, tags.sex, tags.laterality, tags.view) == ("7", "1.5", "M", "R", None)
    assert (tags.modality, tags.photometric, tags.pictured, tags.frames) == ("DX", "MONOCHROME2", True, 1)
    assert dicom_tags(write(tmp_path / "film.dcm", ramp(), ViewCodeSequence=[code], ImageLaterality="L")).view == "L"
    report = write(tmp_path / "report.dcm", ramp(), Modality="SR", Rows=None, Columns=None, PixelData=None)
    assert not dicom_tags(report).pictured
