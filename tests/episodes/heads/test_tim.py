"""TIM against easyfsl's, and alpha-TIM where classes come in unequal parts."""

from functools import partial

import numpy as np
import pytest
from amounts import slow
from easyfsl.methods import TIM
from gaussian_episodes import draw, easyfsl_scores
from scipy.special import softmax

from embedlearn.episodes.heads.tim import TIMClassifier
from embedlearn.errors import ArgumentError

PAPER = {"scale": 15.0, "metric": "sqeuclidean", "support_weight": 0.1, "conditional_weight": 0.1}


def scores(head, drawn):
    return head.answer(drawn.support, drawn.label, drawn.query, drawn.n_way)


@pytest.mark.parametrize(
    ("shape", "steps", "rate"),
    [
        ((5, 5, 512, 4.5), 50, 1e-4),
        ((3, 1, 64, 1.5), 100, 1e-3),
        slow((5, 5, 512, 4.5), 100, 1e-3),
        slow((3, 1, 64, 1.5), 50, 1e-4),
    ],
)
def test_the_same_settings_give_the_same_answers_as_easyfsl(shape, steps, rate):
    drawn = draw(*shape, episodes=12)
    theirs = easyfsl_scores(partial(TIM, fine_tuning_steps=steps, fine_tuning_lr=rate), drawn)
    ours = scores(TIMClassifier(steps, rate, conditional_weight=0.1), drawn)
    np.testing.assert_allclose(ours / 10, theirs, atol=1e-4)
    assert (ours.argmax(axis=2) == theirs.argmax(axis=2)).mean() > 0.998


@pytest.mark.parametrize("shape", [(3, 5, 64, 2.7), slow((5, 1, 512, 3.5)), slow((5, 5, 512, 4.7))])
@pytest.mark.parametrize("settings", [{}, PAPER, {"alpha": 2.0}, {"alpha": 7.0}], ids=str)
def test_queries_in_equal_parts_help(shape, settings):
    drawn = draw(*shape, episodes=40)
    assert drawn.accuracy(scores(TIMClassifier(**settings), drawn)) > drawn.accuracy(drawn.by_means()) + 0.02


def test_in_unequal_parts_the_papers_weights_mislead_ours_less_and_alpha_above_1_least():
    drawn = draw(5, 5, 512, 2.2, decay=1.0, dirichlet=2.0, episodes=60)
    means = drawn.accuracy(drawn.by_means())
    paper, even, alpha = (
        drawn.accuracy(scores(TIMClassifier(**settings), drawn)) for settings in (PAPER, {}, {"alpha": 7.0})
    )
    assert paper < means - 0.03
    assert paper + 0.05 < even < alpha
    assert alpha > means


@pytest.mark.slow
def test_a_hundred_longer_steps_do_what_the_papers_thousand_do():
    drawn = draw(5, 5, 512, 4.7)
    many = scores(TIMClassifier(1000, 1e-4, **PAPER), drawn).argmax(axis=2)
    few = scores(TIMClassifier(100, 1e-3, **PAPER), drawn).argmax(axis=2)
    assert (many == few).mean() > 0.97


def test_each_term_does_what_it_is_for():
    drawn = draw(4, 1, 64, 2.0)

    def sureness_and_evenness(**weights):
        proba = softmax(scores(TIMClassifier(**weights), drawn), axis=2)
        return proba.max(axis=2).mean(), -np.ptp(proba.mean(axis=1), axis=1).mean()

    sure, _ = sureness_and_evenness(marginal_weight=0)
    doubtful, even = sureness_and_evenness(conditional_weight=0)
    _, uneven = sureness_and_evenness(marginal_weight=0, conditional_weight=0)
    assert sure > doubtful + 0.1
    assert even > uneven + 0.1


def test_alpha_has_no_step_at_1():
    drawn = draw(4, 2, 32, 1.5)
    beside = scores(TIMClassifier(alpha=1 + 1e-6), drawn)
    np.testing.assert_allclose(beside, scores(TIMClassifier(), drawn), atol=1e-3)


def test_the_order_of_the_queries_does_not_matter():
    drawn = draw(4, 2, 32, 1.5)
    order = np.random.default_rng(0).permutation(drawn.query.shape[1])
    shuffled = scores(TIMClassifier(), drawn._replace(query=drawn.query[:, order]))
    np.testing.assert_allclose(shuffled, scores(TIMClassifier(), drawn)[:, order], atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "manhattan"}, "metric: wanted one of cosine, sqeuclidean, euclidean, got 'manhattan'"),
        ({"alpha": 0}, "alpha: wanted a number above 0, got 0"),
        ({"conditional_weight": -1}, "conditional_weight: wanted a number of 0 or more, got -1"),
        ({"steps": -3}, "steps: wanted a whole number above 0, got -3"),
    ],
)
def test_settings_of_no_use_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        TIMClassifier(**settings).fit(np.eye(4), [0, 0, 1, 1])
