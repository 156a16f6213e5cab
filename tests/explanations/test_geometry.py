"""Where things lie is where `preprocess` puts them: cropped and padded, trimmed, at odd sizes, upright and lying."""

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.explanations.geometry import Sight, cell_at, cell_of, on_film, shown_of, to_grid, to_square, window_of
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

SIZES = [(301, 203), (203, 301), (256, 256), (97, 640), (333, 334)]
CASES = [
    (size, Preprocessing(size=48, fit=fit, border=border))
    for size, fit, border in itertools.product(SIZES, ("crop", "pad"), (0.0, 0.1))
]
each_case = pytest.mark.parametrize(
    ("size", "settings"), CASES, ids=[f"{h}x{w}-{s.fit}-{s.border}" for (h, w), s in CASES]
)


def centre_of(picture: NDArray) -> NDArray:
    """The centre of mass in pixels from the upper and left edges."""
    weights = picture.astype(float)
    places = np.indices(weights.shape) + 0.5
    return (places * weights).sum((1, 2)) / weights.sum()


def rectangle(height: int, width: int, where: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    top, left, bottom, right = where
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


@each_case
def test_a_bright_rectangle_goes_where_preprocess_puts_it(size, settings):
    height, width = size
    short = min(size)
    top, left = height // 2 - short // 4, width // 2 - short // 5
    mask = rectangle(height, width, (top, left, top + short // 3, left + short // 8))
    grey = np.full(size, 60, np.uint8)
    seen = (preprocess(grey + 120 * mask.astype(np.uint8), settings) - preprocess(grey, settings).astype(float)) / 120
    said = to_square(mask, settings)
    assert np.abs(said - seen).max() < 0.2  # Lanczos rings where an exact area mean does not
    assert np.abs(centre_of(said) - centre_of(seen)).max() < 0.05
    assert said.sum() == pytest.approx(seen.sum(), rel=0.02)


@each_case
def test_a_bright_spot_on_the_square_is_found_on_the_film_again(size, settings):
    """Each corner of what is shown: preprocess finds it in the square, and the square's map leads back to it."""
    height, width = size
    shown = shown_of(height, width, settings)
    side = 9
    for row, column in itertools.product(
        (int(shown.top), int(shown.bottom) - side), (int(shown.left), int(shown.right) - side)
    ):
        film = rectangle(height, width, (row, column, row + side, column + side))
        square = preprocess(np.where(film, np.uint8(255), np.uint8(0)), settings)
        found = np.nan_to_num(on_film(square.astype(np.float32), height, width, Sight(settings)))
        scale = np.ptp((window_of(height, width, settings).top, window_of(height, width, settings).bottom)) / 48
        assert np.abs(centre_of(found) - (row + side / 2, column + side / 2)).max() < 0.7 * scale


@each_case
def test_what_is_trimmed_or_cropped_is_black_to_both(size, settings):
    height, width = size
    top, left, bottom, right = (int(edge) for edge in shown_of(height, width, settings))
    outside = ~rectangle(height, width, (top, left, bottom, right))
    film = np.where(outside, np.uint8(255), np.uint8(0))
    assert preprocess(film, settings).max() == 0
    assert to_square(outside, settings).max() == 0
    assert (np.isnan(on_film(np.ones((3, 2)), height, width, Sight(settings))) == outside).all()


@each_case
def test_the_window_is_the_square_and_holds_what_is_shown(size, settings):
    window, shown = window_of(*size, settings), shown_of(*size, settings)
    height, width = window.bottom - window.top, window.right - window.left
    assert height == pytest.approx(width, rel=0.08)  # a padded strip is rounded to whole pixels of the square
    assert window.top <= shown.top + 1e-9 and window.left <= shown.left + 1e-9
    assert window.bottom >= shown.bottom - 1e-9 and window.right >= shown.right - 1e-9
    if settings.fit == "crop":
        assert window == shown


def test_a_padded_film_keeps_its_own_part_of_the_square():
    settings = Preprocessing(size=40, fit="pad")
    assert window_of(100, 200, settings) == (-50, 0, 150, 200)
    assert to_square(np.ones((100, 200)), settings)[9:11, 0].tolist() == [0, 1]
    assert window_of(200, 100, settings) == (0, -50, 200, 150)


def test_the_mean_over_the_square_is_that_of_a_plain_loop():
    """Film of 7 x 7 onto 16 x 16, where each pixel of the square covers up to four of the film."""
    film = np.random.default_rng(0).normal(size=(7, 7))
    fine = np.kron(film, np.ones((16, 16)))  # 112 = 7 * 16 parts a side: every edge falls between two of them
    plain = [[fine[7 * i : 7 * i + 7, 7 * j : 7 * j + 7].mean() for j in range(16)] for i in range(16)]
    assert np.allclose(to_square(film, Preprocessing(size=16)), plain, atol=1e-6)


def test_cells_hold_the_mean_of_what_they_cover():
    square = np.random.default_rng(1).normal(size=(48, 48)).astype(np.float32)
    assert np.allclose(to_grid(square, 6, 4), square.reshape(6, 8, 4, 12).mean((1, 3)), atol=1e-6)
    assert to_grid(square, 7, 5).mean() == pytest.approx(square.mean(), abs=1e-6)
    assert np.allclose(to_grid(square, 48, 48), square)


@pytest.mark.parametrize(("height", "width", "h", "w"), [(300, 300, 6, 6), (301, 301, 3, 7), (20, 20, 7, 5)])
def test_bilinear_maps_are_those_of_torch_without_aligned_corners(height, width, h, w):
    grid = np.random.default_rng(2).normal(size=(h, w)).astype(np.float32)
    film = on_film(grid, height, width, Sight(Preprocessing()))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(grid)[None, None], (height, width), mode="bilinear", align_corners=False
    )
    assert np.allclose(film, wanted[0, 0].numpy(), atol=1e-5)


@each_case
def test_a_map_on_the_film_comes_back_to_the_grid(size, settings):
    """Also shows that no axis is swapped: the map and the grid are of 3 rows and 8 columns, each cell its own value."""
    grid = np.arange(24, dtype=np.float32).reshape(3, 8)
    film = on_film(grid, *size, Sight(settings), how="nearest")
    again = to_grid(to_square(np.nan_to_num(film), settings), 3, 8)
    covered = to_grid(to_square(np.isfinite(film), settings), 3, 8)
    some = covered > 0.2
    assert some.sum() >= 8
    assert np.abs(again[some] / covered[some] - grid[some]).max() < 0.2  # a pixel on two cells belongs to one of them


def test_rows_stay_rows():
    grid = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    film = on_film(grid, 240, 240, Sight(Preprocessing()), how="nearest")
    assert film[10, 10] == 1 and film[10, 230] == 3 and film[230, 10] == 4 and film[230, 230] == 6
    smooth = on_film(grid, 240, 240, Sight(Preprocessing()))
    assert smooth[60, 40] == pytest.approx(1.0, abs=0.05) and smooth[60, 200] == pytest.approx(3.0, abs=0.05)


def test_what_is_no_matrix_is_refused():
    for call in (
        lambda: to_square(np.zeros((2, 3, 4)), Preprocessing()),
        lambda: to_grid(np.zeros(5), 1, 1),
        lambda: on_film(np.zeros((0, 4)), 9, 9, Sight(Preprocessing())),
    ):
        with pytest.raises(ArgumentError, match=r"wanted a matrix \[height, width\], got shape"):
            call()
    with pytest.raises(ArgumentError, match="how: wanted bilinear or nearest, got 'cubic'"):
        on_film(np.ones((2, 2)), 9, 9, Sight(Preprocessing()), how="cubic")


@each_case
@pytest.mark.parametrize("lag", [0.0, 0.4, -0.3])
def test_a_cell_is_where_it_is_painted_and_found_again(size, settings, lag):
    grid, sight = np.arange(20, dtype=np.float32).reshape(4, 5), Sight(settings, lag)
    film = on_film(grid, *size, sight, how="nearest")
    plain = np.full(size, np.nan)
    for row, column in itertools.product(range(4), range(5)):
        cell = cell_of(row, column, (4, 5), *size, sight)
        inside = [(np.arange(side) + 0.5 >= cell[axis]) & (np.arange(side) + 0.5 < cell[axis + 2])
                  for axis, side in enumerate(size)]  # fmt: skip
        plain[np.ix_(*inside)] = grid[row, column]
        middle = ((cell.top + cell.bottom) / 2, (cell.left + cell.right) / 2)
        assert cell_at(*middle, (4, 5), *size, sight) == (row, column)
    assert np.array_equal(np.where(np.isnan(film), np.nan, plain), film, equal_nan=True)
    window = window_of(*size, settings)
    assert cell_at(window.top - 1, window.left, (4, 5), *size, sight) is None
    assert cell_at(window.top, window.right, (4, 5), *size, sight) is None


@pytest.mark.parametrize(("lag", "edges"), [(0.25, [0, 6, 14, 22, 30, 38, 48]), (-0.5, [0, 12, 20, 28, 36, 44, 48])])
def test_cells_with_a_lag_hold_the_mean_of_what_they_have_of_the_square(lag, edges):
    square = np.random.default_rng(1).normal(size=(48, 48))
    spans = list(itertools.pairwise(edges))
    plain = [[square[top:bottom, left:right].mean() for left, right in spans] for top, bottom in spans]
    assert np.allclose(to_grid(square, 6, 6, lag), plain, atol=1e-6)
    assert np.allclose(to_grid(np.ones((48, 48)), 5, 7, lag), 1)


def test_a_lag_moves_a_map_up_and_left_and_the_last_cells_go_on():
    grid = np.random.default_rng(2).normal(size=(6, 6)).astype(np.float32)
    plain, moved = (on_film(grid, 240, 240, Sight(Preprocessing(), lag)) for lag in (0.0, 0.25))
    assert np.allclose(moved[:-10, :-10], plain[10:, 10:], atol=1e-5)
    assert np.allclose(moved[-10:, -10:], grid[-1, -1])


def test_a_lag_of_a_cell_is_refused():
    for call in (lambda: Sight(Preprocessing(), 1.0), lambda: to_grid(np.ones((4, 4)), 2, 2, -1.5)):
        with pytest.raises(ArgumentError, match="lag: wanted less than one cell either way, got"):
            call()
