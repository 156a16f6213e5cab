"""PT-MAP against easyfsl's, its transport against what defines it, and queries that cannot be shared out evenly."""

import numpy as np
import pytest
from easyfsl.methods import PTMAP
from gaussian_episodes import draw, easyfsl_scores
from scipy.special import softmax

from embedlearn.episodes.heads.ptmap import PTMAPClassifier, _transported
from embedlearn.errors import ArgumentError


def scores(head, drawn):
    return head.answer(drawn.support, drawn.label, drawn.query, drawn.n_way)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=2, keepdims=True)


def powered(rows):
    return unit(np.sign(rows) * np.sqrt(np.abs(rows)))


@pytest.mark.parametrize(
    "shape", [(5, 5, 512, 2.0), (5, 5, 512, 4.5), (5, 5, 512, 9.0), (3, 1, 64, 0.7), (3, 1, 64, 1.5)]
)
def test_easyfsl_answers_the_same(shape):
    """easyfsl's power is for rows above zero: it gets transformed ones, shifted alike, and a power of 1."""
    drawn = draw(*shape)
    support, query = powered(drawn.support), powered(drawn.query)
    lowest = min(support.min(), query.min())
    theirs = easyfsl_scores(
        lambda **_: PTMAP(power_factor=1.0), drawn._replace(support=support - lowest, query=query - lowest)
    )
    ours = scores(PTMAPClassifier(steps=10), drawn)
    np.testing.assert_allclose(softmax(ours, axis=2), theirs, atol=5e-4)
    clear = np.ptp(np.sort(theirs, axis=2)[..., -2:], axis=2) > 5e-4
    assert clear.mean() > 0.97
    assert np.array_equal(ours.argmax(axis=2)[clear], theirs.argmax(axis=2)[clear])


def test_the_power_and_the_unit_length_are_those_of_equation_1():
    drawn = draw(4, 2, 64, 1.5)
    transformed = drawn._replace(support=powered(drawn.support), query=powered(drawn.query))
    whole, late = scores(PTMAPClassifier(), drawn), scores(PTMAPClassifier(power=None), transformed)
    np.testing.assert_allclose(softmax(whole, axis=2), softmax(late, axis=2), atol=1e-5)


@pytest.mark.parametrize("spread", [0.1, 2.0, 10.0])
def test_the_transport_is_sinkhorns(spread):
    """Of shares that add up by film and by class, only one plan is the odds times a factor a film and one a class."""
    logits = spread * np.random.default_rng(0).normal(size=(20, 12, 4))
    potential = np.zeros((20, 4))
    shares = _transported(logits, potential)
    np.testing.assert_allclose(shares.sum(axis=2), 1)
    np.testing.assert_allclose(shares, softmax(logits + potential[:, None], axis=2), atol=1e-9)
    met = np.abs(shares.sum(axis=1) / 3 - 1).max(axis=1) < 1.1e-5
    assert met.all() if spread < 5 else met.mean() > 0.6


@pytest.mark.parametrize(("spread", "times"), [(100.0, 4), (3000.0, 1.2)])
def test_odds_beyond_all_numbers_are_shared_out_more_evenly_at_least(spread, times):
    logits = spread * np.random.default_rng(0).normal(size=(20, 12, 4))
    potential = np.zeros((20, 4))
    shares = _transported(logits, potential)
    np.testing.assert_allclose(shares, softmax(logits + potential[:, None], axis=2), atol=1e-9)
    uneven, before = (np.abs(plan.sum(axis=1) - 3).max(axis=1) for plan in (shares, softmax(logits, axis=2)))
    assert uneven.mean() < before.mean() / times


def test_a_class_out_of_reach_is_brought_into_reach():
    logits = np.zeros((1, 6, 3))
    logits[:, :, 2] = -1e5
    shares = _transported(logits, np.zeros((1, 3)))
    np.testing.assert_allclose(shares, 1 / 3, atol=1e-5)


def test_queries_in_equal_parts_help_and_others_mislead_it():
    even, skewed = (draw(5, 5, 512, 4.7, dirichlet=parts, episodes=40) for parts in (None, 1.0))
    assert even.accuracy(scores(PTMAPClassifier(), even)) > even.accuracy(even.by_means()) + 0.02
    answers = scores(PTMAPClassifier(), skewed)
    assert skewed.accuracy(answers) < skewed.accuracy(skewed.by_means())
    np.testing.assert_allclose(softmax(answers, axis=2).sum(axis=1), 15, rtol=1e-3)


@pytest.mark.parametrize("queries", [1, 2, 3, 4, 7])
def test_few_queries_where_easyfsl_gives_zeros(queries):
    drawn = draw(5, 5, 64, 1.0, episodes=40)
    few = drawn._replace(query=drawn.query[:, ::13][:, :queries], truth=drawn.truth[:, ::13][:, :queries])
    answers = scores(PTMAPClassifier(), few)
    assert np.isfinite(answers).all()
    if queries < 5:
        assert (easyfsl_scores(PTMAP, few) == 0).all()
        assert few.accuracy(answers) > 0.9


@pytest.mark.parametrize("power", [None, 0.5])
def test_whatever_the_films_the_scores_are_numbers(power):
    head = PTMAPClassifier(power)
    drawn = draw(5, 2, 64, 0.5)
    one_class = drawn._replace(query=drawn.query[:, :15])
    for films in (one_class, drawn):
        for scale in (0.0, 1e-6, 1.0, 1e4):
            scaled = films._replace(support=films.support * np.float32(scale), query=films.query * np.float32(scale))
            assert np.isfinite(scores(head, scaled)).all()


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"power": 0.0}, "power: wanted a number above 0"),
        ({"scale": 0.0}, "scale: wanted a number above 0, got 0.0"),
        ({"rate": 0.0}, "rate: wanted a number above 0, at most 1, got 0.0"),
        ({"rate": 1.5}, "rate: wanted a number above 0, at most 1, got 1.5"),
        ({"steps": 0}, "steps: wanted 1 or more, got 0"),
    ],
)
def test_settings_of_no_use(settings, wanted):
    with pytest.raises(ArgumentError, match=wanted):
        PTMAPClassifier(**settings).fit(np.eye(3), [0, 1, 1])
