"""Films of every form come back as they are, or scaled and turned as their file says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_films import smooth
from PIL import Image, ImageOps

from embedlearn.errors import ImageError
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import film_header, load_film, preprocess, read_film, upright_sides

EXACT: dict[str, dict[str, Any]] = {
    "film.png": {},
    "film.bmp": {},
    "film.tif": {},
    "lzw.tiff": {"compression": "tiff_lzw"},
    "film.webp": {"lossless": True},
}


@pytest.mark.parametrize("name", EXACT)
def test_lossless_formats_come_back_as_written(tmp_path: Path, name: str) -> None:
    Image.fromarray(smooth()).save(tmp_path / name, **EXACT[name])
    film = read_film(tmp_path / name)
    assert film.dtype == np.uint8
    assert film.flags["C_CONTIGUOUS"]
    assert np.array_equal(film, smooth())


@pytest.mark.parametrize("name", ["film.jpg", "film.JPEG", "film.jfif", "wrong-suffix.png", "no-suffix"])
def test_content_decides_and_not_the_suffix(tmp_path: Path, name: str) -> None:
    Image.fromarray(smooth()).save(tmp_path / name, format="JPEG", quality=95)
    assert np.abs(read_film(tmp_path / name).astype(int) - smooth()).max() <= 6
    assert film_header(tmp_path / name)["format"] == "JPEG"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK", "YCbCr"])
def test_grey_stays_grey_in_every_mode(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode in ("CMYK", "YCbCr") else "png"
    path = tmp_path / f"film.{suffix}"
    image = Image.fromarray(smooth())
    (image.convert("RGB") if mode in ("CMYK", "YCbCr") else image).convert(mode).save(path)
    assert np.abs(read_film(path).astype(int) - smooth()).max() <= 2


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(smooth() > 100).save(tmp_path / "film.png")
    assert np.array_equal(read_film(tmp_path / "film.png"), np.where(smooth() > 100, 255, 0))


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), (200, 100, 50)).save(tmp_path / "film.png")
    assert np.all(read_film(tmp_path / "film.png") == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50))


@pytest.mark.parametrize("keep_rgb", [False, True])
def test_colour_jpegs_become_the_luminance_of_their_full_decoding(tmp_path: Path, keep_rgb: bool) -> None:
    colour = np.stack([smooth(), smooth()[::-1], 255 - smooth()], axis=-1)
    Image.fromarray(colour).save(tmp_path / "film.jpg", quality=95, keep_rgb=keep_rgb)
    with Image.open(tmp_path / "film.jpg") as image:
        full = np.asarray(image.convert("L")).astype(int)
    assert np.abs(read_film(tmp_path / "film.jpg") - full).max() <= 4


def test_cmyk_jpegs_are_read(tmp_path: Path) -> None:
    Image.fromarray(smooth()).convert("RGB").convert("CMYK").save(tmp_path / "film.jpg", quality=95)
    assert np.abs(read_film(tmp_path / "film.jpg").astype(int) - smooth()).mean() < 3


def test_transparency_lies_on_black(tmp_path: Path) -> None:
    alpha = np.full((60, 80), 255, np.uint8)
    alpha[:30], alpha[30:40] = 0, 128
    Image.fromarray(np.dstack([np.full((60, 80, 3), 200, np.uint8), alpha])).save(tmp_path / "film.png")
    film = read_film(tmp_path / "film.png")
    assert np.all(film[:30] == 0)
    assert np.all(film[40:] == 200)
    assert np.all(np.abs(film[30:40].astype(int) - 100) <= 1)


def test_a_transparent_colour_of_a_palette_lies_on_black(tmp_path: Path) -> None:
    image = Image.new("P", (40, 20))
    image.paste(1, (20, 0, 40, 20))
    image.putpalette([250, 250, 250, 90, 90, 90])
    image.save(tmp_path / "film.png", transparency=0)
    assert np.unique(read_film(tmp_path / "film.png")).tolist() == [0, 90]


@pytest.mark.parametrize("name", ["film.png", "film.tif"])
def test_sixteen_bits_are_scaled_by_their_own_range(tmp_path: Path, name: str) -> None:
    values = np.full((20, 30), 37_800, np.uint16)
    values[0, :3] = 37_000, 37_400, 39_000
    Image.fromarray(values).save(tmp_path / name)
    film = read_film(tmp_path / name)
    assert film[0, :3].tolist() == [0, 51, 255]  # 400 / 2000 * 255
    assert np.all(film[1:] == 102)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wide_numbers_are_scaled_by_their_own_range(tmp_path: Path, dtype: Any) -> None:
    values = np.linspace(-1000, 1000, 20 * 51).reshape(20, 51).astype(dtype)
    Image.fromarray(values).save(tmp_path / "film.tif")
    expected = np.rint((values.astype(float) + 1000) / 2000 * 255)
    assert np.abs(read_film(tmp_path / "film.tif") - expected).max() <= 1


def test_a_constant_deep_film_is_black_and_a_constant_shallow_one_is_not(tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 20), 37_800, np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(np.full((20, 20), 77, np.uint8)).save(tmp_path / "shallow.png")
    assert np.all(read_film(tmp_path / "deep.png") == 0)
    assert np.all(read_film(tmp_path / "shallow.png") == 77)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    values = np.ones((20, 20), np.float32)
    values[3, 3] = np.nan
    Image.fromarray(values).save(tmp_path / "film.tif")
    with pytest.raises(ImageError, match=r"film\.tif: .*not finite"):
        read_film(tmp_path / "film.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["film.jpg", "film.png", "film.webp"])
def test_exif_orientation_as_pillow_undoes_it(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(smooth()).save(tmp_path / name, exif=exif, **options)
    with Image.open(tmp_path / name) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    assert upright.shape == ((60, 80) if orientation < 5 else (80, 60))
    assert np.array_equal(read_film(tmp_path / name), upright)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_is_turned_as_png_is(tmp_path: Path, orientation: int, compression: str | None) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth()).save(tmp_path / "film.png", exif=exif)
    Image.fromarray(smooth()).save(tmp_path / "film.tif", exif=exif, compression=compression)
    assert np.array_equal(read_film(tmp_path / "film.tif"), read_film(tmp_path / "film.png"))


def test_broken_exif_says_nothing(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "film.png", exif=b"Exif\0\0no such thing")
    assert np.array_equal(read_film(tmp_path / "film.png"), smooth())


@pytest.mark.parametrize(
    ("target", "shape"), [(None, (800, 1000)), (800, (800, 1000)), (399, (400, 500)), (99, (100, 125))]
)
def test_a_jpeg_shrinks_while_decoding_but_never_below_the_target(
    tmp_path: Path, target: int | None, shape: tuple[int, int]
) -> None:
    Image.fromarray(smooth(800, 1000)).save(tmp_path / "film.jpg", quality=90)
    assert read_film(tmp_path / "film.jpg", target=target).shape == shape


def test_nothing_but_jpeg_shrinks_while_decoding(tmp_path: Path) -> None:
    Image.fromarray(smooth(800, 1000)).save(tmp_path / "film.png")
    assert read_film(tmp_path / "film.png", target=100).shape == (800, 1000)


@pytest.mark.parametrize("border", [0.0, 0.4])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_shrinking_while_decoding_changes_little(tmp_path: Path, border: float, fit: Any) -> None:
    noise = np.random.default_rng(0).integers(-20, 20, (1200, 1500))
    Image.fromarray((smooth(1200, 1500) + 25 + noise).astype(np.uint8)).save(tmp_path / "film.jpg", quality=90)
    settings = Preprocessing(size=48, border=border, fit=fit)
    quick = load_film(tmp_path / "film.jpg", settings).astype(int)
    full = preprocess(read_film(tmp_path / "film.jpg"), settings)
    assert np.abs(quick - full).mean() < 2.5  # of noise that spreads over 40


def test_the_header_without_the_pixels(tmp_path: Path) -> None:
    Image.fromarray(smooth()).convert("RGB").save(tmp_path / "film.png")
    stored = (tmp_path / "film.png").stat().st_size
    assert film_header(tmp_path / "film.png") == {
        "width": 80,
        "height": 60,
        "mode": "RGB",
        "bytes": stored,
        "format": "PNG",
        "turned": False,
    }
    (tmp_path / "torn.png").write_bytes((tmp_path / "film.png").read_bytes()[:-100])
    assert film_header(tmp_path / "torn.png")["height"] == 60


def test_upright_sides_are_those_of_the_film_that_is_read(tmp_path: Path) -> None:
    for orientation in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(smooth()).save(tmp_path / f"{orientation}.jpeg", exif=exif)
        assert upright_sides(tmp_path / f"{orientation}.jpeg") == read_film(tmp_path / f"{orientation}.jpeg").shape


@pytest.mark.parametrize("name", ["sandrofab", "darkcovidnet", "ieee8023"])
def test_real_films_load_the_same_twice(shared_data: Path, name: str) -> None:
    films = sorted(path for path in (shared_data / name).rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert films
    for path in films[::29]:
        film = load_film(path, Preprocessing(size=64))
        assert film.shape == (64, 64)
        assert film.dtype == np.uint8
        assert film.std() > 1
        assert np.array_equal(film, load_film(path, Preprocessing(size=64)))
