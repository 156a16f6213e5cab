"""DICOM films against values worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
    generate_uid,
)

from embedlearn.errors import ImageError
from embedlearn.radiographs import reading
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import film_header, load_film, read_film


def ramp() -> NDArray[np.uint16]:
    """Values 0, 16, ... 4080, uint16 [16, 16]."""
    return np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)


def write(path: Path, pixels: NDArray[Any], *, rle: bool = False, **elements: Any) -> Path:
    """A single-frame DICOM file of 12 bits in 16 (or of `pixels`' own 8), with `elements` set, or removed if None."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = 8 if pixels.dtype == np.uint8 else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    if rle:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut(first: int, bits: int, values: list[int]) -> Dataset:
    """One item of a VOI or modality LUT sequence."""
    item = Dataset()
    item.LUTDescriptor = [len(values), first, bits]
    item.add_new("LUTData", "US", values)
    return item


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


# What is refused, and what the one line says.


def test_several_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", ramp(), NumberOfFrames=2, PixelData=ramp().tobytes() * 2)
    with pytest.raises(ImageError, match=r"film\.dcm: wanted one frame, got 2; save"):
        read_film(path)


def test_one_declared_frame_is_one_film(tmp_path: Path) -> None:
    assert read_film(write(tmp_path / "film.dcm", ramp(), NumberOfFrames=1)).shape == (16, 16)


def test_no_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", ramp(), PixelData=None)
    with pytest.raises(ImageError, match=r"film\.dcm: .*without pixel data; fetch"):
        read_film(path)


def test_an_object_that_is_no_image(tmp_path: Path) -> None:
    path = write(tmp_path / "report.dcm", ramp(), Modality="SR", Rows=None, Columns=None, PixelData=None)
    with pytest.raises(ImageError, match=r"report\.dcm: .*without an image \(SR\); leave it out"):
        read_film(path)


def test_a_palette(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", ramp(), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(ImageError, match=r"film\.dcm: .*got PALETTE COLOR; convert"):
        read_film(path)


@pytest.mark.parametrize(("syntax", "name"), [(JPEGLosslessSV1, "JPEG Lossless"), (MPEG2MPML, "MPEG2")])
def test_a_codec_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, name: str) -> None:
    from pydicom.pixels.decoders import base

    def refuse(uid: str) -> Any:
        raise NotImplementedError(uid)

    path = write(tmp_path / "film.dcm", ramp())
    dataset = dcmread(path)
    dataset.PixelData = b"\xfe\xff\x00\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.save_as(path)
    monkeypatch.setattr(base, "get_decoder", refuse)
    with pytest.raises(ImageError, match=rf"film\.dcm: .*{name}.*{syntax}.*pip install 'embedlearn\[dicom\]'"):
        read_film(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_torn_film(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "film.dcm", np.ones((64, 64), np.uint16))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError, match=r"film\.dcm: .*; fetch the file again"):
        read_film(path)


def test_text_under_a_dicom_name(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_text("not a film" * 40)
    with pytest.raises(ImageError, match=r"film\.dcm: .*starts with b'not a film.*; replace"):
        read_film(tmp_path / "film.dcm")


def test_a_film_too_large_or_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(path: Path) -> None:
        raise AssertionError("decoded before its size was looked at")

    monkeypatch.setattr(reading, "dicom_values", decode)
    with pytest.raises(ImageError, match=r"large\.dcm: .*100 million pixels, got 30000 x 30000"):
        read_film(write(tmp_path / "large.dcm", ramp(), Rows=30_000, Columns=30_000))
    with pytest.raises(ImageError, match=r"small\.dcm: .*at least 16 .* got 16 x 15"):
        read_film(write(tmp_path / "small.dcm", ramp()[:15]))
