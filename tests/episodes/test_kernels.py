"""The compiled loops against plain ones, in float64."""

import math

import numpy as np
import pytest

from embedlearn.episodes import kernels, voting

TIE = 1e-6


def drawn(seed, shots=(2, 5, 1), films=30, episodes=40, queries=12, dimensions=3, largest=3):
    """Rows of small whole numbers, so that products are exact and ties many; support [E, S] and queries [E, T]."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, largest, (films, dimensions)).astype(np.float32)
    support = np.stack([rng.permutation(films)[: sum(shots)] for _ in range(episodes)]).astype(np.uint32)
    query = rng.integers(0, films // 2, (episodes, queries)).astype(np.uint32)  # the other films are never asked about
    return rows, support, query, np.append(0, np.cumsum(shots))


def vote(squared, slots, k, inverse, smoothing, ways):
    """Scores of one query [W]: a vote among the k nearest, of equally near ones the first."""
    voters = sorted(range(len(squared)), key=lambda film: (squared[film], film))[:k]
    votes, nearest = [0.0] * ways, [math.inf] * ways
    for film in voters:
        voice = 1.0
        if inverse and squared[voters[0]] == 0:
            voice = float(squared[film] == 0)
        elif inverse:
            voice = 1 / math.sqrt(squared[film])
        votes[slots[film]] += voice
        nearest[slots[film]] = min(nearest[slots[film]], squared[film])
    proba = [(k * each / sum(votes) + smoothing) / (k + ways * smoothing) for each in votes]
    scores = [math.log(each) if each else -math.inf for each in proba]
    most = [slot for slot in range(ways) if math.isclose(votes[slot], max(votes), rel_tol=TIE / 4)]
    winner = min(most, key=lambda slot: (nearest[slot], slot))
    if len(most) > 1:
        scores[winner] = max(scores) + TIE
    return scores, winner


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_mirror_copies_the_upper_half(size):
    matrix = np.random.default_rng(size).normal(size=(size, size)).astype(np.float32)
    expected = np.triu(matrix) + np.triu(matrix, 1).T
    kernels.mirror(matrix)
    np.testing.assert_array_equal(matrix, expected)


def test_by_row_says_where_each_film_is_asked_about():
    rows = np.array([3, 0, 3, 3, 5], np.uint32)
    start, place = kernels.by_row(rows, 7)
    found = [place[start[row] : start[row + 1]].tolist() for row in range(7)]
    assert found == [[1], [], [], [0, 2, 3], [], [4], []]


def test_prototype_lengths_are_those_of_the_means():
    rows, support, _, first = drawn(0)
    found = kernels.prototype_lengths(rows @ rows.T, support, first)
    for e in range(len(support)):
        for slot in range(3):
            mean = rows[support[e, first[slot] : first[slot + 1]]].astype(np.float64).mean(axis=0)
            assert found[e, slot] == pytest.approx(mean @ mean, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("queries", [1, 12])
def test_prototype_scores_are_of_the_mean_product(queries):
    rows, support, query, first = drawn(1, queries=queries)
    rng = np.random.default_rng(2)
    scale, factor, offset = (
        rng.normal(size=shape).astype(np.float32) for shape in (len(rows), (len(support), 3), (len(support), 3))
    )
    start, place = kernels.by_row(query.ravel(), len(rows))
    found = kernels.prototype_scores(rows @ rows.T, start, place, support, first, scale, factor, offset)
    expected = np.empty((*query.shape, 3))
    for e in range(len(support)):
        for t, film in enumerate(query[e]):
            for slot in range(3):
                products = rows[support[e, first[slot] : first[slot + 1]]].astype(np.float64) @ rows[film]
                expected[e, t, slot] = scale[film] * factor[e, slot] * products.mean() + offset[e, slot]
    np.testing.assert_allclose(found, expected.reshape(-1, 3), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shots", [(3, 3, 3), (2, 5, 1)])
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("k", "smoothing"), [(1, 1.0), (3, 0.0), (4, 1.0), (8, 0.5)])
def test_neighbours_vote_as_in_a_plain_loop(shots, inverse, k, smoothing):
    rows, support, query, first = drawn(k, shots)
    slots = np.repeat(np.arange(3), shots)
    start, place = kernels.by_row(query.ravel(), len(rows))
    own = (rows**2).sum(axis=1)
    found = voting.neighbour_scores(
        rows @ rows.T, start, place, support, first, own, own[support], k, inverse, smoothing
    ).reshape(*query.shape, 3)
    ties = zeros = 0
    for e in range(len(support)):
        for t, film in enumerate(query[e]):
            squared = ((rows[support[e]] - rows[film]) ** 2).sum(axis=1).astype(np.float64)
            scores, winner = vote(squared, slots, k, inverse, smoothing, 3)
            np.testing.assert_allclose(found[e, t], scores, atol=3e-6)
            assert found[e, t].argmax() == winner
            ties += len(squared) > k and np.sort(squared)[k - 1] == np.sort(squared)[k]
            zeros += squared.min() == 0
    assert zeros > 20
    assert ties > 20 or k == 8


def test_a_film_asked_about_more_often_than_there_are_lanes():
    rows, support, query, first = drawn(5, episodes=2 * voting.LANES + 10, queries=2)
    query[:] = 7
    start, place = kernels.by_row(query.ravel(), len(rows))
    own, slots = (rows**2).sum(axis=1), np.repeat(np.arange(3), (2, 5, 1))
    for inverse in (False, True):
        found = voting.neighbour_scores(
            rows @ rows.T, start, place, support, first, own, own[support], 3, inverse, 1.0
        ).reshape(*query.shape, 3)
        for e in range(len(support)):
            squared = ((rows[support[e]] - rows[7]) ** 2).sum(axis=1).astype(np.float64)
            for answer in found[e]:
                np.testing.assert_allclose(answer, vote(squared, slots, 3, inverse, 1.0, 3)[0], atol=3e-6)


@pytest.mark.parametrize("inverse", [False, True])
def test_votes_of_given_neighbours(inverse):
    rng = np.random.default_rng(6)
    distance = np.sort(rng.integers(0, 4, (200, 5)), axis=1).astype(np.float32)
    voter = rng.integers(0, 3, (200, 5))
    found = voting.votes_of_nearest(distance, voter, inverse, 1.0, 3)
    for t in range(200):
        scores, winner = vote(distance[t].astype(np.float64) ** 2, voter[t], 5, inverse, 1.0, 3)
        np.testing.assert_allclose(found[t], scores, atol=3e-6)
        assert found[t].argmax() == winner


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_best_slot_is_the_first_of_the_highest(dtype):
    scores = np.random.default_rng(7).integers(-2, 2, (50, 9, 4)).astype(dtype)
    scores[scores == -2] = -np.inf
    scores[0, 0] = -np.inf
    best = kernels.best_slots(scores)
    assert best.dtype == np.int64
    np.testing.assert_array_equal(best, scores.argmax(axis=2))
