"""Prototype rectification against easyfsl's and against a plain loop."""

import numpy as np
import pytest
import torch
from easyfsl.methods import BDCSPN
from gaussian_episodes import draw, easyfsl_scores

from embedlearn.episodes.heads.bdcspn import BDCSPNClassifier
from embedlearn.errors import ArgumentError


def scores(head, drawn):
    return head.answer(drawn.support, drawn.label, drawn.query, drawn.n_way)


@pytest.mark.parametrize("shape", [(5, 5, 512, 4.5), (5, 5, 512, 9.0), (3, 1, 64, 1.5), (3, 1, 64, 4.0)])
def test_easyfsl_answers_the_same(shape):
    drawn = draw(*shape, episodes=50, common=1.0)
    theirs = easyfsl_scores(lambda **_: BDCSPN(), drawn)
    ours = scores(BDCSPNClassifier(), drawn)
    np.testing.assert_allclose(ours / 10, theirs, atol=1e-5)
    clear = np.ptp(np.sort(theirs, axis=2)[..., -2:], axis=2) > 2e-5
    assert clear.mean() > 0.99
    assert np.array_equal(ours.argmax(axis=2)[clear], theirs.argmax(axis=2)[clear])


def test_asked_twice_easyfsl_changes_its_answer_and_ours_does_not():
    drawn = draw(3, 1, 64, 3.0, episodes=1)
    theirs = BDCSPN()
    theirs.process_support_set(torch.from_numpy(drawn.support[0]), torch.from_numpy(drawn.label))
    first, second = (theirs(torch.from_numpy(drawn.query[0])) for _ in range(2))
    assert (first - second).abs().max() > 0.01
    ours = BDCSPNClassifier().fit(drawn.support[0], drawn.label)
    np.testing.assert_array_equal(ours.predict_proba(drawn.query[0]), ours.predict_proba(drawn.query[0]))


def cosine(left, right):
    return left @ right / np.linalg.norm(left) / np.linalg.norm(right)


def test_a_plain_loop_answers_the_same(pool):
    """With a sharpness of its own, shifted queries, and classes of unequal size in any order."""
    support, label, query = pool.X[:20].astype(float), pool.classes[:20], pool.X[20:60].astype(float)
    names = np.unique(label)
    moved = [film + support.mean(axis=0) - query.mean(axis=0) for film in query]
    means = [support[label == name].mean(axis=0) for name in names]
    guesses = [names[np.argmax([cosine(film, mean) for mean in means])] for film in moved]
    expected = np.empty((len(query), len(names)))
    for slot, (name, mean) in enumerate(zip(names, means, strict=True)):
        members = [film for film, given in zip([*support, *moved], [*label, *guesses], strict=True) if given == name]
        weights = np.exp([7 * cosine(film, mean) for film in members])
        prototype = np.average(members, axis=0, weights=weights)
        expected[:, slot] = [3 * cosine(film, prototype) for film in moved]
    ours = BDCSPNClassifier(scale=3.0, sharpness=7.0, shift=True).fit(support, label)
    np.testing.assert_allclose(ours.decision_function(query), expected, atol=1e-9)


def test_films_of_another_source_are_shifted_back():
    drawn = draw(3, 5, 64, 2.5, episodes=50)
    source = 5 * np.random.default_rng(0).normal(size=64).astype(np.float32)
    elsewhere = drawn._replace(query=drawn.query + source)
    home, away = (scores(BDCSPNClassifier(shift=True), films) for films in (drawn, elsewhere))
    np.testing.assert_allclose(home, away, atol=1e-4)
    assert drawn.accuracy(away) > drawn.accuracy(scores(BDCSPNClassifier(), elsewhere)) + 0.1


def test_queries_in_equal_parts_help_a_single_film():
    drawn = draw(5, 1, 128, 2.0, episodes=50)
    assert drawn.accuracy(scores(BDCSPNClassifier(), drawn)) > drawn.accuracy(drawn.by_means()) + 0.05


def test_however_sharp_and_of_films_of_zeros_it_stays_a_number():
    drawn = draw(3, 2, 16, 1.0)
    assert np.isfinite(scores(BDCSPNClassifier(sharpness=1e4), drawn)).all()
    empty = drawn._replace(support=np.zeros_like(drawn.support))
    assert np.isfinite(scores(BDCSPNClassifier(), empty)).all()
    assert (scores(BDCSPNClassifier(), empty._replace(query=np.zeros_like(drawn.query))) == 0).all()


@pytest.mark.parametrize("settings", [{"scale": 0.0}, {"sharpness": -1.0}, {"sharpness": np.nan}, {"scale": np.inf}])
def test_settings_of_no_use(settings):
    with pytest.raises(ArgumentError, match=f"{next(iter(settings))}: wanted a number above 0, got"):
        BDCSPNClassifier(**settings).fit(np.eye(3), [0, 1, 1])
