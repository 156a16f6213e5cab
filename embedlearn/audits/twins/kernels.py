"""The loops over pixels: one film laid upon another by Gauss-Newton steps, and how well their tiles agree there.

A map is six numbers: row v and column u of the second film at row y and column x of the first are v = m0 + m1 y + m2 x
and u = m3 + m4 y + m5 x, all in sides of the film from its middle.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Map = NDArray[np.float64]

NUMBERS = 6
LEAST_OVERLAP = 0.3  # of the first film: what is laid further off has run away
DAMPING = 1e-3  # of the mean curvature, so that a film without structure in one direction is not thrown about
SETTLED = 1e-3  # of correlation: what one more step changes less is done
TRIED, HOPELESS = 4, 0.3  # steps after which a correlation still so low is given up
SUMS = {"reassoc", "contract"}


@njit(cache=True, nogil=True)
def _sampled(first: Plane, second: Plane, place: Map, where: NDArray[np.int32], values: Plane, slopes: Plane) -> int:
    """Lay `first` on `second` and return how many of its pixels lie there, n.

    Fills the first n of `where` with their numbers, of `values` [2, H W] with both films' greys, and of `slopes`
    [6, H W] with what the second's grey there gains by each number of the map.
    """
    height, width = first.shape
    tall, wide = second.shape
    count = 0
    for i in range(height):
        y = (i + 0.5) / height - 0.5
        for j in range(width):
            x = (j + 0.5) / width - 0.5
            v = (place[0] + place[1] * y + place[2] * x + 0.5) * tall - 0.5
            u = (place[3] + place[4] * y + place[5] * x + 0.5) * wide - 0.5
            if not (0 <= v <= tall - 1 and 0 <= u <= wide - 1):
                continue
            r, c = min(int(v), tall - 2), min(int(u), wide - 2)
            fv, fu = np.float32(v - r), np.float32(u - c)
            top = second[r, c] + fu * (second[r, c + 1] - second[r, c])
            bottom = second[r + 1, c] + fu * (second[r + 1, c + 1] - second[r + 1, c])
            left = second[r, c] + fv * (second[r + 1, c] - second[r, c])
            right = second[r, c + 1] + fv * (second[r + 1, c + 1] - second[r, c + 1])
            down, across = (bottom - top) * np.float32(tall), (right - left) * np.float32(wide)
            where[count] = i * width + j
            values[0, count], values[1, count] = first[i, j], top + fv * (bottom - top)
            slopes[0, count], slopes[1, count], slopes[2, count] = down, down * y, down * x
            slopes[3, count], slopes[4, count], slopes[5, count] = across, across * y, across * x
            count += 1
    return count


@njit(cache=True, nogil=True, fastmath=SUMS)
def _dot(one: Plane, two: Plane, count: int) -> np.float32:
    total = np.float32(0)
    for place in range(count):
        total += one[place] * two[place]
    return total


@njit(cache=True, nogil=True, fastmath=SUMS)
def _standardise(values: Plane, count: int) -> np.float32:
    """Give the first `count` values zero mean and unit variance, in place; return their deviation before."""
    total = np.float32(0)
    for place in range(count):
        total += values[place]
    mean = total / count
    for place in range(count):
        values[place] -= mean
    deviation = np.float32(np.sqrt(_dot(values, values, count) / count))
    for place in range(count):
        values[place] /= max(deviation, np.float32(1e-12))
    return deviation


@njit(cache=True, nogil=True)
def _step(slopes: Plane, residual: Plane, count: int) -> Map:
    """The Gauss-Newton step: (J J' + damping) step = J r, by elimination."""
    curve, step = np.empty((NUMBERS, NUMBERS)), np.empty(NUMBERS)
    damping = 0.0
    for k in range(NUMBERS):
        step[k] = _dot(slopes[k], residual, count)
        for m in range(k + 1):
            curve[k, m] = curve[m, k] = _dot(slopes[k], slopes[m], count)
        damping += DAMPING * curve[k, k] / NUMBERS
    for k in range(NUMBERS):
        curve[k, k] += damping + 1e-12
    for k in range(NUMBERS):
        for i in range(k + 1, NUMBERS):
            factor = curve[i, k] / curve[k, k]
            for j in range(k, NUMBERS):
                curve[i, j] -= factor * curve[k, j]
            step[i] -= factor * step[k]
    for k in range(NUMBERS - 1, -1, -1):
        for j in range(k + 1, NUMBERS):
            step[k] -= curve[k, j] * step[j]
        step[k] /= curve[k, k]
    return step


@njit(cache=True, nogil=True)
def laid(first: Plane, second: Plane, start: Map, steps: int) -> tuple[Map, float]:
    """The map, float64 [6], that lays `first` on `second`, float32 [H, W] each, and their correlation in the overlap.

    From `start` it takes at most so many Gauss-Newton steps (Lucas and Kanade 1981) on the squared difference of the
    two films, each standardised over the overlap, and returns the best map that was seen. The correlation is -1 where
    `start` lays too little of the first film on the second, or where one of them is blank there.
    """
    where = np.empty(first.size, np.int32)
    values, slopes = np.empty((2, first.size), np.float32), np.empty((NUMBERS, first.size), np.float32)
    place, best, most = start.copy(), start.copy(), -1.0
    for step in range(steps + 1):
        count = _sampled(first, second, place, where, values, slopes)
        if count < LEAST_OVERLAP * first.size:
            break
        own, other = _standardise(values[0], count), _standardise(values[1], count)
        if own <= 0 or other <= 0:
            break
        correlation = float(_dot(values[0], values[1], count)) / count
        settled = abs(correlation - most) < SETTLED
        if correlation > most:
            most, best = correlation, place.copy()
        if step == steps or settled or (step == TRIED and most < HOPELESS):
            break
        for pixel in range(count):
            values[0, pixel] -= values[1, pixel]
        for pixel in range(count):
            values[0, pixel] *= other
        place = place + _step(slopes, values[0], count)
    return best, most


@njit(cache=True, nogil=True)
def laid_each(
    planes: NDArray[np.int8], firsts: NDArray[np.int64], seconds: NDArray[np.int64], starts: Map, steps: int
) -> tuple[Map, NDArray[np.float32]]:
    """`laid` for many pairs of `planes` [N, S, S]: maps float64 [P, 6] and correlations float32 [P]."""
    maps, found = np.empty_like(starts), np.empty(len(firsts), np.float32)
    for pair in range(len(firsts)):
        first, second = planes[firsts[pair]].astype(np.float32), planes[seconds[pair]].astype(np.float32)
        maps[pair], found[pair] = laid(first, second, starts[pair], steps)
    return maps, found


@njit(cache=True, nogil=True)
def tile_correlations(first: Plane, second: Plane, place: Map, side: int, faint: float) -> Plane:
    """The correlation of each tile of `side` pixels of `first` with what `place` puts on it, float32 [tiles].

    NaN where less than three quarters of a tile lie on the second film, or where either film deviates by less than
    `faint` there, as margins do.
    """
    where = np.empty(first.size, np.int32)
    values, slopes = np.empty((2, first.size), np.float32), np.empty((NUMBERS, first.size), np.float32)
    columns = first.shape[1] // side
    tiles = first.shape[0] // side * columns
    sums = np.zeros((tiles, 6))
    for pixel in range(_sampled(first, second, place, where, values, slopes)):
        row, column = where[pixel] // first.shape[1] // side, where[pixel] % first.shape[1] // side
        if column < columns and row * columns + column < tiles:
            one, two, total = values[0, pixel], values[1, pixel], sums[row * columns + column]
            total[0] += 1
            total[1] += one
            total[2] += two
            total[3] += one * one
            total[4] += two * two
            total[5] += one * two
    found = np.full(tiles, np.nan, np.float32)
    for tile in range(tiles):
        count = sums[tile, 0]
        if 4 * count >= 3 * side * side:
            one, two = sums[tile, 1] / count, sums[tile, 2] / count
            own, other = sums[tile, 3] / count - one * one, sums[tile, 4] / count - two * two
            if min(own, other) > faint * faint:
                found[tile] = (sums[tile, 5] / count - one * two) / np.sqrt(own * other)
    return found
