"""The shortcut probes see what they should, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlearn.audits.probes import border_features, header_features
from embedlearn.errors import ImageError


def write_films(folder: Path, sizes: list[tuple[int, int]], mode: str = "L") -> list[Path]:
    paths = []
    for number, size in enumerate(sizes):
        paths.append(folder / f"{mode}-{number}-{size[0]}.png")
        Image.effect_noise(size, 40).convert(mode).save(paths[-1])
    return paths


def random_films(count: int = 40, size: int = 96) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)


def test_headers_tell_films_of_different_size_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = [(int(w), int(h)) for w, h in rng.integers(90, 110, (12, 2))]
    large = [(int(w), int(h)) for w, h in rng.integers(140, 160, (12, 2))]
    features = header_features(write_films(tmp_path, small + large))
    centres = features[:12].mean(0), features[12:].mean(0)
    distances = np.stack([np.linalg.norm(features - centre, axis=1) for centre in centres])
    assert distances.argmin(0).tolist() == [0] * 12 + [1] * 12


def test_headers_see_the_colour_mode(tmp_path: Path) -> None:
    sizes = [(100, 100)] * 5
    features = header_features(write_films(tmp_path, sizes) + write_films(tmp_path, sizes, "RGB"))
    apart = (features[:5].max(0) < 0) & (features[5:].min(0) > 0)
    assert apart.any()


def test_headers_do_not_see_the_picture(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (64, 80), dtype=np.uint8)
    for number, film in enumerate((grey, 255 - grey, grey[::-1], grey)):
        Image.fromarray(film).save(tmp_path / f"{number}.bmp")
    assert not header_features(sorted(tmp_path.iterdir())).any()


def test_a_film_without_a_header_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no film")
    with pytest.raises(ImageError, match=r"note\.png"):
        header_features([tmp_path / "note.png"])


def test_the_border_does_not_see_the_centre() -> None:
    films = random_films()
    changed = films.copy()
    changed[:, 12:-12, 12:-12] = 255 - changed[:, 12:-12, 12:-12]
    assert np.array_equal(border_features(films), border_features(changed))


@pytest.mark.parametrize("place", [(0, 50), (11, 50), (-1, 50), (-12, 50), (50, 0), (50, 11), (50, -1), (50, -12)])
def test_the_border_sees_all_four_sides(place: tuple[int, int]) -> None:
    films = random_films()
    changed = films.copy()
    changed[0][place] ^= 0x80
    assert not np.array_equal(border_features(films), border_features(changed))


def test_features_are_standardised_and_constant_ones_dropped(tmp_path: Path) -> None:
    films = random_films()
    films[:, :3] = 77  # the uppermost of 32 rows of tiles
    for features, columns in (
        (border_features(films), 32 * 32 - 24 * 24 - 32),
        (header_features(write_films(tmp_path, [(60, 50), (60, 80), (60, 90)])), 3),  # height, ratio, bytes a pixel
    ):
        assert features.dtype == np.float32
        assert features.shape[1] == columns
        assert features.mean(0) == pytest.approx(np.zeros(columns), abs=1e-5)
        assert features.std(0) == pytest.approx(np.ones(columns), abs=1e-4)


def test_a_pool_of_one_and_the_same_film_has_one_empty_feature() -> None:
    assert np.array_equal(border_features(np.zeros((5, 96, 96), np.uint8)), np.zeros((5, 1)))
