"""What holds for every head."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from embedlearn.episodes.gram import VIEWS, PoolGram
from embedlearn.episodes.heads import HEADS, build_head
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError


@pytest.fixture(params=list(HEADS))
def name(request):
    return request.param


def head_for(name, pool, n_shot=5, n_way=3, k=None):
    return build_head(name, n_way=n_way, n_shot=n_shot, k=k, center=pool.X.mean(axis=0))


@pytest.mark.parametrize(("n_way", "n_shot"), [(None, 5), (None, 1), (2, 3), (2, 20)])
def test_all_episodes_at_once_are_what_fit_and_predict_give(name, pool, n_way, n_shot):
    episodes = EpisodeSampler(n_way, n_shot, 4, episodes=25).sample(pool.classes, pool.groups)
    head = head_for(name, pool, n_shot, episodes.n_way)
    X = pool.X.astype(np.float64)
    proba = head.episode_proba(PoolGram(VIEWS[head.view](X, X.mean(axis=0))).blocks(episodes))
    assert proba.shape == (25, episodes.query.shape[1], episodes.n_way)
    for e, answers in enumerate(proba):
        fitted = clone(head).fit(X[episodes.support[e]], episodes.support_label)
        np.testing.assert_allclose(answers, fitted.predict_proba(X[episodes.query[e]]), atol=1e-5)
        assert np.array_equal(answers.argmax(axis=1), fitted.predict(X[episodes.query[e]]))


def test_probabilities_add_up_and_predict_takes_the_largest(name, pool):
    head = head_for(name, pool).fit(pool.X[:90], pool.classes[:90])
    proba = head.predict_proba(pool.X[90:])
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (head.predict(pool.X[90:]) == head.classes_[proba.argmax(axis=1)]).all()
    assert head.score(pool.X[90:], pool.classes[90:]) > 0.5


def test_a_query_is_answered_the_same_alone_in_a_batch_and_again(name, pool):
    head = head_for(name, pool).fit(pool.X[:60], pool.classes[:60])
    batch = head.predict_proba(pool.X[60:])
    np.testing.assert_array_equal(head.predict_proba(pool.X[60:]), batch)
    alone = np.concatenate([head.predict_proba(pool.X[n : n + 1]) for n in range(60, len(pool.X))])
    np.testing.assert_allclose(alone, batch, atol=1e-12)
    assert np.array_equal(alone.argmax(axis=1), batch.argmax(axis=1))


def test_labels_may_be_anything_and_their_names_do_not_matter(name, pool):
    support, query = pool.X[:60], pool.X[60:]
    codes = np.unique(pool.classes[:60], return_inverse=True)[1]
    by_name = head_for(name, pool).fit(support, pool.classes[:60])
    by_number = head_for(name, pool).fit(support, np.array([3, 5, 11])[codes])
    assert set(by_number.predict(query)) <= {3, 5, 11}
    np.testing.assert_array_equal(by_name.predict_proba(query), by_number.predict_proba(query))
    reversed_order = head_for(name, pool).fit(support, -codes)
    np.testing.assert_allclose(reversed_order.predict_proba(query)[:, ::-1], by_name.predict_proba(query), atol=1e-5)


def test_the_order_of_support_films_does_not_matter(name, pool):
    order = np.random.default_rng(0).permutation(60)
    straight = head_for(name, pool).fit(pool.X[:60], pool.classes[:60])
    shuffled = head_for(name, pool).fit(pool.X[order], pool.classes[order])
    np.testing.assert_allclose(straight.predict_proba(pool.X[60:]), shuffled.predict_proba(pool.X[60:]), atol=1e-5)


def test_what_cannot_be_learned_or_answered_is_refused(name, pool):
    head = head_for(name, pool)
    with pytest.raises(NotFittedError):
        head.predict(pool.X)
    head = head_for(name, pool)
    broken = pool.X[:20].copy()
    broken[7, 0] = np.nan
    with pytest.raises(ArgumentError, match="X: row 7 holds NaN or infinity; leave that film out"):
        head.fit(broken, pool.classes[:20])
    with pytest.raises(ArgumentError, match=r"y: wanted one label for each of the 20 rows of X, got shape \(19,\)"):
        head.fit(pool.X[:20], pool.classes[:19])
    with pytest.raises(ArgumentError, match="y: wanted two classes or more, got 1"):
        head.fit(pool.X[:20], ["a"] * 20)
    with pytest.raises(ArgumentError, match=r"X: wanted a matrix \[films, dimensions\], got shape \(24,\)"):
        head.fit(pool.X[0], ["a"])
    head.fit(pool.X[:20], pool.classes[:20])
    with pytest.raises(ArgumentError, match="X: wanted embeddings of 24 numbers as in fit, got 3"):
        head.predict(pool.X[:, :3])
    with pytest.raises(ArgumentError, match="X: row 7 holds NaN"):
        head.predict_proba(broken)


def test_the_table_says_what_it_has():
    with pytest.raises(ArgumentError, match=r"wanted some of prototype, prototype-cosine, simpleshot, knn.*got 'svm'"):
        build_head("svm", n_way=3, n_shot=5)
    with pytest.raises(ArgumentError, match="simpleshot needs the mean of the training embeddings"):
        build_head("simpleshot", n_way=3, n_shot=5)
    with pytest.raises(ArgumentError, match="k: wanted 1 or more, got 0"):
        build_head("knn", n_way=3, n_shot=5, k=0)


@pytest.mark.parametrize(("n_shot", "k", "used"), [(1, None, 1), (3, None, 3), (20, None, 5), (1, 50, 3), (5, 7, 7)])
def test_neighbours_by_shots(n_shot, k, used):
    assert build_head("knn", n_way=3, n_shot=n_shot, k=k).k == used
