"""Every way in which a file is no film, and what the one line says."""

import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_films import smooth
from PIL import Image, ImageFile

from embedlearn.errors import ImageError
from embedlearn.radiographs.reading import film_header, read_film


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def test_a_missing_film(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"film\.png: .*No such file.*; check the path"):
        read_film(tmp_path / "film.png")


def test_a_folder_in_place_of_a_film(tmp_path: Path) -> None:
    (tmp_path / "film.png").mkdir()
    with pytest.raises(ImageError, match=r"film\.png: .*got a folder.*; give the file"):
        read_film(tmp_path / "film.png")


def test_an_unreadable_film(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    Image.fromarray(smooth()).save(tmp_path / "film.png")
    (tmp_path / "film.png").chmod(0)
    with pytest.raises(ImageError, match=r"film\.png: .*Permission denied; check"):
        read_film(tmp_path / "film.png")


def test_a_refusing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    Image.fromarray(smooth()).save(tmp_path / "film.png")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match=r"film\.png: .*Permission denied; check the path and its permissions"):
        read_film(tmp_path / "film.png")


def test_an_impossible_path() -> None:
    with pytest.raises(ImageError, match="null byte"):
        read_film(Path("film\0.png"))


def test_an_empty_film(tmp_path: Path) -> None:
    (tmp_path / "film.png").touch()
    with pytest.raises(ImageError, match=r"film\.png: .*0 bytes.*; fetch the file again"):
        read_film(tmp_path / "film.png")


@pytest.mark.parametrize("content", [b"version https://git-lfs", b"<html>not found</html>", b"GIF89a" + bytes(200)])
def test_something_else_under_a_films_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.png").write_bytes(content)
    with pytest.raises(
        ImageError, match=rf"film\.png: wanted a PNG.*starts with .{content[:3].decode()}.*; replace it"
    ):
        read_film(tmp_path / "film.png")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize(
    "name", ["film.png", "film.jpg", "progressive.jpg", "film.webp", "film.tif", "lzw.tif", "film.bmp"]
)
def test_a_torn_film_is_refused_and_never_filled_up(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300), dtype=np.uint8)
    options: dict[str, Any] = {"progressive.jpg": {"progressive": True}, "lzw.tif": {"compression": "tiff_lzw"}}
    Image.fromarray(noise).save(tmp_path / name, **options.get(name, {}))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError, match=rf"{name}: wanted a whole film, got .*; fetch or save"):
        read_film(tmp_path / name, target=32)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.filterwarnings("error")
def test_a_pixel_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png_header(30_000, 30_000))
    started, before = time.perf_counter(), Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=r"film\.png: .*100 million pixels, got 30000 x 30000"):
        read_film(tmp_path / "film.png")
    assert time.perf_counter() - started < 0.2
    assert before == Image.MAX_IMAGE_PIXELS
    assert film_header(tmp_path / "film.png")["width"] == 30_000


@pytest.mark.filterwarnings("error")
def test_a_large_tiff_below_our_limit_and_above_pillows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(smooth()).save(tmp_path / "film.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 80 - 1)
    assert np.array_equal(read_film(tmp_path / "film.tif"), smooth())


def test_pillows_own_limit_never_leaks(tmp_path: Path) -> None:
    canvas = b"WEBPVP8X" + struct.pack("<II", 10, 0) + (16_382).to_bytes(3, "little") * 2
    (tmp_path / "film.webp").write_bytes(b"RIFF" + struct.pack("<I", len(canvas)) + canvas)
    with pytest.raises(ImageError, match=r"film\.webp: wanted at most 100 million pixels"):
        read_film(tmp_path / "film.webp")


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
def test_a_film_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size).save(tmp_path / "film.png")
    with pytest.raises(ImageError, match=rf"film\.png: wanted at least 16 .* got {size[0]} x {size[1]}; replace"):
        read_film(tmp_path / "film.png")


@pytest.mark.parametrize("name", ["film.png", "film.tif", "film.webp"])
def test_several_pictures_in_one_file(tmp_path: Path, name: str) -> None:
    pictures = [Image.fromarray(np.roll(smooth(), 5 * number, 0)) for number in range(3)]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:])
    with pytest.raises(ImageError, match=rf"{name}: wanted one picture, got 3; save"):
        read_film(tmp_path / name)
