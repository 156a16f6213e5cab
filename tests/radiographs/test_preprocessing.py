"""From a film to pixels of one size."""

import numpy as np
from made_films import smooth

from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess


def test_crop_keeps_the_central_square() -> None:
    film = np.zeros((100, 160), np.uint8)
    film[:, 30:130] = 200
    assert np.all(preprocess(film, Preprocessing(size=32)) == 200)
    assert np.all(preprocess(film.T, Preprocessing(size=32)) == 200)


def test_pad_keeps_everything_on_black() -> None:
    square = preprocess(np.full((50, 100), 200, np.uint8), Preprocessing(size=64, fit="pad"))
    assert square.shape == (64, 64)
    assert np.all(square[16:48] == 200)
    assert not square[:16].any()
    assert not square[48:].any()


def test_padding_a_strip_takes_no_more_room_than_the_strip() -> None:
    square = preprocess(np.full((16, 200_000), 200, np.uint8), Preprocessing(size=64, fit="pad"))
    assert square.shape == (64, 64)
    assert np.count_nonzero(square.any(axis=1)) == 1


def test_border_cuts_every_side() -> None:
    film = np.full((100, 100), 255, np.uint8)
    film[20:80, 20:80] = 90
    assert np.all(preprocess(film, Preprocessing(size=32, border=0.2)) == 90)
    assert preprocess(film, Preprocessing(size=32, border=0.1)).max() > 90


def test_the_smallest_film_and_the_widest_border_leave_pixels() -> None:
    assert preprocess(smooth(16, 16), Preprocessing(size=16, border=0.4)).shape == (16, 16)


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    small = preprocess(stripes, Preprocessing(size=48)).astype(int)
    assert np.abs(small[2:-2, 2:-2] - 127.5).max() <= 2  # the outermost pixels see half a stripe


def test_resizing_to_its_own_size_changes_nothing() -> None:
    film = smooth(64, 64)
    assert np.array_equal(preprocess(film, Preprocessing(size=64)), film)


def test_clahe_spreads_grey_values_and_leaves_a_constant_film() -> None:
    dull = (smooth(96, 96) // 4 + 90).astype(np.uint8)
    settings = Preprocessing(size=96, clahe=True)
    equalised = preprocess(dull, settings)
    assert equalised.dtype == np.uint8
    assert equalised.shape == (96, 96)
    assert equalised.std() > 1.5 * dull.std()
    assert np.all(preprocess(np.full((96, 96), 7, np.uint8), settings) == 7)
