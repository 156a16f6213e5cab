"""Thumbnails against a plain loop over tiles."""

import numpy as np
import pytest

from embedlearn.radiographs.thumbnails import thumbnails


@pytest.mark.parametrize(("size", "side"), [(96, 24), (64, 32), (96, 7), (33, 32), (50, 50), (20, 1)])
def test_each_pixel_is_the_mean_of_its_tile(size: int, side: int) -> None:
    films = np.random.default_rng(size).integers(0, 256, (3, size, size), dtype=np.uint8)
    small = thumbnails(films, side)
    assert small.dtype == np.float32
    assert small.shape == (3, side, side)
    for y in range(side):
        for x in range(side):
            top, bottom = y * size // side, (y + 1) * size // side
            left, right = x * size // side, (x + 1) * size // side
            for film, thumbnail in zip(films, small, strict=True):
                assert thumbnail[y, x] == pytest.approx(film[top:bottom, left:right].mean())


def test_a_film_smaller_than_its_thumbnail_stays_as_it_is() -> None:
    films = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    assert np.array_equal(thumbnails(films, 24), films)


def test_bright_films_do_not_overflow() -> None:
    assert np.all(thumbnails(np.full((1, 2048, 2048), 255, np.uint8), 4) == 255)
