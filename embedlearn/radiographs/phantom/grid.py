"""The coarse grid on which a phantom is drawn, and the few operations on fields that the drawing needs."""

import functools

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Field = npt.NDArray[np.floating]  # float32 throughout; numpy's stubs infer no more than this

WORK = 144  # anatomy is smooth: finer would cost time and show nothing more after the scanner's blur


@functools.lru_cache(maxsize=1)
def pixel_grid() -> tuple[Field, Field]:
    """Give x (to the right) and y (downwards) of the pixel centres, each float32 [WORK, WORK], from -1 to 1."""
    ticks = (2 * np.arange(WORK, dtype=np.float32) + 1) / WORK - 1
    x, y = np.meshgrid(ticks, ticks)
    return x, y


def step(distance: Field, softness: float) -> Field:
    """0 far below zero `distance`, 1 far above, with a logistic edge of width `softness`; shape of `distance`."""
    edge: Field = np.tanh(distance * (0.5 / softness))
    edge += 1
    edge *= 0.5
    return edge


def smooth_noise(rng: np.random.Generator, cells: int, size: int = WORK) -> Field:
    """Smooth Gaussian noise of about unit variance, float32 [size, size], with `cells` independent values a side."""
    return resized(rng.standard_normal((cells, cells), dtype=np.float32), size)


def resized(field: Field, size: int) -> Field:
    """`field` [n, n] at another `size`, float32 [size, size], by cubic interpolation (widened where it shrinks)."""
    across = _rows_resized(np.ascontiguousarray(field.T), size)
    return _rows_resized(np.ascontiguousarray(across.T), size)


def blurred(field: Field, sigma: float) -> Field:
    """`field` under a Gaussian of `sigma` pixels; the border's values go on beyond it."""
    smooth: Field = ndimage.gaussian_filter(field, sigma, mode="nearest", truncate=3.0)
    return smooth


def splatted(x: Field, y: Field, weight: Field) -> Field:
    """The sum of `weight` over points at `x`, `y` (any one shape, -1 to 1) in each pixel, float32 [WORK, WORK]."""
    column = ((x + 1) * (WORK / 2)).astype(np.int32)
    row = ((y + 1) * (WORK / 2)).astype(np.int32)
    seen = (column >= 0) & (column < WORK) & (row >= 0) & (row < WORK)
    sums = np.bincount((row * WORK + column)[seen], weights=weight[seen], minlength=WORK * WORK)
    return sums.reshape(WORK, WORK).astype(np.float32)


def _rows_resized(field: Field, size: int) -> Field:
    """`field` [n, m] with `size` rows; a few taps a row, which a matrix product spread over cores would not beat."""
    taps, weights = _taps(field.shape[0], size)
    total, part = np.zeros((2, size, field.shape[1]), np.float32)
    for tap, weight in zip(taps, weights, strict=True):
        np.take(field, tap, axis=0, out=part, mode="clip")
        part *= weight
        total += part
    return total


@functools.lru_cache(maxsize=32)
def _taps(source: int, size: int) -> tuple[npt.NDArray[np.int64], Field]:
    """Rows to add up, [taps, size], and their weights, [taps, size, 1]: Catmull-Rom (Keys 1981, a = -0.5)."""
    widening = max(1.0, source / size)
    centres = (np.arange(size) + 0.5) * source / size - 0.5
    reach = int(np.ceil(2 * widening))
    rows = np.floor(centres).astype(np.int64) + np.arange(1 - reach, 1 + reach)[:, None]
    u = np.abs(centres - rows) / widening
    weights = np.where(u < 1, 1.5 * u**3 - 2.5 * u**2 + 1, -0.5 * u**3 + 2.5 * u**2 - 4 * u + 2) * (u < 2)
    weights /= weights.sum(axis=0)
    return np.clip(rows, 0, source - 1), weights.astype(np.float32)[:, :, None]
