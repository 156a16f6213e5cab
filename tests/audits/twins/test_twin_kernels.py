"""Laying films upon each other, hashes and look-ups, against plain ones."""

from itertools import combinations

import numpy as np
import pytest
from scipy.fft import dctn
from scipy.ndimage import affine_transform, gaussian_filter
from twin_films import audited, phantom

from embedlearn.audits.twins import hashes
from embedlearn.audits.twins.candidates import crops, find_candidates
from embedlearn.audits.twins.confirming import levelled_planes, local_correlation, prepared
from embedlearn.audits.twins.hashes import WHOLE, alike_hashes, frequencies, hash_bits, whitening
from embedlearn.audits.twins.kernels import laid, tile_correlations
from embedlearn.audits.twins.planes import levelled, trimmed

STILL = np.array([0, 1, 0, 0, 0, 1.0])


def field(seed, side=64, smooth=2.0):
    noise = np.random.default_rng(seed).normal(size=(side, side))
    return np.asarray(100 * gaussian_filter(noise, smooth), np.float32)


def moved(plane, place):
    """What lies of `plane` where a map puts the pixels, by scipy."""
    side = len(plane)
    grid = np.array([[place[1], place[2]], [place[4], place[5]]])
    middle = side / 2 - 0.5
    offset = np.array([place[0], place[3]]) * side + middle - grid @ np.full(2, middle)
    return np.asarray(affine_transform(plane, grid, offset, order=1, mode="nearest"), np.float32)


@pytest.mark.parametrize(
    "place",
    [STILL, (0.02, 1, 0, -0.03, 0, 1), (0, 0.94, 0, 0, 0, 0.96), (0.01, 0.97, 0.03, 0.02, -0.03, 0.95)],
)
def test_a_moved_film_is_laid_back(place):
    plane = field(0)
    found, correlation = laid(moved(plane, place), plane, STILL, 20)
    assert np.allclose(found, place, atol=2e-3)
    assert correlation > 0.99


def test_brightness_and_contrast_do_not_matter():
    plane = field(1)
    for other in (3 * plane + 50, 0.2 * plane - 7):
        assert laid(plane, other.astype(np.float32), STILL, 5)[1] == pytest.approx(1, abs=1e-4)


def test_the_correlation_is_numpys():
    one, two = field(2, 40), field(3, 40)
    found, correlation = laid(one, two, STILL, 0)
    assert np.array_equal(found, STILL)
    assert correlation == pytest.approx(np.corrcoef(one.ravel(), two.ravel())[0, 1], abs=1e-5)


def test_what_runs_away_or_is_blank_is_told():
    plane = field(4)
    assert laid(plane, plane, np.array([0.9, 1, 0, 0, 0, 1.0]), 5)[1] == -1
    assert laid(plane, np.zeros_like(plane), STILL, 5)[1] == -1


def test_tiles_are_those_of_a_plain_loop():
    one, two = field(5), field(5) + field(6)
    one[:16, 16:32] = 7  # a tile without detail
    found = tile_correlations(one, two, STILL, 16, 0.1)
    for tile in range(16):
        rows, columns = (slice(16 * k, 16 * k + 16) for k in divmod(tile, 4))
        if tile == 1:
            assert np.isnan(found[tile])
        else:
            plain = np.corrcoef(one[rows, columns].ravel(), two[rows, columns].ravel())[0, 1]
            assert found[tile] == pytest.approx(plain, abs=1e-4)
    outside = tile_correlations(one, two, np.array([0.5, 1, 0, 0, 0, 1.0]), 16, 0.1).reshape(4, 4)
    assert np.isnan(outside[2:]).all()


def test_a_film_agrees_with_itself_and_not_with_another():
    one, other = prepared(phantom(0)), prepared(phantom(1))
    assert local_correlation(one, one, STILL) == pytest.approx(1, abs=1e-4)
    assert local_correlation(one, other, STILL) < 0.5
    blank = prepared(np.full((90, 80), 12, np.uint8))
    assert local_correlation(blank, one, STILL) == 0


def test_margins_are_cut_and_films_are_not():
    film = np.random.default_rng(0).integers(0, 255, (60, 50), np.uint8)
    assert np.array_equal(trimmed(film), film)
    assert np.array_equal(trimmed(np.pad(film, ((5, 9), (12, 3)), constant_values=255)), film)
    assert trimmed(np.zeros((40, 40), np.uint8)).size


def test_levelling_takes_brightness_and_contrast_away():
    plane = 40 * field(8)
    one, two = levelled(np.stack([plane, 3 * plane + 40]), 3.0)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.99
    assert np.abs(one - two).max() < 0.3


def test_frequencies_are_scipys():
    planes = np.random.default_rng(1).integers(-90, 90, (5, 32, 32)).astype(np.int8)
    plain = dctn(planes.astype(float), axes=(1, 2), norm="ortho")[:, :6, :6].reshape(5, -1)[:, 1:]
    assert np.allclose(frequencies(planes, WHOLE, 6), plain, atol=1e-3)


def test_whitened_vectors_have_no_variance_in_common():
    vectors = np.random.default_rng(2).normal(size=(20_000, 4)) @ np.diag([1, 2, 3, 4])
    level = whitening(vectors.astype(np.float32))
    white = level(vectors.astype(np.float32))
    assert np.allclose(np.linalg.norm(white, axis=1), 1, atol=1e-5)
    assert np.allclose(np.cov(white.T) * 4, np.eye(4), atol=0.15)
    assert not level(np.zeros((1, 4), np.float32)).any()


def test_looked_up_hashes_are_those_of_all_pairs(monkeypatch):
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, (60, 256), dtype=np.uint8)
    for row in range(30, 60):
        bits[row] = bits[row - 30]
        flipped = rng.choice(256, 3 * (row - 29), replace=False)
        bits[row, flipped] ^= 1
    found = alike_hashes(np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64))
    plain = set()
    for a, b in combinations(range(60), 2):
        apart = bits[a] != bits[b]
        if apart.sum() <= hashes.MOST_BITS and not apart.reshape(16, 16).any(1).all():
            plain.add((a, b))
    assert set(map(tuple, found.tolist())) == plain
    assert len(plain) > 3


def test_hashes_of_a_copy_differ_little():
    films = [phantom(patient) for patient in range(6)]
    copies = [np.asarray(255 * (film / 255) ** 0.8, np.uint8) for film in films]
    hashed = hash_bits(levelled_planes(audited([*films, *copies])).coarse)
    apart = np.bitwise_count(hashed[:, None] ^ hashed[None]).sum(2)
    assert apart[np.arange(6), np.arange(6, 12)].max() < hashes.MOST_BITS
    assert np.median(apart[:6, :6][np.triu_indices(6, 1)]) > hashes.MOST_BITS


def test_crops_lie_within_the_film():
    assert crops()[0] == WHOLE
    for crop in crops():
        assert 0 <= crop.top <= 1 - crop.side + 1e-9
        assert 0 <= crop.left <= 1 - crop.side + 1e-9


def test_candidates_of_many_films_come_from_the_index(monkeypatch):
    planes = levelled_planes(audited([phantom(patient % 20, patient // 20) for patient in range(40)])).coarse
    near = {tuple(sorted(pair)) for pair in zip(*find_candidates(planes)[:2], strict=True)}
    monkeypatch.setattr("embedlearn.audits.twins.candidates.FEW", 10)
    monkeypatch.setattr("embedlearn.audits.twins.candidates.VISITS", 30)
    indexed = {tuple(sorted(pair)) for pair in zip(*find_candidates(planes)[:2], strict=True)}
    assert near == indexed
