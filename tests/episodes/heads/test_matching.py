"""Attention against easyfsl's, with its trained modules left out, and against a plain loop."""

import numpy as np
import pytest
import torch
from easyfsl.methods import MatchingNetworks
from gaussian_episodes import draw, easyfsl_scores
from scipy.special import softmax

from embedlearn.episodes.heads.matching import MatchingClassifier
from embedlearn.errors import ArgumentError


class Silent(torch.nn.Module):
    """In the place of an LSTM: a state of zeros, so that embeddings pass as they are."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, rows, state=None):
        zeros = torch.zeros(*rows.shape[:-1], self.width)
        return zeros, zeros


def scores(head, drawn):
    return head.respond(head.learn(drawn.support, drawn.label, drawn.n_way), drawn.query)


@pytest.mark.parametrize("shape", [(5, 5, 512, 4.5), (3, 1, 64, 1.5)])
def test_easyfsl_answers_the_same(shape):
    drawn = draw(*shape)

    def silenced(**settings):
        width = drawn.support.shape[2]
        encoders = {"support_encoder": Silent(2 * width), "query_encoder": Silent(width)}
        return MatchingNetworks(feature_dimension=width, **encoders, **settings)

    theirs = easyfsl_scores(silenced, drawn)
    ours = scores(MatchingClassifier(), drawn)
    np.testing.assert_allclose(softmax(ours, axis=2), np.exp(theirs), atol=1e-5)
    clear = np.ptp(np.sort(theirs, axis=2)[..., -2:], axis=2) > 1e-5
    assert clear.mean() > 0.99
    assert np.array_equal(ours.argmax(axis=2)[clear], theirs.argmax(axis=2)[clear])


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_a_plain_loop_answers_the_same_for_labels_in_any_order(pool, scale):
    support, label, query = pool.X[:30].astype(float), pool.classes[:30], pool.X[30:]
    ours = MatchingClassifier(scale).fit(support, label).predict_proba(query)
    for t, film in enumerate(query.astype(float)):
        attention = [np.exp(scale * (film @ other) / np.linalg.norm(film) / np.linalg.norm(other)) for other in support]
        shares = [sum(a for a, name in zip(attention, label, strict=True) if name == slot) for slot in np.unique(label)]
        np.testing.assert_allclose(ours[t], np.array(shares) / sum(attention), atol=1e-12)


def test_a_class_with_more_films_draws_more_attention():
    head = MatchingClassifier().fit([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]], ["a", "b", "b", "b"])
    assert head.predict_proba([[1.0, 1.0]])[0] == pytest.approx([0.25, 0.75])


def test_however_sharp_it_stays_a_number():
    drawn = draw(5, 2, 64, 1.0)
    sharp = scores(MatchingClassifier(1e6), drawn)
    assert np.isfinite(sharp).all()
    unit = drawn.support / np.linalg.norm(drawn.support, axis=2, keepdims=True)
    nearest = drawn.label[(drawn.query @ unit.transpose(0, 2, 1)).argmax(axis=2)]
    assert np.array_equal(sharp.argmax(axis=2), nearest)
    assert np.isfinite(MatchingClassifier().fit(np.zeros((2, 3)), [0, 1]).predict_proba(np.zeros((1, 3)))).all()


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_settings_of_no_use(scale):
    with pytest.raises(ArgumentError, match="scale: wanted a number above 0, got"):
        MatchingClassifier(scale).fit(np.eye(3), [0, 1, 1])
