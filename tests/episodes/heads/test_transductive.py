"""Transductive fine-tuning against easyfsl's, whose logits are not the paper's."""

from functools import partial

import numpy as np
import pytest
import torch
from amounts import slow
from easyfsl.methods import TransductiveFinetuning
from easyfsl.methods.utils import entropy as easyfsl_entropy
from gaussian_episodes import draw, easyfsl_scores
from scipy.special import softmax
from scipy.stats import entropy

from embedlearn.episodes.heads.transductive import TransductiveFineTuning
from embedlearn.errors import ArgumentError


def scores(head, drawn):
    return head.answer(drawn.support, drawn.label, drawn.query, drawn.n_way)


@pytest.mark.parametrize(
    ("shape", "rate", "scale"),
    [
        ((5, 5, 512, 4.5), 1e-3, 5.0),
        ((3, 1, 64, 1.5), 5e-5, 1.0),
        slow((5, 5, 512, 4.5), 5e-5, 1.0),
        slow((3, 1, 64, 1.5), 1e-3, 5.0),
    ],
)
def test_the_same_settings_give_the_same_answers_as_easyfsl(shape, rate, scale):
    drawn = draw(*shape, episodes=12)
    theirs = easyfsl_scores(partial(TransductiveFinetuning, fine_tuning_lr=rate, temperature=scale), drawn)
    ours = scores(TransductiveFineTuning(25, rate, scale, "euclidean"), drawn)
    np.testing.assert_allclose(ours / scale, theirs, atol=1e-4)
    assert (ours.argmax(axis=2) == theirs.argmax(axis=2)).mean() > 0.998


def test_the_queries_entropy_falls_and_easyfsls_entropy_has_the_papers_sign():
    drawn = draw(5, 5, 64, 2.0)
    before, after = 10 * drawn.by_means(), scores(TransductiveFineTuning(), drawn)
    assert entropy(softmax(after, axis=2), axis=2).mean() < entropy(softmax(before, axis=2), axis=2).mean() - 0.2
    theirs = easyfsl_entropy(torch.from_numpy(after[0]))
    np.testing.assert_allclose(theirs, entropy(softmax(after[0], axis=1), axis=1).mean())


@pytest.mark.parametrize(
    ("shape", "dirichlet"),
    [
        ((5, 1, 512, 3.5), None),
        ((3, 5, 64, 2.7), 2.0),
        slow((5, 1, 512, 3.5), 2.0),
        slow((5, 5, 512, 4.7), None),
        slow((5, 5, 512, 4.7), 2.0),
        slow((3, 5, 64, 2.7), None),
    ],
)
def test_the_defaults_help_and_the_distance_of_easyfsl_ends_in_one_answer(shape, dirichlet):
    drawn = draw(*shape, episodes=40, dirichlet=dirichlet)
    means = drawn.accuracy(drawn.by_means())
    assert drawn.accuracy(scores(TransductiveFineTuning(), drawn)) > means + 0.02
    distance = scores(TransductiveFineTuning(100, metric="euclidean"), drawn).argmax(axis=2)
    largest = np.array([np.bincount(answers).max() / len(answers) for answers in distance])
    if shape[2] == 512:
        assert np.median(largest) == 1


def test_easyfsls_own_steps_hardly_move_anything():
    drawn = draw(5, 5, 512, 4.7)
    by_distance = -np.linalg.norm(
        (drawn.query / np.linalg.norm(drawn.query, axis=2, keepdims=True))[:, :, None] - drawn.means[:, None], axis=3
    )
    np.testing.assert_allclose(
        scores(TransductiveFineTuning(25, 5e-5, 1.0, "euclidean"), drawn), by_distance, atol=0.02
    )


def test_what_all_films_share_draws_them_to_one_answer_until_it_is_subtracted():
    drawn = draw(5, 5, 512, 2.0, common=8.0, decay=1.0)
    shared = drawn.support.mean(axis=1, keepdims=True)
    centred = drawn._replace(support=drawn.support - shared, query=drawn.query - shared)
    means = drawn.accuracy(drawn.by_means())
    assert drawn.accuracy(scores(TransductiveFineTuning(), drawn)) < means
    assert centred.accuracy(scores(TransductiveFineTuning(), centred)) > means


def test_without_the_queries_term_the_answers_do_not_hang_together():
    drawn = draw(3, 3, 32, 1.5)
    head = TransductiveFineTuning(conditional_weight=0)
    alone = scores(head, drawn._replace(query=drawn.query[:, :1]))
    np.testing.assert_allclose(scores(head, drawn)[:, :1], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": None}, "metric: wanted one of cosine, sqeuclidean, euclidean, got None"),
        ({"conditional_weight": np.nan}, "conditional_weight: wanted a number of 0 or more, got nan"),
        ({"learning_rate": -1e-3}, "learning_rate: wanted a number above 0, got -0.001"),
    ],
)
def test_settings_of_no_use_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        TransductiveFineTuning(**settings).fit(np.eye(4), [0, 0, 1, 1])
