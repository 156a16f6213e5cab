"""Strengths of neighbourhoods against a root that is looked for."""

import numpy as np
from scipy.optimize import brentq

from embedlearn.maps.projections.fuzzy import memberships


def test_strengths_sum_to_what_is_asked():
    distances = np.sort(np.random.default_rng(0).gamma(2, size=(30, 15)), axis=1)
    for nearest in (np.zeros(30), distances[:, 0]):
        for row, away, ours in zip(distances, nearest, memberships(distances, nearest, 3.5), strict=True):
            beyond = row - away
            width = brentq(lambda width, beyond=beyond: np.exp(-beyond / width).sum() - 3.5, 1e-3, 1e3)
            np.testing.assert_allclose(ours, np.exp(-beyond / width), atol=1e-4)
    for odd in (np.zeros((2, 5)), np.full((2, 5), np.inf)):
        assert (memberships(odd, np.zeros(2), 2.0) == 1).all()
