"""Blocks of inner products are those of the films themselves."""

import numpy as np

from embedlearn.episodes.gram import PoolGram, normalized
from embedlearn.episodes.sampling import EpisodeSampler


def test_blocks_hold_the_inner_products_however_they_are_computed(pool):
    episodes = EpisodeSampler(2, 3, 4, episodes=6).sample(pool.classes, pool.groups)
    X = pool.X.astype(np.float64)
    for whole_up_to in (10_000, 10):
        blocks = PoolGram(pool.X, whole_up_to).blocks(episodes)
        for e in range(6):
            support, query = X[episodes.support[e]], X[episodes.query[e]]
            np.testing.assert_allclose(blocks.query_support[e], query @ support.T, atol=1e-12)
            np.testing.assert_allclose(blocks.support_support[e], support @ support.T, atol=1e-12)
            np.testing.assert_allclose(blocks.query_query[e], (query**2).sum(axis=1), atol=1e-12)
            distances = ((query[:, None] - support) ** 2).sum(axis=2)
            np.testing.assert_allclose(blocks.squared_distances()[e], distances, atol=1e-12)


def test_a_row_of_zeros_stays_so():
    assert normalized(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
