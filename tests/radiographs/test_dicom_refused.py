"""DICOM files that are refused, and what the one line says."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import deflated, ramp, write
from pydicom import dcmread
from pydicom.uid import (
    MPEG2MPML,
    UID,
    JPEGLosslessSV1,
)

from embedlearn.errors import ImageError
from embedlearn.radiographs import dicombounds, reading
from embedlearn.radiographs.dicom import dicom_tags
from embedlearn.radiographs.reading import film_header, read_film


def test_a_deflated_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicombounds, "MAX_INFLATED", 4 << 20)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(8)) + packer.flush()
    path = deflated(tmp_path / "bomb.dcm", body)
    assert path.stat().st_size < 20_000
    for read in (read_film, film_header, dicom_tags):
        with pytest.raises(
            ImageError, match=r"bomb\.dcm: wanted .* at most 4 MiB, got more from .* bytes; leave it out"
        ):
            read(path)


def test_deflated_garbage(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"film\.dcm: wanted a DICOM file, got a broken one \(.*\); fetch"):
        read_film(deflated(tmp_path / "film.dcm", b"\xff" * 50))


@pytest.mark.parametrize("value", ["two", "-1"])
def test_frames_that_are_no_count(tmp_path: Path, value: str) -> None:
    path = write(tmp_path / "film.dcm", ramp(), NumberOfFrames=22)
    path.write_bytes(path.read_bytes().replace(b"IS\x02\x0022", b"IS\x04\x00" + value.ljust(4).encode()))
    with pytest.raises(ImageError, match=r"film\.dcm: wanted .*"):
        read_film(path)


def test_several_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "film.dcm", ramp(), NumberOfFrames=2, PixelData=ramp().tobytes() * 2)
    with pytest.raises(ImageError, match=r"film\.dcm: wanted one frame, got 2; save the one you want by data convert"):
        read_film(path)
    with pytest.raises(ImageError, match=r"film\.dcm: wanted --frame from 1 to 2, got 3; choose another"):
        read_film(path, frame=3)
    with pytest.raises(ImageError, match=r"film\.dcm: wanted --frame from 1 to 2, got 0; choose another"):
        read_film(path, frame=0)


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
    with pytest.raises(ImageError, match=r"film\.dcm: .*starts with .not a film.*; replace"):
        read_film(tmp_path / "film.dcm")


def test_a_film_too_large_or_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(path: Path) -> None:
        raise AssertionError("decoded before its size was looked at")

    monkeypatch.setattr(reading, "dicom_values", decode)
    with pytest.raises(ImageError, match=r"large\.dcm: .*100 million pixels, got 30000 x 30000"):
        read_film(write(tmp_path / "large.dcm", ramp(), Rows=30_000, Columns=30_000))
    with pytest.raises(ImageError, match=r"small\.dcm: .*at least 16 .* got 16 x 15"):
        read_film(write(tmp_path / "small.dcm", ramp()[:15]))


def test_a_bomb_behind_a_long_head(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    path = deflated(tmp_path / "bomb.dcm", packer.compress(bytes(8 << 20)) + packer.flush())
    data = path.read_bytes()
    note = b"\x02\x00\x02\x01OB\x00\x00" + (2000).to_bytes(4, "little") + bytes(2000)  # (0002,0102)
    path.write_bytes(data[:144] + note + data[144:])
    for read in (read_film, dicom_tags):
        with pytest.raises(ImageError, match=r"bomb\.dcm: wanted .* at most 4 MiB, got more from .* bytes; leave"):
            read(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_bomb_of_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, nested: bool) -> None:
    monkeypatch.setattr(dicombounds, "MAX_READS", 4_999)
    head = b"\x09\x00\x05\x10SQ\x00\x00" + b"\xff" * 4 if nested else b""
    item = b"\xfe\xff\x00\xe0\x00\x00\x00\x00" if nested else b"\x09\x00\x10\x10LO\x00\x00"
    body = head + item * 20_000
    if packed:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        path = deflated(tmp_path / "film.dcm", packer.compress(body) + packer.flush())
    else:
        path = write(tmp_path / "film.dcm", ramp())
        path.write_bytes(path.read_bytes() + body)
    with pytest.raises(ImageError, match=r"film\.dcm: wanted a DICOM film, got one in more than 4,999 pieces; leave"):
        read_film(path)
